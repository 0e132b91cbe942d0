"""The lines of a host's audit: written by deploys and verbs, read by `audit`, `why` and the next holder of the lease."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.errors import Exit, OpsctlError
from opsctl.flows.world import Who

Outcome = Literal["ok", "failed", "interrupted", "running"]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: its start and, where there is one, its end. `at` is seconds since the epoch (the operator's clock)."""

    host: str
    at: float
    run: str
    user: str
    machine: str
    command: str
    what: str
    plan: str = ""
    """The plan's digest; empty for verbs."""
    outcome: Outcome = "running"
    """`running` where no end is written yet."""
    seconds: float | None = None
    detail: str = ""
    """Of a failure: its first line, redacted."""


def start_record(who: Who, now: float, what: str, plan: str = "") -> dict[str, Any]:
    """The line before the first change."""
    return {
        "event": "start",
        "at": round(now, 1),
        "run": who.run,
        "user": who.user,
        "machine": who.machine,
        "command": who.command,
        "what": what,
        "plan": plan,
    }


def end_record(who: Who, now: float, seconds: float, error: OpsctlError | None, done: int) -> dict[str, Any]:
    """The line after the last change; `done` counts steps."""
    outcome = "ok" if error is None else "interrupted" if error.exit is Exit.INTERRUPTED else "failed"
    detail = error.message if error else ""
    return {
        "event": "end",
        "at": round(now, 1),
        "run": who.run,
        "outcome": outcome,
        "done": done,
        "seconds": round(seconds, 1),
        "detail": detail,
    }


def passed_record(who: Who, now: float, what: str) -> dict[str, Any]:
    """The line of something that passes through and changes nothing of ours; it has no end."""
    return {**start_record(who, now, what), "event": "passed"}


def interrupted_record(run: str, now: float, found_by: str) -> dict[str, Any]:
    """The line that the next run writes for one that started and never ended."""
    return {"event": "interrupted", "at": round(now, 1), "run": run, "found_by": found_by}


def interrupted_runs(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Runs that started and have neither an end nor a line that says they were interrupted."""
    open_runs: dict[str, None] = {}
    for record in records:
        run = str(record.get("run", ""))
        if record.get("event") == "start":
            open_runs[run] = None
        elif record.get("event") in {"end", "interrupted"}:
            open_runs.pop(run, None)
    return tuple(open_runs)


def read_records(text: bytes) -> list[Mapping[str, Any]]:
    """The audit's lines; one that is torn (a full disk, a power cut) is passed over."""
    found: list[Mapping[str, Any]] = []
    for line in text.decode(errors="replace").split(
        "\n"
    ):  # a detail may hold breaks that only Unicode calls so
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def entries(host: str, records: Iterable[Mapping[str, Any]]) -> tuple[AuditEntry, ...]:
    """Starts joined with their ends, in the order of the starts."""
    starts: dict[str, Mapping[str, Any]] = {}
    ends: dict[str, Mapping[str, Any]] = {}
    for record in records:
        group = ends if record.get("event") in {"end", "interrupted"} else starts
        group[str(record.get("run", ""))] = record
    return tuple(_entry(host, start, ends.get(run, {})) for run, start in starts.items())


def _entry(host: str, start: Mapping[str, Any], end: Mapping[str, Any]) -> AuditEntry:
    outcomes: dict[str, Outcome] = {"ok": "ok", "failed": "failed", "interrupted": "interrupted"}
    outcome = "interrupted" if end.get("event") == "interrupted" else str(end.get("outcome", ""))
    outcome = "ok" if start.get("event") == "passed" else outcome
    return AuditEntry(
        host=host,
        at=_number(start.get("at")) or 0.0,
        run=str(start.get("run", "")),
        user=str(start.get("user", "")),
        machine=str(start.get("machine", "")),
        command=str(start.get("command", "")),
        what=str(start.get("what", "")),
        plan=str(start.get("plan", "")),
        outcome=outcomes.get(outcome, "running"),
        seconds=_number(end.get("seconds")),
        detail=str(end.get("detail", "")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
