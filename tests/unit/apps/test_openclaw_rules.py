"""Each rule of OpenClaw: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.apps import linted
from tests.unit.apps.linted import marked, places
from tests.unit.apps.pages import page
from tests.unit.render.fleets import fleet_of

from opsctl.apps.openclaw.app import OPENCLAW as APP
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder
from opsctl.rules.engine import Finding, apply
from opsctl.rules.subject import Subject

PAGE = page("openclaw.md")
STACK, CONF, DOCKERFILE = "stack", "openclaw/openclaw.json.j2", "openclaw/gateway/Dockerfile"
Edits = Mapping[str, list[tuple[str, str]]]

BUILD = "    app: openclaw\n    build: {context: openclaw/gateway}\n"
SANDBOX = "      sandbox: {\n"
CHANNEL = "telegram: {enabled: true, "
ORIGINS = 'controlUi: {allowedOrigins: ["https://claw.example.org"]},'
ENTRIES = "entries: {\n      main: {},\n      messenger: {},\n    },\n"
TOKEN = "      OPENCLAW_GATEWAY_TOKEN: {secret: openclaw_gateway_token}\n"
IMAGE = "image: \"{{ services['openclaw-sandbox'].image }}\","
PROBE = "    healthcheck:\n      test:\n        - CMD\n        - node"
# By rule; `<-` is in the line where it is found.
CASES: dict[str, Edits] = {
    "OCL001": {CONF: [('mode: "local",', 'mode: "local",\n    healthChek: {},  // <-')]},
    "OCL002": {CONF: [(f'ownership: "explicit",\n    {ENTRIES}', 'list: [{id: "main"}],  // <-\n')]},
    "OCL003": {
        STACK: [(BUILD, "    app: openclaw\n    image: claw/openclaw:extended-stable  # <-\n")],
        CONF: [('mode: "all"', 'mode: "off"')],
    },
    "OCL004": {CONF: [(CHANNEL, "telegram: {  // <-\n      "), (' allowFrom: ["123456789"]}', " }")]},
    "OCL005": {CONF: [("  plugins: {\n", '  plugins: {\n    deny: ["telegram"],  // <-\n')]},
    "OCL006": {CONF: [('scope: "agent",', 'scope: "session",  // <-'), ("      messenger: {},\n", "")]},
    "OCL007": {
        CONF: [("docker: {", "docker: {  // <-"), ('          memory: "512m",\n', ""), ("      messenger: {},\n", "")]
    },
    "OCL008": {
        CONF: [(IMAGE, 'image: "openclaw-sandbox:bookworm-slim",  // <-'), ("      messenger: {},\n", "")]
    },
    "OCL009": {STACK: [('["/opt/openclaw:/opt/openclaw"]', '["/srv/claw:/opt/openclaw"]  # <-')]},
    "OCL010": {
        STACK: [("    env:\n" + TOKEN, "    env:  # <-\n" + TOKEN), ("      DOCKER_HOST: tcp://openclaw-docker:2375\n", "")]
    },
    "OCL011": {STACK: [("    env:\n" + TOKEN, "    env:  # <-\n")]},
    "OCL012": {CONF: [(f"    {ORIGINS}\n", ""), ("  gateway: {", "  gateway: {  // <-")]},
    "OCL013": {STACK: [(PROBE, PROBE.replace("check:", "check:  # <-")), ("18789/healthz", "18789/readyz")]},
    "OCL014": {
        STACK: [("sandboxes: 5", "sandboxes: 1")],
        CONF: [("  agents: {", "  agents: {  // <-")],
    },
    "OCL015": {CONF: [('    ownership: "explicit",\n', ""), ("    entries: {\n      main", "    entries: {  // <-\n      main")]},
    "OCL016": {CONF: [("  bindings: [", "  bindings: [  // <-"), ('channel: "telegram"', 'channel: "slack"')]},
}  # fmt: skip


def made(root: Path, edits: Edits = {}) -> Path:  # noqa: B006 - only read
    return PAGE.project(root, {name: list(changes) for name, changes in edits.items()})


def findings(root: Path, rules: str = "OCL") -> list[Finding]:
    return linted.findings(root, rules)


def said(root: Path, rule: str) -> list[tuple[str, str]]:
    return [(one.hit.message.removeprefix("openclaw: "), one.hit.hint) for one in findings(root, rule)]


def test_the_pages_example_has_no_finding_but_missing_pins(tmp_path: Path) -> None:
    found = [(one.rule.id, one.stands) for one in findings(made(tmp_path), "")]
    assert set(found) == {("IMG002", True), ("DKR001", False)}


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, CASES[rule])
    found = findings(root)
    assert places(found) == marked(root, "<-"), [one.hit.message for one in found]
    assert [(one.rule.id, one.hit.service) for one in found] == [(rule, "openclaw")]


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "edit,hint",
    [
        (("allowedOrigins", "allowedOrigns"), "did you mean 'allowedOrigins'?"),
        (("pidsLimit: 256", "pidsLimit: 256, pidLimit: 9"), "did you mean 'pidsLimit'?"),
        (("      messenger: {},", "      messenger: {sandbx: {}},"), "did you mean 'sandbox'?"),
    ],
)
def test_an_unknown_key_has_the_nearest(edit: tuple[str, str], hint: str, tmp_path: Path) -> None:
    found = said(made(tmp_path, {CONF: [edit]}), "OCL001")
    assert [one[1] for one in found] == [hint]
    assert "the gateway does not start with it" in found[0][0]


def test_a_key_that_is_allowed_is_not_found(tmp_path: Path) -> None:
    root = made(
        tmp_path,
        {
            STACK: [("    settings:\n", "    settings:\n      allowed_keys: [gateway.soon]\n")],
            CONF: [('mode: "local",', 'mode: "local", soon: 1,')],
        },
    )
    assert findings(root) == []


def on_version(version: str) -> tuple[str, list[tuple[str, str]]]:
    return DOCKERFILE, [("openclaw:2026.9.6", f"openclaw:{version}")]


def test_agents_are_a_list_before_they_are_entries(tmp_path: Path) -> None:
    old = dict([on_version("2026.7.1")])
    listed = [(f'ownership: "explicit",\n    {ENTRIES}', 'list: [{id: "main"}, {id: "messenger"}],\n')]
    assert findings(made(tmp_path / "list", {**old, CONF: listed}), "OCL00") == []
    (found,) = said(
        made(tmp_path / "keyed", {**dict([on_version("2026.5.7")]), CONF: [('ownership: "explicit",', "")]}),
        "OCL001",
    )
    assert found == (
        "agents.entries: unknown key 'entries': the gateway does not start with it",
        "up to 2026.7.1 agents are a list: agents.list, each with an id",
    )


def test_a_list_of_several_needs_an_owner_too(tmp_path: Path) -> None:
    listed = [(f'ownership: "explicit",\n    {ENTRIES}', 'list: [{id: "main"}, {id: "messenger"}],\n')]
    assert [one.rule.id for one in findings(made(tmp_path / "two", {CONF: listed}))] == ["OCL015", "OCL002"]
    listed = [(old, new.replace('"main"', '"main", default: true')) for old, new in listed]
    assert [one.rule.id for one in findings(made(tmp_path / "one", {CONF: listed}))] == ["OCL002"]


BOUND = '    {agentId: "messenger", match: {channel: "telegram", accountId: "default"}},\n'


@pytest.mark.parametrize(
    "edits,version,found",
    [
        ([(BOUND, "")], "2026.9.6", ["OCL016"]),
        ([(BOUND, ""), ("      messenger: {},\n", "")], "2026.9.6", []),
        (
            [(BOUND, '    {agentId: "main", match: {channel: "telegram", accountId: "other"}},\n')],
            "2026.9.6",
            [],
        ),
        ([(BOUND, '    "telegram",\n')], "2026.9.6", ["OCL016"]),
        ([(BOUND, '    {agentId: "main", match: {channel: ["telegram"]}},\n')], "2026.9.6", ["OCL016"]),
    ],
)
def test_a_channel_of_several_agents_belongs_to_one(
    edits: list[tuple[str, str]], version: str, found: list[str], tmp_path: Path
) -> None:
    root = made(tmp_path, {CONF: edits})
    assert [one.rule.id for one in findings(root, "OCL016")] == found


def test_a_newer_version_than_the_lists_is_told_at_its_build(tmp_path: Path) -> None:
    (found,) = findings(made(tmp_path, dict([on_version("2026.12.1")])))
    assert (found.rule.id, found.hit.message) == (
        "OCL003",
        "openclaw: 2026.12.1: its keys are held against those of 2026.9.6",
    )


@pytest.mark.parametrize(
    "edit,missing",
    [
        ((CHANNEL, "telegram: {"), "channels.telegram.enabled"),
        (('      "{{ id }}": {enabled: true},\n', ""), "plugins.entries.telegram.enabled"),
        (('"{{ id }}": {enabled: true}', '"{{ id }}": {enabled: false}'), "plugins.entries.telegram.enabled"),
    ],
)
def test_a_channel_needs_both_places(edit: tuple[str, str], missing: str, tmp_path: Path) -> None:
    (found,) = said(made(tmp_path, {CONF: [edit]}), "OCL004")
    assert found[0] == f"telegram is not switched on: {missing} must be true"


def test_a_channel_of_the_settings_that_the_file_lacks_is_missed(tmp_path: Path) -> None:
    edits = {STACK: [("channels: [telegram]", "channels: [telegram, signal]")]}
    (found,) = said(made(tmp_path, edits), "OCL004")
    assert found[0] == "signal is not switched on: channels.signal.enabled must be true"


def test_a_channel_that_is_off_on_purpose_is_not_missed(tmp_path: Path) -> None:
    edits = {
        STACK: [("channels: [telegram]", "channels: []")],
        CONF: [(CHANNEL, "telegram: {enabled: false, ")],
    }
    assert findings(made(tmp_path, edits)) == []


@pytest.mark.parametrize(
    "line,message",
    [
        ("enabled: false,", "plugins.enabled: false switches off telegram"),
        ('allow: ["browser"],', "plugins.allow leaves out telegram: what it does not name is off"),
        ('deny: ["telegram"],', "plugins.deny names telegram"),
    ],
)
def test_lists_of_plugins_win(line: str, message: str, tmp_path: Path) -> None:
    root = made(tmp_path, {CONF: [("  plugins: {\n", f"  plugins: {{\n    {line}\n")]})
    assert [one[0] for one in said(root, "OCL005")] == [message]


def test_a_configuration_that_opsctl_does_not_mount_is_not_passed(tmp_path: Path) -> None:
    root = made(tmp_path, {STACK: [("      OPENCLAW_CONFIG_PATH: /etc/openclaw/openclaw.json\n", "")]})
    (found,) = findings(root)
    assert (found.rule.id, found.hit.unknown) == ("OCL001", True)
    assert "/opt/openclaw/openclaw.json is no file that opsctl mounts" in found.hit.message


def test_an_included_file_is_not_passed(tmp_path: Path) -> None:
    root = made(tmp_path, {CONF: [("  plugins: {\n", '  $include: "./more.json5",\n  plugins: {\n')]})
    (found,) = findings(root)
    assert (found.rule.id, found.hit.unknown) == ("OCL001", True)


def test_a_file_that_is_no_json5_is_told_at_its_line(tmp_path: Path) -> None:
    root = made(tmp_path, {CONF: [('mode: "local",', 'mode: "local"'), ('bind: "lan"', 'bind: "lan" // <-')]})
    (found,) = findings(root)
    assert found.hit.message == "openclaw: openclaw.json: not JSON5: 'b' where a comma or } must stand"
    assert places([found]) == marked(root, "<-")


def test_what_an_agent_says_itself_counts(tmp_path: Path) -> None:
    own = 'messenger: {sandbox: {scope: "session",  // <-\n docker: {memory: "0"}}},'
    root = made(tmp_path, {CONF: [("messenger: {},", own)]})
    assert [one.rule.id for one in findings(root)] == ["OCL006", "OCL007"]
    assert places(findings(root, "OCL006")) == marked(root, "<-")


def test_agents_without_a_sandbox_need_nothing_of_it(tmp_path: Path) -> None:
    edits = {
        STACK: [
            ('["/opt/openclaw:/opt/openclaw"]', "[claw:/opt/openclaw]"),
            ("\nnetworks:\n  openclaw-docker", "\nvolumes: {claw: }\nnetworks:\n  openclaw-docker"),
        ],
        CONF: [('mode: "all"', 'mode: "off"'), (IMAGE, ""), ('memory: "512m",', "")],
    }
    assert findings(made(tmp_path, edits)) == []


@pytest.mark.parametrize(
    "mount",
    [
        "/opt:/opt",
        "/opt/openclaw/:/opt/openclaw",
        "{type: bind, source: /opt/openclaw, target: /opt/openclaw}",
    ],
)
def test_the_same_path_on_both_sides_is_right_however_it_is_said(mount: str, tmp_path: Path) -> None:
    said_as = mount if mount.startswith("{") else f'"{mount}"'
    root = made(tmp_path, {STACK: [('["/opt/openclaw:/opt/openclaw"]', f"[{said_as}]")]})
    assert findings(root, "OCL009") == []


def test_the_published_image_has_no_docker(tmp_path: Path) -> None:
    published = "    app: openclaw\n    image: ghcr.io/openclaw/openclaw:2026.9.6\n"
    (found,) = said(made(tmp_path / "a", {STACK: [(BUILD, published)]}), "OCL010")
    assert "which published images do not have" in found[0]
    mounted = [
        (BUILD, published),
        ('["/opt/openclaw:/opt/openclaw"]', '["/opt/openclaw:/opt/openclaw", "/usr/bin/docker:/usr/bin/docker:ro"]'),
    ]  # fmt: skip
    assert findings(made(tmp_path / "b", {STACK: mounted}), "OCL010") == []


def test_a_token_that_can_be_guessed_is_found_and_not_shown(tmp_path: Path) -> None:
    root = made(tmp_path, {STACK: [("{secret: openclaw_gateway_token}", "hunter2")]})
    (found,) = findings(root)
    assert (found.rule.id, "hunter2" in found.hit.message + found.hit.hint) == ("OCL011", False)


def test_a_token_of_the_file_may_name_a_variable(tmp_path: Path) -> None:
    edits = {
        STACK: [("OPENCLAW_GATEWAY_TOKEN:", "CLAW:")],
        CONF: [('auth: {mode: "token"}', 'auth: {mode: "token", token: "${CLAW}"}')],
    }
    assert findings(made(tmp_path, edits)) == []


def test_two_ways_to_log_in_need_a_mode(tmp_path: Path) -> None:
    long = "0123456789abcdef0123"
    auth = f'auth: {{token: "{long}", password: "{long}"}}'
    (found,) = said(made(tmp_path, {CONF: [('auth: {mode: "token"}', auth)]}), "OCL011")
    assert "and no mode" in found[0]


def test_before_2026_3_1_healthz_proves_nothing(tmp_path: Path) -> None:
    (found,) = said(made(tmp_path, dict([on_version("2026.2.23")])), "OCL013")
    assert "answers every path with 200" in found[0]


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.sampled_from(["", "all", "session", "agent", "shared", "512m", "*"])
)
_KEYS = st.sampled_from(
    [
        *("agents", "defaults", "list", "entries", "sandbox", "docker", "mode", "scope", "memory", "pidsLimit", "browser"),
        *("plugins", "channels", "telegram", "enabled", "allow", "deny", "gateway", "auth", "token", "controlUi", "id"),
    ]
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=15,
)
_SANDBOX = st.fixed_dictionaries(
    {}, optional={"mode": st.just("all"), "scope": _SCALARS, "docker": _VALUES, "browser": _VALUES}
)
_FILES = st.fixed_dictionaries(
    {},
    optional={
        "agents": st.fixed_dictionaries(
            {"defaults": st.fixed_dictionaries({"sandbox": _SANDBOX}) | _VALUES},
            optional={
                "list": st.lists(st.fixed_dictionaries({"sandbox": _SANDBOX}) | _VALUES, max_size=3) | _VALUES,
                "entries": st.dictionaries(_KEYS, st.fixed_dictionaries({"sandbox": _SANDBOX}) | _VALUES, max_size=3) | _VALUES,
            },
        ),
        "plugins": _VALUES,
        "channels": _VALUES,
        "gateway": _VALUES,
    },
)  # fmt: skip


@tries(80)
@given(_FILES | _VALUES)
def test_rules_and_rows_end_for_every_configuration(config: Any) -> None:
    files = [{"content": json.dumps(config), "target": "/home/node/.openclaw/openclaw.json"}]
    fleet = fleet_of({"app": {"app": "openclaw", "files": files}})
    subject = Subject(fleet, render(fleet, "prod", str, login=login_placeholder))
    assert all(one.hit.place.file for one in apply(APP.rules, subject, "2026-11-26").findings)
    for view in subject.services():
        assert all(row.limit is None or row.limit > 0 for row in APP.memory(view))
