"""Whatever the layout: the managed keys have their values, and every line that holds none of them is the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.merging.texts import KEYS, Path, Text, texts

from opsctl.merging.keys import Unmergeable, managed, present, replaced, same
from opsctl.merging.reading import hand_edits, reading
from opsctl.merging.yaml_splice import merge_yaml
from opsctl.model.yaml_document import read_yaml

_TEXT = st.one_of(
    st.sampled_from(
        ["", "yes", "0644", "1.1.1.1", "a: b", " x", "a\nb\n", "x\ny", "null", "#", "- a", "it's"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
_SCALARS = st.one_of(_TEXT, st.integers(-9, 999), st.booleans(), st.none(), st.floats(allow_nan=False))
_ITEMS = st.one_of(_SCALARS, st.dictionaries(_TEXT, _SCALARS, max_size=2), st.lists(_SCALARS, max_size=2))
_VALUES = st.one_of(_SCALARS, st.lists(_ITEMS, max_size=3))


@st.composite
def _wanted(draw: st.DrawFn, text: Text) -> dict[Path, Any]:
    """New values for some leaves, new keys below some mappings and below keys that have no value yet."""
    filled = draw(st.lists(st.sampled_from(text.nulls), unique=True)) if text.nulls else []
    leaves = [path for path in text.leaves if path not in filled]
    wanted = {path: draw(_VALUES) for path in leaves if draw(st.booleans())}
    for parent in [*filled, *(one for one in text.parents if draw(st.booleans()))]:
        path = (*parent, draw(st.sampled_from(KEYS)), *draw(st.sampled_from([(), ("new",)])))
        if not any(path[:length] in text.keys - {parent} for length in range(len(parent) + 1, len(path) + 1)):
            wanted[path] = draw(_VALUES)
    return wanted


def _tree(values: dict[Path, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = replaced({}, values)
    return tree


def _is_subsequence(some: list[str], every: list[str]) -> bool:
    rest = iter(every)
    return all(line in rest for line in some)


def _newline(text: Text) -> str:
    return text.newline if text.newline in text.text() else "\n"


def _unmanaged(text: Text, wanted: Iterable[Path]) -> list[str]:
    """The lines of all that is not managed; the first one with a byte order mark, where there is one."""
    touched = {path[:length] for path in wanted for length in range(1, len(path) + 1)}
    kept = text.lines_without(touched)
    return [text.start + kept[0], *kept[1:]] if text.lines[0][1] not in touched else kept


def _untagged(data: str) -> Any:
    """By the other reader, which has no tags of strangers."""
    document = read_yaml("x.yml", data.encode().replace(b"!own", b""))
    assert not document.problems
    return document.value


@given(st.data())
def test_only_managed_values_differ(data: st.DataObject) -> None:
    before = data.draw(texts())
    wanted = data.draw(_wanted(before))
    text = before.text()
    merged = merge_yaml(text, _tree(wanted))
    assert same(_untagged(merged.text), replaced(_untagged(text), wanted))
    assert _is_subsequence(_unmanaged(before, wanted), merged.text.split(_newline(before)))
    assert merge_yaml(merged.text, _tree(wanted)) == type(merged)(merged.text, ())
    changed = set(hand_edits(text, merged.text, "yaml"))
    assert {change.path for change in merged.changes} == {
        path for path in wanted if any(path[: len(one)] == one for one in changed)
    }


@given(texts(), st.data())
def test_present_values_change_nothing(before: Text, data: st.DataObject) -> None:
    text = before.text()
    some = data.draw(st.sets(st.sampled_from([*before.keys]))) if before.keys else set()
    leaves = [path for path in some if path in before.leaves]
    now = present(_untagged(text), leaves)
    assert merge_yaml(text, _tree(now)).text is text


@given(st.dictionaries(_TEXT.filter(lambda key: key != "<<"), _VALUES, max_size=3))
def test_an_empty_file_becomes_the_desired_keys(desired: dict[str, Any]) -> None:
    wanted = {key: value for key, value in desired.items() if value != {}}
    merged = merge_yaml("# mine\n", wanted)
    assert merged.text.startswith("# mine\n")
    assert reading(merged.text, managed(wanted), "yaml").keys() == managed(wanted).keys()
    assert same(_untagged(merged.text) or {}, wanted)


_SIGNS = tuple("ab-,{}[]&*!|>'\"#%@`?~1\\\t\r\n\x85\u2028\ufeff ")
_WORDS = (
    "a: ",
    "b:",
    ": ",
    "  ",
    "\n  ",
    "a:\n  b: ",
    "&x",
    "*x",
    "<<:",
    "!!str",
    "|+",
    ">-",
    "|2",
    "---",
    "...",
    "\r\n",
)


@given(
    st.lists(st.sampled_from(_SIGNS + _WORDS), max_size=14),
    _VALUES,
)
def test_any_text_is_merged_or_refused(parts: list[str], value: Any) -> None:
    text = "".join(parts)
    for desired in ({"a": value}, {"a": {"b": value}}, {"c": {"d": value}}):
        try:
            merged = merge_yaml(text, desired)
        except Unmergeable:
            continue
        old, new = read_yaml("x.yml", text.encode()), read_yaml("x.yml", merged.text.encode())
        assert old.problems or same(new.value, replaced(old.value, managed(desired)))
        assert merge_yaml(merged.text, desired).changes == ()
