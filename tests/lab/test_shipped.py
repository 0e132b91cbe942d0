"""The shipped project on two hosts: real PostgreSQL, Redis and Caddy, from nothing, twice, and reloaded."""

from __future__ import annotations

import json
import shutil
import urllib.request
from typing import Any

import pytest

from tests.lab.killed import kill
from tests.lab.machines.layout import EVERY
from tests.lab.site import CHECKOUT, Site

pytestmark = pytest.mark.hosts("lab-app", "lab-vpn")


@pytest.fixture
def shipped(site: Site) -> Site:
    """A copy of the repository's own hosts.toml, stacks and templates, deployed from nothing.

    It names the hosts of the first set; the copy names those that the test has.
    """
    shutil.copy(CHECKOUT / "hosts.toml", site.root)
    for spec in EVERY:
        if spec.set == 1 and spec.name in site.hosts:
            site.edit("hosts.toml", f'"{spec.address}"', f'"{site.host(spec.name).address}"')
    for folder in ("stacks", "templates"):
        shutil.copytree(CHECKOUT / folder, site.root / folder)
    (site.root / ".lab").symlink_to(CHECKOUT / ".lab")
    return Site(site.root, site.lab, "demo", site.hosts)


def ask(site: Site, host: str, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://{site.host(host).address}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def running(site: Site) -> dict[str, list[str]]:
    """Services with a running container, by host."""
    found = {}
    for name in site.hosts:
        listed = site.host(name).docker("ps", "--format", '{{.Label "com.docker.compose.service"}}')
        found[name] = sorted(listed.split())
    return found


def test_from_nothing_to_eight_services_on_two_hosts_and_then_nothing_to_do(shipped: Site) -> None:
    shipped.deploy()

    assert running(shipped) == {
        "lab-app": ["api", "postgresql", "redis", "web", "worker"],
        "lab-vpn": ["agent", "edge", "whoami"],
    }
    answer: dict[str, Any] = json.loads(ask(shipped, "lab-vpn"))
    assert answer["environment"]["GREETING"] == "Hello from opsctl"
    assert answer["database"] == "1"

    before = shipped.snapshot()
    report = shipped.deploy("--json").json()
    assert shipped.snapshot() == before
    assert report["data"]["plan"]["changes"] is False
    shipped.plan("--exit-code")


def test_a_changed_caddyfile_is_reloaded_and_a_reload_that_a_kill_prevented_is_made_good(
    shipped: Site,
) -> None:
    shipped.deploy()
    before = shipped.container("edge", "lab-vpn")

    shipped.edit(
        "templates/edge/Caddyfile.j2", 'respond /healthz "ok"', 'respond /healthz "ok"\n\trespond /new "one"'
    )
    shipped.deploy()
    assert ask(shipped, "lab-vpn", "/new") == "one"

    shipped.edit("templates/edge/Caddyfile.j2", '"one"', '"two"')
    assert kill(shipped, "before", 2).code == -9  # pushed, not yet reloaded
    assert '"two"' in shipped.read("files/edge/etc/caddy/Caddyfile", "lab-vpn")
    assert ask(shipped, "lab-vpn", "/new") == "one"
    assert "reload" in shipped.plan("--exit-code", code=4).text
    shipped.deploy()

    assert ask(shipped, "lab-vpn", "/new") == "two"
    after = shipped.container("edge", "lab-vpn")
    assert (after.id, after.started) == (before.id, before.started)
    shipped.plan("--exit-code")
