"""The files that a verify leaves for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from opsctl.edges.saving import replace
from opsctl.errors import OperationFailed
from opsctl.flows.checking.report import VerifyReport


def write_files(
    report: VerifyReport, now: float, *, junit: Path | None = None, prometheus: Path | None = None
) -> list[OperationFailed]:
    """Those that are asked for, each replaced in one step; why one could not be written."""
    failed: list[OperationFailed] = []
    for path, text in _texts(report, now, junit, prometheus):
        try:
            replace(path, text.encode(), _held(path))
        except OperationFailed as error:
            failed.append(error)
    return failed


def _texts(
    report: VerifyReport, now: float, junit: Path | None, prometheus: Path | None
) -> Iterator[tuple[Path, str]]:
    if junit:
        from opsctl.cli.views import verify_junit

        yield junit, verify_junit.junit(report, now)
    if prometheus:
        from opsctl.cli.views import verify_prometheus

        yield prometheus, verify_prometheus.prometheus(report, now)


def _held(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
