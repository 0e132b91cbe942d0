"""What the PostgreSQL of a new image is asked, and how its words are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps.crossed import crossing, said, tried

from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Question
from opsctl.checks.throwaway import Throwaway

STACK = """\
services:
  db:
    app: postgresql
    image: postgres:17.6-bookworm
    command: [postgres, -c, max_connections=50]
    shm_size: 128m
    env: {POSTGRES_PASSWORD: {secret: superuser}}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}
volumes: {data: {}}
"""
WITH_A_FILE = STACK.replace(
    "max_connections=50]",
    "config_file=/etc/own.conf]\n    files: [{template: own.conf, target: /etc/own.conf}]",
)


def changed(root: Path, stack: str = STACK, conf: str = "work_mem = 8MB\n") -> Crossing:
    return crossing(root, stack, "postgres:17.4-bookworm", {"own.conf": conf})


def shown(asked: list[Question]) -> tuple[tuple[str, ...], bytes]:
    """What the one program is started with, from the path of its file on, and what it reads."""
    (one,) = asked
    assert isinstance(one, Throwaway)
    assert (one.image, one.user, dict(one.env)) == ("postgres:17.6-bookworm", "postgres", {})
    assert one.words[:2] == ("sh", "-c")
    return one.words[4:], one.stdin


def test_it_is_started_with_the_options_of_the_service(tmp_path: Path) -> None:
    verdict, asked = tried(changed(tmp_path), said())
    assert (verdict.result, verdict.message) == ("pass", "it starts with its options")
    assert shown(asked) == (("", "-c", "max_connections=50"), b"")


@pytest.mark.parametrize(
    "command,options",
    [
        ("[docker-entrypoint.sh, postgres, -c, a=1]", ("-c", "a=1")),
        ("[-c, a=/usr/postgres, -c, b=1]", ("-c", "a=/usr/postgres", "-c", "b=1")),
        ("[/usr/bin/postgres]", ()),
    ],
)
def test_its_options_are_told_from_its_name(command: str, options: tuple[str, ...], tmp_path: Path) -> None:
    stack = STACK.replace("[postgres, -c, max_connections=50]", command)
    assert shown(tried(changed(tmp_path, stack), said())[1])[0] == ("", *options)


def test_it_is_shown_the_file_that_is_mounted(tmp_path: Path) -> None:
    _, asked = tried(changed(tmp_path, WITH_A_FILE), said())
    assert shown(asked) == (("/etc/own.conf", "-c", "config_file=/etc/own.conf"), b"work_mem = 8MB\n")


@pytest.mark.parametrize(
    "words,told",
    [
        (
            '2026-11-26 23:00:00 UTC [7] FATAL:  unrecognized configuration parameter "n"\n',
            'unrecognized configuration parameter "n"',
        ),
        (
            'x LOG:  unrecognized parameter "n" in file "/a" line 2\nx FATAL:  file "/a" contains errors\n',
            'unrecognized parameter "n" in file "/a" line 2',
        ),
        (
            'x FATAL:  could not access file "timescaledb": No such file or directory\nx LOG:  database system is shut down\n',
            'could not access file "timescaledb": No such file or directory',
        ),
        (
            "postgres: superuser_reserved_connections (3) must be less\n",
            "postgres: superuser_reserved_connections (3) must be less",
        ),
    ],
)
def test_one_that_does_not_start_says_why(words: str, told: str, tmp_path: Path) -> None:
    verdict, _ = tried(changed(tmp_path), said(words, 1))
    assert (verdict.result, verdict.message) == ("fail", f"it does not start with its options: {told}")


def test_no_room_beside_the_old_one_says_nothing_of_the_options(tmp_path: Path) -> None:
    words = "x FATAL:  could not map anonymous shared memory: Cannot allocate memory\nx HINT:  This error\n"
    verdict, _ = tried(changed(tmp_path), said(words, 1))
    assert (verdict.result, "Cannot allocate memory" in verdict.message) == ("inconclusive", True)


def test_a_cluster_that_cannot_be_made_says_nothing_of_the_options(tmp_path: Path) -> None:
    verdict, _ = tried(changed(tmp_path), said("initdb: error: no space left", 70))
    assert (verdict.result, "no space left" in verdict.message) == ("inconclusive", True)


@pytest.mark.parametrize(
    "stack,conf,why",
    [
        (STACK.replace("[postgres, -c, max_connections=50]", "[own-start]"), "", "is not postgres"),
        (STACK.replace("    shm_size", "    entrypoint: [own.sh]\n    shm_size"), "", "is not postgres"),
        (STACK.replace("max_connections=50", "config_file=/data/my.conf"), "", "mounts no /data/my.conf"),
        (WITH_A_FILE, "include_dir 'conf.d'\n", "/etc/own.conf includes others"),
    ],
    ids=["another program", "another entrypoint", "a file of nobody", "more files"],
)
def test_what_cannot_be_shown_is_not_tried(stack: str, conf: str, why: str, tmp_path: Path) -> None:
    verdict, asked = tried(changed(tmp_path, stack, conf))
    assert (verdict.result, asked) == ("skip", [])
    assert why in verdict.message
