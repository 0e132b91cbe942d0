"""The same for JSON: one key and its value, and every other byte stays."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.merging.json_splice import merge_json
from opsctl.merging.keys import Merged, Unmergeable, managed, replaced, same
from opsctl.merging.reading import reading

_KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3).filter(lambda key: key != "<<")
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _KEYS
)
_LISTS = st.lists(st.one_of(_SCALARS, st.dictionaries(_KEYS, _SCALARS, max_size=2)), max_size=3)
_TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(_KEYS, st.one_of(_SCALARS, _LISTS), max_size=3),
    lambda inner: st.dictionaries(_KEYS, st.one_of(_SCALARS, inner), max_size=3),
    max_leaves=8,
)
_LAYOUTS = st.sampled_from(
    [
        {"indent": 2},
        {"indent": 1, "separators": (",", " : ")},
        {"indent": "\t"},
        {},
        {"separators": (",", ":")},
        {"indent": 3, "ensure_ascii": False},
    ]
)


@given(tree=_TREES, layout=_LAYOUTS, newline=st.sampled_from(["\n", "\r\n"]), data=st.data())
def test_only_managed_values_differ(
    tree: dict[str, Any], layout: dict[str, Any], newline: str, data: st.DataObject
) -> None:
    begun = data.draw(st.sampled_from(["", "\ufeff", "\n "]))
    text = (begun + json.dumps(tree, **layout)).replace("\n", newline)
    known = [path for path, value in _leaves(tree, ()) if data.draw(st.booleans())]
    wanted = {path: data.draw(st.one_of(_SCALARS, _LISTS)) for path in known}
    new = data.draw(_KEYS)
    if new not in tree:
        wanted[new, "x"] = data.draw(_SCALARS)
    desired: dict[str, Any] = replaced({}, wanted)
    merged = merge_json(text, desired)
    assert same(json.loads(merged.text.removeprefix("\ufeff")), replaced(tree, wanted))
    assert merge_json(merged.text, desired) == Merged(merged.text, ())
    assert "\n" in text or "\n" not in merged.text or not tree
    assert not re.search("[^\r]\n" if newline == "\r\n" and "\r\n" in text else "\r", merged.text)


def _leaves(tree: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in _leaves(value, (*path, key))]
    return [(path, tree)]


@given(tree=_TREES, layout=_LAYOUTS)
def test_present_values_change_nothing(tree: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(tree, **layout)
    assert merge_json(text, replaced({}, dict(_leaves(tree, ())))).text is text


_DERP = """{
    "derp":   {"urls": ["https://x/derp"], "auto_update": true},
\t"odd": [ 1,
  2 ],  "same line": 1.50,
    "empty": {},
    "nothing": null
}
"""


@pytest.mark.parametrize(
    "desired, old, new",
    [
        ({"derp": {"urls": []}}, '["https://x/derp"]', "[]"),
        ({"derp": {"urls": ["a", "b"]}}, '["https://x/derp"]', '["a", "b"]'),
        ({"derp": {"auto_update": False, "new": 1}}, "true}", 'false, "new": 1}'),
        ({"odd": [3]}, "[ 1,\n  2 ]", "[\n\t    3\n\t]"),
        ({"same line": 1.5}, "", ""),
        ({"same line": 2}, "1.50", "2"),
        ({"empty": {"a": {"b": "ü"}}}, "{},", '{\n        "a": {\n            "b": "ü"\n        }\n    },'),
        ({"nothing": {"a": 1}}, "null", '{\n        "a": 1\n    }'),
        ({"new": [1]}, "null\n", 'null,\n    "new": [\n        1\n    ]\n'),
    ],
)
def test_spliced_into_an_odd_layout(desired: dict[str, Any], old: str, new: str) -> None:
    merged = merge_json(_DERP, desired)
    assert merged.text == _DERP.replace(old, new, 1)
    assert bool(merged.changes) == (old != new)
    assert reading(merged.text, managed(desired), "json") == managed(desired)


@pytest.mark.parametrize(
    "text, desired, expected",
    [
        ('{\n  "a": [1, 2]\n}\n', {"a": [3, 4]}, '{\n  "a": [3, 4]\n}\n'),
        ('{\n  "a": 1\n}\n', {"a": [3]}, '{\n  "a": [\n    3\n  ]\n}\n'),
        ('{"a":\n 1}', {"b": [1, 2]}, '{"a":\n 1, "b": [1, 2]}'),
        ('{"a" :1}', {"b": {"c": 2}}, '{"a" :1,"b" :{"c" :2}}'),
        ('\ufeff{"a": 1}', {"b": "\u00fc"}, '\ufeff{"a": 1, "b": "\u00fc"}'),
    ],
)
def test_laid_out_as_what_is_around(text: str, desired: dict[str, Any], expected: str) -> None:
    assert merge_json(text, desired).text == expected


@pytest.mark.parametrize(
    "text, desired, said",
    [
        ('{"a": 1, // why\n "b": 2}', {"a": 2}, "line 1: a comment, which JSON does not have"),
        ('/* why */ {"a": 1}', {"a": 2}, "line 1: a comment, which JSON does not have"),
        ('{"a": 1,\n}', {"a": 2}, "line 2: not JSON: a key in double quotes is expected"),
        ('{"a": [1,\n]}', {"a": 2}, "line 2: not JSON: a value is expected"),
        ('{"a": NaN}', {"a": 2}, "line 1: not JSON: a value is expected"),
        ('{"a": 01}', {"a": 2}, "line 1: not JSON: '}' is expected"),
        ('{"a": 1}\n{}', {"a": 2}, "line 2: not JSON: text after the end of the value"),
        ('{"a": "x\n"}', {"a": 2}, "line 1: not JSON: invalid control character"),
        ('{"a": 1,\n "a": 2}', {"a": 2}, "line 2: the key 'a' is given twice"),
        ('{"a": 1,\n "b": {"c": {}, "c": 1}}', {"a": 2}, "line 2: the key 'c' is given twice"),
        ('\n[{"a": 1}]', {"a": 2}, "line 2: a list stands where an object is needed"),
        ("null", {"a": 2}, "line 1: a single value stands where an object is needed"),
        ('{\n"a": "x"}', {"a": {"b": 1}}, "line 2: a: a single value stands where an object is needed"),
        ('{\n"a": {"b": 1}}', {"a": []}, "line 2: a: an object stands there, whose keys would be lost"),
        (
            '{"a": 1}',
            {"a": {"b": [{"c": float("nan")}]}},
            "a.b: JSON has no form for a number that is not finite",
        ),
        ('{"a": "\ud800"}', {"a": 1}, "it holds characters that no text has"),
        ('{"a": ' + "9" * 5000 + "}", {"b": 1}, "line 1: not JSON: a number of too many digits"),
        ('{"a": ' + "[" * 99 + "]" * 99 + "}", {"a": 1}, "line 1: not JSON: it is nested too deeply"),
    ],
)
def test_refused(text: str, desired: dict[str, Any], said: str) -> None:
    with pytest.raises(Unmergeable) as caught:
        merge_json(text, desired)
    assert str(caught.value) == said


@pytest.mark.parametrize("text", ["", " \n", "\ufeff"])
def test_an_empty_file_becomes_the_desired_keys(text: str) -> None:
    merged = merge_json(text, {"a": {"b": [1]}})
    assert merged.text.lstrip("\ufeff \n") == '{\n  "a": {\n    "b": [\n      1\n    ]\n  }\n}\n'
    assert merged.text.startswith(text.rstrip(" "))
