"""The sheet of `secrets edit`: every value comes back as it was, and no complaint quotes one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opsctl.cli.secret_sheet import read_sheet, sheet
from opsctl.errors import UsageError

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)
VALUES = st.one_of(
    st.text(), st.text("ab \n\t:#'\"%\\$-|>&*!?{}[],"), st.text("\r\x85\u2028\u2029\ufeff\x7f\x00a\n")
)
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----\n"


@given(st.dictionaries(NAMES, VALUES, max_size=4))
@example({"n": "no", "y": "1_000", "d": "2026-01-01", "e": "", "x": " x", "m": PEM, "t": "a\n\n", "u": "\n"})
def test_what_is_written_is_read_back_exactly(values: dict[str, str]) -> None:
    assert read_sheet(sheet(values, "two\nlines: of # heading")) == values


def test_a_text_of_several_lines_stands_as_a_block() -> None:
    assert sheet({"key": PEM, "token": "a: b"}, "head") == (
        "# head\n"
        "key: |\n"
        "  -----BEGIN PRIVATE KEY-----\n"
        "  MC4CAQAwBQ\n"
        "  -----END PRIVATE KEY-----\n"
        'token: "a: b"\n'
    )


def test_what_a_person_types_without_quotes_is_text() -> None:
    typed = "port: 8080\nyes: no\nday: 2026-01-01\nnothing:\nzero: 007\n"
    assert read_sheet(typed) == {
        "port": "8080",
        "yes": "no",
        "day": "2026-01-01",
        "nothing": "",
        "zero": "007",
    }


def test_a_sheet_without_a_name_is_an_empty_mapping() -> None:
    assert read_sheet("# only a heading\n") == {}


@pytest.mark.parametrize(
    "text, told",
    [
        ("a: canary-1\nb: [canary-2\n", "it is not YAML"),
        ("a: canary-1\na: canary-2\n", "line 2: what was edited cannot be read: a name stands there twice"),
        ("- canary-1\n", "it is not a mapping"),
        ("canary-1\n", "it is not a mapping"),
        ("a: {b: canary-1}\n", "what stands at a is not text"),
        ("[canary-1, b]: x\n", "a name is not text"),
        ('a: "canary-1\n', "it is not YAML"),
        ("a: *canary-1\n", "it is not YAML"),
        ("a: \x01canary-1\n", "it is not YAML"),
    ],
)
def test_what_cannot_be_read_is_told_without_a_value(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        read_sheet(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
