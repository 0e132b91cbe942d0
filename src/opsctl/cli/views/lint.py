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
    fleet: Fleet, desired: Desired, budgets: Sequence[MemoryBudget], unpinned: Mapping[str, Sequence[str]]
) -> Iterator[Block]:
    """`unpinned` says by host which images lack a digest that the environment requires."""
    yield from memory_view(budgets)
    yield BLANK
    yield from (line(Span("note", "warn"), f"  {note}") for note in fleet.notes)
    for host, found in unpinned.items():
        yield from (line(Span("refused", "bad"), f"  {host}: {reason}") for reason in found)
    services = sum(len(host.services) for host in desired.hosts)
    what = f"{desired.environment}: {count(services, 'service')} on {count(len(desired.hosts), 'host')}"
    refused = [one.host for one in budgets if one.verdict == "refuse"]
    verdict = Span(f"refused on {', '.join(refused)}", "bad") if refused else Span("fine", "good")
    loose = count(sum(map(len, unpinned.values())), "image without a digest", "images without a digest")
    pins = (", ", Span(loose, "bad")) if any(unpinned.values()) else ()
    yield line(f"{what}, files ", Span("fine", "good"), ", memory ", verdict, *pins)


def lint_json(
    fleet: Fleet, desired: Desired, budgets: Sequence[MemoryBudget], unpinned: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "services": {host.name: sorted(host.services) for host in desired.hosts},
        "memory": memory_json(budgets)["hosts"],
        "unpinned": {host: list(found) for host, found in unpinned.items()},
        "notes": list(fleet.notes),
    }
