"""Commands for PostgreSQL: what is secret is on standard input alone, and the answers are read as they are meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.argv.test_commands import guarded_words

from opsctl.argv import postgresql
from opsctl.argv.command import Command, Completed
from opsctl.errors import UsageError
from opsctl.secrets.pgpass import pgpass

SECRET = "canary-91c2"


def log_in(password: str = SECRET) -> Command:
    return postgresql.log_in(
        "/opt/demo",
        "r1",
        image="sha256:ab",
        network="demo_back",
        host="db",
        port="5432",
        role="app",
        password=password,
        database="app",
    )


def test_statements_go_to_standard_input() -> None:
    command = postgresql.administer("/opt/demo", "r1", "abc", "select 1;", administrator="boss")
    words = guarded_words(command)
    assert words[:7] == ("/opt/demo", "r1", "60", "docker", "exec", "--interactive", "abc")
    assert words[-2:] == ("opsctl", "boss")
    assert "psql -X -q -w" in words[-3]
    assert command.stdin == b"select 1;"
    assert command.privilege == "both"


def test_a_login_comes_from_a_container_that_leaves_nothing_behind() -> None:
    command = log_in()
    words = guarded_words(command)
    options = " ".join(words[3 : words.index("sha256:ab")])
    assert options.startswith("docker run --rm --pull never --interactive --read-only --tmpfs /tmp")
    assert "--network demo_back --label opsctl.probe=r1 --entrypoint sh" in options
    assert words[-6:] == ("opsctl", "10", "db", "5432", "app", "app")
    assert SECRET not in str(command)
    assert command.stdin == b"*:*:*:*:canary-91c2\n"


def read_pgpass(line: str) -> list[str]:
    """As libpq reads it (fe-connect.c, passwordFromFile): a backslash takes the next sign as it is, a colon parts."""
    fields, at = [""], 0
    while at < len(line):
        if line[at] == "\\" and at + 1 < len(line):
            at += 1
            fields[-1] += line[at]
        elif line[at] == ":":
            fields.append("")
        else:
            fields[-1] += line[at]
        at += 1
    return fields


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")))
def test_a_password_file_says_the_password(password: str) -> None:
    line = pgpass(password).decode()
    assert line.endswith("\n")
    assert read_pgpass(line[:-1]) == ["*", "*", "*", "*", password]


@pytest.mark.parametrize("sign", ["\n", "\r", "\0"])
def test_a_password_of_two_lines_is_refused(sign: str) -> None:
    with pytest.raises(UsageError) as caught:
        log_in(SECRET + sign)
    assert SECRET not in str(caught.value)


FATAL = 'psql: error: connection to server at "db" (172.18.0.2), port 5432 failed: FATAL:  '


@pytest.mark.parametrize(
    "code, stdout, stderr, told",
    [
        (0, "1\n", "", True),
        (0, "1\n", "WARNING: Your kernel does not support swap limit capabilities", True),
        (0, "", "", None),
        (2, "", FATAL + 'password authentication failed for user "app"', False),
        (2, "", FATAL + 'role "app" is not permitted to log in', False),
        (2, "", FATAL + 'role "app" does not exist', False),
        (2, "", FATAL + 'database "app" does not exist', None),
        (2, "", FATAL + 'no pg_hba.conf entry for host "172.18.0.3", user "app"', None),
        (2, "", FATAL + "the database system is starting up", None),
        (2, "", FATAL + "sorry, too many clients already", None),
        (2, "", 'connection to server at "db" failed: Connection refused', None),
        (125, "", "docker: Error response from daemon: network demo_back not found", None),
        (124, "", "", None),
    ],
)
def test_a_login_is_accepted_refused_or_not_known(
    code: int, stdout: str, stderr: str, *, told: bool | None
) -> None:
    completed = Completed(log_in(), code, stdout.encode(), stderr.encode())
    assert postgresql.accepted(completed) is told


def test_names_and_verifiers_are_put_in_by_psql() -> None:
    text = postgresql.let_in_sql('a"b', "c'd\\", "SCRAM-SHA-256$x")
    assert text.startswith("\\set role 'a\"b'\n\\set owner 'c''d\\\\'\n\\set verifier 'SCRAM-SHA-256$x'\n")
    assert ":\"role\" login inherit password :'verifier'" in text
    assert postgresql.shut_out_sql(["b", "a"]).startswith('\\set roles \'["a", "b"]\'\n')


def test_facts_are_read_from_what_is_printed() -> None:
    facts = postgresql.facts(b'{"roles" : {"app" : [true, false]}, "databases" : null}\n')
    assert facts.roles == {"app": postgresql.Role(login=True, superuser=False)}
    assert facts.databases == frozenset()
    with pytest.raises(ValueError, match="Expecting value"):
        postgresql.facts(b"")
