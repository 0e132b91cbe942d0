"""The line of a template that a rendered line comes from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.render.fleets import fleet_of

from opsctl.apps.config_file import place_of, source_line
from opsctl.model.fleet import Place
from opsctl.state.desired import DesiredFile

LINES = st.lists(st.text(alphabet="abc: {}%\t", max_size=12), max_size=12)


@given(LINES, LINES)
def test_every_rendered_line_has_a_line_in_the_template(source: list[str], rendered: list[str]) -> None:
    for line in range(1, len(rendered) + 1):
        found = source_line(source, rendered, line)
        assert 1 <= found <= len(source) if source else found == 0


@given(st.lists(st.text(alphabet="abc: ", max_size=12), min_size=1, max_size=12))
def test_what_is_not_rendered_keeps_its_line(lines: list[str]) -> None:
    assert [source_line(lines, lines, line + 1) for line in range(len(lines))] == [
        line + 1 for line in range(len(lines))
    ]


def test_a_line_whose_value_is_rendered_is_found_by_its_key() -> None:
    source = ["a: {{ x }}", "{% if no %}", "gone: 1", "{% endif %}", "b: {{ y }}", "c: 1"]
    assert [source_line(source, ["a: 1", "b: 2", "c: 1"], line) for line in (1, 2, 3)] == [1, 5, 6]


def test_a_line_without_keys_is_found_by_its_beginning() -> None:
    source = ["user default on >{{ a }}", "user {{ n }} off", "user app on >{{ b }} ~app:*"]
    rendered = ["user default on >x", "user y off", "user app on >z ~app:*"]
    assert [source_line(source, rendered, line) for line in (1, 2, 3)] == [1, 2, 3]


def test_lines_of_a_loop_lead_to_its_body() -> None:
    source = ["top:", "{% for n in names %}", "  {{ n }}: {limit: 1}", "{% endfor %}", "end: 1"]
    rendered = ["top:", "", "  a: {limit: 1}", "", "  b: {limit: 1}", "", "end: 1"]
    assert {source_line(source, rendered, line) for line in (3, 5)} == {3}


def test_a_text_of_the_stack_file_begins_below_its_key() -> None:
    file = DesiredFile("files/a/x", b"a: 1\nb: 2\n", 0o644, "/x", origin=Place("stacks/apps.yml", 10))
    assert str(place_of(fleet_of({}), file, 2)) == "stacks/apps.yml:12"


def test_bytes_that_are_copied_keep_their_lines() -> None:
    file = DesiredFile("files/a/x", b"a: 1\nb: 2\n", 0o644, "/x", origin=Place("templates/x", 0))
    fleet = fleet_of({}, templates={"x": "a: 1\nb: 2\n"})
    assert str(place_of(fleet, file, 2)) == "templates/x:2"
    assert str(place_of(fleet, file, 0)) == "templates/x"
