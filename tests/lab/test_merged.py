"""A file that lives on a host and that people edit, of which opsctl owns some keys: on a real host, with Headscale's own file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import pytest

from tests.lab.evidence import lease_is_free
from tests.lab.killed import begun, effects, kill, plan_of
from tests.lab.site import CHECKOUT, Site
from tests.lab.terminal import terminal

pytestmark = pytest.mark.hosts("lab-spare")

PATH = "/srv/headscale/config.yaml"
TEXTS = CHECKOUT / "tests" / "unit" / "merging" / "headscale"
BEFORE = (TEXTS / "config.yaml").read_text("utf-8")
AFTER = (TEXTS / "merged.yaml").read_text("utf-8")
STACK = """\
    services:
      headscale:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        volumes: ["/srv/headscale/config.yaml:/etc/headscale/config.yaml:ro"]
        merge:
          - path: /srv/headscale/config.yaml
            keys:
              dns:
                override_local_dns: true
                nameservers: {global: [1.1.1.1, 9.9.9.9]}
                extra_records_path: /etc/headscale/extra-records.json
              policy: {path: "/etc/{{ service.name }}/policy.hujson"}
            on_change: recreate
        wait: {settle: 0s}
      web:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 0s}
"""
EDITED = "managed keys edited on the host: dns.override_local_dns"


def write(site: Site, text: str) -> None:
    """As an editor does that writes in place."""
    script = f"mkdir -p /srv/headscale && cat >{PATH}"
    site.host().run(["sh", "-c", script], stdin=text.encode())


def read(site: Site) -> str:
    return site.host().run(["cat", PATH]).stdout.decode()


def facts(site: Site) -> str:
    """Mode, owner, and what else lies beside the file."""
    script = f"stat -c '%a %u:%g' {PATH} && ls -A /srv/headscale"
    return site.host().run(["sh", "-c", script]).stdout.decode()


@pytest.fixture
def project(site: Site) -> Site:
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    write(site, BEFORE)
    site.host().run(["sh", "-c", f"chown 1501:1502 {PATH} && chmod 640 {PATH}"])
    return site


@pytest.fixture
def deployed(project: Site) -> Site:
    project.deploy()
    return project


def steps(site: Site) -> list[str]:
    plan = site.opsctl("plan", "lab", "--json", code=None).json()["data"]
    return [
        f"{step['verb']} {step['subject']}: {step['reason']}"
        for host in plan["hosts"]
        for step in host["steps"]
    ]


def only_headscale(site: Site, change: Callable[[], object]) -> None:
    """Hold what happens against: headscale's container was made anew once, and no other was touched."""
    before = {name: site.container(name) for name in ("headscale", "web")}
    change()
    after = {name: site.container(name) for name in before}
    assert after["headscale"].id != before["headscale"].id
    assert (after["web"].id, after["web"].started) == (before["web"].id, before["web"].started)
    assert site.inner("headscale", "/etc/headscale/config.yaml") == read(site)
    snapshot = site.snapshot()
    assert steps(site) == []
    assert "nothing to do" in site.deploy().stdout
    assert site.snapshot() == snapshot


def test_every_byte_outside_the_owned_keys_stays(project: Site) -> None:
    site = project
    merge = (
        f"merge {PATH}: managed keys changed: "
        "dns.override_local_dns, dns.nameservers.global, dns.extra_records_path, policy.path"
    )
    assert [step.partition(":")[0] for step in steps(site) if not step.startswith("pull")][:2] == [
        f"merge {PATH}",
        "push 1 file",
    ]
    assert merge in steps(site)
    shown = site.opsctl("diff", "lab").text
    assert "dns.override_local_dns" in shown
    assert "false -> true" in shown

    site.deploy()

    assert read(site) == AFTER
    assert facts(site) == "640 1501:1502\nconfig.yaml\n"
    assert site.inner("headscale", "/etc/headscale/config.yaml") == AFTER
    before = site.snapshot()
    assert steps(site) == []
    assert "nothing to do" in site.deploy().stdout
    site.opsctl("verify", "lab")
    site.typed("up", "-d")
    assert site.snapshot() == before


def test_a_changed_key_touches_its_service_alone_and_edits_elsewhere_stay(deployed: Site) -> None:
    site = deployed
    theirs = AFTER.replace("tail.example.net", "net.example.org") + "\n# Ann was here\nnew_key:   [1,2]\n"
    write(site, theirs)
    assert steps(site) == []
    site.edit("stacks/apps.yml", "override_local_dns: true", "override_local_dns: false")

    only_headscale(site, site.deploy)

    assert read(site) == theirs.replace("override_local_dns: true", "override_local_dns: false")
    assert facts(site) == "640 1501:1502\nconfig.yaml\n"


def test_an_edit_of_an_owned_key_is_named_and_mended(deployed: Site) -> None:
    site = deployed
    write(site, AFTER.replace("override_local_dns: true", "override_local_dns: false") + "# kept\n")
    assert steps(site)[:2] == [f"merge {PATH}: {EDITED}", f"recreate headscale: {PATH}: {EDITED}"]
    assert site.inner("headscale", "/etc/headscale/config.yaml") == read(site)
    stopped = site.deploy("--keep-host-edits", code=4)
    assert f"{PATH} was edited on the host" in " ".join(stopped.text.split())

    only_headscale(site, site.deploy)

    assert read(site) == AFTER + "# kept\n"


def test_an_edit_at_the_prompt_is_noticed_and_not_lost(deployed: Site) -> None:
    site = deployed
    site.edit("stacks/apps.yml", "override_local_dns: true", "override_local_dns: false")
    theirs = AFTER.replace("tail.example.net", "net.example.org")
    before = site.snapshot()
    with terminal(site.argv("deploy", "lab"), site.environ, columns=200) as person:
        person.expect("[y/N]")
        write(site, theirs)
        person.type("y\n")
        assert person.end() == 1
    assert f"{PATH} was changed since the look; nothing of it was lost" in person.shown
    assert "run the same command again" in person.shown
    assert read(site) == theirs
    assert site.snapshot() == before
    assert facts(site) == "640 1501:1502\nconfig.yaml\n"
    assert lease_is_free(site)

    only_headscale(site, site.deploy)
    assert read(site) == theirs.replace("override_local_dns: true", "override_local_dns: false")


@pytest.mark.parametrize(
    "broken, said",
    [
        pytest.param(AFTER + "dns: {}\n", "the key 'dns' is given twice", id="a key twice"),
        pytest.param(AFTER + "x: [1, 2\n", "expected ',' or ']'", id="an open bracket"),
        pytest.param(
            AFTER.replace("dns:\n", "dns: &dns\n", 1).replace(
                "override_local_dns: true", "override_local_dns: no"
            ),
            "has an anchor (&dns), so that aliases would change too",
            id="an anchor",
        ),
    ],
)
def test_a_file_that_cannot_be_merged_is_refused_and_left_alone(
    deployed: Site, broken: str, said: str
) -> None:
    site = deployed
    write(site, broken)
    before = site.snapshot()

    refused = " ".join(site.deploy(code=4).text.split())

    assert said in refused
    assert f"headscale: {PATH}:" in refused
    assert read(site) == broken
    assert site.snapshot() == before


def test_a_missing_file_and_a_link_are_refused(deployed: Site) -> None:
    site = deployed
    site.host().run(["mv", PATH, "/srv/headscale/other.yaml"])
    assert f"{PATH} is not there; put the program's own file there first" in " ".join(
        site.deploy(code=4).text.split()
    )
    site.host().run(["ln", "-s", "other.yaml", PATH])
    assert (
        f"{PATH} leads through a symbolic link; name the file itself, /srv/headscale/other.yaml"
        in " ".join(site.deploy(code=4).text.split())
    )


def test_a_restart_is_enough_for_a_single_file_mount(project: Site) -> None:
    site = project
    site.edit("stacks/apps.yml", "on_change: recreate", "on_change: restart")
    site.deploy()
    before = site.container("headscale")
    site.edit("stacks/apps.yml", "override_local_dns: true", "override_local_dns: false")

    site.deploy()

    after = site.container("headscale")
    assert after.id == before.id
    assert after.started != before.started
    assert site.inner("headscale", "/etc/headscale/config.yaml") == read(site)
    assert read(site) == AFTER.replace("override_local_dns: true", "override_local_dns: false")
    assert steps(site) == []


def test_a_key_that_is_managed_no_longer_stays_and_is_named_once(deployed: Site) -> None:
    site = deployed
    site.edit(
        "stacks/apps.yml",
        "                nameservers: {global: [1.1.1.1, 9.9.9.9]}\n".replace("    ", "", 1),
        "",
    )
    assert steps(site)[0] == f"merge {PATH}: no longer managed, and left as it is: dns.nameservers.global"
    only_headscale(site, site.deploy)
    assert read(site) == AFTER


def test_a_secret_in_a_key_is_shown_nowhere(project: Site) -> None:
    site = project
    site.edit("stacks/apps.yml", "override_local_dns: true", "token: {secret: hs_token}")
    shown = site.opsctl("diff", "lab").text + site.plan(code=None).text + site.deploy().text
    line = next(one for one in read(site).splitlines() if one.strip().startswith("token:"))
    token = line.partition(": ")[2].strip('"')
    assert len(token) == 32
    assert token not in shown
    assert steps(site) == []
    record = (
        site.host().run(["sh", "-c", f"cat {shlex.quote(site.directory)}/.opsctl/merged/*"]).stdout.decode()
    )
    assert json.loads(record)["path"] == PATH
    assert token not in record


@pytest.mark.parametrize(
    "user, sudo, said",
    [
        pytest.param("deploy", "auto", "", id="sudo where it is needed"),
        pytest.param("plain", "never", f"{PATH} cannot be replaced with its owner kept", id="no sudo at all"),
    ],
)
def test_who_may_not_keep_the_owner_changes_nothing(project: Site, user: str, sudo: str, said: str) -> None:
    site = project
    folder = f"/srv/{user}"
    site.host().run(["sh", "-c", f"mkdir -p {folder} && chmod 777 {folder}"])
    facts_of_host = {"sudo": f'{{files = "{sudo}", engine = "{sudo}"}}'}
    if user == "plain":
        facts_of_host["directory"] = f'"{folder}/demo"'
    site.hosts_toml({"lab-spare": ["apps"]}, user=f'"{user}"', **facts_of_host)
    run = site.deploy(code=4 if said else 0)
    assert said in " ".join(run.text.split())
    assert read(site) == (BEFORE if said else AFTER)
    assert facts(site) == "640 1501:1502\nconfig.yaml\n"


@pytest.mark.parametrize("when", ["during", "after"])
def test_a_run_that_is_killed_at_any_effect_is_gone_on_with(deployed: Site, when: str) -> None:
    site = deployed
    write(site, AFTER.replace("override_local_dns: true", "override_local_dns: false"))
    wanted = effects(plan_of(site.root).hosts[0])
    assert wanted[0] == f"merge {PATH}"
    for number in range(1, len(wanted) + 1):
        write(site, AFTER.replace("override_local_dns: true", "override_local_dns: false"))
        killed = kill(site, when, number)  # type: ignore[arg-type]  # one of the two
        assert killed.code == -9, begun(killed)
        only = {name: site.container(name).id for name in ("web",)}
        site.deploy()
        assert read(site) == AFTER
        assert site.inner("headscale", "/etc/headscale/config.yaml") == AFTER
        assert {name: site.container(name).id for name in only} == only
        assert steps(site) == []
        assert facts(site) == "640 1501:1502\nconfig.yaml\n"
