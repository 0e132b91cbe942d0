"""What a host lacks, and how it got it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Style, Table, folded, line, without_empty
from opsctl.cli.views.figures import seconds, size
from opsctl.flows.transfer.planning import Action, ImagePlan, PushPlan
from opsctl.flows.transfer.push_images import ImageOutcome, PushReport

_COLUMNS = (
    Column(),
    Column("image on the host", least=24, over="start"),
    Column("size", align="right"),
    Column("for", least=12, optional=True),
    Column("", least=16, optional=True),
)
_STYLES: Mapping[Action, Style] = {"there": "dim", "tag": "change", "push": "change", "refused": "bad"}


def plan_view(plan: PushPlan, *, dry_run: bool) -> Iterator[Block]:
    yield without_empty(Table(_COLUMNS, tuple(map(_row, plan.images))))
    yield BLANK
    counts = {action: sum(one.action == action for one in plan.images) for action in _STYLES}
    figures = [f"{counts['push']} to push" + (f" ({size(plan.size)} unpacked)" if counts["push"] else "")]
    figures += [f"{counts[action]} {word}" for action, word in _WORDS if counts[action]]
    would = "would be: " if dry_run else ""
    yield line(Span(plan.host, "strong"), f" ({plan.platform}): {would}{', '.join(figures)}")
    if not plan.takes_pushed:
        text = f'  {plan.host} pulls by digest, which a pushed image lacks: images = "push" in hosts.toml makes it take these'
        yield folded(Span("note", "warn"), text, hang=6)


_WORDS: tuple[tuple[Action, str], ...] = (
    ("tag", "to tag"),
    ("there", "there already"),
    ("refused", "refused"),
)


def _row(image: ImagePlan) -> tuple[Span, ...]:
    replaces = f"replaces {image.replaces[:19]}, which has that name there" if image.replaces else ""
    return (
        Span(image.action, _STYLES[image.action]),
        Span(image.wanted.name),
        Span(size(image.size) if image.size else ""),
        Span(", ".join(image.wanted.services)),
        Span(replaces, "warn"),
    )


def outcomes_view(report: PushReport) -> Iterator[Block]:
    """Of what was pushed or tagged."""
    rows = [_outcome(one) for one in report.outcomes if one.plan.action in {"push", "tag"}]
    if rows:
        yield BLANK
        columns = (
            Column(),
            Column(least=24, over="start"),
            Column(align="right"),
            Column(align="right"),
            Column(align="right"),
        )
        yield without_empty(Table(columns, tuple(rows)))


def _outcome(one: ImageOutcome) -> tuple[Span, ...]:
    word, style = ("failed", "bad") if one.error else ("done", "good")
    rate = f"{size(one.sent / one.seconds)}/s" if one.sent and one.seconds else ""
    return (
        Span(word, "bad" if style == "bad" else "good"),
        Span(one.plan.wanted.name),
        Span(f"{size(one.sent)} sent" if one.sent else ""),
        Span(seconds(one.seconds)),
        Span(rate),
    )


def push_json(report: PushReport) -> dict[str, Any]:
    return {
        "host": report.plan.host,
        "platform": report.plan.platform,
        "takes_pushed": report.plan.takes_pushed,
        "images": [_json(one) for one in report.outcomes],
    }


def _json(one: ImageOutcome) -> dict[str, Any]:
    return {
        "image": one.plan.wanted.name,
        "source": one.plan.wanted.source,
        "services": list(one.plan.wanted.services),
        "action": one.plan.action,
        "id": one.plan.id or None,
        "size": one.plan.size or None,
        "replaces": one.plan.replaces or None,
        "sent": one.sent,
        "seconds": round(one.seconds, 3),
        "failed": one.error is not None,
    }
