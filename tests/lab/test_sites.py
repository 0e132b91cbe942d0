"""Sites behind a real Caddy in a container: whose address it sees through Docker's ports, who passes, and a reload by a deploy."""

from __future__ import annotations

import subprocess

import pytest

from tests.lab.machines.layout import MACHINE_ADDRESS as CLIENT
from tests.lab.site import Site

pytestmark = pytest.mark.hosts("lab-spare", "lab-vpn")

EDGE, OTHER = "lab-spare", "lab-vpn"
ADMIN, PEER = "admin.vpn.example.org", "peer.example.org"
STACK = f"""\
    services:
      edge:
        app: caddy
        image: "{{{{ vars.registry }}}}/caddy:2.11.7"
        ports: ["80:80", "443:443"]
        volumes: ["caddy_data:/data"]
        settings:
          certificates: internal
          vpn_ranges: [{CLIENT}/32]
        files:
          - template: caddy/Caddyfile.j2
            target: /etc/caddy/Caddyfile
            mount: directory
            on_change: {{reload: [caddy, reload, --config, /etc/caddy/Caddyfile, --adapter, caddyfile],
                check: [caddy, validate, --config, "-", --adapter, caddyfile]}}
        healthcheck:
          test: [CMD, wget, -qO-, "http://127.0.0.1:2019/config/"]
          interval: 1s
      admin:
        image: "{{{{ vars.registry }}}}/caddy:2.11.7"
        wait: {{settle: 0s}}
        site:
          name: admin
          port: 80
    volumes: {{caddy_data: {{}}}}
"""
CADDYFILE = f"""\
    {{
    {{% include 'opsctl/caddy/options' %}}
    }}
    {{% include 'opsctl/caddy/sites' %}}

    http://{PEER} {{
        respond "{{remote_host}}"
    }}
"""


@pytest.fixture
def edge(site: Site) -> Site:
    site.hosts_toml({EDGE: ["web"], OTHER: []})
    site.edit("hosts.toml", "[environments.lab]", '[environments.lab]\ndomain = "vpn.example.org"')
    site.write("stacks/web.yml", STACK)
    site.write("templates/caddy/Caddyfile.j2", CADDYFILE)
    site.deploy()
    return site


def curl(name: str, address: str, path: str = "/", *, tls: bool = True) -> list[str]:
    scheme, port = ("https", 443) if tls else ("http", 80)
    url = f"{scheme}://{name}{path}"
    words = ["curl", "--silent", "--insecure", "--noproxy", "*", "--max-time", "10"]
    return [*words, "--resolve", f"{name}:{port}:{address}", url]


def from_here(site: Site, name: str, path: str = "/", *, tls: bool = True) -> str:
    command = curl(name, site.host(EDGE).address, path, tls=tls)
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout


def from_host(site: Site, host: str, name: str, path: str = "/", *, to: str = "", tls: bool = True) -> str:
    command = curl(name, to or site.host(EDGE).address, path, tls=tls)
    return site.host(host).run(command, check=False).stdout.decode()


def test_docker_leaves_addresses_as_they_are_but_for_its_own_proxy(edge: Site) -> None:
    """What is decided about ranges of Docker rests on this."""
    assert from_here(edge, PEER, tls=False) == CLIENT
    assert from_host(edge, OTHER, PEER, tls=False) == edge.host(OTHER).address
    seen = from_host(edge, EDGE, PEER, to="127.0.0.1", tls=False)
    assert seen == bridge(edge)


def bridge(site: Site) -> str:
    """The gateway of the project's network."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    return site.host(EDGE).docker("network", "inspect", f"{site.project}_default", "-f", form).strip()


def test_the_vpn_passes_and_all_others_are_refused(edge: Site) -> None:
    assert from_here(edge, ADMIN) == "caddy of the lab"
    assert from_host(edge, OTHER, ADMIN) == ""
    assert from_host(edge, EDGE, ADMIN) == ""
    assert from_host(edge, EDGE, ADMIN, to="127.0.0.1") == ""


def test_a_changed_site_is_a_reload_and_a_second_deploy_does_nothing(edge: Site) -> None:
    before = edge.container("edge")
    assert from_host(edge, OTHER, ADMIN, "/webhook/a") == ""

    edge.edit("stacks/web.yml", "      port: 80\n", "      port: 80\n      paths: {public: [/webhook/*]}\n")
    said = edge.deploy().text
    assert "reload" in said
    assert from_host(edge, OTHER, ADMIN, "/webhook/a") == "caddy of the lab"
    assert from_host(edge, OTHER, ADMIN, "/") == ""
    after = edge.container("edge")
    assert (after.id, after.started) == (before.id, before.started)
    assert "nothing to change" in edge.deploy().stdout


def test_a_broken_caddyfile_fails_the_deploy_and_nothing_is_touched(edge: Site) -> None:
    before, old = edge.snapshot(), edge.read("files/edge/etc/caddy/Caddyfile")
    edge.edit("templates/caddy/Caddyfile.j2", "respond ", "no_such_directive ")
    edge.edit("stacks/web.yml", "wait: {settle: 0s}", "wait: {settle: 0s}\n    env: {OTHER: change}")
    failed = edge.deploy(code=1)
    assert "edge does not take the new files/edge/etc/caddy/Caddyfile (caddy validate: exit 1)" in failed.text
    assert "nothing was touched" in failed.text
    assert "unrecognized directive: no_such_directive" in failed.text
    assert (edge.snapshot(), edge.read("files/edge/etc/caddy/Caddyfile")) == (before, old)
    assert from_here(edge, ADMIN) == "caddy of the lab"
    edge.edit("templates/caddy/Caddyfile.j2", "no_such_directive ", "respond ")
    edge.deploy()
    assert from_here(edge, PEER, tls=False) == CLIENT


def test_what_lets_the_bridge_in_is_refused_before_anything_is_done(edge: Site) -> None:
    """The audit's door: the bridge counts as the VPN."""
    edge.edit("stacks/web.yml", f"[{CLIENT}/32]", f"[{CLIENT}/32, 172.16.0.0/12]")
    said = edge.deploy(code=4)
    assert "SIT003" in said.text
    assert "172.16.0.0/12 counts as the VPN" in said.text
