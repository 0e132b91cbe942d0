"""The sandboxes of a gateway in the memory budget of its host: the table, the rule and the plan's own judgement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.apps import linted
from tests.unit.apps.pages import page

from opsctl.apps.catalogue import all_rules, memory_rows
from opsctl.cli.budgets import budget_of
from opsctl.cli.guardrails import policy
from opsctl.render.memory import MemoryRow
from opsctl.rules.engine import apply
from opsctl.rules.subject import Subject
from opsctl.state.observed import Observed, Resources

MIB = 1024**2
PAGE = page("openclaw.md")
CONF = "openclaw/openclaw.json.j2"
SERVICES = 1024 + 3 * 64
"""MiB: the limits of the page's services."""


def looked_at(root: Path, *edits: tuple[str, str], memory: str = "") -> Subject:
    PAGE.project(root, {CONF: list(edits)})
    if memory:
        with (root / "hosts.toml").open("a") as hosts:
            hosts.write(f'memory = "{memory}"\nreserve_memory = "0"\n')
    found = linted.subject(root)
    more = {one.name: memory_rows(found.fleet, "prod", one) for one in found.desired.hosts}
    return replace(found, more_memory=more)


def row(root: Path, *edits: tuple[str, str]) -> MemoryRow | None:
    rows = looked_at(root, *edits).more_memory["web"]
    assert len(rows) < 2
    return rows[0] if rows else None


@pytest.mark.parametrize(
    "edits,limit",
    [
        ([], 2 * 512 * MIB),
        ([("      main: {},\n", "      main: {},\n      third: {},\n")], 3 * 512 * MIB),
        ([("messenger: {}", 'messenger: {sandbox: {docker: {memory: "1g"}}}')], (512 + 1024) * MIB),
        ([("messenger: {}", 'messenger: {sandbox: {mode: "off"}}')], 512 * MIB),
        ([("messenger: {}", "messenger: {sandbox: {browser: {enabled: true}}}")], 3 * 512 * MIB),
        ([('scope: "agent"', 'scope: "shared"')], 512 * MIB),
        ([("messenger: {}", 'messenger: {sandbox: {backend: "ssh"}}')], 512 * MIB),
        ([('scope: "agent"', 'scope: "session"')], None),
        ([('          memory: "512m",\n', "")], None),
        ([("messenger: {}", 'messenger: {sandbox: {docker: {memory: "0"}}}')], None),
        ([("      main: {},\n      messenger: {},\n", "")], 512 * MIB),
    ],
)
def test_the_row_is_agents_times_memory(
    edits: list[tuple[str, str]], limit: int | None, tmp_path: Path
) -> None:
    assert row(tmp_path, *edits) == MemoryRow("openclaw sandboxes", limit, None, None)


def test_with_a_shared_sandbox_the_keys_of_an_agent_do_not_count(tmp_path: Path) -> None:
    edits = (
        ('scope: "agent"', 'scope: "shared"'),
        ("main: {}", 'main: {sandbox: {docker: {memory: "4g"}}}'),
    )
    assert row(tmp_path, *edits) == MemoryRow("openclaw sandboxes", 512 * MIB, None, None)


def test_without_sandboxes_there_is_no_row(tmp_path: Path) -> None:
    assert row(tmp_path, ('mode: "all"', 'mode: "off"')) is None


@pytest.mark.parametrize("least,refused", [(SERVICES + 1024, False), (SERVICES + 1023, True)])
def test_the_budget_counts_them_in_lint_and_in_the_plan(least: int, refused: bool, tmp_path: Path) -> None:
    subject = looked_at(tmp_path, memory=f"{least}MiB")
    rules = [rule for rule in all_rules() if rule.id == "MEM001"]
    assert bool(apply(rules, subject, linted.TODAY).findings) is refused
    (host,) = subject.desired.hosts
    found = budget_of(subject.fleet, "prod", host, None)
    assert [one.limit for one in found.rows if one.service == "openclaw sandboxes"] == [1024 * MIB]
    assert (found.verdict == "refuse") is refused


def test_a_host_whose_memory_only_a_look_tells_is_refused_too(tmp_path: Path) -> None:
    subject = looked_at(tmp_path)
    (host,) = subject.desired.hosts
    judge = policy(subject.fleet, subject.desired, linted.NOW)
    observed = Observed(host=host.name, resources=Resources(memory_total=2 * 1024 * MIB))
    refusals, _notes = judge(host, observed)
    assert any("the limits add up to 2240 MiB" in one for one in refusals)


def test_a_sandbox_without_a_limit_is_named_in_the_table(tmp_path: Path) -> None:
    subject = looked_at(tmp_path, ('scope: "agent"', 'scope: "session"'))
    (host,) = subject.desired.hosts
    assert "openclaw sandboxes" in budget_of(subject.fleet, "prod", host, 8 * 1024 * MIB).unlimited
