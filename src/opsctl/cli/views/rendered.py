"""Rendered files, printed one after the other or listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opsctl.cli.views.blocks import BLANK, Line, Span, line
from opsctl.cli.views.figures import count


def rendered_view(files: Mapping[str, bytes]) -> Iterator[Line]:
    for at, (path, content) in enumerate(files.items()):
        if at:
            yield BLANK
        yield line(Span(f"# {path}", "strong"))
        yield from (line(text) for text in _text(content).splitlines())


def written_view(files: Mapping[str, bytes], folder: Path) -> Iterator[Line]:
    yield line(f"{count(len(files), 'file')} written below {folder}")


def rendered_json(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {"files": [{"path": path, "text": _text(content)} for path, content in files.items()]}


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
