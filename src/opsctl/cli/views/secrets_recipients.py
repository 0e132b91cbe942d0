"""Who can open a store, and what follows where somebody no longer shall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Table, line, without_empty
from opsctl.cli.views.figures import count


@dataclass(frozen=True, slots=True)
class Reader:
    """`name` is "" where nobody named the key; `own`: it is at hand here; `opens`: the store is encrypted for it."""

    name: str
    recipient: str
    own: bool
    opens: bool


def readers_view(readers: Sequence[Reader], environment: str) -> Iterator[Block]:
    columns = (Column("name"), Column("recipient", least=16), Column("here"), Column("remarks"))
    yield without_empty(Table(columns, tuple(map(_row, readers))))
    if len(readers) == 1:
        yield BLANK
        yield line(
            Span("warn", "warn"), "  one key alone opens it; add a second one, kept offline, for recovery:"
        )
        yield line(Span(f"opsctl secrets recipients add recovery age1… -e {environment}", "change"), indent=6)


def _row(reader: Reader) -> tuple[Span, ...]:
    remark = Span("")
    if not reader.opens:
        remark = Span("named, and cannot open it", "warn")
    elif not reader.name:
        remark = Span("nobody named it", "bad")
    return (
        Span(reader.name, "strong"),
        Span(reader.recipient),
        Span("at hand" if reader.own else "", "good"),
        remark,
    )


def readers_json(readers: Sequence[Reader]) -> dict[str, Any]:
    return {
        "recipients": [
            {
                "name": reader.name or None,
                "recipient": reader.recipient,
                "at_hand": reader.own,
                "opens": reader.opens,
            }
            for reader in readers
        ]
    }


def added_view(name: str, readers: Sequence[Reader], file: str) -> Iterator[Block]:
    yield line(Span(name, "strong"), f" can open {file} now, one of {len(readers)}")
    yield line(Span("next", "change"), f"  commit {file}")


def removed_view(name: str, secrets: Sequence[str], environment: str, file: str) -> Iterator[Block]:
    yield line(Span(name, "strong"), f" cannot open {file} from now on: every value has a new key")
    if secrets:
        yield line(
            Span("warn", "warn"),
            f"  {name} knows {count(len(secrets), 'secret')}, and the history of the repository keeps the old file;",
        )
        yield line("only other values shut anybody out. Marked due:", indent=6)
        yield from (line(f"opsctl rotate-secret {one} -e {environment}", indent=6) for one in secrets)
    yield line(
        Span("next", "change"), f"  commit {file}, then rotate these" if secrets else f"  commit {file}"
    )


def removed_json(name: str, secrets: Sequence[str]) -> dict[str, Any]:
    return {"removed": name, "due": list(secrets)}
