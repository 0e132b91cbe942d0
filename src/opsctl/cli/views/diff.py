"""Changed lines and keys, host by host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Line, Span, Style, Table, line
from opsctl.flows.diff import DiffReport, FileDiff, KeyChange

_SIGN: dict[str, tuple[str, Style]] = {
    "added": ("+", "good"),
    "removed": ("-", "bad"),
    "changed": ("~", "change"),
}


def diff_view(report: DiffReport) -> Iterator[Block]:
    first = True
    for host in report.hosts:
        for file in host.files:
            if not first:
                yield BLANK
            first = False
            yield line(Span(f"{host.host}  {file.path}", "strong"))
            yield from map(_coloured, file.lines)
            yield from _keys(file)
    if first and not report.errors:
        yield line("no difference")


def diff_json(report: DiffReport) -> dict[str, Any]:
    return {
        "changes": report.changes,
        "hosts": [
            {"host": host.host, "files": [_file_json(file) for file in host.files]} for host in report.hosts
        ],
    }


def _file_json(file: FileDiff) -> dict[str, Any]:
    keys = [{"key": key.key, "change": key.change, "old": key.old, "new": key.new} for key in file.keys]
    return {"path": file.path, "lines": list(file.lines), "keys": keys}


def _coloured(text: str) -> Line:
    styles: dict[str, Style] = {"+": "good", "-": "bad", "@": "change"}
    return line(Span(text, styles.get(text[:1], "")), indent=2)


def _keys(file: FileDiff) -> Iterator[Block]:
    if file.keys:
        yield Table((Column(), Column(), Column()), tuple(map(_key_row, file.keys)), indent=2)


def _key_row(key: KeyChange) -> tuple[Span, ...]:
    sign, style = _SIGN[key.change]
    values = " -> ".join(value for value in (key.old, key.new) if value)
    return Span(sign, style), Span(key.key, style), Span(values)
