"""Versions of OpenClaw: the day of the release."""

from __future__ import annotations

import re

from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit

Version = tuple[int, int, int]
_VERSION = re.compile(r"(?:^|[v-])(20\d\d)\.(\d{1,2})\.(\d{1,2})(?!\d)")

HEALTHZ: Version = (2026, 3, 1)
"""The first that answers /healthz and /readyz; before it every path answers with the page of the Control UI."""
ENTRIES: Version = (2026, 8, 1)
"""The first with agents.entries in place of agents.list."""
OWNERSHIP: Version = (2026, 9, 6)
"""The first that is known to ask several agents for agents.ownership; 2026.5.7 has no such key."""


def version_of(text: str) -> Version | None:
    """Of an image by its tag, or as it is written alone; a tag such as 2026.9.6-slim has it too."""
    try:
        text = parse_reference(text).tag if "/" in text or ":" in text else text
    except Unfit:
        return None
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
