"""The chain of the access log: what it finds, and what it cannot see."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.secrets.access import FIRST, Access, Flaw, accesses, digest, is_whole, repair, verify, written

ANY_TEXT = st.text(max_size=20)
ACCESSES = st.builds(
    Access,
    at=st.integers(0, 4_000_000_000).map(float),
    user=ANY_TEXT,
    machine=ANY_TEXT,
    environment=ANY_TEXT,
    secret=ANY_TEXT,
    action=ANY_TEXT.filter(lambda action: action != "repair"),
    version=ANY_TEXT,
    reason=ANY_TEXT,
    email=ANY_TEXT,
)
SHOWN = Access(
    1790000000.0, "alice", "desk", "prod", "db_password", "show", "v3", "login fails", "a@example.org"
)


def chain(*told: Access) -> list[bytes]:
    lines: list[bytes] = []
    before = FIRST
    for one in told:
        line = written(one, before)
        before = digest(line)
        lines.append(line + b"\n")
    return lines


LOGS = st.lists(ACCESSES, min_size=1, max_size=6).map(lambda told: chain(*told))


def test_a_line_tells_who_what_and_why() -> None:
    entry = json.loads(written(SHOWN, FIRST))
    assert entry.pop("hash") != entry.pop("prev") == FIRST
    assert entry == {
        "ts": "2026-09-21T14:13:20Z",
        "user": "alice",
        "email": "a@example.org",
        "machine": "desk",
        "environment": "prod",
        "secret": "db_password",
        "version": "v3",
        "action": "show",
        "reason": "login fails",
    }


@given(told=st.lists(ACCESSES, max_size=6))
def test_what_was_written_is_read_back_and_found_sound(told: list[Access]) -> None:
    lines = chain(*told)
    assert list(accesses(lines)) == told
    assert verify(lines) is None
    assert all(line.isascii() and b"\n" not in line[:-1] for line in lines)


@given(log=LOGS, data=st.data())
def test_any_change_of_any_byte_is_found(log: list[bytes], data: st.DataObject) -> None:
    text = b"".join(log)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[at]))
    edited = text[:at] + bytes([other]) + text[at + 1 :]
    assert verify(BytesIO(edited)) is not None


@given(log=LOGS, data=st.data())
def test_a_rewritten_line_is_found_by_the_next(log: list[bytes], data: st.DataObject) -> None:
    """Also where its own hash was made anew."""
    lines = [*log, written(SHOWN, digest(log[-1][:-1])) + b"\n"]
    at = data.draw(st.integers(0, len(log) - 1))
    before = digest(lines[at - 1][:-1]) if at else FIRST
    other = data.draw(ACCESSES)
    forged = written(other, before) + b"\n"
    found = verify([*lines[:at], forged, *lines[at + 1 :]])
    assert (found is None) == (forged == lines[at])
    if found:
        assert found.line == at + 2


@given(log=st.lists(ACCESSES, min_size=2, max_size=6).map(lambda told: chain(*told)), data=st.data())
def test_a_line_taken_out_put_in_or_moved_is_found(log: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 2))
    assert verify([*log[:at], *log[at + 1 :]]) == Flaw(at + 1, "it does not follow the line before it")
    assert verify([*log[: at + 1], log[at], *log[at + 1 :]]) is not None
    to = data.draw(st.integers(0, len(log) - 1).filter(lambda to: to != at))
    moved = [*log[:at], *log[at + 1 :]]
    moved.insert(to, log[at])
    assert verify(moved) is not None


@pytest.mark.parametrize(
    "edit",
    [
        lambda line: line.replace(b'","', b'", "', 1),
        lambda line: line.replace(b"{", b'{"ts":"x",', 1),
        lambda line: line.replace(b"alice", b"al\\u0069ce"),
        lambda _: b'"text"',
        lambda _: b"[" * 100_000,
        lambda _: b"",
    ],
    ids=["blanks", "a key twice", "another spelling", "a text", "nested", "empty"],
)
def test_a_line_that_means_the_same_but_is_spelled_otherwise_is_found(edit: Callable[[bytes], bytes]) -> None:
    line = edit(written(SHOWN, FIRST))
    assert verify([line + b"\n"]) == Flaw(1, "it is not as opsctl wrote it")


def test_a_line_with_a_right_hash_and_no_date_is_found() -> None:
    entry = json.loads(written(SHOWN, FIRST)) | {"ts": "yesterday"}
    del entry["hash"]
    body = json.dumps(entry, separators=(",", ":")).encode()
    sealed = json.dumps({**entry, "hash": digest(body)}, separators=(",", ":")).encode()
    assert not is_whole(sealed)
    assert list(accesses([sealed])) == []


@given(log=LOGS, data=st.data())
def test_a_torn_last_line_is_told_and_may_be_followed_by_one_that_says_so(
    log: list[bytes], data: st.DataObject
) -> None:
    torn = log[-1][: data.draw(st.integers(1, len(log[-1]) - 2))]
    assert verify([*log[:-1], torn]) == Flaw(len(log), "it was not written to its end", torn=True)

    mended = repair(SHOWN, torn)
    whole = [*log[:-1], torn + b"\n", mended + b"\n", written(SHOWN, digest(mended)) + b"\n"]
    assert verify(whole) is None
    told = list(accesses(whole))
    assert [one.action for one in told[-2:]] == ["repair", "show"]
    assert str(len(torn)) in told[-2].reason
    assert verify([*log[:-1], torn[:-1] + b"\n", *whole[-2:]]) is not None
    assert verify([*log[:-1], torn + b"\n", *whole[-1:]]) == Flaw(len(log), "it is not as opsctl wrote it")


def test_what_the_chain_cannot_see() -> None:
    """docs/secrets.md says so."""
    log = chain(SHOWN, SHOWN, SHOWN)
    assert verify(log[:2]) is None
    assert verify(chain(SHOWN)) is None
    assert verify([]) is None
