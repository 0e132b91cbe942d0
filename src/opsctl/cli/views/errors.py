"""Errors on stderr: where, what, evidence, hint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.cli.views.blocks import BLANK, Line, Span, Style, line
from opsctl.errors import OpsctlError


def error_view(error: OpsctlError, host: str = "") -> Iterator[Line]:
    """`str(error)`, led by the host where the error does not name it itself, its hint set off."""
    text = str(error)
    if host and host not in text.split("\n", 1)[0]:
        text = f"{host}: {text}"
    first, *rest = text.split("\n")
    yield line(Span(first, "bad"))
    for one in rest:
        yield line(Span(one, _style(one))) if one else BLANK


def _style(text: str) -> Style:
    if text.lstrip().startswith("hint: "):
        return "change"
    return "dim" if text.startswith("  | ") else ""


def host_errors_view(errors: Mapping[str, OpsctlError]) -> Iterator[Line]:
    """Of several hosts, a blank line between them."""
    for at, host in enumerate(sorted(errors)):
        if at:
            yield BLANK
        yield from error_view(errors[host], host)
