"""The journal of a rotation on a real disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from opsctl.edges.rotation_journal import RotationJournal
from opsctl.errors import OperationFailed
from opsctl.secrets.journal import Line, Opened

OPENED = Opened("7f", "token", "v1", "v2", "2026-11-26T02:00:00Z", "ann", "desk")
LINE = Line("create", 1.5, "r1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "rotations" / "prod" / "token.jsonl"


def test_it_is_there_while_the_rotation_is_open(path: Path) -> None:
    journal = RotationJournal(path)
    assert (journal.opened(), journal.lines()) == (None, ())
    journal.begin(OPENED)
    journal.write(LINE)
    assert (journal.opened(), journal.lines()) == (OPENED, (LINE,))
    assert RotationJournal(path).opened() == OPENED
    journal.close()
    assert (journal.opened(), journal.lines()) == (None, ())
    journal.close()


def test_only_folders_that_it_needed_alone_go_with_it(path: Path) -> None:
    journal, other = RotationJournal(path), RotationJournal(path.with_name("key.jsonl"))
    journal.begin(OPENED)
    other.begin(OPENED)
    journal.close()
    assert other.opened() == OPENED
    other.close()
    assert not path.parent.parent.exists()
    assert path.parent.parent.parent.exists()


def test_a_new_one_knows_nothing_of_the_one_before(path: Path) -> None:
    journal = RotationJournal(path)
    journal.begin(OPENED)
    journal.write(LINE)
    journal.begin(OPENED)
    assert journal.lines() == ()


@pytest.mark.parametrize("kept", ["", "{", '{"id": "7f"}', "\xff\xfe"])
def test_a_torn_first_line_is_no_rotation(path: Path, kept: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(kept, encoding="latin-1")
    assert RotationJournal(path).opened() is None


@pytest.mark.parametrize(
    "act, told",
    [
        (RotationJournal.opened, "cannot read"),
        (RotationJournal.lines, "cannot read"),
        (lambda journal: journal.begin(OPENED), "cannot remove"),
        (lambda journal: journal.write(LINE), "cannot write"),
        (RotationJournal.close, "cannot remove"),
    ],
    ids=["opened", "lines", "begin", "write", "close"],
)
def test_what_is_in_its_place_is_told(
    path: Path, act: Callable[[RotationJournal], object], told: str
) -> None:
    path.mkdir(parents=True)
    with pytest.raises(OperationFailed, match=rf"^{told} .*token\.jsonl: ") as caught:
        act(RotationJournal(path))
    assert caught.value.hint
