"""What the shipped parts of a Caddyfile say, and sites as every template sees them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.sites import CADDY, HOSTS, LLM, N8N, SHOP, caddyfile_of, project, rendered

from opsctl.errors import InputError
from opsctl.inputs.project import load
from opsctl.render.sites import site_views, sites_dns

PAGE = Path(__file__).parents[3] / "docs" / "stacks" / "caddy.md"


def block(text: str, head: str) -> list[str]:
    """The lines of a site, without tabs."""
    found = re.search(rf"^{re.escape(head)} \{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
    assert found, text
    return [line.strip() for line in found[1].splitlines()]


def test_the_whole_of_a_small_one(tmp_path: Path) -> None:
    text = caddyfile_of(project(tmp_path, n8n="", shop=""))
    assert text == (
        "{\n\tservers {\n\t\tprotocols h1 h2\n\t}\n\temail ops@example.org\n}\n\n"
        "# llm: llm, vpn\n"
        "llm.vpn.example.org {\n"
        "\troute {\n"
        "\t\t@outside {\n\t\t\tnot remote_ip 100.64.0.0/10 fd7a:115c:a1e0::/48\n\t\t}\n"
        "\t\tabort @outside\n"
        "\t\treverse_proxy llm:4000\n"
        "\t}\n}\n"
    )


def test_the_door_comes_before_all_else(tmp_path: Path) -> None:
    caddy = changed(CADDY, [("settings:\n", "settings:\n  rate_limit: {events: 3, window: 30s}\n")])
    lines = block(caddyfile_of(project(tmp_path, caddy=caddy)), "n8n.vpn.example.org")
    assert lines[0] == "route {"
    at = [
        lines.index(one)
        for one in ("abort @outside", "abort @bent", "rate_limit {", "reverse_proxy n8n:5678")
    ]
    assert at == sorted(at)
    assert "not path /webhook/*" in lines
    assert {"path /rest/login /rest/login/", "key {remote_host}", "events 3", "window 30s"} <= set(lines)


def test_a_public_site_has_no_door_and_its_own_limit(tmp_path: Path) -> None:
    caddy = changed(CADDY, [("settings:\n", "settings:\n  rate_limit: {}\n")])
    lines = block(caddyfile_of(project(tmp_path, caddy=caddy)), "www.example.com")
    assert not [line for line in lines if "abort" in line or "remote_ip" in line]
    assert {"path /sign-in /sign-in/", "events 10", "window 1m", "reverse_proxy shop:80"} <= set(lines)


def test_every_setting_is_used(tmp_path: Path) -> None:
    settings = (
        "settings:\n  vpn_ranges: [10.8.0.0/24]\n  vpn_bind: [10.8.0.1, '::1']\n  public_bind: [192.0.2.1]\n"
        "  certificates: internal\n  http3: true\n  upstreams: published\n"
    )
    text = caddyfile_of(
        project(
            tmp_path,
            caddy=changed(CADDY, [("settings:\n", settings)]),
            n8n="",
            llm=LLM + "ports: ['8.8.8.8:7000:7', 4000, '127.0.0.5:4100:4000']\n",
            shop=SHOP + "ports: ['8000:80']\n",
        )
    )
    assert "protocols h1 h2 h3" in text
    assert "\tlocal_certs\n\tskip_install_trust\n" in text
    llm, shop = block(text, "llm.vpn.example.org"), block(text, "www.example.com")
    assert {"bind 10.8.0.1 ::1", "not remote_ip 10.8.0.0/24", "reverse_proxy 127.0.0.5:4100"} <= set(llm)
    assert {"bind 192.0.2.1", "reverse_proxy 127.0.0.1:8000"} <= set(shop)


def test_an_upstream_that_is_not_published_is_told(tmp_path: Path) -> None:
    caddy = changed(CADDY, [("settings:\n", "settings:\n  upstreams: published\n")])
    with pytest.raises(InputError) as caught:
        rendered(project(tmp_path, caddy=caddy, n8n="", shop=""))
    assert [(one.file, one.message) for one in caught.value.problems] == [
        ("opsctl's caddy/sites", "llm: port 4000 of llm is not published")
    ]


def test_the_page_shows_what_works(tmp_path: Path) -> None:
    template = re.search(r"```jinja\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert template
    assert caddyfile_of(project(tmp_path, caddyfile=template[1])) == caddyfile_of(project(tmp_path / "b"))


def test_sites_as_templates_see_them(tmp_path: Path) -> None:
    probe = (
        "image: probe:1\nenv:\n"
        "  N8N: '{{ sites.n8n | to_json }}'\n"
        "  OWN: '{{ services.llm.site.host_name }} {{ service.site }}'\n"
        "  DNS: '{{ sites_dns() | to_json }}'\n"
    )
    env = rendered(project(tmp_path, probe=probe)).services["probe"].env
    assert env["N8N"] == (
        '{"name": "n8n", "host_name": "n8n.vpn.example.org", "service": "n8n", "stack": "apps", "host": "web", '
        '"upstream": "n8n:5678", "port": 5678, "access": "vpn", "public_paths": ["/webhook/*"], '
        '"login_paths": ["/rest/login"], "address": "100.64.0.14"}'
    )
    assert env["OWN"] == "llm.vpn.example.org None"
    assert env["DNS"] == (
        '[{"name": "llm.vpn.example.org", "type": "A", "value": "100.64.0.14"}, '
        '{"name": "n8n.vpn.example.org", "type": "A", "value": "100.64.0.14"}]'
    )


def test_sites_of_another_host_are_known_and_not_served(tmp_path: Path) -> None:
    hosts = HOSTS.replace('hosts = ["web"]', 'hosts = ["web", "vpn"]')
    hosts += '[hosts.vpn]\naddresses = ["192.0.2.9"]\nvpn_address = "fd7a:115c:a1e0::9"\nstacks = ["watch"]\n'
    root = project(tmp_path, hosts=hosts, n8n=N8N)
    site = "services:\n  status:\n    image: status:1\n    site: {name: status, port: 80}\n"
    (root / "stacks" / "watch.yml").write_text(site)
    fleet = load(root)
    assert list(site_views(fleet, "prod")) == ["llm", "n8n", "status", "www.example.com"]
    assert sites_dns(fleet, "prod")[2] == {
        "name": "status.vpn.example.org",
        "type": "AAAA",
        "value": "fd7a:115c:a1e0::9",
    }
    files = [file for host in (0, 1) for file in _files(root, host)]
    assert not [text for text in files if "status" in text]


def _files(root: Path, host: int) -> list[str]:
    from opsctl.render.fleet import render
    from opsctl.render.output import placeholder

    services = render(load(root), "prod", placeholder).hosts[host].services.values()
    return [file.content.decode() for service in services for file in service.files]
