"""Errors on stderr: where, what, evidence, hint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.cli.views.blocks import BLANK, Block, Span, Style, folded, line
from opsctl.errors import OpsctlError


def error_view(error: OpsctlError, host: str = "") -> Iterator[Block]:
    """`str(error)`, led by the host where the error does not name it itself, its hint set off. Evidence and hints are
    never folded: they are what somebody printed, and what somebody copies.
    """
    text = str(error)
    if host and host not in text.split("\n", 1)[0]:
        text = f"{host}: {text}"
    first, *rest = text.split("\n")
    yield folded(Span(first, "bad"), hang=2)
    for one in rest:
        yield line(Span(one, _style(one))) if one else BLANK


def _style(text: str) -> Style:
    if text.lstrip().startswith("hint: "):
        return "change"
    return "dim" if text.startswith("  | ") else ""


def host_errors_view(errors: Mapping[str, OpsctlError]) -> Iterator[Block]:
    """Of several hosts, a blank line between them."""
    for at, host in enumerate(sorted(errors)):
        if at:
            yield BLANK
        yield from error_view(errors[host], host)
