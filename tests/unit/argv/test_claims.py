"""Claims and what dead runs left: the scripts on a real shell with real locks, and a docker that keeps a list."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opsctl.argv.claims import CLAIMED, RELEASE, Swept, claim, read_swept, sweep

DOCKER = """\
#!/bin/sh
here=$HERE
case $1 in
rm)
    for word; do :; done
    [ ! -e "$here/broken" ] || { echo "Error: device busy" >&2; exit 1; }
    rm -f "$here/containers/$word"
    [ ! -e "$here/going" ] || { echo "removal is already in progress" >&2; exit 1; }
    ;;
ps)
    [ ! -e "$here/away" ] || { echo "no engine" >&2; exit 1; }
    for word; do :; done
    [ ! -e "$here/containers/${word#id=}" ] || echo "${word#id=}"
    ;;
esac
"""
FOLDERS = ("/dev/shm", "/run/lock", "/tmp")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for folder in ("bin", "containers"):
        (tmp_path / folder).mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER.replace("$HERE", str(tmp_path)))
    docker.chmod(0o755)
    for one in ("a1", "b2"):
        (tmp_path / "containers" / one).touch()
    return tmp_path


@pytest.fixture
def run() -> Iterator[str]:
    made = secrets.token_hex(8)
    yield made
    for file in files(made):
        file.unlink()


def files(run: str) -> list[Path]:
    return [one for folder in FOLDERS if (one := Path(folder) / f"opsctl-check.{run}").exists()]


@contextmanager
def claimed(run: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(claim(run).words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == f"{CLAIMED}\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def swept(here: Path, run: str, *, overdue: bool = False) -> list[Swept]:
    done = subprocess.run(
        sweep(run, ["a1", "b2"], overdue=overdue).words,
        env={"PATH": f"{here / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        timeout=20,
        check=True,
    )
    return list(read_swept(done.stdout))


def left(here: Path) -> set[str]:
    return {one.name for one in (here / "containers").iterdir()}


@pytest.mark.parametrize("late", [False, True])
def test_what_a_run_uses_that_is_alive_stays_however_old(here: Path, run: str, late: bool) -> None:
    with claimed(run):
        assert swept(here, run, overdue=late) == [Swept("a1", "used"), Swept("b2", "used")]
    assert left(here) == {"a1", "b2"}


def test_what_a_dead_run_left_is_removed_and_its_claim_too(here: Path, run: str) -> None:
    with claimed(run):
        pass
    assert files(run), "the end of the connection alone says that the run was killed"
    assert swept(here, run) == [Swept("a1", "removed"), Swept("b2", "removed")]
    assert left(here) == set()
    assert files(run) == []


def test_a_run_that_ended_well_leaves_no_file(run: str) -> None:
    with claimed(run) as process:
        assert process.stdin
        process.stdin.write(f"{RELEASE}\n")
        process.stdin.flush()
        assert process.wait(10) == 0
        assert files(run) == []


def test_where_nobody_can_tell_only_age_does(here: Path, run: str) -> None:
    assert {one.fate for one in swept(here, run)} == {"unclaimed"}
    assert left(here) == {"a1", "b2"}
    assert {one.fate for one in swept(here, run, overdue=True)} == {"removed"}
    assert left(here) == set()


def test_one_that_is_going_by_itself_counts_as_removed(here: Path, run: str) -> None:
    (here / "going").touch()
    assert {one.fate for one in swept(here, run, overdue=True)} == {"removed"}


@pytest.mark.parametrize("trouble", ["broken", "away"])
def test_one_that_may_still_be_there_is_never_called_removed(here: Path, run: str, trouble: str) -> None:
    (here / "broken").touch()
    (here / trouble).touch()
    assert swept(here, run, overdue=True) == [
        Swept("a1", "stuck", "Error: device busy"),
        Swept("b2", "stuck", "Error: device busy"),
    ]


def test_a_second_claim_of_one_run_while_the_first_is_held(here: Path, run: str) -> None:
    """A watch whose round before was cut off: its file is there, and held by nobody or by a process that is about to end."""
    with claimed(run):
        with claimed(run):
            assert len(files(run)) == 2
            assert {one.fate for one in swept(here, run)} == {"used"}
        assert {one.fate for one in swept(here, run)} == {"used"}
    assert {one.fate for one in swept(here, run)} == {"removed"}


def test_files_of_dead_runs_that_left_nothing_else_go_with_the_next_claim(run: str) -> None:
    old, young, held = (Path("/dev/shm") / f"opsctl-check.{secrets.token_hex(8)}" for _ in range(3))
    try:
        with claimed(held.name.partition(".")[2]):
            for file in (old, young):
                file.touch()
            for file in (old, held):
                os.utime(file, (1, 1))
            with claimed(run):
                pass
            assert not old.exists()
            assert young.exists()
            assert held.exists()
    finally:
        for file in (old, young, held):
            file.unlink(missing_ok=True)


def test_a_claim_has_an_end_where_nobody_ends_it(here: Path, run: str) -> None:
    """Its input stays open, as behind a cable that was pulled."""
    timeout, _seconds, *words = claim(run).words
    process = subprocess.Popen((timeout, "0.5", *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.wait(10) == 124
    finally:
        process.communicate()
    assert files(run)
    assert {one.fate for one in swept(here, run)} == {"removed"}


def test_without_flock_nobody_claims_anything(tmp_path: Path, run: str) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = subprocess.run(
        ("/bin/sh", *claim(run).words[3:]),
        env={"PATH": str(tmp_path)},
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (69, "", "flock is not on the host\n")
    assert files(run) == []
