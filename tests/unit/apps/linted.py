"""What the rules find in a project of a test, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opsctl.apps.catalogue import all_rules
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.rules.engine import Finding, apply
from opsctl.rules.subject import Subject

NOW, TODAY = 1_800_000_000.0, "2026-11-26"
ONE_HOST = """\
project = "demo"
[environments.prod]
hosts = ["web"]
[hosts.web]
addresses = ["192.0.2.1"]
stacks = ["apps"]
"""
"""A hosts.toml of one host with one stack."""


def subject(root: Path) -> Subject:
    """The environment prod, without a store."""
    fleet = load(root)
    return Subject(fleet, render(fleet, "prod", placeholder, login=login_placeholder), None, NOW)


def findings(root: Path, rules: str) -> list[Finding]:
    """Of the rules whose ids begin so."""
    return [one for one in apply(all_rules(), subject(root), TODAY).findings if one.rule.id.startswith(rules)]


def places(found: Sequence[Finding]) -> list[tuple[str, int]]:
    return [(one.hit.place.file, one.hit.place.line) for one in found]


def marked(root: Path, mark: str = "# <-") -> list[tuple[str, int]]:
    """Files and lines with the mark."""
    return [
        (file.relative_to(root).as_posix(), number)
        for folder in ("stacks", "templates")
        for file in sorted((root / folder).rglob("*"))
        if file.is_file()
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if mark in line
    ]
