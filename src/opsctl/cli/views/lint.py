"""What lint found: the files are right, so what is left are the memory policy and remarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.cli.views.blocks import BLANK, Block, Span, line
from opsctl.cli.views.figures import count
from opsctl.cli.views.memory import memory_json, memory_view
from opsctl.model.fleet import Fleet
from opsctl.render.memory import MemoryBudget
from opsctl.state.desired import Desired


def lint_view(
    fleet: Fleet, desired: Desired, budgets: Sequence[MemoryBudget], images: Mapping[str, Sequence[str]]
) -> Iterator[Block]:
    """`images` says by host which are refused: without a digest that the environment requires, or for another platform."""
    yield from memory_view(budgets)
    yield BLANK
    yield from (line(Span("note", "warn"), f"  {note}") for note in fleet.notes)
    for host, found in images.items():
        yield from (line(Span("refused", "bad"), f"  {host}: {reason}") for reason in found)
    services = sum(len(host.services) for host in desired.hosts)
    what = f"{desired.environment}: {count(services, 'service')} on {count(len(desired.hosts), 'host')}"
    refused = [one.host for one in budgets if one.verdict == "refuse"]
    verdict = Span(f"refused on {', '.join(refused)}", "bad") if refused else Span("fine", "good")
    wrong = count(sum(map(len, images.values())), "image refused", "images refused")
    pins = (", ", Span(wrong, "bad")) if any(images.values()) else ()
    yield line(f"{what}, files ", Span("fine", "good"), ", memory ", verdict, *pins)


def lint_json(
    fleet: Fleet, desired: Desired, budgets: Sequence[MemoryBudget], images: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "services": {host.name: sorted(host.services) for host in desired.hosts},
        "memory": memory_json(budgets)["hosts"],
        "images": {host: list(found) for host, found in images.items()},
        "notes": list(fleet.notes),
    }
