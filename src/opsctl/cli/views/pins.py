"""What pinning found and wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Column, Span, Style, Table, folded, line, without_empty
from opsctl.cli.views.figures import age, count
from opsctl.flows.pins.checking import Outdated
from opsctl.images.findings import Finding
from opsctl.images.lock_plan import Change, LockPlan
from opsctl.images.source_plan import SourcePlan
from opsctl.images.uses import places_text
from opsctl.images.wanted import Wanted
from opsctl.model.fleet import Place
from opsctl.model.lock import LOCK_FILE, Pinned, seconds_of

_PLAN = (
    Column(),
    Column("image", least=20, over="start"),
    Column("digest"),
    Column("platforms", least=12, optional=True),
    Column("named in", least=18, over="fold"),
)
_OUTDATED = (
    Column("image", least=26, over="start"),
    Column("locked", align="right"),
    Column("tried"),
    Column("tag"),
    Column("patch"),
    Column("minor"),
    Column("major"),
    Column("used by", least=12, optional=True),
)
_STYLES: Mapping[str, Style] = {
    "added": "good",
    "moved": "change",
    "restored": "change",
    "dropped": "dim",
    "failed": "bad",
    "kept": "dim",
}
_SEVERITIES: Mapping[str, Style] = {"no": "bad", "unknown": "warn", "note": "dim"}


def lock_plan_view(
    plan: LockPlan,
    sources: SourcePlan | None,
    held: Sequence[Wanted],
    *,
    dry_run: bool,
    written: bool,
) -> Iterator[Block]:
    """`held` are images that the lock cannot move, since a file has their digest."""
    shown = [change for change in plan.changes if change.kind != "kept"]
    if shown:
        yield without_empty(Table(_PLAN, tuple(map(_row, shown))))
        yield BLANK
    for image in held:
        place = next(use.place for use in image.uses if use.reference and use.reference.digest)
        message = f"  {image.key}: its digest stands in {place}; --write-source moves it"
        yield folded(Span("note", "warn"), message, hang=6)
    if sources and (sources.written or sources.kept):
        yield from _sources(sources)
        yield BLANK
    yield _summary(plan, dry_run=dry_run)
    kinds = {change.kind for change in plan.changes}
    if written and kinds & {"added", "moved", "restored"}:
        why = ": a digest beside a tag is a new name, even of the same bits" if "added" in kinds else ""
        yield folded(Span("next", "change"), f"  opsctl plan shows what a deploy makes anew{why}", hang=6)


def _row(change: Change) -> tuple[Span, ...]:
    entry = change.after or change.before
    uses = change.wanted.uses if change.wanted else ()
    return (
        Span(change.kind, _STYLES[change.kind]),
        Span(change.key),
        Span(_step(change)),
        Span(", ".join(entry.platforms) if entry and change.kind != "failed" else "", "dim"),
        Span(places_text(uses) or change.note, "dim"),
    )


def _step(change: Change) -> str:
    before, after = (_digits(one) for one in (change.before, change.after))
    if change.kind == "failed" or not after:
        return before
    return f"{before} -> {after}" if before and before != after else after


def _digits(entry: Pinned | None) -> str:
    return entry.digest.removeprefix("sha256:")[:12] if entry else ""


def _sources(sources: SourcePlan) -> Iterator[Block]:
    if sources.written:
        yield folded(Span("file", "change"), f"  {_lines(sources.written)}: digest beside the tag", hang=6)
    reasons: dict[str, list[Place]] = {}
    for place, reason in sources.kept:
        reasons.setdefault(reason, []).append(place)
    for reason, places in reasons.items():
        yield folded(Span("kept", "dim"), f"  {_lines(places)}: {reason}", hang=6)


def _lines(places: Sequence[Place]) -> str:
    """Lines of one file together."""
    files: dict[str, list[int]] = {}
    for place in places:
        files.setdefault(place.file, []).append(place.line)
    return ", ".join(f"{file}:{','.join(map(str, lines))}" for file, lines in files.items())


def _summary(plan: LockPlan, *, dry_run: bool) -> Block:
    counts = {
        kind: sum(change.kind == kind for change in plan.changes)
        for kind in ("added", "moved", "restored", "dropped", "failed")
    }
    said = [f"{number} {kind}" for kind, number in counts.items() if number]
    images = count(len(plan.lock.images), "image")
    what = ", ".join(said) if said else "nothing to change"
    tail = " (not written: --dry-run)" if dry_run and said else ""
    style: Style = "bad" if counts["failed"] else "good" if not said else "change"
    return line(f"{LOCK_FILE}: {images}, ", Span(what, style), tail)


def lock_plan_json(plan: LockPlan, sources: SourcePlan | None, *, written: bool) -> dict[str, Any]:
    return {
        "written": written,
        "changes": [
            {
                "image": change.key,
                "change": change.kind,
                "before": change.before.digest if change.before else None,
                "after": change.after.digest if change.after else None,
                "platforms": list(change.after.platforms) if change.after else [],
                "places": [use.places for use in change.wanted.uses] if change.wanted else [],
                "error": change.error.message if change.error else None,
            }
            for change in plan.changes
        ],
        "files": {
            "written": [str(place) for place in sources.written] if sources else [],
            "kept": [{"place": str(place), "reason": reason} for place, reason in sources.kept]
            if sources
            else [],
        },
    }


def findings_view(
    findings: Sequence[Finding], images: int, *, offline: bool, strict: bool = False
) -> Iterator[Block]:
    """`strict`: notes count as what they are called by their kind."""
    lacking = [
        one for one in findings if one.hint == f"opsctl pin-images {one.image}" and one.kind != "disagree"
    ]
    for finding in findings:
        style = _SEVERITIES[finding.severity]
        word = "note" if finding.severity == "note" else finding.kind
        yield folded(Span(f"{word:<10}", style), f"  {finding.image}  ", Span(finding.at, "dim"), hang=12)
        yield folded(f"{'':12}{finding.message}", hang=12)
        if finding.hint and finding.severity != "note" and (finding not in lacking or len(lacking) == 1):
            yield line(Span(f"hint: {finding.hint}", "change"), indent=12)
    if findings:
        yield BLANK
    wrong = sum(one.severity == "no" or (strict and one.severity == "note") for one in findings)
    unknown = sum(one.severity == "unknown" for one in findings)
    verdict = Span(count(wrong, "finding"), "bad") if wrong else Span("nothing floats", "good")
    if unknown:
        verdict = Span(f"{count(wrong, 'finding')}, {unknown} could not be told", "bad" if wrong else "warn")
    where = "no registry was asked" if offline else "registries were asked"
    yield line(f"{count(images, 'image')}, {where}: ", verdict)
    if len(lacking) > 1:
        yield line(Span(f"hint: opsctl pin-images gives {len(lacking)} of them a digest", "change"))


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "findings": [
            {
                "kind": one.kind,
                "severity": one.severity,
                "image": one.image,
                "places": list(one.places),
                "message": one.message,
                "hint": one.hint or None,
            }
            for one in findings
        ]
    }


def outdated_view(rows: Sequence[Outdated], now: float) -> Iterator[Block]:
    """`now` in seconds since the epoch, for the age of each entry."""
    yield without_empty(Table(_OUTDATED, tuple(_outdated(row, now) for row in rows)))
    moved = sum(bool(row.moved) for row in rows)
    behind = sum(bool(row.newer) for row in rows)
    unknown = sum(row.error is not None for row in rows)
    yield BLANK
    tail = f", {unknown} could not be told" if unknown else ""
    yield line(
        f"{count(len(rows), 'image')}: {moved} with a tag that moved, {behind} with a newer version{tail}"
    )


def _outdated(row: Outdated, now: float) -> tuple[Span, ...]:
    kinds = {one.kind: one.tag for one in row.newer}
    entry = row.entry
    return (
        Span(row.image.key),
        Span(age(now - seconds_of(entry.resolved_at)) if entry else "not locked", "" if entry else "warn"),
        Span(_tried(row), "dim"),
        Span(
            "moved" if row.moved else "not known" if row.error else "",
            "change" if row.moved else "warn",
        ),
        Span(kinds.get("patch", ""), "good"),
        Span(kinds.get("minor", ""), "change"),
        Span(kinds.get("major", ""), "warn"),
        Span(", ".join(row.image.services), "dim"),
    )


def _tried(row: Outdated) -> str:
    """Whether a verify was green with it; only what a service runs can be tried."""
    if row.entry is None or not any(use.kind == "service" for use in row.image.uses):
        return "-" if row.entry else ""
    return "yes" if row.entry.validated_at else "no"


def outdated_json(rows: Sequence[Outdated]) -> dict[str, Any]:
    return {
        "images": [
            {
                "image": row.image.key,
                "digest": row.entry.digest if row.entry else None,
                "resolved_at": row.entry.resolved_at if row.entry else None,
                "validated_at": row.entry.validated_at if row.entry else None,
                "moved": row.moved or None,
                "newer": {one.kind: one.tag for one in row.newer},
                "services": list(row.image.services),
                "error": row.error.message if row.error else None,
            }
            for row in rows
        ]
    }
