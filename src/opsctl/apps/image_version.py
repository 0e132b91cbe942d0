"""The version that the tag of an image tells."""

from __future__ import annotations

import re

from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit

_VERSION = re.compile(r"(?:^|[v-])(\d+)\.(\d+)\.(\d+)")


def version_of(image: str) -> tuple[int, int, int] | None:
    try:
        found = _VERSION.search(parse_reference(image).tag)
    except Unfit:
        return None
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
