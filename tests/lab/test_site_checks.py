"""Sites of a real Caddy asked by `opsctl verify`: who may, who must not, the certificate, and each fault planted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.certificates import Authority
from tests.lab.site import Site
from tests.lab.test_sites import ADMIN, CADDYFILE, STACK

pytestmark = pytest.mark.hosts("lab-vpn", "lab-app")

EDGE, OTHER = "lab-vpn", "lab-app"
OPEN = f"{{\n\tadmin localhost:2019\n}}\n{ADMIN} {{\n\ttls TLS\n\treverse_proxy admin:80\n}}\n"
"""What somebody wrote by hand: the site without its door."""


@pytest.fixture
def edge(site: Site) -> Site:
    site.hosts_toml({EDGE: ["web"], OTHER: []})
    site.edit("hosts.toml", "[environments.lab]", '[environments.lab]\ndomain = "vpn.example.org"')
    site.write("stacks/web.yml", STACK)
    site.write("templates/caddy/Caddyfile.j2", CADDYFILE)
    site.deploy()
    return site


def found(site: Site) -> dict[str, tuple[str, str]]:
    """Result and message of each check of the site; hosts of the lab have no firewall, so others fail."""
    told: Any = site.opsctl("verify", "lab", "--json", code=None).json()
    return {
        one["check"]: (one["result"], one["message"] or "")
        for one in told["data"]["results"]
        if one["check"].startswith("V-SIT")
    }


def by_hand(site: Site, config: str) -> None:
    """Give the running Caddy another configuration than the one that is mounted."""
    container = site.container("edge").id
    site.host(EDGE).run(
        ["docker", "exec", "-i", container, "sh", "-c", "cat >/tmp/Caddyfile"], stdin=config.encode()
    )
    site.host(EDGE).docker("exec", container, "caddy", "reload", "--config", "/tmp/Caddyfile")


def as_mounted(site: Site) -> None:
    site.host(EDGE).docker(
        "exec", site.container("edge").id, "caddy", "reload", "--config", "/etc/caddy/Caddyfile"
    )


def test_those_who_may_get_in_and_nobody_else_and_a_door_that_somebody_took_away(edge: Site) -> None:
    results = found(edge)
    assert {result for result, _message in results.values()} == {"pass"}
    assert set(results) == {"V-SIT-001", "V-SIT-002", "V-SIT-003", "V-SIT-004"}
    assert results["V-SIT-001"][1].startswith(f"200, from this machine to {edge.host(EDGE).address}:443")
    # Both hosts at its address, and its own loopback, which is Docker's proxy.
    assert results["V-SIT-002"][1] == "asked 3 times from outside the VPN"

    by_hand(edge, OPEN.replace("TLS", "internal"))
    try:
        results = found(edge)
        assert results["V-SIT-001"][0] == "pass"
        assert results["V-SIT-002"][0] == "fail"
        assert results["V-SIT-002"][1].count(": 200") == 3
        assert results["V-SIT-004"] == (
            "fail",
            "it runs with another configuration than the mounted Caddyfile",
        )
    finally:
        as_mounted(edge)
    assert {result for result, _message in found(edge).values()} == {"pass"}


def test_a_service_behind_it_that_is_gone_and_a_certificate_that_ended(edge: Site, tmp_path: Path) -> None:
    admin = edge.container("admin").id
    edge.host(EDGE).docker("stop", "-t", "0", admin)
    try:
        results = found(edge)
        assert results["V-SIT-001"][0] == "fail"
        assert "502; Caddy answers, admin does not" in results["V-SIT-001"][1]
    finally:
        edge.host(EDGE).docker("start", admin)

    leaf = Authority(tmp_path).leaf(ADMIN, days=(-90, -1))
    container = edge.container("edge").id
    for name, file in (("cert.pem", leaf.certificate), ("key.pem", leaf.key)):
        edge.host(EDGE).run(
            ["docker", "exec", "-i", container, "sh", "-c", f"cat >/tmp/{name}"], stdin=file.read_bytes()
        )
    by_hand(edge, OPEN.replace("TLS", "/tmp/cert.pem /tmp/key.pem"))
    try:
        result, message = found(edge)["V-SIT-003"]
        assert result == "fail"
        assert message.startswith("it ended at ")
    finally:
        as_mounted(edge)
