from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from tests.unit.render.fleets import rendered

from opsctl.render.filters import FILTERS


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("'Yes' | bool", "True"),
        ("1 | bool", "True"),
        ("'off' | bool", "False"),
        ("'maybe' | bool", "False"),
        ("none | bool", "None"),
        ("{'b': 'é', 'a': [1, true, none]} | to_json", '{"b": "é", "a": [1, true, null]}'),
        ("'a.b.c' | regex_replace('\\\\.', '-')", "a-b-c"),
        ("'aXbx' | regex_replace('x', '', ignorecase=true)", "ab"),
        ("'k=v' | regex_replace('(.)=(.)', '\\\\2=\\\\1')", "v=k"),
        ("'é' | b64encode", "w6k="),
        ("'w6k=' | b64decode", "é"),
        ("'a/b c?é' | urlencode", "a%2Fb%20c%3F%C3%A9"),
        ("{'a': 'b c'} | urlencode", "a=b%20c"),
        (
            "{'a': 1, 'b': {'c': 2}} | combine({'b': {'d': 3}}, recursive=true) | to_json",
            '{"a": 1, "b": {"c": 2, "d": 3}}',
        ),
        ("{'a': 1} | combine({'a': 2}) | to_json", '{"a": 2}'),
        ('"it\'s" | quote', "'it'\"'\"'s'"),
        ("vars.nope | default('other')", "other"),
        ("'' | default('other', true)", "other"),
        ("vars.x | mandatory", "7"),
    ],
)
def test_filters_do_what_ansible_users_expect(expression: str, expected: str) -> None:
    assert rendered({"env": {"A": f"{{{{ {expression} }}}}"}}, variables={"x": 7}).env == {"A": expected}


def test_nice_json_is_sorted_and_indented_by_four_and_yaml_is_block_style() -> None:
    data: dict[str, Any] = {"b": [1], "a": {"c": "1"}}

    assert (
        FILTERS["to_nice_json"](data)
        == '{\n    "a": {\n        "c": "1"\n    },\n    "b": [\n        1\n    ]\n}'
    )
    assert FILTERS["to_nice_yaml"](data) == 'b:\n  - 1\na:\n  c: "1"\n'


def test_a_date_that_yaml_made_of_a_text_becomes_that_text_again() -> None:
    assert FILTERS["to_json"]({"day": dt.date(2026, 1, 31)}) == '{"day": "2026-01-31"}'
    with pytest.raises(TypeError, match="set has no form in JSON"):
        FILTERS["to_json"]({1})
