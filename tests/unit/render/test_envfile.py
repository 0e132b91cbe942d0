from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.render.compose_binary import config

from opsctl.render.envfile import dump, key_problem, parse, value_problem

COMPOSE = "name: x\nservices:\n  s:\n    image: a\n    env_file: [a.env]\n"
AWKWARD = st.sampled_from("\\'\"$#{}() \t=aK:-?!~é☃😀\x0b\x0c\x85\xa0\u2028`&*0\x01\x7f")
ORDINARY = st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r\0")
VALUES = st.text(st.one_of(AWKWARD, ORDINARY), max_size=8)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,7}", fullmatch=True)


@pytest.mark.compose
@tries(5)
@given(values=st.lists(VALUES, min_size=80, max_size=120))
@example(
    values=[
        "",
        " ",
        "'",
        '"',
        "\\",
        "\\\\",
        "a\\'",
        "'\\",
        "$K",
        "${K}",
        "$$",
        "a # b",
        "#a",
        "'a'",
        '"a"',
        " a ",
    ]
)
def test_compose_reads_every_value_as_it_was(
    values: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = {f"K{index}": value for index, value in enumerate(values)}
    folder = tmp_path_factory.mktemp("env")

    read = config(folder, compose_yml=COMPOSE, a_env=dump(wanted))

    assert read["services"]["s"]["environment"] == wanted


@tries(60)
@given(values=st.dictionaries(KEYS, VALUES))
def test_parse_reads_what_dump_wrote(values: dict[str, str]) -> None:
    assert parse(dump(values)) == values


@pytest.mark.compose
def test_parse_reads_lines_written_by_hand_as_compose_does(tmp_path: Path) -> None:
    text = (
        '\ufeff# a comment\n\nexport A=1\nB: two\n  C = three # not this\nD=a#b\nE="x\\ty\\"z\\\\ \\$A $A ${A} $$A"\n'
        "F='$A \\' \\n'\nG=${A:-no} ${NONE:-yes} ${A:+set} ${NONE-}\nH=\nI=''\nJ=a=b\nA=2\nL=$A\nM=\"two\nlines\" # end\r\nN=n\r\n"
        "O=back\\slash\\\\\n9=digit\nP.q-r=dots\n"
    )

    assert (
        parse(text.encode())
        == config(tmp_path, compose_yml=COMPOSE, a_env=text)["services"]["s"]["environment"]
    )


def test_a_name_without_a_value_is_not_taken_from_anywhere() -> None:
    assert parse(b"A\nexport B\nC=1\n") == {"C": "1"}


@pytest.mark.parametrize(
    "text, line",
    [("A=1\nB='open\n", 2), ('\n\nA="x\n', 3), ("A=1\nb ad=2\n", 2), ("A=1\n=2\n", 2), ("A=${x\n", 1)],
)
def test_what_compose_refuses_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line}\\b"):
        parse(text.encode())


def test_keys_are_sorted_and_plain_values_stay_plain() -> None:
    assert dump({"B": "x-1.2:/@%+,=", "A": "a b"}) == b"A='a b'\nB=x-1.2:/@%+,=\n"


@pytest.mark.parametrize("value, name", [("a\nb", "newline"), ("a\rb", "carriage return"), ("a\0b", "NUL")])
def test_what_an_env_file_cannot_carry_is_refused_without_the_value(value: str, name: str) -> None:
    assert name in value_problem(value)
    with pytest.raises(ValueError, match=name) as caught:
        dump({"KEY": value})
    assert "KEY" in str(caught.value)
    assert value not in str(caught.value)


@pytest.mark.parametrize("key", ["", "1A", "A B", "A=B", "-A", "É", "A\n"])
def test_names_that_no_shell_or_compose_would_take_are_refused(key: str) -> None:
    assert key_problem(key)
    with pytest.raises(ValueError, match="name of a variable"):
        dump({key: "x"})


def test_text_that_is_not_unicode_is_refused() -> None:
    assert "Unicode" in value_problem("\udcff")
