"""What every test shares: with CI=true nothing that proves behaviour may be skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import effort

REAL = {"lab", "ssh", "compose", "sops", "contract"}

effort.use()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A skipped test against the real thing is a failure in CI: the machine lacks what `make test` should have brought."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    real = REAL & {mark.name for mark in item.iter_markers()}
    if report.skipped and not hasattr(report, "wasxfail") and real and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, but it is marked {', '.join(sorted(real))}: {report.longrepr}"
