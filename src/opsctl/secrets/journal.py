"""What a rotation writes down of itself; names, versions and moments, never a value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

JournalStep = Literal["create", "mark", "set", "test", "deliver", "finish", "put back", "retire"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a rotation is about: `before` is the version in force when it began, `after` the one that shall be."""

    id: str
    secret: str
    before: str
    after: str
    since: str
    """UTC, as `2026-11-26T02:00:00Z`."""
    user: str
    machine: str

    def __str__(self) -> str:
        return f"{self.before} -> {self.after}, begun {self.since} by {self.user}@{self.machine}"


@dataclass(frozen=True, slots=True)
class Line:
    """A step that was done. `at` is seconds since the epoch, `run` the id of the run that did it."""

    step: JournalStep
    at: float
    run: str


def opened_text(opened: Opened) -> str:
    """One line of JSON: the first of a journal, and the mark on a host."""
    return json.dumps(asdict(opened), ensure_ascii=False)


def read_opened(text: str) -> Opened | None:
    """None for what is not such a line, for instance a torn one."""
    found = _object(text)
    fields = Opened.__dataclass_fields__
    if found is None or not fields.keys() <= found.keys():
        return None
    return Opened(**{name: str(found[name]) for name in fields})


def line_text(line: Line) -> str:
    return json.dumps(asdict(line), ensure_ascii=False)


def read_lines(texts: Iterable[str]) -> tuple[Line, ...]:
    """The steps of a journal, without what is torn."""
    found = (_object(text) for text in texts)
    return tuple(
        Line(one["step"], float(one["at"]), str(one["run"]))
        for one in found
        if one is not None and {"step", "at", "run"} <= one.keys()
    )


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
