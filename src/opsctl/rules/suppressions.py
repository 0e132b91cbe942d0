"""The rule about suppressions; its findings are made by the engine, which alone knows which of them are used."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.rules.engine import SUPPRESSION
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject


def _by_the_engine(_subject: Subject) -> Iterator[Hit]:
    yield from ()


RULES = (
    Rule(
        SUPPRESSION,
        "lint",
        "warning",
        "a suppression that is over, unused or unknown",
        "What it hides is no longer looked at by anybody, or it hides nothing.",
        "Mend what it hid, give it a new end, or take it out.",
        "compose-lint ADR-005: suppressions with a reason and an end",
        _by_the_engine,
    ),
)
