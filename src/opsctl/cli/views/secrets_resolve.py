"""What was merged of a store's two sides, and what both changed: names, versions and terms, never values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Line, Span, Table, line, without_empty
from opsctl.flows.secret_resolve import Sides
from opsctl.model.secrets import Secret
from opsctl.secrets.merging import Choices, Conflict, Merged

_COLUMNS = (Column("secret", least=12), Column("from"), Column("current"), Column("remarks", least=20))
_WHAT = {"version": "its versions", "secret": "whether it stays", "recipient": "who that is"}


def conflict_view(conflict: Conflict) -> Iterator[Line]:
    what = _WHAT.get(conflict.what, conflict.what)
    yield line(Span(conflict.about, "strong"), f": both sides changed {what}")
    yield line(f"ours    {conflict.ours}", indent=2)
    yield line(f"theirs  {conflict.theirs}", indent=2)


def conflicts_text(conflicts: Sequence[Conflict]) -> tuple[str, ...]:
    return tuple(
        f"{one.about}, {_WHAT.get(one.what, one.what)}: ours {one.ours}; theirs {one.theirs}"
        for one in conflicts
    )


def resolved_view(
    sides: Sides, merged: Merged, choices: Choices, exposed: Mapping[str, str], file: str
) -> Iterator[Block]:
    yield line(Span("merged", "good"), f" in {file}")
    rows = tuple(_row(name, sides, merged, choices, exposed) for name in _touched(sides, merged))
    if rows:
        yield BLANK
        yield without_empty(Table(_COLUMNS, rows, indent=2))
    told = [*_keys_view(sides), *_recipients_view(sides, merged)]
    if told:
        yield BLANK
        yield from told
    yield BLANK
    yield line(Span("next", "change"), f"  git add {file}, then end the merge")


def _touched(sides: Sides, merged: Merged) -> list[str]:
    """The secrets that are not on both sides as they are now, by name."""
    _, ours, theirs = (side.file.secrets for side in sides.three)
    now = merged.stored.file.secrets
    names = sorted({*ours, *theirs})
    return [name for name in names if not now.get(name) == ours.get(name) == theirs.get(name)]


def _row(
    name: str, sides: Sides, merged: Merged, choices: Choices, exposed: Mapping[str, str]
) -> tuple[Span, ...]:
    secret = merged.stored.file.secrets.get(name)
    return (
        Span(name, "strong"),
        Span(_origin(name, sides, merged, exposed)),
        Span(secret.current if secret else "removed", "" if secret else "warn"),
        Span("; ".join(_remarks(name, secret, merged, choices, exposed))),
    )


def _origin(name: str, sides: Sides, merged: Merged, exposed: Mapping[str, str]) -> str:
    """Which side has it as it is now, but for the mark that the merge itself made."""
    _, ours, theirs = (side.file.secrets.get(name) for side in sides.three)
    now = merged.stored.file.secrets.get(name)
    if now and name in exposed:
        now = now.model_copy(update={"due": None, "due_reason": "", "exposed": None})
    return "ours" if now == ours else "theirs" if now == theirs else "both"


def _remarks(
    name: str, secret: Secret | None, merged: Merged, choices: Choices, exposed: Mapping[str, str]
) -> Iterator[str]:
    for (about, what), side in choices.items():
        if about == name and what != "recipient":
            yield f"{_WHAT.get(what, what)}: {side}"
    for old, new in merged.renumbered.get(name, {}).items():
        yield f"{old} of theirs is {new} now"
    if secret and secret.pending:
        yield f"{secret.pending} is pending: a rotation is open"
    if name in exposed:
        yield f"due: {exposed[name]}"


def _keys_view(sides: Sides) -> Iterator[Line]:
    if sides.rekeyed == "both":
        yield line("both sides had a new data key: it is made anew, every value with it")
    elif sides.rekeyed:
        yield line(f"the data key is that of {sides.rekeyed}, which made a new one")


def _recipients_view(sides: Sides, merged: Merged) -> Iterator[Line]:
    _, ours, theirs = (side.file.recipients for side in sides.three)
    now = merged.stored.file.recipients
    for name in sorted({*ours, *theirs}):
        if name not in now:
            yield line(Span(name, "strong"), " cannot open it")
        elif ours.get(name) != theirs.get(name):
            yield line(Span(name, "strong"), " can open it")


def resolved_json(
    sides: Sides, merged: Merged, choices: Choices, exposed: Mapping[str, str]
) -> dict[str, Any]:
    now = merged.stored.file
    return {
        "secrets": [
            {
                "name": name,
                "from": _origin(name, sides, merged, exposed),
                "current": now.secrets[name].current or None if name in now.secrets else None,
                "pending": now.secrets[name].pending or None if name in now.secrets else None,
                "removed": name not in now.secrets,
                "renumbered": dict(merged.renumbered.get(name, {})),
                "due": exposed.get(name),
            }
            for name in _touched(sides, merged)
        ],
        "choices": [{"about": about, "what": what, "side": side} for (about, what), side in choices.items()],
        "recipients": dict(now.recipients),
        "data_key": sides.rekeyed or None,
    }
