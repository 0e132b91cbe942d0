"""A small project with one Redis service, the files of whose page are its templates."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from tests.unit.apps import linted

from opsctl.rules.engine import Finding

PAGE = (Path(__file__).parents[3] / "docs" / "stacks" / "redis.md").read_text(encoding="utf-8")
HOSTS = linted.ONE_HOST


def blocks(language: str) -> list[str]:
    """What the page tells people to copy."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


SERVICE = textwrap.dedent(blocks("yaml")[0].partition("  redis:\n")[2].partition("\nvolumes:")[0]) + "\n"
"""The keys of the page's service."""
CONF, USERS = blocks("jinja")[:2]


def project(root: Path, *, service: str = SERVICE, conf: str = CONF, users: str = USERS) -> Path:
    for folder in ("stacks", "templates/redis"):
        (root / folder).mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS)
    (root / "templates" / "redis" / "redis.conf.j2").write_text(conf)
    (root / "templates" / "redis" / "users.acl.j2").write_text(users)
    stack = f"services:\n  redis:\n{textwrap.indent(service, '    ')}volumes:\n  redis:\n"
    (root / "stacks" / "apps.yml").write_text(stack)
    return root


def findings(root: Path) -> list[Finding]:
    """Of the rules of Redis."""
    return linted.findings(root, "RDS")
