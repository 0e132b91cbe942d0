"""The pages of docs/reference that are made from the code: `python -m tests.unit.pages` writes them (`make docs`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from opsctl.apps.catalogue import all_checks, all_rules
from opsctl.checks import document as checks
from opsctl.rules import document as rules

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "checks.md": lambda: checks.document(all_checks()),
    "rules.md": lambda: rules.document(all_rules()),
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
