"""Values by tomllib, lines by our own walk: every path has the line on which it stands."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opsctl.inputs.toml_document import read_toml
from opsctl.model.document import Path

TEXT = b'''\
project = "x"  # [not.a.table]
[vars]
a.b = 1.5
"q.r" = 'it''s'
[environments.prod]
hosts = [
  "a",  # a comment ]
  ["c", {z = 1}],
]
text = """
[x]
"q" = \\"""
"""
literal = \'\'\'a
b\'\'\'
[[list]]
when = 1979-05-27 07:32:00
[[list]]
inline = {m = [1, 2], n.o = "]"}
[list.sub]
z = -inf
'''.replace(b"''s", b" is")


def test_lines_of_every_kind_of_toml() -> None:
    lines = read_toml("hosts.toml", TEXT).lines
    assert lines == {
        ("project",): 1,
        ("vars",): 2,
        ("vars", "a"): 3,
        ("vars", "a", "b"): 3,
        ("vars", "q.r"): 4,
        ("environments",): 5,
        ("environments", "prod"): 5,
        ("environments", "prod", "hosts"): 6,
        ("environments", "prod", "hosts", 0): 7,
        ("environments", "prod", "hosts", 1): 8,
        ("environments", "prod", "hosts", 1, 0): 8,
        ("environments", "prod", "hosts", 1, 1): 8,
        ("environments", "prod", "hosts", 1, 1, "z"): 8,
        ("environments", "prod", "text"): 10,
        ("environments", "prod", "literal"): 14,
        ("list",): 16,
        ("list", 0): 16,
        ("list", 0, "when"): 17,
        ("list", 1): 18,
        ("list", 1, "inline"): 19,
        ("list", 1, "inline", "m"): 19,
        ("list", 1, "inline", "m", 0): 19,
        ("list", 1, "inline", "m", 1): 19,
        ("list", 1, "inline", "n"): 19,
        ("list", 1, "inline", "n", "o"): 19,
        ("list", 1, "sub"): 20,
        ("list", 1, "sub", "z"): 21,
    }


def test_a_path_without_a_line_has_that_of_its_nearest_ancestor() -> None:
    document = read_toml("hosts.toml", TEXT)
    assert document.line(("vars", "a", "none", "such")) == 3
    assert document.line(("none",)) == 0


keys = st.text(st.sampled_from('ab.-_ "\\=#[]é'), max_size=6)
scalars = st.one_of(
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.sampled_from("ab\n\"'#[]{}=,\\ é"), max_size=8),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
tables = st.dictionaries(keys, values | st.dictionaries(keys, values, max_size=3), max_size=5)


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {inline(inner)}, # ]\n" for inner in value) + "]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    return json.dumps(text)


def toml(table: dict[str, Any]) -> str:
    """Scalars first, then a table for each mapping: text that tomllib reads as `table`."""
    plain = [
        f"{quoted(key)} = {inline(value)}\n" for key, value in table.items() if not isinstance(value, dict)
    ]
    deep = [
        f"[{quoted(key)}]\n"
        + "".join(f"{quoted(inner)} = {inline(entry)}\n" for inner, entry in value.items())
        for key, value in table.items()
        if isinstance(value, dict)
    ]
    return "".join(plain + deep)


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    if at:
        yield at
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield from paths(inner, (*at, key))


@given(tables)
def test_every_path_of_any_toml_has_the_line_with_its_key(table: dict[str, Any]) -> None:
    text = toml(table)
    assert tomllib.loads(text) == table
    lines = read_toml("x.toml", text.encode()).lines
    written = text.split("\n")
    assert set(lines) == set(paths(table))
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert quoted(path[-1]) in written[line - 1]
