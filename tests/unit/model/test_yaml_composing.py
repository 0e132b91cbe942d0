"""libyaml and ruamel.yaml see the same in a text that both take."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from opsctl.model import yaml_composing
from opsctl.model.yaml_composing import Node, ScalarNode, SequenceNode, compose

PIECES = (
    *(
        "a",
        "b: ",
        "- ",
        "? ",
        "'",
        '"',
        "\n",
        "\n  ",
        "\n    ",
        " ",
        " #",
        ":",
        ": ",
        ",",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
    ),
    *(
        "|",
        "|-",
        "|2",
        ">",
        "!!str ",
        "!x ",
        "<<: ",
        "~",
        "null",
        "yes",
        "0x1f",
        "0o17",
        "017",
        "1.5",
        "1e3",
        ".inf",
        "true",
        "True",
    ),
    *(
        "2020-01-01",
        "12:30",
        "=",
        "%",
        "@",
        "`",
        "\\n",
        "\\/",
        "--- ",
        "...",
        "\r\n",
        "é",
        "\x85",
        "$",
        "1_000",
        "\nk: ",
        "\n- ",
    ),
)
BEGINNINGS = st.sampled_from(["", "k: ", "services:\n  a: ", "- ", "a: &a {x: 1}\nb: "])
TEXTS = st.tuples(BEGINNINGS, st.lists(st.sampled_from(PIECES), max_size=12).map("".join)).map("".join)


def seen(node: Node | None, within: tuple[Node, ...] = ()) -> Any:
    """All that is read of a node. Where an empty scalar stands is nobody's business: libyaml says before, ruamel.yaml behind."""
    if node is None or any(node is outer for outer in within):
        return "nothing or a loop"
    tag, line, inner = str(node.tag), node.start_mark.line, (*within, node)
    if isinstance(node, ScalarNode):
        return tag, node.value, line if node.value or node.style else None, node.style in {"|", ">"}
    if isinstance(node, SequenceNode):
        return tag, line, [seen(item, inner) for item in node.value]
    return tag, line, [(seen(key, inner), seen(value, inner)) for key, value in node.value]


def slowly(text: str) -> Node | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        return compose(text)


@given(TEXTS)
@example("a: yes\nb: 0o17\nc: 017\nd: 12:30\ne: 1_000\nf: =\n")
@example("ports: [8000:8000, a:b]\nenv: {A: b:c}\n")
@example("a: &x {k: 1}\nb:\n  <<: *x\n  t: |\n    one\n    two\n")
def test_both_see_the_same(text: str) -> None:
    try:
        expected = slowly(text)
    except YAMLError:
        return

    assert seen(compose(text)) == seen(expected)


def test_the_fast_one_reads_what_stacks_are_made_of() -> None:
    root = compose("services:\n  web: {ports: [8000:8000]}\n")
    assert isinstance(root, yaml.MappingNode)


@pytest.mark.parametrize("text", ["%YAML 1.1\n---\na: yes\n", "a: 'one\x85two'\n"])
def test_what_libyaml_would_read_as_another_version_is_left_to_the_slow_one(text: str) -> None:
    assert not isinstance(compose(text), yaml.Node)


def test_a_blank_may_be_a_tab_where_compose_takes_it() -> None:
    root = compose("a:\tb\n")
    assert isinstance(root, yaml_composing.MappingNode)
    assert [(key.value, value.value) for key, value in root.value] == [("a", "b")]
