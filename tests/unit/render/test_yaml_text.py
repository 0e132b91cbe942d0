from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from tests.effort import tries
from tests.unit.render.compose_binary import config

from opsctl.render.yaml_text import dump

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
LOOKALIKES = st.sampled_from(
    [
        *(
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "true",
            "FALSE",
            "null",
            "~",
            "Null",
            "1",
            "01",
            "0x1f",
            "0o17",
            "1_000",
        ),
        *(
            "1e3",
            "1:30",
            ".5",
            ".inf",
            "-.INF",
            ".nan",
            "2026-01-31",
            "<<",
            "=",
            "-",
            "?",
            ":",
            "|",
            ">",
            "@",
            "`",
            "!",
        ),
        *(
            "&",
            "*",
            "%",
            "a:",
            ":a",
            "a:b",
            "a: b",
            "a#b",
            "#a",
            "a #b",
            "-a",
            "- a",
            "{a}",
            "[a]",
            ",",
            "'a'",
            '"a"',
        ),
        *("./a", "../a", "/a", "~/a", "\ufeff", "x\x85y", "\u2028", "é", "😀", " a ", "a\nb\n", "---", "..."),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    LOOKALIKES,
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(TEXT, LOOKALIKES), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
@tries(60)
@given(data=DATA)
def test_yaml_1_1_and_1_2_read_back_what_was_written(version: tuple[int, int], data: Any) -> None:
    reader = YAML(typ="safe", pure=True)
    reader.version = version

    read = reader.load(dump(data))

    assert read == data
    assert repr(read) == repr(data), "1 and True and 1.0 are equal, but not the same"


@pytest.mark.compose
@tries(5)
@given(texts=st.lists(st.one_of(TEXT, LOOKALIKES), min_size=70, max_size=100))
def test_compose_reads_back_what_was_written(
    texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    doubled = [text.replace("$", "$$") for text in texts]
    labels = {f"k{index}": text for index, text in enumerate(doubled)}
    document = {"name": "x", "services": {"s": {"image": "a", "command": doubled, "labels": labels}}}

    read = config(tmp_path_factory.mktemp("yaml"), compose_yml=dump(document))["services"]["s"]

    assert read["command"] == texts
    assert read["labels"] == {f"k{index}": text for index, text in enumerate(texts)}


def test_it_is_block_style_with_quotes_only_where_they_are_needed() -> None:
    data = {
        "a": {"b": ["x", "1", {"c": None, "d": []}, ["e"]]},
        "f": "./g:/h:ro",
        "i": True,
        "j": 1.5,
        "k": {},
    }

    assert dump(data) == (
        'a:\n  b:\n    - x\n    - "1"\n    - c: null\n      d: []\n    - - e\n'
        "f: ./g:/h:ro\ni: true\nj: 1.5\nk: {}\n"
    )


def test_infinities_and_nan_have_their_yaml_names() -> None:
    assert dump([math.inf, -math.inf, math.nan]) == "- .inf\n- -.inf\n- .nan\n"


@pytest.mark.parametrize("data", [{1: "a"}, {"a": object()}, {"a": b"x"}])
def test_what_is_not_plain_data_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match=r"not text|no form"):
        dump(data)
