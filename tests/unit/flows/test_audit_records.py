from __future__ import annotations

import json

from opsctl.errors import CommandFailed, Interrupted
from opsctl.flows.audit_records import (
    end_record,
    entries,
    interrupted_record,
    interrupted_runs,
    passed_record,
    read_records,
    start_record,
)
from opsctl.flows.world import Who

ANN, BEN = (Who(name, "desk", "opsctl deploy", f"run-{name}") for name in ("ann", "ben"))


def test_a_start_with_its_end() -> None:
    records = [start_record(ANN, 10.0, "1 to create", "d1"), end_record(ANN, 12.5, 2.5, None, 3)]
    (entry,) = entries("web", records)
    assert (entry.host, entry.at, entry.user, entry.what, entry.plan) == (
        "web",
        10.0,
        "ann",
        "1 to create",
        "d1",
    )
    assert (entry.outcome, entry.seconds, entry.detail) == ("ok", 2.5, "")


def test_outcomes() -> None:
    failed = end_record(ANN, 2.0, 1.0, CommandFailed("up failed"), 1)
    stopped = end_record(ANN, 2.0, 1.0, Interrupted("stopped"), 1)
    start = start_record(ANN, 1.0, "x")
    assert [entries("web", [start, end])[0].outcome for end in (failed, stopped)] == ["failed", "interrupted"]
    assert entries("web", [start])[0].outcome == "running"
    assert entries("web", [start, interrupted_record(ANN.run, 3.0, BEN.run)])[0].outcome == "interrupted"
    assert entries("web", [failed]) == (), "its start was set aside with the older file"


def test_what_passes_through_has_no_end() -> None:
    records = [passed_record(ANN, 1.0, "exec psql in db")]
    assert interrupted_runs(records) == ()
    assert [(one.outcome, one.what) for one in entries("web", records)] == [("ok", "exec psql in db")]


def test_interrupted_are_those_without_an_end() -> None:
    ended = [start_record(ANN, 1.0, "x"), end_record(ANN, 2.0, 1.0, None, 1)]
    assert interrupted_runs([*ended, start_record(BEN, 3.0, "y")]) == (BEN.run,)
    assert (
        interrupted_runs([*ended, start_record(BEN, 3.0, "y"), interrupted_record(BEN.run, 4.0, "z")]) == ()
    )
    assert interrupted_runs([end_record(ANN, 2.0, 1.0, None, 1)]) == ()


def test_torn_and_strange_lines_are_passed_over() -> None:
    start = start_record(ANN, 1.0, "one \u2028 line")
    lines = [json.dumps(start, ensure_ascii=False), '{"event": "st', "[]", "\xff", ""]
    assert [record["run"] for record in read_records("\n".join(lines).encode())] == [ANN.run]
