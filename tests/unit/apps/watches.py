"""A small project with the services of the page about monitoring, and the templates that opsctl's own project has for them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.unit.apps import linted
from tests.unit.apps.edits import changed

from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.rules.engine import Finding
from opsctl.rules.subject import Subject
from opsctl.state.desired import DesiredHost, DesiredService

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "templates" / "monitoring"
PAGE = (ROOT / "docs" / "stacks" / "monitoring.md").read_text(encoding="utf-8")
STACKS = re.findall(r"```yaml\n(services:\n.*?)```", PAGE, re.DOTALL)
"""What the page tells people to copy: the watch of a host, and the logs."""
HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["app"]
domain = "example.com"
[hosts.app]
addresses = ["192.0.2.1"]
stacks = ["apps", "watch", "logs"]
"""
APPS = """\
services:
  api: {image: "a:1", memory: {limit: 64MiB}, site: {name: api, port: 80}}
  job: {image: "a:1", kind: job}
  shell: {image: "a:1", start: on_demand}
  litellm:
    app: litellm
    image: ghcr.io/berriai/litellm:v1.89.1
    settings: {provider_budgets: {openrouter: {limit: 3, period: 1d}}}
"""
Edits = Sequence[tuple[str, str]]


def project(
    root: Path,
    stack: Edits = (),
    templates: Mapping[str, Edits] | None = None,
    *,
    apps: str = APPS,
    hosts: str = HOSTS,
) -> Path:
    """`stack` are edits of the page's stacks, each where it fits; `templates` edits by file."""
    (root / "stacks").mkdir(parents=True)
    shutil.copytree(TEMPLATES, root / "templates" / "monitoring")
    (root / "hosts.toml").write_text(hosts)
    (root / "stacks" / "apps.yml").write_text(apps)
    texts = dict(zip(("watch", "logs"), STACKS, strict=True))
    for edit in stack:
        (name,) = (name for name, text in texts.items() if edit[0] in text)
        texts[name] = changed(texts[name], [edit])
    for name, text in texts.items():
        (root / "stacks" / f"{name}.yml").write_text(text)
    for name, edits in (templates or {}).items():
        file = root / "templates" / "monitoring" / name
        file.write_text(changed(file.read_text(), edits))
    return root


def host(root: Path) -> DesiredHost:
    (found,) = render(load(root), "prod", placeholder, login=login_placeholder).hosts
    return found


def text(service: DesiredService, target: str) -> str:
    return next(file.content for file in service.files if file.target == target).decode()


def findings(root: Path, prefix: str) -> list[Finding]:
    return linted.findings(root, prefix)


def subject(root: Path) -> Subject:
    return linted.subject(root)
