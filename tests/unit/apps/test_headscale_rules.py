"""Each rule of Headscale: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.headscales import SERVICE, SITE, WHOLE, blocks, findings, project, whole
from tests.unit.apps.linted import marked, places

from opsctl.apps.headscale.app import HEADSCALE as APP
from opsctl.apps.headscale.key_lists import FATAL, FATAL_ALONE, MOVED, NEWEST, OLDEST, SPANS, is_read
from opsctl.apps.headscale.keys import variable_of

Edits = list[tuple[str, str]]
OVERRIDE = "override_local_dns: true\n"
NAMES = "nameservers: {global: [1.1.1.1, 9.9.9.9]}\n"
NO_OTHER = "extra_records: null      # the example has [], which counts as set and excludes the next key\n"
RECORDS = 'content: "{{ sites_dns() | to_nice_json }}\\n"'
PROBE = "test: [CMD, headscale, health]"
BAD_RECORD = """content: '[{"name": "a", "type": "CNAME", "value": "b"}]'  # <-"""


def image(version: str) -> tuple[str, str]:
    return ("headscale/headscale:0.29.2", f"headscale/headscale:{version}")


CASES: dict[str, Edits] = {
    "HSC001": [(OVERRIDE, OVERRIDE + "        overide_local_dns: true  # <-\n")],
    "HSC002": [("      dns:\n", "      randomize_client_port: false  # <-\n      dns:\n")],
    "HSC003": [(NAMES, "nameservers:\n          global: []  # <-\n")],
    "HSC004": [("tail.example.net", "example.org  # <-")],
    "HSC005": [(NO_OTHER, "extra_records: []  # <-\n")],
    "HSC006": [(NO_OTHER + "        ", ""), ("extra-records.json\n    on", "extra-records.json  # <-\n    on")],
    "HSC007": [(NAMES + "        ", ""), (OVERRIDE, "override_local_dns: true  # <-\n")],
    "HSC008": [(RECORDS, BAD_RECORD)],
    "HSC009": [(RECORDS, RECORDS + "  # <-"), ("on_change: none", "on_change: restart")],
    "HSC010": [(RECORDS, 'content: "[]"  # <-')],
    "HSC011": [("on_change: restart", "on_change: {signal: SIGHUP}  # <-")],
    "HSC012": [("volumes:\n", "volumes:  # <-\n"), ("headscale:/var/lib", "headscale:/var/log")],
    "HSC013": [("memory:", "env:\n  HEADSCALE_DNS_OVERRIDE_LOCAL_DNS: 'false'  # <-\nmemory:")],
    "HSC014": [image("0.26.1"), ("healthcheck: {", "healthcheck: {  # <-\n  ")],
    "HSC015": [("image: headscale/headscale:0.29.2", "image: headscale/headscale:0.34.1  # <-")],
}  # fmt: skip


def made(root: Path, edits: Edits) -> Path:
    return project(root, service=changed(SERVICE, edits))


def ids(root: Path) -> list[str]:
    return sorted(one.rule.id for one in findings(root))


@pytest.mark.parametrize("service", [SERVICE, whole(SERVICE)], ids=["merged", "whole"])
@pytest.mark.parametrize("version", ["0.27.1", "0.28.0", "0.29.2", "v0.29.2", "0.29"])
def test_the_pages_example_has_no_finding(version: str, service: str, tmp_path: Path) -> None:
    root = project(tmp_path, service=changed(service, [image(version)]))
    assert [one.hit.message for one in findings(root)] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, CASES[rule])
    found = findings(root)
    messages = [one.hit.message for one in found]
    # One file less than two: HSC012 names the key and the database.
    assert {one.rule.id for one in found} == {rule} | ({"HSC010"} if rule == "HSC008" else set()), messages
    assert set(places(found)) == set(marked(root)), messages
    assert {one.hit.service for one in found} == {"headscale"}


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


WHOLE_CASES: list[tuple[str, Edits]] = [
    ("HSC001", [("  magic_dns", "  magics_dns: 1  # <-\n  magic_dns")]),
    ("HSC001", [("  magic_dns", "  use_nothing: {a: 1}  # <-\n  magic_dns")]),
    ("HSC001", [("server_url", "a: ]  # <-\nserver_url")]),
    ("HSC002", [("server_url", "oidc: {expiry: 180d}  # <-\nserver_url")]),
    ("HSC003", [("  override_local_dns: true\n", ""), ("    global: [1.1.1.1]", "    global: []  # <-")]),
    ("HSC003", [("https://", "  # <-\n  ")]),
    ("HSC003", [("  base_domain: tail.example.net\n", ""), ("magic_dns: true", "magic_dns: true  # <-")]),
    ("HSC004", [("tail.example.net", "headscale.example.org  # <-")]),
    ("HSC005", [("  magic_dns", "  extra_records: []  # <-\n  magic_dns")]),
]  # fmt: skip


@pytest.mark.parametrize("rule,edits", WHOLE_CASES)
def test_a_whole_file_is_looked_at_in_the_same_way(rule: str, edits: Edits, tmp_path: Path) -> None:
    root = project(tmp_path, service=whole(SERVICE), config=changed(WHOLE, edits))
    found = [one for one in findings(root) if one.rule.id == rule]
    assert places(found) == marked(root), [one.hit.message for one in findings(root)]


@pytest.mark.parametrize(
    "version,key,hint",
    [
        (
            "0.22.3",
            "dns.override_local_dns",
            "it is read since 0.26; here it is dns_config.override_local_dns",
        ),
        ("0.23.0", "dns.extra_records_path", "it is read since 0.24"),
        ("0.25.1", "dns.override_local_dns", "it is read since 0.26"),
        ("0.26.1", "dns_config.override_local_dns", "it is dns.override_local_dns now"),
        ("0.26.1", "dns_config.nameservers", "it is dns.nameservers.global now"),
        ("0.28.0", "node.expiry", "it is read since 0.29; here it is oidc.expiry"),
        ("0.29.2", "dns.overide_local_dns", "did you mean 'dns.override_local_dns'?"),
        ("0.29.2", "dns.nameserver.global", "did you mean 'dns.nameservers.global'?"),
    ],
)
def test_keys_of_other_versions(version: str, key: str, hint: str, tmp_path: Path) -> None:
    *above, last = key.split(".")
    lines = "".join(f"{'  ' * depth}{name}:\n" for depth, name in enumerate(above))
    config = f"server_url: https://a.example.org\n{lines}{'  ' * len(above)}{last}: [x]  # <-\n"
    root = project(tmp_path, service=changed(whole(SERVICE), [image(version)]), config=config)
    found = [one for one in findings(root) if one.rule.id == "HSC001"]
    assert [(one.hit.message, one.hit.hint) for one in found] == [
        (f"headscale: {key} is not read by 0.{version.split('.')[1]}", hint)
    ]
    assert places(found) == marked(root)


@pytest.mark.parametrize(
    "version,line,ends",
    [
        ("0.28.0", "randomize_client_port: true", False),
        ("0.29.0", "randomize_client_port: true", True),
        ("0.29.0", "RANDOMIZE_CLIENT_PORT: false", True),
        ("0.29.0", "randomize_client_port:", False),
        ("0.28.0", "oidc: {expiry: 1d}", False),
        ("0.25.1", "oidc: {map_legacy_users: true}", False),
        ("0.26.0", "oidc: {map_legacy_users: true}", True),
        ("0.22.3", "acl_policy_path: /a", False),
        ("0.23.0", "acl_policy_path: /a", True),
        ("0.23.0", "acl_policy_path: /a\npolicy: {path: /a}", False),
        ("0.26.0", "dns_config: {extra_records: []}", True),
        ("0.26.0", "dns_config: {magic_dns: true}", False),
    ],
)
def test_keys_that_end_it(version: str, line: str, ends: bool, tmp_path: Path) -> None:
    root = project(
        tmp_path,
        service=changed(whole(SERVICE), [image(version)]),
        config=f"server_url: https://a.example.org\n{line}\n",
    )
    assert ("HSC002" in ids(root)) is ends


@pytest.mark.parametrize(
    "version,edits,rule",
    [
        # The default of override_local_dns counts, where no other file can say otherwise.
        ("0.26.1", [("  override_local_dns: true\n", ""), ("[1.1.1.1]", "[]")], "HSC003"),
        ("0.26.1", [("override_local_dns: true", "override_local_dns: false"), ("[1.1.1.1]", "[]")], ""),
        ("0.25.1", [("  override_local_dns: true\n", ""), ("[1.1.1.1]", "[]")], ""),
        ("0.26.1", [("magic_dns: true", "magic_dns: false"), ("tail.example.net", "''")], ""),
        ("0.29.2", [("tail.example.net", "ample.org")], ""),
        ("0.29.2", [("tail.example.net", "vpn.headscale.example.org")], ""),
        ("0.29.2", [("tail.example.net", "Example.ORG")], "HSC004"),
        ("0.23.0", [("tail.example.net", "ample.org")], "HSC004"),
    ],
)
def test_values_that_end_it(version: str, edits: Edits, rule: str, tmp_path: Path) -> None:
    service = changed(whole(SERVICE), [image(version)])
    found = ids(project(tmp_path, service=service, config=changed(WHOLE, edits)))
    assert [one for one in found if one in {"HSC003", "HSC004"}] == ([rule] if rule else [])


@pytest.mark.parametrize(
    "edits",
    [
        [("server_url: https://headscale.example.org\n      ", ""), ("merge:", "settings: {server_url: 'https://x.tail.example.net'}\nmerge:")],
        [("server_url: https://headscale.example.org\n      ", ""), ("merge:", "site: {name: hs.tail.example.net, port: 8080, access: public}\nmerge:")],
        [("merge:", "env: {HEADSCALE_SERVER_URL: 'https://tail.example.net'}\nmerge:")],
    ],
)  # fmt: skip
def test_where_its_own_name_is_found(edits: Edits, tmp_path: Path) -> None:
    assert "HSC004" in ids(made(tmp_path, edits))


def test_what_nobody_states_is_no_guess(tmp_path: Path) -> None:
    """Of a merged file: what stands beside the owned keys is not known."""
    edits = [("magic_dns: true\n", "magic_dns: true\n"), ("        base_domain: tail.example.net\n", "")]
    assert ids(made(tmp_path, edits)) == []


@pytest.mark.parametrize(
    "edits,ids_found",
    [
        ([("        " + OVERRIDE, "")], ["HSC007"]),
        ([("        " + OVERRIDE, ""), image("0.25.1")], ["HSC014"]),
        ([(OVERRIDE, "override_local_dns: false\n"), ("        " + NAMES, "")], []),
        # Whether it is true is not known: nobody says that an empty list ends it.
        ([("        " + OVERRIDE, ""), (NAMES, "nameservers: {global: []}\n")], ["HSC007"]),
        # Null is nothing: the default counts, and whoever reads the stack file cannot see it.
        ([(OVERRIDE, "override_local_dns: null\n")], ["HSC007"]),
    ],
)
def test_dns_is_stated(edits: Edits, ids_found: list[str], tmp_path: Path) -> None:
    assert ids(made(tmp_path, edits)) == ids_found


LONG = """content: '[{"name": "llm.vpn.example.org", "type": "A", "value": "100.64.0.14"}, {"name": "a", "type": "A", "value": "1.2.3.4"}]'"""


@pytest.mark.parametrize(
    "edits,found",
    [
        ([(RECORDS, "content: '{}'")], ["HSC008", "HSC010"]),
        ([(RECORDS, "content: ''")], ["HSC008", "HSC010"]),
        ([(RECORDS, """content: '[{"name": "a"}]'""")], ["HSC008", "HSC010"]),
        ([(RECORDS, LONG)], ["HSC009"]),
        ([("extra-records.json\n    on", "other.json\n    on")], ["HSC008"]),
        ([("extra_records_path: /etc/headscale-records", "extra_records_path: /var/lib/headscale")], ["HSC008"]),
        ([("    mount: directory\n    on_change: none\n", "")], ["HSC009"]),
    ],
)  # fmt: skip
def test_records(edits: Edits, found: list[str], tmp_path: Path) -> None:
    assert ids(made(tmp_path, edits)) == found


def test_records_in_a_volume_were_not_looked_at(tmp_path: Path) -> None:
    edits = [("extra_records_path: /etc/headscale-records", "extra_records_path: /var/lib/headscale")]
    (found,) = findings(made(tmp_path, edits))
    assert found.hit.unknown


def test_records_of_the_configuration_itself(tmp_path: Path) -> None:
    path = "extra_records_path: /etc/headscale-records/extra-records.json"
    record = "{name: llm.vpn.example.org, type: A, value: 100.64.0.14}"
    inside = [(NO_OTHER, f"extra_records: [{record}]\n"), (path, "extra_records_path: null")]
    assert ids(made(tmp_path / "all", inside)) == []
    assert ids(
        made(tmp_path / "none", [(NO_OTHER, "extra_records: []\n"), (path, f"{path[:18]}: null")])
    ) == ["HSC010"]


def test_without_vpn_only_sites_nothing_is_missing(tmp_path: Path) -> None:
    edits = [(RECORDS, 'content: "[]"')]
    assert (
        ids(project(tmp_path, service=changed(SERVICE, edits), site=SITE.replace("}", ", access: public}")))
        == []
    )


@pytest.mark.parametrize(
    "edits,wrong",
    [
        ([("on_change: restart", "on_change: recreate")], False),
        ([("on_change: restart", "on_change: none")], True),
        ([("on_change: restart", "on_change: {reload: [headscale, x]}")], True),
    ],
)
def test_reactions(edits: Edits, wrong: bool, tmp_path: Path) -> None:
    assert ("HSC011" in ids(made(tmp_path, edits))) is wrong


@pytest.mark.parametrize(
    "edits,keys",
    [
        ([("headscale:/var/lib/headscale", "/srv/headscale:/var/lib/headscale")], []),
        ([("headscale:/var/lib/headscale", "{type: volume, source: headscale, target: /var/lib/headscale}")], []),
        ([("headscale:/var/lib/headscale", "{type: tmpfs, target: /var/lib/headscale}")], ["noise.private_key_path", "database.sqlite.path"]),
        ([("      dns:", "      database: {type: postgres}\n      dns:"), ("headscale:/var/lib", "headscale:/var/log")], ["noise.private_key_path"]),
        ([("      dns:", "      noise: {private_key_path: /keys/noise}\n      dns:")], ["noise.private_key_path"]),
        ([image("0.22.3"), ("headscale:/var/lib", "headscale:/var/log")], ["noise.private_key_path", "db_path"]),
    ],
)  # fmt: skip
def test_what_it_must_keep(edits: Edits, keys: list[str], tmp_path: Path) -> None:
    found = [one.hit.message for one in findings(made(tmp_path, edits)) if one.rule.id == "HSC012"]
    assert [message.rpartition("(")[2].rstrip(")") for message in found] == keys


@pytest.mark.parametrize(
    "version,test,wrong",
    [
        ("0.26.1", PROBE, True),
        ("0.27.0", PROBE, False),
        ("0.26.1", "test: headscale health || exit 1", True),
        ("0.26.1-debug", 'test: [CMD, wget, -q, "http://127.0.0.1:8080/health"]', False),
        ("0.26.1", "disable: true", False),
    ],
)
def test_probes(version: str, test: str, wrong: bool, tmp_path: Path) -> None:
    assert ("HSC014" in ids(made(tmp_path, [image(version), (PROBE, test)]))) is wrong


@pytest.mark.parametrize(
    "edits,unknown,says",
    [
        ([image("latest")], False, "headscale: a tag that tells no version: its keys are held against those of 0.29"),
        ([image("0.17.1")], False, "headscale: 0.17: its keys are held against those of 0.22"),
        ([("config:/etc/headscale:ro", "config:/srv:ro")], True, "headscale: its configuration /etc/headscale/config.yaml is neither merged nor mounted"),
        ([("command: serve", "command: [serve, -c, /etc/headscale/other.yaml]")], True, "headscale: its configuration /etc/headscale/other.yaml is neither"),
    ],
)  # fmt: skip
def test_what_could_not_be_looked_at(edits: Edits, unknown: bool, says: str, tmp_path: Path) -> None:
    found = [one for one in findings(made(tmp_path, edits)) if one.rule.id == "HSC015"]
    assert [one.hit.unknown for one in found] == [unknown]
    assert found[0].hit.message.startswith(says)


@pytest.mark.parametrize(
    "volume,command",
    [
        ("/opt/services/headscale/config/config.yaml:/etc/headscale/config.yaml", "command: serve"),
        ("/opt/services/headscale:/conf", "command: [serve, --config=/conf/config/config.yaml]"),
        ("{type: bind, source: /opt/services/headscale/config/, target: /etc/headscale}", "command: serve"),
    ],
)
def test_where_its_configuration_is_mounted(volume: str, command: str, tmp_path: Path) -> None:
    edits = [("/opt/services/headscale/config:/etc/headscale:ro", volume), ("command: serve", command)]
    assert ids(made(tmp_path, [*edits, (OVERRIDE, OVERRIDE + "        nope: 1\n")])) == ["HSC001"]


def test_a_key_that_is_right_and_not_known(tmp_path: Path) -> None:
    edits = [
        (OVERRIDE, OVERRIDE + "        brand_new: true\n"),
        ("merge:", "settings: {allowed_keys: [dns.Brand_new]}\nmerge:"),
    ]
    assert ids(made(tmp_path, edits)) == []


def test_what_is_taken_out_by_null_is_no_key(tmp_path: Path) -> None:
    edits = [("      dns:\n", "      randomize_client_port: null\n      nope: null\n      dns:\n")]
    assert ids(made(tmp_path, edits)) == []


def test_names_of_the_operators_own_are_no_keys(tmp_path: Path) -> None:
    edits = [(NAMES, "nameservers: {global: [1.1.1.1], split: {corp.example.net: [100.64.0.2]}}\n")]
    assert ids(made(tmp_path, edits)) == []


def test_the_lists_hang_together() -> None:
    assert all(OLDEST <= first <= last <= NEWEST for first, last in SPANS.values())
    assert set(MOVED) <= set(SPANS)
    for key, since in (FATAL | FATAL_ALONE).items():
        assert not is_read(key, since), key
    assert set(FATAL_ALONE) <= set(MOVED)


def test_the_command_that_tries_a_configuration_points_away_from_the_real_one() -> None:
    (command,) = [block for block in blocks("sh") if "configtest" in block]
    for key in ("noise.private_key_path", "derp.server.private_key_path", "database.sqlite.path"):
        assert f"-e {variable_of(key)}=/tmp/" in command
        assert is_read(key, NEWEST)
    assert "-e HEADSCALE_DATABASE_TYPE=sqlite" in command
    mounted = [word for word in command.split() if ":/" in word]
    assert mounted == ["/opt/services/headscale/config:/etc/headscale:ro"]
    assert "--read-only" in command
