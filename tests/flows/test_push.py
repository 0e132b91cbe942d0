"""The push against its real script: all or nothing, in the right order, and clean after it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.machine import Machine
from tests.unit.plan.model import file, host, service

from opsctl.argv.push import NOT_ACCEPTED, NOT_RENAMED, NOT_STAGED, push
from opsctl.flows.deploy import deploy
from opsctl.flows.lease import Lease, take_lease
from opsctl.plan.steps import PutFile
from opsctl.state.desired import Desired, DesiredHost

RUN = f"{1:08x}"
COMPOSE = PutFile("compose.yml", b"services: {}\n", 0o644, "new")
ENV = PutFile("env/api.env", b"A=1\n", 0o600, "new")


def desired(machine: Machine) -> DesiredHost:
    return DesiredHost("web", "demo", str(machine.directory), services={})


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


@pytest.fixture
def lease(machine: Machine) -> Iterator[Lease]:
    taken = take_lease(machine.world(), desired(machine), lambda _said: None)
    yield taken
    taken.release()


def put(machine: Machine, *files: PutFile) -> subprocess.CompletedProcess[bytes]:
    command = push(str(machine.directory), "demo", RUN, files)
    environment = {**os.environ, "PATH": f"{machine.folder / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(
        command.words, input=command.stdin, capture_output=True, check=False, env=environment
    )


def stagings(machine: Machine) -> list[Path]:
    return list((machine.directory / ".opsctl").glob("staging.*"))


@pytest.mark.usefixtures("lease")
class TestPush:
    def test_puts_contents_and_modes(self, machine: Machine) -> None:
        done = put(machine, COMPOSE, ENV, PutFile("files/a/it's $x.conf", b"\0\xff", 0o640, "new"))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert machine.files() == {
            "compose.yml": b"services: {}\n",
            "env/api.env": b"A=1\n",
            "files/a/it's $x.conf": b"\0\xff",
        }
        assert (machine.directory / "files/a/it's $x.conf").stat().st_mode & 0o777 == 0o640
        assert stagings(machine) == []

    def test_compose_sees_the_env_files_that_are_not_in_the_push(self, machine: Machine) -> None:
        put(machine, COMPOSE, ENV)
        put(machine, COMPOSE, PutFile("env/web.env", b"B=2\n", 0o600, "new"))
        assert (machine.folder / "checked").read_text().split() == ["api.env", "web.env"]
        assert machine.files()["env/api.env"] == b"A=1\n"

    def test_a_file_is_replaced_not_written_into(self, machine: Machine) -> None:
        put(machine, COMPOSE, ENV)
        file = machine.directory / "env/api.env"
        with file.open("rb") as reader:
            put(machine, PutFile("env/api.env", b"A=2\n", 0o600, "changed"))
            assert reader.read() == b"A=1\n", "whoever has it open reads the old file whole"
        assert file.read_bytes() == b"A=2\n"

    def test_folder_that_docker_made_in_place_of_a_file_gives_way(self, machine: Machine) -> None:
        (machine.directory / "files/a/x.conf").mkdir(parents=True)
        assert put(machine, PutFile("files/a/x.conf", b"x", 0o644, "new")).returncode == 0
        assert machine.files()["files/a/x.conf"] == b"x"

    def test_folder_with_something_in_it_does_not(self, machine: Machine) -> None:
        (machine.directory / "files/a/x.conf/data").mkdir(parents=True)
        done = put(machine, PutFile("files/a/x.conf", b"x", 0o644, "new"))
        assert done.returncode == NOT_RENAMED
        assert b"files/a/x.conf" in done.stderr

    def test_mode_of_a_folder_that_was_there_stays(self, machine: Machine) -> None:
        (machine.directory / "files/a").mkdir(parents=True)
        (machine.directory / "files/a").chmod(0o711)
        put(machine, PutFile("files/a/x.conf", b"x", 0o644, "new"))
        assert (machine.directory / "files/a").stat().st_mode & 0o777 == 0o711

    def test_markers_come_before_the_files(self, machine: Machine) -> None:
        (machine.directory / "files/web/x/in the way").mkdir(parents=True)
        put(machine, PutFile("files/web/x", b"x", 0o644, "new", owes=(("web", "reload"),)))
        assert (machine.directory / ".opsctl/owed/web/reload").exists()

    def test_refused_by_compose(self, machine: Machine) -> None:
        (machine.folder / "config").write_text("services.api: no\n")
        done = put(machine, COMPOSE, ENV)
        assert (done.returncode, done.stderr) == (NOT_ACCEPTED, b"services.api: no\n")
        assert machine.files() == {}
        assert stagings(machine) == []

    def test_compose_is_not_asked_where_compose_yml_is_not_pushed(self, machine: Machine) -> None:
        machine.say_version(None)
        assert put(machine, ENV).returncode == 0

    def test_what_a_killed_push_left_is_removed(self, machine: Machine) -> None:
        left = machine.directory / ".opsctl" / "staging.dead"
        (left / "new").mkdir(parents=True)
        (left / "new" / "secret").write_text("x")
        put(machine, ENV)
        assert stagings(machine) == []

    def test_cut_off_in_the_middle_of_the_stream(self, machine: Machine) -> None:
        command = push(str(machine.directory), "demo", RUN, [COMPOSE, ENV])
        done = subprocess.run(command.words, input=command.stdin[:1500], capture_output=True, check=False)
        assert done.returncode == NOT_STAGED
        assert machine.files() == {}
        assert stagings(machine) == []


class TestFullDisk:
    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Machine]:
        machine = Machine(tmp_path / "host")
        machine.directory.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", machine.directory],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("needs root to mount a small file system")
        yield machine
        subprocess.run(["umount", machine.directory], check=True)

    def test_nothing_is_touched(self, small: Machine) -> None:
        lease = take_lease(small.world(), desired(small), lambda _said: None)
        put(small, ENV)
        done = put(small, PutFile("env/api.env", b"x" * 400_000, 0o600, "changed"))
        lease.release()
        assert done.returncode == NOT_STAGED
        assert done.stdout.split()[:2] == [b"disk", b"256"]
        assert small.files() == {"env/api.env": b"A=1\n"}
        assert stagings(small) == []

    def test_the_error_names_the_disk(self, small: Machine) -> None:
        connection = small.connect()
        big = host(service("api", files=[file("api", "/etc/big", "x" * 400_000)]))
        report = deploy(
            small.world(connection), Desired("prod", (small.placed(big),)), confirm=lambda _plan: True
        )
        said = str(report.outcomes[0].error)
        assert f"the disk that holds {small.directory} is full" in said
        assert "MiB of 0.2 MiB free); nothing was touched" in said
        assert not report.changed
