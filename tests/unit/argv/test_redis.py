"""Commands for Redis: what redis-cli reads from a line, and what it says."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.argv.test_commands import guarded_words

from opsctl.argv import redis
from opsctl.argv.command import Completed

SECRET = "canary-3f00"


def split(line: str) -> list[bytes]:
    """As sds.c of Redis 7.0 reads a line (sdssplitargs), for arguments in double quotes alone."""
    data, found, at = line.encode(), [], 0
    while at < len(data):
        assert data[at] == ord('"')
        at += 1
        argument = b""
        while data[at] != ord('"'):
            if data[at : at + 2] == b"\\x":
                argument += bytes.fromhex(data[at + 2 : at + 4].decode())
                at += 4
            else:
                assert data[at] != ord("\\")
                argument += data[at : at + 1]
                at += 1
        found.append(argument)
        at += 1
        assert data[at : at + 1] in (b" ", b"")
        at += 1
    return found


@given(st.lists(st.text(), min_size=1))
def test_arguments_are_read_back_as_they_were(words: list[str]) -> None:
    line = " ".join(map(redis.quoted, words))
    assert line.isprintable()
    assert line.isascii()
    assert split(line) == [word.encode() for word in words]


def test_passwords_go_to_standard_input() -> None:
    login = redis.login("default", SECRET)
    command = redis.administer(
        "/opt/demo", "r1", "abc", [login, redis.keep_only("default", SECRET)], port="6379"
    )
    words = guarded_words(command)
    assert words[:7] == ("/opt/demo", "r1", "60", "docker", "exec", "--interactive", "abc")
    assert words[-2:] == ("opsctl", "6379")
    hashed = "#" + hashlib.sha256(SECRET.encode()).hexdigest()
    assert command.stdin.decode().splitlines() == [
        f'"AUTH" "default" "{SECRET}"',
        f'"ACL" "SETUSER" "default" "resetpass" "{hashed}"',
    ]
    assert SECRET not in str(command)


def test_a_login_comes_from_another_container() -> None:
    command = redis.log_in(
        "/opt/demo",
        "r1",
        image="sha256:ab",
        network="demo_back",
        host="cache",
        port="6379",
        user="app",
        password=SECRET,
    )
    words = guarded_words(command)
    assert words[3:5] == ("docker", "run")
    assert "demo_back" in words
    assert words[-3:] == ("opsctl", "6379", "cache")
    assert command.stdin == b'"AUTH" "app" "canary-3f00"\n'
    assert SECRET not in str(command)


@pytest.mark.parametrize(
    "stdout, stderr, told",
    [
        ("OK\n", "", True),
        ("WRONGPASS invalid username-password pair or user is disabled.\n\n", "", False),
        ("ERR wrong number of arguments for 'auth' command\n\n", "", None),
        ("ERR max number of clients reached\n", "", None),
        ("", "Could not connect to Redis at cache:6379: Connection refused\n", None),
        ("", "", None),
    ],
)
def test_a_login_is_accepted_refused_or_not_known(stdout: str, stderr: str, *, told: bool | None) -> None:
    command = redis.administer("/opt/demo", "r1", "abc", [], port="6379")
    assert redis.accepted(Completed(command, 0, stdout.encode(), stderr.encode())) is told


def test_no_password_is_taken_away_before_the_one_to_keep_is_there() -> None:
    assert redis.keep_only("u", "p")[:4] == ("ACL", "SETUSER", "u", "resetpass")
    assert redis.take_too("u", ["p"])[:3] == ("ACL", "SETUSER", "u")
    assert "resetpass" not in redis.take_too("u", ["p", "q"])
