"""The one way out: redacted, deaf to readers that left, legible without UTF-8."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

from opsctl.cli.sink import Sink
from tests.cli.terminal import Stream


def test_no_known_secret_passes() -> None:
    stream = Stream()
    sink = Sink(stream)
    sink.redact_with(lambda text: text.replace("canary", "***"))
    sink.write("a canary\n")
    sink.writelines(["one canary\n", "two\n"])
    assert stream.getvalue() == "a ***\none ***\ntwo\n"


def test_a_reader_that_left_ends_nothing_and_is_remembered() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    sink = Sink(stream)
    os.close(reading)
    sink.write("nobody reads this\n")
    sink.write("nor this\n")
    assert sink.reader_left
    stream.close()


def test_a_stream_without_utf_8_gets_ascii(tmp_path: Path) -> None:
    raw = io.BytesIO()
    sink = Sink(io.TextIOWrapper(raw, encoding="ascii"))
    sink.write("██░░ 0.4 s … ok é\n")
    assert raw.getvalue() == b"##.. 0.4 s ... ok ?\n"


def test_a_full_disk_behind_a_stream_ends_nothing_and_is_remembered() -> None:
    with Path("/dev/full").open("w") as stream:
        sink = Sink(stream)
        sink.write("no room for this\n")
        sink.write("nor for this\n")
    assert sink.failed is not None
    assert sink.failed.errno == errno.ENOSPC
