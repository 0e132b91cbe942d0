"""The plan on a screen: word for word `str(plan)`, with colour by verb and long reasons folded under their column."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping

from opsctl.cli.views.blocks import BLANK, Line, Span, Style, line
from opsctl.plan.plans import Plan

_VERB_STYLE: Mapping[str, Style] = {
    "create": "good",
    "start": "good",
    "run": "good",
    "recreate": "change",
    "replace": "warn",
    "restart": "change",
    "react": "change",
    "refused": "bad",
    "pending": "warn",
    "note": "warn",
    "push": "dim",
    "pull": "dim",
    "build": "change",
    "ensure": "change",
    "tag": "dim",
    "wait": "dim",
    "settle": "dim",
}
_STEP = re.compile(r"^  (?P<verb>[a-z]+)(?P<gap> +)(?P<rest>.*)$")
_REASON = re.compile(r"^  [a-z]+ +\S.*?  +(?=\S)")
_LEAST_ROOM = 30
"""Characters; where the reason's column is narrower than that, folded lines start further left."""


def plan_view(plan: Plan, width: int | None = None) -> Iterator[Line]:
    """Without a width the text is exactly `str(plan)`."""
    head, *hosts = str(plan).split("\n\n")
    yield line(Span(head, "strong"))
    for host in hosts:
        yield BLANK
        title, *rest = host.split("\n")
        yield line(Span(title, "strong"))
        for text in rest:
            yield from _styled(fold(text, width))


def fold(text: str, width: int | None) -> list[str]:
    """A line of the plan cut at blanks to the width; what follows stands under the reason."""
    if width is None or len(text) <= width:
        return [text]
    match = _REASON.match(text)
    hang = match.end() if match and width - match.end() >= _LEAST_ROOM else 12
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )


def _styled(texts: list[str]) -> Iterator[Line]:
    first, *rest = texts
    match = _STEP.match(first)
    if not match:
        yield line(Span(first, "dim"))
        return
    style = _VERB_STYLE.get(match["verb"], "")
    yield line("  ", Span(match["verb"], style), match["gap"] + match["rest"])
    for text in rest:
        yield line(text)
