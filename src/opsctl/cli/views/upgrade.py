"""How an upgrade ended: which version the files have, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Folded, Span, line
from opsctl.errors import Exit
from opsctl.flows.reports import DeployReport
from opsctl.images.upgrade import Written


@dataclass(frozen=True, slots=True)
class Told:
    """`files` are those that have the new tag now; `end` is upgraded, put back, returned or stands; `kept` are files that could
    not be put back, with the reason.
    """

    written: Written
    tag: str
    files: tuple[str, ...]
    end: str
    kept: tuple[str, ...] = ()

    @property
    def step(self) -> str:
        return f"{', '.join(self.written.services)}: {self.written.image.tag or 'latest'} -> {self.tag}"


def upgrade_view(told: Told, failed: str, returned: DeployReport | None) -> Iterator[Block]:
    """`failed` is why the old version could not be deployed again, `returned` how that ended."""
    yield BLANK
    match told.end:
        case "upgraded":
            yield line(Span("upgraded", "good"), f"  {told.step}")
            if told.files:
                yield _next(f"commit {' '.join(told.files)}")
        case "put back":
            yield line(
                Span("put back", "warn"), f"  {told.step}; nothing was stopped, the files are as they were"
            )
        case "returned" if returned and returned.exit is Exit.YES:
            yield line(
                Span("returned", "warn"),
                f"  {told.step}; the old version runs again, the files are as they were",
            )
        case "returned":
            why = failed or "see below"
            yield line(Span("not returned", "bad"), f"  {told.step}; the files have the old version: {why}")
            yield _next(f"opsctl deploy {told.written.environment} {' '.join(told.written.services)}")
        case _:
            yield from _stands(told)
    for one in told.kept:
        yield line(Span("not put back", "bad"), f"  {one}")
    if told.written.elsewhere and told.end in {"upgraded", "stands"} and told.files:
        yield _next(f"the same tag is that of {', '.join(told.written.elsewhere)}: deploy there too")


def _stands(told: Told) -> Iterator[Block]:
    """An older version may not open what the new one has written: nobody but a person goes back from here."""
    yield line(
        Span("stands", "bad"), f"  {told.step}; the files have {told.tag}, and it may have changed its data"
    )
    where = f"{told.written.environment} {' '.join(told.written.services)}"
    yield _next(f"opsctl why {told.written.service}; where it is mended, opsctl deploy {where}")
    yield _next(
        f"or go back: stop it, put back a copy of its data from before, write {told.written.image.tag} into "
        f"{told.written.place}, and deploy {where}"
    )


def _next(text: str) -> Block:
    return Folded((Span("next  ", "dim"), Span(text)), hang=6)


def upgrade_json(told: Told) -> dict[str, Any]:
    return {
        "service": told.written.service,
        "services": list(told.written.services),
        "from": told.written.image.tag,
        "to": told.tag,
        "files": list(told.files),
        "end": told.end,
        "kept": list(told.kept),
    }
