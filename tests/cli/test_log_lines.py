"""Lines of logs, and the moment that --since means."""

from __future__ import annotations

import pytest

from opsctl.cli.log_lines import LogLines, parse_since
from opsctl.cli.screen import Screen
from opsctl.cli.sink import ReaderLeft, Sink
from opsctl.errors import UsageError
from tests.cli.terminal import Stream


def test_names_lead_the_lines_only_where_there_are_several() -> None:
    stream, paused = Stream(), []
    write = LogLines(Screen(Sink(stream), colour=False), several=False, before_first=lambda: paused.append(1))
    write("api", "one")
    write("api", "two")
    write("lab-app/api", "three")
    assert stream.getvalue() == "one\ntwo\nlab-app/api  three\n"
    assert paused == [1]


def test_names_are_in_one_column() -> None:
    stream = Stream()
    write = LogLines(Screen(Sink(stream), colour=False), several=True, before_first=lambda: None)
    write("worker", "a")
    write("api", "b")
    assert stream.getvalue() == "worker  a\napi     b\n"


def test_the_stream_ends_when_nobody_reads() -> None:
    sink = Sink(Stream())
    sink.reader_left = True
    with pytest.raises(ReaderLeft):
        LogLines(Screen(sink, colour=False), several=False, before_first=lambda: None)("api", "x")


@pytest.mark.parametrize(
    "given, moment",
    [("15m", 100.0), ("1h", -2600.0), ("1970-01-01T00:00:07Z", 7.0), ("1970-01-01T02:00:00+01:00", 3600.0)],
)
def test_since_is_ago_or_a_time(given: str, moment: float) -> None:
    assert parse_since(given, now=1000.0) == moment


def test_since_that_is_neither() -> None:
    with pytest.raises(UsageError, match="neither a duration nor a time"):
        parse_since("yesterday", now=0)
