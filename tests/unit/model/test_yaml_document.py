"""YAML as Compose reads it, with the line of everything."""

from __future__ import annotations

import pytest

from opsctl.model.yaml_document import read_yaml

TEXT = b"""\
x-base: &base {p: 1, q: 2}
a:
  <<: *base
  q: 022
  r: [1, 2.50, ~, "x", yes, !!str 5, 2024-01-01, 08]
b: |
  hello
  {{ x }}
c:
  - *base
  -
    deep: 1
"""


def test_values_are_what_compose_would_read() -> None:
    assert read_yaml("x.yml", TEXT).value == {
        "x-base": {"p": 1, "q": 2},
        "a": {"q": 18, "p": 1, "r": [1, 2.5, None, "x", "yes", "5", "2024-01-01", 8]},
        "b": "hello\n{{ x }}\n",
        "c": [{"p": 1, "q": 2}, {"deep": 1}],
    }


def test_lines_of_keys_items_aliases_and_merged_keys() -> None:
    document = read_yaml("x.yml", TEXT)
    assert document.lines["a",] == 2
    assert document.lines["a", "p"] == 1
    assert document.lines["a", "q"] == 4
    assert document.lines["a", "r", 2] == 5
    assert document.lines["c", 0] == 10
    assert document.lines["c", 0, "p"] == 1
    assert document.lines["c", 1, "deep"] == 12
    assert document.blocks["b",] == 7


def test_numbers_that_do_not_print_as_written_keep_their_text() -> None:
    assert read_yaml("x.yml", TEXT).written == {
        ("a", "q"): "022",
        ("a", "r", 1): "2.50",
        ("a", "r", 7): "08",
    }


@pytest.mark.parametrize(
    "text,value",
    [
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", 1000),
        ("-5", -5),
        ("+5", 5),
        ("-010", -8),
        ("0", 0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("True", True),
        ("on", "on"),
        ("null", None),
        ("", None),
        ("12:30:45", "12:30:45"),
        ('"5"', "5"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    read = read_yaml("x.yml", f"a: {text}\n".encode()).value["a"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text,line,message",
    [
        ("a: &x [*x]", 1, "an alias inside its own anchor"),
        ("a: 1\n---\nb: 2", 2, "not YAML: expected a single document in the stream (from line 1), but found another document"),
        ("a:\n\t- b", 2, "not YAML: while scanning for the next token, found character '\\t' that cannot start any token"),
        ("a: *none", 1, "not YAML: found undefined alias 'none'"),
        ("a: [\nb: 2", 2, "not YAML: while parsing a flow sequence (from line 1), expected ',' or ']', but got '<stream end>'"),
        ("a: \x01", 0, "not YAML: unacceptable character #x0001: special characters are not allowed"),
        ("[a, b]: 1", 1, "a key is text"),
        ("a: {<<: 5}", 1, "'<<' takes a mapping or a list of mappings"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str, line: int, message: str) -> None:
    found = read_yaml("x.yml", text.encode()).problems
    assert [(problem.line, problem.message) for problem in found] == [(line, message)]


def test_of_several_merged_mappings_the_first_wins() -> None:
    text = b"a: &a {k: 1}\nb: &b {k: 2, l: 3}\nc: {<<: [*a, *b]}\n"
    document = read_yaml("x.yml", text)
    assert document.value["c"] == {"k": 1, "l": 3}
    assert (document.lines["c", "k"], document.lines["c", "l"]) == (1, 2)


def test_an_anchor_may_be_used_again() -> None:
    assert read_yaml("x.yml", b"a: &x 1\nb: &x 2\nc: *x\n").value["c"] == 2


def test_aliases_that_unfold_without_end_are_refused() -> None:
    levels = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 8)]
    found = read_yaml("x.yml", b"\n".join(levels)).problems
    assert [problem.message for problem in found] == ["aliases unfold into too many values"]


def test_an_empty_file_is_no_problem() -> None:
    document = read_yaml("x.yml", b"# nothing yet\n")
    assert (document.value, document.problems) == (None, ())
