"""Splices one by one: what is written where, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsctl.merging.keys import Change, Unmergeable
from opsctl.merging.yaml_splice import merge_yaml

_HEADSCALE = Path(__file__).parent / "headscale"


def test_the_configuration_of_headscale() -> None:
    desired = {
        "dns": {
            "override_local_dns": True,
            "nameservers": {"global": ["1.1.1.1", "9.9.9.9"]},
            "extra_records_path": "/etc/headscale/extra-records.json",
        },
        "policy": {"path": "/etc/headscale/policy.hujson"},
    }
    merged = merge_yaml((_HEADSCALE / "config.yaml").read_text("utf-8"), desired)
    assert merged.text == (_HEADSCALE / "merged.yaml").read_text("utf-8")
    addresses = ["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111"]
    assert merged.changes == (
        Change(("dns", "override_local_dns"), "changed", before=False, after=True),
        Change(("dns", "nameservers", "global"), "changed", addresses, ["1.1.1.1", "9.9.9.9"]),
        Change(("dns", "extra_records_path"), "added", None, "/etc/headscale/extra-records.json"),
        Change(("policy", "path"), "changed", "", "/etc/headscale/policy.hujson"),
    )
    assert "9.9.9.9" not in repr(merged)


_SPLICES: list[tuple[str, dict[str, Any], str]] = [
    # Scalars, in the quotes and beside the comment that are there.
    ("a:   1  # c\n", {"a": 2}, "a:   2  # c\n"),
    ("a: 'x' # c\n", {"a": "it's"}, "a: 'it''s' # c\n"),
    ("a: 'x'\n", {"a": "x\ny"}, 'a: "x\\ny"\n'),
    ('a: "x"\n', {"a": "y"}, 'a: "y"\n'),
    ("a: 'x'\n", {"a": True}, "a: true\n"),
    ("a: x\n", {"a": "two words, or: three"}, 'a: "two words, or: three"\n'),
    ("a: x\n", {"a": "two words"}, "a: two words\n"),
    ("a: x\n", {"a": "yes"}, 'a: "yes"\n'),
    ("a: x\n", {"a": "0644"}, 'a: "0644"\n'),
    ("a: x\n", {"a": "10.0.0.0/8"}, "a: 10.0.0.0/8\n"),
    (f"x: 0x{'f' * 5000}\na: x\n", {"a": 1}, f"x: 0x{'f' * 5000}\na: 1\n"),
    ("a: x\n", {"a": ""}, 'a: ""\n'),
    ("a: x\n", {"a": None}, "a: null\n"),
    ("a: 'one\n  two' # c\nb: 1\n", {"a": "z"}, "a: 'z' # c\nb: 1\n"),
    ("a:\n  'x'  # c\n", {"a": "y"}, "a:\n  'y'  # c\n"),
    ("a:  # c\n", {"a": 1}, "a: 1  # c\n"),
    ("a:\n\n# c\nb: 1\n", {"a": 2}, "a: 2\n\n# c\nb: 1\n"),
    ("'a b' :  1\n", {"a b": 2}, "'a b' :  2\n"),
    ("? a\n: 1\n", {"a": 2}, "? a\n: 2\n"),
    (
        "a: 0x1F\nb: {c: &x 'y'}\nd: 1\n",
        {"a": 31, "b": {"c": "y"}, "d": 2},
        "a: 0x1F\nb: {c: &x 'y'}\nd: 2\n",
    ),
    # Blocks of text.
    ("a: > # c\n   x\n   y\n\nb: 1\n", {"a": "q\n\nw\n"}, "a: | # c\n   q\n\n   w\n\nb: 1\n"),
    ("a: |\n x\n", {"a": "y"}, "a: |-\n y\n"),
    ("a: |\n x\n\n", {"a": "y\n\n"}, 'a: "y\\n\\n"\n\n'),
    ("a: | # c\n x\n", {"a": " y\n"}, 'a: " y\\n" # c\n'),
    ("a: |2\n    x\n   y\n", {"a": "q\n"}, "a: |\n    q\n"),
    ("a: |+\n x\n\n\nb: 1\n", {"a": "y\n"}, "a: |\n y\n\n\nb: 1\n"),
    ("a: |\n x\n   \nb: 1\n", {"a": "y\n"}, 'a: "y\\n"\n   \nb: 1\n'),
    ("a: |\n\n\nb: 1\n", {"a": "y\n"}, "a: |\n  y\n\n\nb: 1\n"),
    ("a: | # c\n x\n", {"a": 1}, "a: 1 # c\n"),
    # Lists.
    ("a: [1, 2]  # c\n", {"a": ["x,y", "z"]}, 'a: ["x,y", z]  # c\n'),
    ("a: ['x']\n", {"a": ["y", 1, [{"k": "v:"}]]}, "a: ['y', 1, [{k: 'v:'}]]\n"),
    ("a: []\n", {"a": [1]}, "a: [1]\n"),
    ("a: [] # c\n", {"a": [{"k": 1, "l": [2]}]}, "a: # c\n  - k: 1\n    l:\n      - 2\n"),
    ("a: [1, # c\n 2] # d\nb: 1\n", {"a": [3]}, "a: # d\n  - 3\nb: 1\n"),
    ("a:\n- 1 # c\n# d\n- 2\n# e\nb: 1\n", {"a": [3]}, "a:\n- 3\n# e\nb: 1\n"),
    ("a: # c\n     - 'x'\n     -\n", {"a": ["y"]}, "a: # c\n     - 'y'\n"),
    ("a: # c\n  - x\n# d\n", {"a": []}, "a: [] # c\n# d\n"),
    ("a: # c\n  - x\n# d\n", {"a": "z"}, "a: z # c\n# d\n"),
    ("a: x # c\nb:\n    c: 1\n", {"a": [1]}, "a: # c\n    - 1\nb:\n    c: 1\n"),
    ("a: x\nb:\n- 1\n", {"a": [1]}, "a:\n- 1\nb:\n- 1\n"),
    ("a:\n  x # c\nb: 1\n", {"a": [1]}, "a:\n   # c\n  - 1\nb: 1\n"),
    ("a:\n  x\nb: 1\n", {"a": [1]}, "a:\n  - 1\nb: 1\n"),
    (
        "a:\n  - x # c - d\n  # e - f\n  -\n\n\n# g\nb: 1\n",
        {"a": [1], "c": {"d": 2}},
        "a:\n  - 1\n\n\n# g\nb: 1\nc:\n  d: 2\n",
    ),
    # Keys that are missing, and mappings that hold nothing yet.
    ("a: 1 # c\n\n# d\n", {"b": 2}, "a: 1 # c\nb: 2\n\n# d\n"),
    ("a: 1", {"b": 2}, "a: 1\nb: 2\n"),
    ("a:\n  b: 1", {"a": {"c": 2}, "d": {"e": 3}}, "a:\n  b: 1\n  c: 2\nd:\n  e: 3\n"),
    ("a:\n   b: 1\n   # c\nd: 1\n", {"a": {"x": {"z": 2}}}, "a:\n   b: 1\n   x:\n      z: 2\n   # c\nd: 1\n"),
    (
        "a:\n    b: 1\nc:\n    b: 1\nd:\n  b: 1\n",
        {"e": {"f": 1}},
        "a:\n    b: 1\nc:\n    b: 1\nd:\n  b: 1\ne:\n    f: 1\n",
    ),
    ("a: # c\n  # d\nb: 1\n", {"a": {"x": 2}}, "a: # c\n  x: 2\n  # d\nb: 1\n"),
    ("a: ~ # c\nb: 1\n", {"a": {"x": 2}}, "a: # c\n  x: 2\nb: 1\n"),
    ("a: {} # c\nb: 1\n", {"a": {"x": 2}}, "a: # c\n  x: 2\nb: 1\n"),
    ("a:\n  {}\nb: 1\n", {"a": {"x": 2}}, "a:\n  x: 2\nb: 1\n"),
    ("a: |+\n x\n\n", {"b": 2}, "a: |+\n x\n\nb: 2\n"),
    ("a: 1\n...\n# c\n", {"b": 2}, "a: 1\nb: 2\n...\n# c\n"),
    ("a: 1\n", {"b": "x\ny\n", "443": 1}, 'a: 1\nb: |\n  x\n  y\n"443": 1\n'),
    ("a: 1\r\nb:\r\n", {"b": {"x": [1]}, "c": 2}, "a: 1\r\nb:\r\n  x:\r\n    - 1\r\nc: 2\r\n"),
    ("443: 1\n", {"443": 2}, "443: 2\n"),
    # Flow mappings, only as a whole.
    ("a: {b: 1, c: [2]} # c\n", {"a": {"b": 3, "c": [4]}}, "a: {b: 3, c: [4]} # c\n"),
    ("{a: 1}\n", {"a": 2}, "{a: 2}\n"),
    ("a: {b: {}, c: ~}\n", {"a": {"b": {"k": 1}, "c": {"l": 2}}}, "a: {b: {k: 1}, c: {l: 2}}\n"),
    # Files that hold nothing.
    ("", {"a": {"b": 1}}, "a:\n  b: 1\n"),
    ("\ufeff", {"a": 1}, "\ufeffa: 1\n"),
    ("# c", {"a": 1}, "# c\na: 1\n"),
    ("---\n# c\n", {"a": 1}, "---\n# c\na: 1\n"),
    ("%YAML 1.2\n---\n...\n", {"a": 1}, "%YAML 1.2\n---\na: 1\n...\n"),
    ("{}\n# c\n", {"a": 1}, "a: 1\n# c\n"),
    ("--- {} # c\n", {"a": 1}, "---  # c\na: 1\n"),
    # Anchors, aliases, tags and merge keys beside.
    ("x: &x {k: 1}\ny: *x\na: 1\n", {"a": 2}, "x: &x {k: 1}\ny: *x\na: 2\n"),
    ("x: &x {k: 1}\na:\n  <<: *x\n", {"a": {"k": 2}}, "x: &x {k: 1}\na:\n  <<: *x\n  k: 2\n"),
    ("'<<': 1\na: 1\n", {"a": 2}, "'<<': 1\na: 2\n"),
    ("x: !vault |\n  y\na: !!map\n  b: 1\n", {"c": 2}, "x: !vault |\n  y\na: !!map\n  b: 1\nc: 2\n"),
]


@pytest.mark.parametrize("text, desired, expected", _SPLICES, ids=range(len(_SPLICES)))
def test_spliced(text: str, desired: dict[str, Any], expected: str) -> None:
    merged = merge_yaml(text, desired)
    assert merged.text == expected
    assert merged.changes
    assert merge_yaml(expected, desired).changes == ()


@pytest.mark.parametrize(
    "text, desired",
    [
        ("a: 0x1F\nb: 0644\nc: 1_000\nd: yes\n", {"a": 31, "b": 420, "c": 1000, "d": "yes"}),
        ("%YAML 1.1\n---\nd: yes\n", {"d": "yes"}),
        ("a: TRUE\nb: ~\nc:\nd: 2026-01-01\n", {"a": True, "b": None, "c": None, "d": "2026-01-01"}),
        ("a: >-\n  x\n  y\nb: =\n", {"a": "x y", "b": "="}),
        ("x: &x 1\na: *x\nb: {c: &y [*x]}\n", {"x": 1, "a": 1, "b": {"c": [1]}}),
        ("x: &x {k: {l: 1}}\na: {<<: *x}\n", {"a": {"k": {"l": 1}}}),
        ("a: !!str 5\nb: !!int '5'\nc: ! 5\n", {"a": "5", "b": 5, "c": "5"}),
        ("", {}),
    ],
)
def test_what_is_so_already_stays_as_it_is_spelled(text: str, desired: dict[str, Any]) -> None:
    assert merge_yaml(text, desired).text is text


_FLOW = "a mapping in flow style ('{…}') is not changed in part"
_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("x: &x\n  k: 1\na: *x\n", {"a": 1}, "line 3: a: it is an alias (*x)"),
    ("x: &x\n  k: 1\na: *x\n", {"a": {"k": 2}}, "line 3: a: it is an alias (*x)"),
    (
        "x: &x\n  k: 1\na: *x\n",
        {"x": {"k": 2}},
        "line 1: x: it has an anchor (&x), so that aliases would change too",
    ),
    ("x: &x 1\n", {"x": 2}, "line 1: x: it has an anchor (&x), so that aliases would change too"),
    (
        "x:\n- &x 1\na: *x\n",
        {"x": [2]},
        "line 2: x: a part of it has an anchor (&x), so that aliases would change too",
    ),
    ("y: &x 1\nx:\n- *x\n", {"x": [2]}, "line 3: x: a part of it is an alias (*x)"),
    ("&r\na: 1\n", {"a": 2}, "line 1: it has an anchor (&r), so that aliases would change too"),
    (
        "x: &x {k: {l: 1}}\na:\n  <<: *x\n",
        {"a": {"k": {"l": 2}}},
        "line 3: a.k: it comes by '<<', and a key beside that would hide all of it",
    ),
    ("a: !!int '5'\n", {"a": 6}, "line 1: a: it has a tag (!!int)"),
    ("a: !own [1]\n", {"a": [1]}, "line 1: a: it has a tag (!own)"),
    ("a: !own\n  b: 1\n", {"a": {"b": 2}}, "line 1: a: it has a tag (!own)"),
    ("a: {b: 1, c: 2}\n", {"a": {"b": 2}}, f"line 1: a: {_FLOW}"),
    ("a: {b: 1,\n c: 2}\n", {"a": {"b": 2, "c": 3}}, f"line 1: a: {_FLOW}"),
    ("x: &x 1\na: {b: *x}\n", {"a": {"b": 2}}, f"line 2: a: {_FLOW}"),
    ("a: {b: {}, c: {d: 1}}\n", {"a": {"b": {"e": 1}}}, f"line 1: a: {_FLOW}"),
    ("a: {b: {}, c: 1}\n", {"a": {"c": 2}}, f"line 1: a: {_FLOW}"),
    ("{a: 1, b: 2}", {"a": 2}, f"line 1: {_FLOW}"),
    ("\na: 1\n", {"a": {"b": 2}}, "line 2: a: a single value stands where a mapping is needed"),
    ("a:\n- 1\n", {"a": {"b.c": {"d": 2}}}, "line 2: a: a list stands where a mapping is needed"),
    ("- 1\n", {"a": 1}, "line 1: a list stands where a mapping is needed"),
    ("text\n", {"a": 1}, "line 1: a single value stands where a mapping is needed"),
    ("null\n", {"a": 1}, "line 1: a single value stands where a mapping is needed"),
    (
        "a:\n  b.c:\n    k: 1\n",
        {"a": {"b.c": 2}},
        'line 3: a."b.c": a mapping stands there, whose keys would be lost',
    ),
    ("a: 1\nb: 1\n'a': 2\n", {"b": 2}, "line 3: the key 'a' is given twice"),
    ("x:\n  80: 1\n  '80': 2\n", {"b": 2}, "line 3: the key '80' is given twice"),
    ("a: 1\n<<: 2\n", {"b": 2}, "line 2: '<<' takes a mapping or a list of mappings"),
    ("a: 1\n---\nb: 1\n", {"a": 2}, "line 2: several documents in one file"),
    ("a: *x\n", {"a": 2}, "line 1: an alias without an anchor"),
    ("a: &x [*x]\n", {"a": 2}, "line 1: an alias inside its own anchor"),
    ("a: [" + "[" * 99 + "]" * 99 + "]\n", {"a": 2}, "line 1: it is nested too deeply"),
    (
        "b: 1\na:\n\t- 1\n",
        {"b": 2},
        "line 3: not YAML: while scanning for the next token, found character '\\t' that cannot start any token",
    ),
    (
        "b: 1\na: \x00\n",
        {"b": 2},
        "line 2: not YAML: unacceptable character #x0000: special characters are not allowed",
    ),
    (
        "b: 1\na: [1\nc: 2\n",
        {"b": 2},
        "line 3: not YAML: while parsing a flow sequence, expected ',' or ']', but got ':'",
    ),
    (
        "b: {\n",
        {"b": 2},
        "line 2: not YAML: while parsing a flow node, expected the node content, but found '<stream end>'",
    ),
    # A block of text lacks the line break that the file lacks, and would get one.
    ("a: |\n  x", {"b": 2}, "b: its layout cannot be changed key by key"),
    ("? a\n: - 1\n", {"a": [3]}, "line 2: a: it does not begin on a line of its own"),
    ("? a\n? b\n", {"a": 1}, "a: its layout cannot be changed key by key"),
]


@pytest.mark.parametrize("text, desired, said", _REFUSED)
def test_refused(text: str, desired: dict[str, Any], said: str) -> None:
    with pytest.raises(Unmergeable) as caught:
        merge_yaml(text, desired)
    assert str(caught.value) == said
    assert caught.value.hint
    assert f"line {caught.value.line}: " in said or not caught.value.line


def test_aliases_that_unfold_without_end_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 7)]
    with pytest.raises(Unmergeable, match="unfold into too many values"):
        merge_yaml("\n".join(lines), {"b": 1})
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} {'[' * 20}*a{n - 1}{']' * 20}" for n in range(1, 60))]
    with pytest.raises(Unmergeable, match="unfold into too many values"):
        merge_yaml("\n".join(lines), {"b": 1})
