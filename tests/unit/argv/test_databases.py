"""Statements that make databases: names are put in by psql alone, nothing is dropped, and what is kept is read as it is."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.argv.test_commands import guarded_words

from opsctl.argv import databases, marks, postgresql

NAMES = st.text(
    st.sampled_from("\\'\"\n:%ab$ ") | st.characters(codec="utf-8", exclude_characters="\0"), min_size=1
)
# psql 15, psqlscanslash.l, xslashquote: '' is one quote, a backslash makes C's escapes, and an unknown one stands for itself.
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "r": "\r", "f": "\f"}


def variables(sql: str) -> dict[str, str]:
    """The variables of a script as psql would hold them after it; every other line must be one of the constant ones."""
    found = {}
    for line in sql.split("\n"):
        if line.startswith("\\set "):
            name, _, quoted = line.removeprefix("\\set ").partition(" ")
            assert quoted[0] == quoted[-1] == "'"
            text, at = "", 1
            while at < len(quoted) - 1:
                if quoted[at] == "\\":
                    text, at = text + _ESCAPES.get(quoted[at + 1], quoted[at + 1]), at + 2
                elif quoted[at] == "'":
                    assert quoted[at + 1] == "'", "the text ends too early"
                    text, at = text + "'", at + 2
                else:
                    text, at = text + quoted[at], at + 1
            found[name] = text
    return found


@given(NAMES, NAMES, NAMES, st.lists(NAMES), st.lists(NAMES))
def test_every_name_arrives_as_it_is(
    name: str, role: str, login: str, member_of: list[str], guests: list[str]
) -> None:
    sql = databases.database_sql(name, role, login, limit=3, member_of=member_of, guests=guests)
    held = variables(sql)
    assert (held["database"], held["role"], held["login"], held["limit"]) == (name, role, login, "3")
    assert json.loads(held["member_of"]) == sorted(member_of)
    assert set(json.loads(held["guests"])) == {*guests, *member_of}
    constant = databases.database_sql("a", "a", "a", limit=3, member_of=(), guests=())
    assert _without_sets(sql) == _without_sets(constant)


@given(NAMES, st.lists(NAMES))
def test_extensions_and_roles_arrive_as_they_are(role: str, names: list[str]) -> None:
    assert json.loads(variables(databases.inside_sql(role, names))["extensions"]) == sorted(names)
    assert json.loads(variables(databases.roles_sql(names))["roles"]) == sorted(names)
    assert json.loads(variables(databases.kept_sql(names))["roles"]) == sorted(names)
    assert variables(databases.role_sql(role, role, "v"))["role"] == role


def _without_sets(sql: str) -> list[str]:
    return [line for line in sql.split("\n") if not line.startswith("\\set ")]


def test_nothing_is_dropped_and_no_limit_is_said_as_postgresql_says_it() -> None:
    whole = databases.database_sql("a", "b", "c", limit=None, member_of=("d",), guests=("e",))
    whole += databases.roles_sql(["b"]) + databases.role_sql("b", "c", "v") + databases.inside_sql("b", ["x"])
    assert not re.search(r"\b(?:drop|delete|truncate|nosuperuser)\b", whole, re.IGNORECASE)
    assert variables(whole)["limit"] == "-1"


def test_what_a_server_keeps_is_read() -> None:
    said = b'{ "app" : [true, "SCRAM-SHA-256$1:a$b:c"], "b" : [false, ""] }\n'
    found = databases.kept(said)
    assert found == {
        "app": databases.Kept(login=True, verifier="SCRAM-SHA-256$1:a$b:c"),
        "b": databases.Kept(login=False, verifier=""),
    }
    assert "SCRAM" not in repr(found)
    assert databases.kept(b"\n") == {}


@pytest.mark.parametrize("said", [b"{", b"[1]", b'{"a": 1}', b'{"a": [true]}'])
def test_another_answer_is_none(said: bytes) -> None:
    with pytest.raises(ValueError, match=r"not roles|Expecting"):
        databases.kept(said)


def test_a_database_is_named_beside_the_connection_string() -> None:
    command = postgresql.administer("/opt/demo", "r1", "abc", "select 1;", database="a=b host=evil")
    words = guarded_words(command)
    assert words[-3:] == ("opsctl", "", "a=b host=evil")
    assert "-d" not in words[-4].split()


def test_what_was_made_is_remembered_from_standard_input() -> None:
    command = marks.ensured("/opt/demo", "r1", "db", "{}")
    assert command.stdin == b"{}"
    assert command.privilege == "files"
