"""A small project with the Headscale of its page, and a VPN-only site that its records lead to."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.unit.apps import linted

from opsctl.rules.engine import Finding

PAGE = (Path(__file__).parents[3] / "docs" / "stacks" / "headscale.md").read_text(encoding="utf-8")
HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["vpn"]
domain = "example.org"
vpn_domain = "vpn.example.org"
[hosts.vpn]
addresses = ["192.0.2.1", "100.64.0.14:2222"]
stacks = ["apps"]
"""
SITE = """\
image: ghcr.io/berriai/litellm:v1.89.1
site: {name: llm, port: 4000}
"""


def blocks(language: str) -> list[str]:
    """What the page tells people to copy."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


SERVICE = textwrap.dedent(blocks("yaml")[0].partition("  headscale:\n")[2].partition("\nvolumes:")[0]) + "\n"
"""The keys of the page's service."""
WHOLE = """\
server_url: https://headscale.example.org
dns:
  magic_dns: true
  base_domain: tail.example.net
  override_local_dns: true
  nameservers:
    global: [1.1.1.1]
  extra_records_path: /etc/headscale-records/extra-records.json
"""
"""A configuration of which opsctl mounts every line."""


def whole(service: str) -> str:
    """The page's service with a template in place of the merged file."""
    before, _, rest = service.partition("merge:\n")
    _, _, after = rest.partition("files:\n")
    mounted = "files:\n  - {template: headscale/config.yaml.j2, target: /etc/headscale/config.yaml}\n"
    return before.replace("  - /opt/services/headscale/config:/etc/headscale:ro\n", "") + mounted + after


def project(root: Path, *, service: str = SERVICE, site: str = SITE, config: str = WHOLE) -> Path:
    for folder in ("stacks", "templates/headscale"):
        (root / folder).mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS)
    (root / "templates" / "headscale" / "config.yaml.j2").write_text(config)
    services = {"headscale": service, "llm": site}
    text = "".join(f"  {name}:\n{textwrap.indent(keys, '    ')}" for name, keys in services.items() if keys)
    (root / "stacks" / "apps.yml").write_text(f"services:\n{text}volumes:\n  headscale:\n")
    return root


def findings(root: Path) -> list[Finding]:
    """Of the rules of Headscale."""
    return linted.findings(root, "HSC")
