"""A small project with a Caddy in front of three sites, two of them VPN-only."""

from __future__ import annotations

import textwrap
from pathlib import Path

from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.state.desired import DesiredHost

HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web"]
domain = "example.org"
vpn_domain = "vpn.example.org"
[hosts.web]
addresses = ["192.0.2.1", "100.64.0.14:2222"]
stacks = ["apps"]
"""
CADDY = """\
app: caddy
image: caddy:2.11.4-alpine
ports: ["100.64.0.14:80:80", "100.64.0.14:443:443"]
volumes: ["caddy_data:/data", "caddy_config:/config"]
settings:
  email: ops@example.org
files:
  - template: caddy/Caddyfile.j2
    target: /etc/caddy/Caddyfile
    mount: directory
    on_change: {reload: [caddy, reload, --config, /etc/caddy/Caddyfile]}
healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1:2019/config/"]}
"""
CADDYFILE = """\
{
{% include 'opsctl/caddy/options' %}
}
{% include 'opsctl/caddy/sites' %}
"""
N8N = """\
image: n8nio/n8n:2.0.1
site:
  name: n8n
  port: 5678
  paths: {public: [/webhook/*]}
"""
LLM = """\
image: ghcr.io/berriai/litellm:v1.89.1
site: {name: llm, port: 4000}
"""
SHOP = """\
image: shop:1
site: {name: www.example.com, port: 80, access: public, paths: {login: [/sign-in]}}
"""
TOP = "volumes: {caddy_data: {}, caddy_config: {}}\n"
LIMITED = """\
FROM caddy:2.11.4-builder-alpine AS b
RUN xcaddy build v2.11.4 --with github.com/mholt/caddy-ratelimit@5625512f24f6f59d6f64fb3aafe5eecff0b286db
FROM caddy:2.11.4-alpine
COPY --from=b /usr/bin/caddy /usr/bin/caddy
"""


def project(
    root: Path,
    *,
    hosts: str = HOSTS,
    caddyfile: str = CADDYFILE,
    dockerfile: str = "",
    top: str = TOP,
    **services: str,
) -> Path:
    """`services` take the place of those above, or stand beside them; "" leaves one out."""
    for folder in ("stacks", "templates/caddy"):
        (root / folder).mkdir(parents=True)
    (root / "hosts.toml").write_text(hosts)
    (root / "templates" / "caddy" / "Caddyfile.j2").write_text(caddyfile)
    if dockerfile:
        (root / "templates" / "image").mkdir()
        (root / "templates" / "image" / "Dockerfile").write_text(dockerfile)
    texts = {"caddy": CADDY, "n8n": N8N, "llm": LLM, "shop": SHOP, **services}
    body = "".join(f"  {name}:\n{textwrap.indent(text, '    ')}" for name, text in texts.items() if text)
    (root / "stacks" / "apps.yml").write_text(f"services:\n{body}{top}")
    return root


def rendered(root: Path) -> DesiredHost:
    return render(load(root), "prod", placeholder, login=login_placeholder).hosts[0]


def caddyfile_of(root: Path) -> str:
    return rendered(root).services["caddy"].files[0].content.decode()
