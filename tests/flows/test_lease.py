"""The lease against its real script: real locks, real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.flows.machine import Machine

from opsctl.argv import guard, marks
from opsctl.argv import lease as argv
from opsctl.argv.command import Command
from opsctl.errors import CouldNotFindOut, LeaseHeld, LeaseLost, OperationFailed
from opsctl.flows.lease import Lease, held, take_lease
from opsctl.state.desired import DesiredHost


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


def desired(machine: Machine) -> DesiredHost:
    return DesiredHost("web", "demo", str(machine.directory), services={})


def take(machine: Machine, told: list[str] | None = None) -> Lease:
    return take_lease(machine.world(), desired(machine), (told if told is not None else []).append)


def guarded(machine: Machine, run: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = guard.guarded(str(machine.directory), run, words)
    return subprocess.run(command.words, capture_output=True, check=False)


@contextmanager
def script(machine: Machine, silence: str = "30") -> Iterator[subprocess.Popen[bytes]]:
    """The script alone, ready, without this side's heartbeat."""
    command = argv.lease(str(machine.directory))
    with subprocess.Popen(
        [*command.words[:-1], silence], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"k" * 64 + b'\n{"run": "script"}\n')
        process.stdin.flush()
        assert b"ready\n" in iter(process.stdout.readline, b"")
        yield process
        process.kill()


class TestTaking:
    def test_makes_the_folder_and_the_key_once(self, machine: Machine) -> None:
        take(machine).release()
        key = machine.directory / ".opsctl" / "fingerprint.key"
        first = key.read_text()
        assert len(bytes.fromhex(first)) == 32
        assert key.stat().st_mode & 0o777 == 0o600
        take(machine).release()
        assert key.read_text() == first

    def test_leaves_a_folder_of_somebody_elses_as_it_is(self, machine: Machine) -> None:
        machine.directory.mkdir(mode=0o751)
        machine.directory.chmod(0o751)
        take(machine).release()
        assert machine.directory.stat().st_mode & 0o777 == 0o751

    def test_parents_are_open_and_the_top_is_not(self, machine: Machine) -> None:
        below = machine.folder / "a" / "b"
        host = DesiredHost("web", "demo", str(below), services={})
        take_lease(machine.world(), host, lambda _said: None).release()
        assert (machine.folder / "a").stat().st_mode & 0o777 == 0o755
        assert below.stat().st_mode & 0o777 == 0o700

    def test_no_right_to_the_folder(self, machine: Machine) -> None:
        (machine.folder / "top").write_text("in the way")
        with pytest.raises(CouldNotFindOut, match="no right to write"):
            take(machine)

    def test_held_names_the_holder(self, machine: Machine) -> None:
        lease = take(machine)
        with pytest.raises(LeaseHeld, match=r"ann@desk holds the lease since \d s: opsctl deploy prod"):
            take(machine)
        lease.release()
        take(machine).release()

    @pytest.mark.parametrize(
        "text, said",
        [
            ('75 {"user": "a", "machine": "b", "command": "c"}', "a@b holds the lease since 1 min 15 s: c"),
            ("3 ", "somebody@somewhere holds the lease since 3 s: an unknown command"),
            ("3 {torn", "somebody@somewhere holds the lease since 3 s: an unknown command"),
        ],
    )
    def test_what_the_host_says_of_the_holder(self, text: str, said: str) -> None:
        assert held("web", text).message == said


class TestEnding:
    def test_killed_holder_frees_it_at_once(self, machine: Machine) -> None:
        with script(machine) as process:
            time.sleep(0.2)  # until it reads: what it started for that must not keep the lease
            process.send_signal(signal.SIGKILL)
            process.wait()
            take(machine).release()

    def test_closed_connection_frees_it(self, machine: Machine) -> None:
        with script(machine) as process:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(5) == 0
            take(machine).release()

    def test_silence_frees_it(self, machine: Machine) -> None:
        with script(machine, silence="0.5") as process:
            began = time.monotonic()
            assert process.wait(5) == 0
            assert time.monotonic() - began < 3

    def test_a_heartbeat_keeps_it(self, machine: Machine) -> None:
        with script(machine, silence="1") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for _ in range(3):
                time.sleep(0.5)
                process.stdin.write(b".\n")
                process.stdin.flush()
                assert process.stdout.readline() == b".\n"
            process.stdin.write(b"q\n")
            process.stdin.flush()
            assert process.wait(5) == 0

    def test_a_lease_that_ended_is_noticed(self, machine: Machine) -> None:
        lease = take(machine)
        lease._session._process.kill()  # type: ignore[attr-defined]  # as if somebody killed it on the host
        with pytest.raises(LeaseLost, match="run the same command again"):
            lease.record({"event": "start"})
        with pytest.raises(LeaseLost):
            lease.check()
        lease.release()


class TestAudit:
    def test_each_record_is_a_line(self, machine: Machine) -> None:
        lease = take(machine)
        for number in range(5):
            lease.record({"event": "start", "what": "ünï \\n \"quoted\" 'x' $HOME `id`", "number": number})
        lease.release()
        assert [one["number"] for one in machine.audit()] == [0, 1, 2, 3, 4]
        assert machine.audit()[0]["what"] == "ünï \\n \"quoted\" 'x' $HOME `id`"

    def test_a_torn_line_spoils_none_after_it(self, machine: Machine) -> None:
        lease = take(machine)
        lease.record({"event": "start", "run": "first"})
        lease.release()
        file = machine.directory / ".opsctl" / "audit.jsonl"
        file.write_text(file.read_text() + '{"event": "en')
        lease = take(machine)
        assert lease.interrupted == ("first",)
        lease.record({"event": "start", "run": "third"})
        lease.release()
        assert json.loads(file.read_text().splitlines()[-1])["run"] == "third"

    def test_a_long_one_is_set_aside(self, machine: Machine) -> None:
        take(machine).release()
        file = machine.directory / ".opsctl" / "audit.jsonl"
        file.write_text('{"event": "start", "run": "old"}\n' * 40_000)
        lease = take(machine)
        lease.record({"event": "start", "run": "new"})
        lease.release()
        assert len(file.read_text().splitlines()) == 1
        assert file.with_name("audit.jsonl.1").exists()

    def test_one_that_cannot_be_written_is_an_error(self, machine: Machine) -> None:
        lease = take(machine)
        (machine.directory / ".opsctl" / "audit.jsonl").mkdir()
        with pytest.raises(OperationFailed, match=r"cannot write \.opsctl/audit\.jsonl"):
            lease.record({"event": "start"})
        lease.release()


class TestGuard:
    def test_runs_under_the_lease(self, machine: Machine) -> None:
        lease = take(machine)
        done = guarded(machine, f"{1:08x}", "printf", "%s|", "a b", "$HOME", "it's")
        assert (done.returncode, done.stdout) == (0, b"a b|$HOME|it's|")
        lease.release()

    def test_refuses_once_another_run_has_it(self, machine: Machine) -> None:
        take(machine).release()
        take(machine).release()
        done = guarded(machine, f"{1:08x}", "touch", str(machine.folder / "touched"))
        assert guard.was_fenced(done.returncode, done.stderr)
        assert not (machine.folder / "touched").exists()

    def test_the_same_code_of_the_command_itself_is_not_taken_for_it(self, machine: Machine) -> None:
        lease = take(machine)
        done = guarded(machine, f"{1:08x}", "sh", "-c", "exit 75")
        assert done.returncode == guard.LEASE_LOST
        assert not guard.was_fenced(done.returncode, done.stderr)
        lease.release()

    def test_time_is_limited_on_the_host(self, machine: Machine) -> None:
        lease = take(machine)
        command = guard.guarded(str(machine.directory), f"{1:08x}", ("sleep", "30"), timeout=0.3)
        done = subprocess.run(command.words, capture_output=True, check=False)
        assert done.returncode in guard.OUT_OF_TIME
        lease.release()

    def test_gives_stdin_to_the_command(self, machine: Machine) -> None:
        lease = take(machine)
        command = guard.guarded(str(machine.directory), f"{1:08x}", ("cat",), stdin=b"secret")
        done = subprocess.run(command.words, input=command.stdin, capture_output=True, check=True)
        assert done.stdout == b"secret"
        lease.release()

    def test_orphaned_command_is_waited_for_not_overlapped(self, machine: Machine) -> None:
        lease = take(machine)
        command = guard.guarded(str(machine.directory), f"{1:08x}", ("sleep", "2.5"))
        orphan = subprocess.Popen(command.words)
        time.sleep(0.3)
        lease.release()
        told: list[str] = []
        later = take(machine, told)
        assert orphan.poll() == 0, "the lease was not there before its end"
        assert told == ["an earlier command still runs on the host"]
        later.release()


class TestMarks:
    def run(self, command: Command) -> None:
        subprocess.run(command.words, check=True)

    def test_hold_and_release(self, machine: Machine) -> None:
        lease = take(machine)
        held_folder = machine.directory / ".opsctl" / "held"
        self.run(marks.hold(str(machine.directory), f"{1:08x}", ["web", "tool"]))
        assert {one.name for one in held_folder.iterdir()} == {"web", "tool"}
        self.run(marks.release(str(machine.directory), f"{1:08x}", ["web", "never held"]))
        assert {one.name for one in held_folder.iterdir()} == {"tool"}
        lease.release()
