"""A .dockerignore as Docker reads it; the cases are those of moby/patternmatcher's own tests where they are about a point."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.images.dockerignore import ignored


@pytest.mark.parametrize(
    "text, out, kept",
    [
        ("", [], ["a", "a/b"]),
        ("# a\n\n   \n", [], ["a", "# a"]),
        ("a", ["a", "a/b", "a/b/c"], ["ab", "b/a"]),
        ("/a", ["a", "a/b"], ["b/a"]),
        ("./a/", ["a", "a/b"], ["b/a"]),
        ("  a  ", ["a"], []),
        ("a/../b", ["b"], ["a"]),
        ("*.md", ["x.md", ".md"], ["a/x.md", "x.mdx"]),
        ("*/x", ["a/x", "a/x/y"], ["x", "a/b/x"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", "a/xb"]),
        ("**/*.pyc", ["x.pyc", "a/b/x.pyc"], ["x.py"]),
        ("a/**", ["a/b", "a/b/c"], ["b"]),
        ("a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["a/bc"]),
        ("a?", ["ab"], ["a", "abc", "a/"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "x"]),
        ("[^a]x", ["bx"], ["ax"]),
        (r"a\*", ["a*"], ["ab"]),
        ("*\n!a", ["b", "b/a"], ["a", "a/b"]),
        ("*\n!a\na/b", ["b", "a/b"], ["a/c"]),
        ("!a\n*", ["a"], []),
        ("a.b", ["a.b"], ["axb"]),
        ("a|b", ["a|b"], ["a", "b"]),
        ("[a&&b]", ["a", "&"], ["c"]),
        (".", [], ["a"]),
        ("\ufeffa", ["a"], []),
    ],
)
def test_patterns(text: str, out: list[str], kept: list[str]) -> None:
    decide = ignored(text)
    assert [path for path in out if not decide(path)] == []
    assert [path for path in kept if decide(path)] == []


@given(st.text(alphabet="ab/*?[]^!\\.-|&#", max_size=12))
def test_no_line_is_too_odd_to_be_read(text: str) -> None:
    ignored(text)("a/b")


@pytest.mark.parametrize(
    "pattern,name,out",
    [
        ("[a-c].txt", "b.txt", True),
        ("[a-c].txt", "d.txt", False),
        ("[^a-c].txt", "d.txt", True),
        ("[c-a].txt", "b.txt", False),
        ("[^c-a].txt", "b.txt", True),
        (r"[\]].txt", "].txt", True),
        ("[[-?].txt", "x.txt", False),
        ("[ab-].txt", "-.txt", True),
    ],
)
def test_classes_mean_what_they_mean_to_go(pattern: str, name: str, out: bool) -> None:
    assert ignored(pattern)(name) is out
