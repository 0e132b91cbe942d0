"""Versions that a plan would cross, as the containers of a host and the files tell them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from tests.unit.apps import servers
from tests.unit.apps.linted import subject
from tests.unit.checks.situations import NOW, container

from opsctl.apps.crossings import crossings, known_of, refusals_of
from opsctl.checks.situation import HostNow
from opsctl.cli.guardrails import policy
from opsctl.flows.reports import Selection
from opsctl.state.observed import Observed, Resources

DIGEST = "sha256:" + "ab" * 32


def told(root: Path, image: str, chosen: Collection[str] | None = None) -> tuple[list[str], list[str]]:
    """Refusals and what is to be known, where the server runs with this image. The files say 18.1."""
    found = subject(root)
    host = found.desired.hosts[1]
    observed = Observed(host.name, containers=(container("postgresql", image=image),), now=NOW)
    crossed = crossings(found, HostNow(host, observed, chosen=chosen))
    return refusals_of(crossed), known_of(crossed)


@pytest.mark.parametrize(
    "image,refusals,known",
    [
        ("postgres:18.1-bookworm", 0, 0),
        (f"postgres:18.0-bookworm@{DIGEST}", 0, 0),
        ("postgres:18.2-bookworm", 0, 0),
        ("postgres:15.4-bookworm", 1, 2),
        ("postgres:17.4-bookworm", 1, 1),
        (f"postgres@{DIGEST}", 0, 0),
        (DIGEST, 0, 0),
        ("opsctl.local/demo/postgresql:150000000000", 0, 0),
    ],
)
def test_by_what_runs(tmp_path: Path, image: str, refusals: int, known: int) -> None:
    barred, texts = told(servers.project(tmp_path), image)
    assert (len(barred), len(texts)) == (refusals, known)


def test_a_jump_is_refused_with_its_services_name(tmp_path: Path) -> None:
    barred, texts = told(servers.project(tmp_path), "postgres:17.4-bookworm")
    assert barred[0].startswith("postgresql: 17.4-bookworm -> 18.1-bookworm: 18 does not open the data of 17")
    assert texts[0].startswith("postgresql crosses 18: ")


def test_only_of_what_the_plan_is_about(tmp_path: Path) -> None:
    assert told(servers.project(tmp_path), "postgres:17.4-bookworm", ["n8n"]) == ([], [])


def test_a_deploy_is_refused_by_it(tmp_path: Path) -> None:
    found = subject(servers.project(tmp_path))
    host = found.desired.hosts[1]
    seen = Observed(
        host.name,
        containers=(container("postgresql", image="postgres:17.4-bookworm"),),
        now=NOW,
        resources=Resources(memory_total=8 << 30, memory_available=4 << 30),
    )
    refusals, notes = policy(found.fleet, found.desired, NOW)(host, seen)
    assert any("18 does not open the data of 17" in one for one in refusals)
    assert any("crosses 18" in one for one in notes)
    refusals, notes = policy(found.fleet, found.desired, NOW, Selection(services=("n8n",)))(host, seen)
    assert not any("does not open" in one for one in refusals)
