"""JSON5 with the line of every key: what JSON holds is read as json reads it, and what is no JSON5 is told with its line."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries

from opsctl.model.json5_document import read_json5

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def read(text: str) -> Any:
    document = read_json5("x", text.encode())
    assert document.problems == ()
    return document.value


@tries(150)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_json_is_read_as_json(value: Any, indent: int | None, ascii_only: bool) -> None:
    assert read(json.dumps(value, indent=indent, ensure_ascii=ascii_only)) == value


@tries(150)
@given(st.text(alphabet="{}[]:,'\"\\/*\n\r a1.-+exInfinityNaN_$\ud83d", max_size=30))
def test_anything_is_a_value_or_a_problem(text: str) -> None:
    document = read_json5("x", text.encode("utf-8", "surrogatepass"))
    assert document.problems or document.value is not None or "null" in text


@pytest.mark.parametrize(
    "text,value",
    [
        ("// a\n{/* b\n */a: 1,}", {"a": 1}),
        ("{$a_1: 'it\\'s', \"b\": 'say \"x\"'}", {"$a_1": "it's", "b": 'say "x"'}),
        ("[1, 2,]", [1, 2]),
        ("[0x1F, -0x10, +1, .5, 5., 1e3, -Infinity]", [31, -16, 1, 0.5, 5.0, 1000.0, -math.inf]),
        ("'a\\\nb'", "ab"),
        ("'a\\x41\\u0042\\q\\0'", "aABq\0"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('"// no comment /* none */"', "// no comment /* none */"),
        ("\ufeff{a: true}", {"a": True}),
        ("{ä: 1}", {"ä": 1}),
    ],
)
def test_what_json_does_not_have(text: str, value: Any) -> None:
    assert read(text) == value


def test_not_a_number() -> None:
    assert math.isnan(read("NaN"))


@pytest.mark.parametrize(
    "text,line,message",
    [
        ("", 1, "not JSON5: it ends too early"),
        ("{\n a: 1\n b: 2}", 3, "not JSON5: 'b' where a comma or } must stand"),
        ("{a: yes}", 1, "not JSON5: 'yes' is no value"),
        ("{\n# a\n}", 2, "not JSON5: '#' is no key"),
        ("[1,\n2", 2, "not JSON5: ] is missing"),
        ("{a: 1", 1, "not JSON5: } is missing"),
        ("{a: 1,", 1, "not JSON5: } is missing"),
        ("{a", 1, "not JSON5: no colon after 'a'"),
        ("{a: 'x\n'}", 1, "not JSON5: a text has no end"),
        ("'\\xg1'", 1, "not JSON5: \\xg1 is no escape"),
        ("{} {}", 1, "not JSON5: '{' after the end"),
        ("[01]", 1, "not JSON5: '0' is no value"),
        ("[,]", 1, "not JSON5: ',' is no value"),
        ("/* open", 1, "not JSON5: '/' is no value"),
        ("[" * 500, 1, "not JSON5: too deep"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, message: str) -> None:
    (problem,) = read_json5("x", text.encode()).problems
    assert (problem.line, problem.message) == (line, message)


def test_bytes_that_are_no_text() -> None:
    (problem,) = read_json5("x", b"{\n'\xff'}").problems
    assert (problem.line, problem.message) == (2, "the file is not UTF-8 text")


def test_a_key_that_is_given_twice_counts_as_its_last() -> None:
    document = read_json5("x", b"{a: 1,\n a: 2}")
    assert document.value == {"a": 2}
    assert [(one.line, one.message, one.hint) for one in document.problems] == [
        (2, "'a' is given twice", "the first is in line 1")
    ]


def test_every_key_and_item_has_its_line() -> None:
    document = read_json5("x", b"{\r\n a: [\n  1,\n  {b: 'x'},\n ],\n // c\n d: {}\n}")
    assert document.lines == {("a",): 2, ("a", 0): 3, ("a", 1): 4, ("a", 1, "b"): 4, ("d",): 7}
