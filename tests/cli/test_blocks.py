"""Tables fit their width: columns are cut where they may be, optional ones left out, never a secret halved."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opsctl.cli.screen import paint, redacted
from opsctl.cli.views.blocks import (
    BLANK,
    Block,
    Column,
    Span,
    Table,
    folded,
    lay_out,
    line,
    shorten,
    text_of,
    without_empty,
)


def plain(blocks: list[Block], width: int | None = None) -> list[str]:
    return [paint(one, colour=False) for one in lay_out(blocks, width)]


TABLE = Table(
    (Column("service", least=4), Column("n", align="right"), Column("image", least=5, optional=True)),
    (
        (Span("postgresql"), Span("7"), Span("docker.io/library/postgres:17")),
        (Span("api"), Span("12"), Span("api:1")),
    ),
)


def test_columns_are_as_wide_as_their_longest_cell_and_lines_have_no_blanks_at_the_end() -> None:
    assert plain([TABLE]) == [
        "service      n  image",
        "postgresql   7  docker.io/library/postgres:17",
        "api         12  api:1",
    ]


def test_the_widest_column_that_may_is_cut_first() -> None:
    assert plain([TABLE], 30) == [
        "service      n  image",
        "postgresql   7  docker.io/lib…",
        "api         12  api:1",
    ]


def test_an_optional_column_goes_when_cutting_is_not_enough() -> None:
    assert not any("image" in text for text in plain([TABLE], 12))


def test_columns_without_a_word_are_left_out() -> None:
    table = Table((Column("a"), Column("b")), ((Span("x"), Span("")),))
    assert plain([without_empty(table)]) == ["a", "x"]


def test_a_table_without_titles_has_no_head() -> None:
    assert plain([Table((Column(), Column()), ((Span("x"), Span("y")),), indent=2), BLANK, line("z")]) == [
        "  x  y",
        "",
        "z",
    ]


@given(
    st.lists(st.tuples(st.text("ab", max_size=30), st.text("ab", max_size=30)), max_size=5),
    st.integers(min_value=12, max_value=60),
)
def test_a_table_whose_columns_all_give_way_never_exceeds_the_width(
    rows: list[tuple[str, str]], width: int
) -> None:
    table = Table((Column(least=4), Column(least=4)), tuple((Span(a), Span(b)) for a, b in rows))
    assert all(len(text_of(one)) <= width + 2 for one in lay_out([table], width))
    assert all(len(text) <= width for text in plain([table], width))


def test_shorten_keeps_what_fits() -> None:
    assert (shorten("abc", 3), shorten("abcd", 3), shorten("abc", 0)) == ("abc", "ab…", "…")


def test_secrets_are_taken_out_before_a_cell_is_cut() -> None:
    table = Table((Column(least=4),), ((Span("canary-1234567"),),))
    clean = redacted([table], lambda text: text.replace("canary-1234567", "***"))
    assert plain(list(clean), 8) == ["***"]


def test_colour_is_put_on_spans_only_when_wanted() -> None:
    one = line("a ", Span("b", "bad"))
    assert paint(one, colour=False) == "a b"
    assert paint(one, colour=True) == "a \x1b[1;31mb\x1b[0m"


def test_what_a_terminal_would_obey_is_shown_and_not_sent() -> None:
    said = "\x1b[2Jgone\nforged\x9b31m\ttab"
    assert plain(list(redacted([line(said)], lambda text: text))) == ["\\x1b[2Jgone\\x0aforged\\x9b31m\ttab"]


def test_a_column_gives_way_at_its_start_or_goes_on_below() -> None:
    columns = (Column("image", least=8, over="start"), Column("n"), Column("places", least=10, over="fold"))
    table = Table(columns, ((Span("example.org/api:1.4"), Span("7"), Span("a.yml:1, b.yml:2, c.yml:3")),))
    assert plain([table], 30) == [
        "image         n  places",
        "…org/api:1.4  7  a.yml:1,",
        "                 b.yml:2,",
        "                 c.yml:3",
    ]


def test_prose_goes_on_further_in_and_is_whole_in_a_pipe() -> None:
    prose = folded(Span("note", "warn"), "  one two three four five six", hang=6)
    assert plain([prose]) == ["note  one two three four five six"]
    assert plain([prose], 26) == ["note  one two three four", "      five six"]


@given(st.text("ab ", max_size=60), st.integers(min_value=26, max_value=60))
def test_folding_loses_no_word(text: str, width: int) -> None:
    told = " ".join(plain([folded(text, hang=4)], width))
    assert told.split() == text.split()
