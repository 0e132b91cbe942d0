"""The real PostgreSQL of Debian as the new version of an upgrade: which options it starts with, and its words where it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.apps.crossed import crossing, put_to

from opsctl.checks.questions import Question, Ran, Verdict
from opsctl.checks.throwaway import Throwaway

pytestmark = [pytest.mark.contract, pytest.mark.timeout(300)]

STACK = """\
services:
  db:
    app: postgresql
    image: postgres:15.9
    command: [postgres, {options}]
    files: [{{template: own.conf, target: /etc/own.conf}}]
"""
FILE = "-c, config_file=/etc/own.conf"


@pytest.fixture
def own() -> Iterator[Path]:
    """A folder for whom the server runs as, with a short path: it has a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="opsctl-trial-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def verdict(tmp_path: Path, own: Path, postgres_programs: Path) -> Callable[[str, str], Verdict]:
    """Of the trial with these options and this file; its container is a folder here."""
    user = "postgres" if os.geteuid() == 0 else None

    def answer(question: Question) -> Ran:
        assert isinstance(question, Throwaway)
        done = subprocess.run(
            question.words,
            input=question.stdin,
            env={"PATH": f"{postgres_programs}:/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": str(own)},
            cwd=own,
            capture_output=True,
            timeout=question.timeout,
            check=False,
            user=user,
            group=user,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def put(options: str, conf: str) -> Verdict:
        stack = STACK.format(options=options)
        return put_to(crossing(tmp_path / "project", stack, "postgres:15.8", {"own.conf": conf}), answer)[0]

    return put


@pytest.mark.parametrize(
    "options,conf",
    [
        ("-c, max_connections=50, -c, shared_buffers=24MB, -cwal_level=logical, -p, '5433'", ""),
        ("-c, shared_preload_libraries=pg_stat_statements, -c, pg_stat_statements.max=1000", ""),
        (FILE, "max_connections = 30\nssl = on\nhba_file = '/etc/hba.conf'\nlogging_collector = on\n"),
        (
            "-D, /nowhere, -c, huge_pages=on, -c, listen_addresses=*, -c, hba_file=/etc/hba.conf, -c, ssl=on, -c, ssl_cert_file=/etc/cert.pem",
            "",
        ),
    ],
    ids=["options", "a library that is there", "a file", "what lies elsewhere"],
)
def test_it_starts_with_what_is_good(options: str, conf: str, verdict: Callable[[str, str], Verdict]) -> None:
    found = verdict(options, conf)
    assert (found.result, found.message) == ("pass", "it starts with its options")


@pytest.mark.parametrize(
    "options,conf,words",
    [
        ("-c, max_conections=50", "", 'unrecognized configuration parameter "max_conections"'),
        ("-c, shared_buffers=24QB", "", 'invalid value for parameter "shared_buffers": "24QB"'),
        ("-c, shared_preload_libraries=timescaledb", "", 'could not access file "timescaledb": No such file'),
        ("-c, wal_level=minimal", "", 'WAL streaming (max_wal_senders > 0) requires wal_level "replica"'),
        (
            FILE,
            "max_connections = 30\nwrok_mem = 8MB\n",
            'unrecognized configuration parameter "wrok_mem" in file',
        ),
    ],
    ids=["a name", "a value", "a library that is not there", "two that do not go together", "a file"],
)
def test_it_says_what_it_does_not_start_with(
    options: str, conf: str, words: str, verdict: Callable[[str, str], Verdict]
) -> None:
    found = verdict(options, conf)
    assert (found.result, words in found.message) == ("fail", True), found
