"""What a tree owns, and how paths and values are compared."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.merging.keys import (
    Tagged,
    Unmergeable,
    canonical,
    differing,
    dotted,
    fingerprint_text,
    managed,
    no_longer_managed,
    present,
    replaced,
    require_settled,
    same,
)
from opsctl.merging.reading import hand_edits, reading, text_of

_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3).filter(lambda key: key != "<<")
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _KEYS)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3))
)
_TREES = st.dictionaries(_KEYS, _VALUES, max_size=3)


def test_mappings_are_descended_into_and_lists_are_owned_whole() -> None:
    tree = {"dns": {"servers": {"global": ("a", {"k": 1})}, "magic": True}, "log": None}
    assert managed(tree) == {
        ("dns", "servers", "global"): ["a", {"k": 1}],
        ("dns", "magic"): True,
        ("log",): None,
    }


@pytest.mark.parametrize(
    "tree, said",
    [
        ({"a": {"b": {}}}, "a.b: an empty mapping owns nothing"),
        ({"a": {1: 2}}, "a: a key is text"),
        ({"a": [{1: 2}]}, "a: a key is text, and not '<<'"),
        ({"a": {"<<": 2}}, "a: '<<' is not a key but takes other keys in"),
        ({"a": {"b c": object()}}, 'a."b c": object has no form in YAML and JSON'),
        ({"a": ["x\ud800"]}, "a: half a character (a lone surrogate), which no file can hold"),
    ],
)
def test_what_can_own_nothing_is_refused(tree: dict[str, Any], said: str) -> None:
    with pytest.raises(Unmergeable) as caught:
        managed(tree)
    assert str(caught.value) == said


def test_too_deep_a_tree_is_refused() -> None:
    tree: dict[str, Any] = {"a": 1}
    items: list[Any] = []
    for _ in range(70):
        tree, items = {"a": tree}, [items]
    for deep in (tree, {"a": items}):
        with pytest.raises(Unmergeable, match=r"^a: it is nested too deeply$"):
            managed(deep)


def test_paths_are_told_with_dots() -> None:
    assert dotted(("dns", "a.b", "key_1", "ü-x", "")) == 'dns."a.b".key_1.ü-x.""'


@pytest.mark.parametrize(
    "one, other",
    [
        (1, True),
        (1, 1.0),
        (1, "1"),
        (None, "null"),
        (0.0, -0.0),
        ([], {}),
        (Tagged("!a", "x"), "x"),
        ("", None),
    ],
)
def test_values_of_other_kinds_are_not_the_same(one: object, other: object) -> None:
    assert not same(one, other)
    assert same(one, one)


@given(_VALUES, _VALUES)
def test_only_the_same_values_have_one_canonical_text(one: Any, other: Any) -> None:
    assert canonical(one).isascii()
    if canonical(one) == canonical(other):
        assert repr(_sorted(one)) == repr(_sorted(other))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)]
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.tuples(_KEYS, _KEYS), _SCALARS, max_size=4), st.randoms(use_true_random=False))
def test_a_fingerprint_does_not_depend_on_order(values: dict[tuple[str, ...], Any], chance: Any) -> None:
    shuffled = list(values.items())
    chance.shuffle(shuffled)
    assert fingerprint_text(dict(shuffled)) == fingerprint_text(values)
    assert not values or fingerprint_text(values) != fingerprint_text(dict(shuffled[1:]))


def test_fingerprints_are_the_same_however_a_value_is_spelled_and_never_change() -> None:
    paths = [("a", "b"), ("c",), ("absent",)]
    by_yaml = reading("c: [0x1F, 'ü']\na: {b: ~}\n", paths, "yaml")
    assert by_yaml == reading('{"c": [31, "\\u00fc"], "a": {"b": null}}', paths, "json")
    # Held by labels on hosts: another text would look like a change of every merged file.
    assert fingerprint_text(by_yaml) == r'[["a", "b"]:null,["c"]:[31,"\u00fc"]]'
    assert fingerprint_text({("n",): {"z": math.inf, "a": 1.5}}) == '[["n"]:{"a":1.5,"z":Infinity}]'


@given(_TREES, st.dictionaries(_KEYS, _SCALARS, max_size=3))
def test_replaced_values_are_present_and_nothing_else_differs(
    tree: dict[str, Any], new: dict[str, Any]
) -> None:
    wanted: dict[tuple[str, ...], Any] = {(key,): value for key, value in new.items()}
    after = replaced(tree, wanted)
    assert same([*present(after, wanted).values()], [*wanted.values()])
    assert {path[:1] for path in differing(tree, after)} <= set(wanted)
    assert same(
        replaced(after, present(tree, wanted)), {**after, **{key: tree[key] for key in new if key in tree}}
    )


def test_a_mapping_is_needed_on_the_way() -> None:
    assert replaced({"a": None}, {("a", "b", "c"): 1}) == {"a": {"b": {"c": 1}}}
    with pytest.raises(Unmergeable, match="a mapping is needed"):
        replaced({"a": [1]}, {("a", "b"): 1})


@pytest.mark.parametrize(
    "new",
    [
        {"a": 2, "b": {"c": 1}, "d": 1},
        {"a": 2, "b": {}},
        {"a": True, "b": {"c": 1}},
        {"b": {"c": 1}},
        [],
        json.loads,
    ],
)
def test_nothing_may_have_changed_but_the_wanted_values(new: Any) -> None:
    old, wanted = {"a": 1, "b": {"c": 1}}, {("b", "c"): 1, ("a",): 2}
    require_settled(old, lambda: {"b": {"c": 1}, "a": 2}, wanted, "by hand")
    with pytest.raises(Unmergeable, match=r"^a: its layout cannot be changed key by key$"):
        require_settled(old, lambda: new("{") if new is json.loads else new, wanted, "by hand")


def test_keys_no_longer_managed_are_named() -> None:
    before = [("dns", "magic"), ("policy", "path"), ("log",), ("x", "y"), ("x", "z")]
    now = [("dns", "magic"), ("log", "level"), ("x",)]
    assert no_longer_managed(before, now) == (("policy", "path"),)
    assert no_longer_managed(before, ()) == tuple(sorted(before))


def test_edits_by_hand_are_named_by_path() -> None:
    old = "a: 1 # c\nb: {c: [1], d: 0x10}\ne: x\nf: {g: 1}\n"
    new = "# other comment\nb:\n  d: 16\n  c: [1, 2]\na: 1\nf: y\nh: {i: 1}\n"
    assert hand_edits(old, new, "yaml") == (("b", "c"), ("e",), ("f",), ("h",))
    assert hand_edits(old, old, "yaml") == ()
    assert hand_edits("", "a: 1\n", "yaml") == (("a",),)
    assert hand_edits("a: 1\n", "- a\n", "yaml") == ((),)
    assert hand_edits('{"a": [1]}', '{"a":[1.0]}', "json") == (("a",),)


def test_text_keeps_its_bytes() -> None:
    data = "\ufeffa: ü\r\n".encode()
    assert text_of(data).encode() == data
    with pytest.raises(Unmergeable, match=r"^line 2: the file is not UTF-8 text$"):
        text_of(b"a: 1\nb: \xff\n")


def test_values_are_in_no_repr() -> None:
    assert "hush" not in repr(Tagged("!vault", "hush"))
