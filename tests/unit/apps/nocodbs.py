"""A small project with the NocoDB of its page."""

from __future__ import annotations

from pathlib import Path

from tests.unit.apps.pages import page

PAGE = page("nocodb.md")


def project(root: Path) -> Path:
    return PAGE.project(root)
