"""What every test shares: with CI=true nothing that proves behaviour may be skipped."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import effort

REAL = {"lab", "ssh", "compose", "sops", "contract"}

ENOUGH = 2 * 2**30
"""Bytes; a run of all tests writes about a quarter of that."""

effort.use()

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER.startswith("gw"):
    # Before anything imports the lab: each worker has a set of hosts of its own.
    os.environ.setdefault("OPSCTL_LAB_SET", str(int(WORKER.removeprefix("gw")) + 1))


def pytest_configure(config: pytest.Config) -> None:
    """Temporary folders of tests that need no lab are in memory, where there is enough: what opsctl writes it also syncs,
    and a busy disk would be all that is waited for.
    """
    memory = Path("/dev/shm")
    if "not lab" in config.option.markexpr and memory.is_dir() and _may_hold_programs(memory):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def _may_hold_programs(folder: Path) -> bool:
    """Containers often have a small one, from which nothing may be run."""
    facts = os.statvfs(folder)
    return not facts.f_flag & os.ST_NOEXEC and facts.f_bavail * facts.f_frsize >= ENOUGH


def pytest_collection_finish() -> None:
    """The thousands of tests outlive every one of them: the collector of garbage need not walk them again and again."""
    gc.freeze()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A skipped test against the real thing is a failure in CI: the machine lacks what `make test` should have brought."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    real = REAL & {mark.name for mark in item.iter_markers()}
    if report.skipped and not hasattr(report, "wasxfail") and real and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, but it is marked {', '.join(sorted(real))}: {report.longrepr}"
