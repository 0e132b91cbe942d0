"""redis.conf, ACL files and commands, read as the server reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.apps.redis.command import read_command
from opsctl.apps.redis.conf import memory_bytes, read_conf, split_words
from opsctl.apps.redis.users import open_users, read_users, user_of
from opsctl.argv.redis import quoted
from opsctl.model.values import Unfit

WORDS = st.lists(st.text(min_size=0, max_size=12).filter(lambda text: text.isprintable()), max_size=4)


@given(WORDS)
def test_words_that_redis_cli_quotes_come_back(words: list[str]) -> None:
    assert split_words(" ".join(map(quoted, words)).encode()) == words


@given(st.binary(max_size=60))
def test_whatever_stands_there_it_ends(content: bytes) -> None:
    conf = read_conf(content)
    assert all(0 < line <= content.count(b"\n") + 1 for line in conf.broken)
    assert all(one.name for one in conf.directives)
    read_users(content)


@pytest.mark.parametrize(
    "line,words",
    [
        (rb"save 60   1", ["save", "60", "1"]),
        (rb'save ""', ["save", ""]),
        (rb'a "b c"', ["a", "b c"]),
        (rb'a b"c d"', ["a", "bc d"]),
        (rb'a "b"c', None),
        (rb'a "b', None),
        (rb"a 'b\' c' d", ["a", "b' c", "d"]),
        (rb"a 'b\' c", None),
        (rb"a 'b\n'", ["a", r"b\n"]),
        (rb'a "\x41\x4\n\q\""', ["a", 'Ax4\nq"']),
        (rb"a \x41", ["a", r"\x41"]),
        (b'a "\\xc3\\xbc"', ["a", "ü"]),
    ],
)
def test_quotes(line: bytes, words: list[str] | None) -> None:
    assert split_words(line) == words


def test_lines_comments_and_names() -> None:
    conf = read_conf(b'# a\n\n  MaxMemory 1kb\r\n\tappendonly yes # no comment\nbad "\n')
    assert [(one.name, one.arguments, one.line) for one in conf.directives] == [
        ("maxmemory", ("1kb",), 3),
        ("appendonly", ("yes", "#", "no", "comment"), 4),
    ]
    assert conf.broken == (5,)


@pytest.mark.parametrize(
    "text,size",
    [("100", 100), ("1k", 1000), ("1kb", 1024), ("1M", 10**6), ("1mB", 1 << 20), ("1GB", 1 << 30)],
)
def test_sizes(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "1.5mb", "10%", "None", "-1", "1tb"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(Unfit):
        memory_bytes(text)


@pytest.mark.parametrize(
    "rules,state",
    [
        ("", (False, False, 0)),
        ("on >a #b", (True, False, 2)),
        ("on >a >a <a", (True, False, 0)),
        ("on nopass >a", (True, False, 1)),
        ("on >a nopass", (True, True, 0)),
        ("ON NOPASS reset", (False, False, 0)),
        ("on nopass resetpass", (True, False, 0)),
    ],
)
def test_rules_of_a_user(rules: str, state: tuple[bool, bool, int]) -> None:
    user = user_of(["x", *rules.split()], 1)
    assert (user.on, user.nopass, user.passwords) == state


def test_lines_of_an_acl_file() -> None:
    read = read_users(b"user a on nopass\n\n# no\nUSER b\nuser a off\nuser\n user c on >x \n")
    assert ([(user.name, user.line) for user in read.users], read.broken) == (
        [("a", 1), ("c", 7)],
        (3, 4, 5, 6),
    )
    assert [user.name for user in open_users(read.users)] == ["default", "a"]


@pytest.mark.parametrize(
    "words,config,options",
    [
        ([], "", []),
        (["redis-server"], "", []),
        (["/usr/bin/redis-server", "/a.conf"], "/a.conf", []),
        (["a.conf", "--Port", "1"], "a.conf", [("port", ("1",))]),
        (["--save", "--port", "1"], "", [("save", ()), ("port", ("1",))]),
        (["docker-entrypoint.sh", "redis-server", "--save", "60", "1"], "", [("save", ("60", "1"))]),
        (["sh", "-c", "exec redis-server /a.conf --port 1"], "/a.conf", [("port", ("1",))]),
    ],
)
def test_commands(words: list[str], config: str, options: list[tuple[str, tuple[str, ...]]]) -> None:
    command = read_command(words)
    assert (command.config, [(one.name, one.arguments) for one in command.options]) == (config, options)
    assert command.readable


@pytest.mark.parametrize("words", [["start"], ["redis-server", "-"], ["sh", "-c", "run"]])
def test_commands_that_cannot_be_read(words: list[str]) -> None:
    assert not read_command(words).readable
