"""sudo, decided for files and for the engine, with the real sudo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ssh.conftest import Connect
from tests.ssh.sshd import OPERATOR, OPERATOR_UID, Sshd, run_sshd

from opsctl.argv.command import Command
from opsctl.errors import CouldNotFindOut, EngineUnavailable

WHO = Command(("id", "-u"), privilege="files")


@pytest.fixture(scope="module")
def sudoers(shared_folder: Path, client_key: Path) -> Iterator[Sshd]:
    with run_sshd(shared_folder, [client_key], sudoers=f"{OPERATOR} ALL=(root) NOPASSWD: ALL") as server:
        yield server


@pytest.fixture
def theirs(folder: Path) -> str:
    """A folder to be, that only root may make."""
    return str(folder / "opt" / "demo")


@pytest.fixture
def own(theirs: str) -> str:
    folder = Path(theirs)
    folder.mkdir(parents=True)
    os.chown(folder, OPERATOR_UID, OPERATOR_UID)
    return theirs


def test_root_is_asked_nothing(sshd: Sshd, connect: Connect, theirs: str) -> None:
    connection = connect(sshd, directory=theirs)

    assert connection.shell.run(WHO).stdout == b"0\n"
    assert connection.channels == {"exec": 1}


def test_sudo_is_used_where_the_folder_is_not_theirs(sudoers: Sshd, connect: Connect, theirs: str) -> None:
    connection = connect(sudoers, user=OPERATOR, directory=theirs)

    assert connection.shell.run(WHO).stdout == b"0\n"
    assert connection.shell.run(WHO).stdout == b"0\n"
    assert connection.channels == {"probe": 1, "exec": 2}


def test_sudo_is_not_used_where_the_folder_is_theirs(sudoers: Sshd, connect: Connect, own: str) -> None:
    assert (
        connect(sudoers, user=OPERATOR, directory=own).shell.run(WHO).stdout == f"{OPERATOR_UID}\n".encode()
    )


def test_sudo_is_used_where_root_made_what_is_inside(sudoers: Sshd, connect: Connect, own: str) -> None:
    Path(own, ".opsctl").mkdir(mode=0o700)

    assert connect(sudoers, user=OPERATOR, directory=own).shell.run(WHO).stdout == b"0\n"


def test_files_and_engine_are_decided_apart(sudoers: Sshd, connect: Connect, own: str, folder: Path) -> None:
    socket = folder / "docker.sock"
    socket.touch(0o600)
    shell = connect(sudoers, user=OPERATOR, directory=own, engine_socket=str(socket)).shell

    assert shell.run(WHO).stdout == f"{OPERATOR_UID}\n".encode()
    assert shell.run(Command(("id", "-u"), privilege="engine")).stdout == b"0\n"
    assert shell.run(Command(("id", "-u"), privilege="none")).stdout == f"{OPERATOR_UID}\n".encode()


def test_the_words_survive_sudo_and_english_too(sudoers: Sshd, connect: Connect, theirs: str) -> None:
    shell = connect(sudoers, user=OPERATOR, directory=theirs).shell

    assert shell.run(Command(("printf", "%s", "a 'b' $HOME"), privilege="files")).stdout == b"a 'b' $HOME"
    assert shell.run(Command(("printenv", "LC_ALL"), privilege="files")).stdout == b"C\n"


def test_never_means_never(sudoers: Sshd, connect: Connect, theirs: str) -> None:
    connection = connect(sudoers, user=OPERATOR, directory=theirs, sudo={"files": "never"})

    assert connection.shell.run(WHO).stdout == f"{OPERATOR_UID}\n".encode()
    assert connection.channels == {"exec": 1}


class TestRefused:
    def test_for_files(self, sshd: Sshd, connect: Connect, theirs: str) -> None:
        with pytest.raises(CouldNotFindOut, match=f"{OPERATOR} may not write {theirs}") as refused:
            connect(sshd, user=OPERATOR, directory=theirs).shell.run(WHO)
        assert "/etc/sudoers.d/opsctl" in refused.value.hint

    def test_for_the_engine(self, sshd: Sshd, connect: Connect, own: str, folder: Path) -> None:
        (folder / "docker.sock").touch(0o600)
        shell = connect(sshd, user=OPERATOR, directory=own, engine_socket=str(folder / "docker.sock")).shell

        with pytest.raises(EngineUnavailable, match="may not use"):
            shell.run(Command(("docker", "version")))

    def test_where_the_project_asks_for_it_always(self, sshd: Sshd, connect: Connect, theirs: str) -> None:
        connection = connect(sshd, user=OPERATOR, directory=theirs, sudo={"files": "always"})

        with pytest.raises(CouldNotFindOut, match="sudo was refused") as refused:
            connection.shell.run(WHO)
        assert "sudo: a password is required" in "\n".join(refused.value.evidence)

    def test_a_login_shell_that_talks(
        self, folder: Path, client_key: Path, connect: Connect, theirs: str
    ) -> None:
        with run_sshd(folder / "sshd", [client_key], "ForceCommand echo welcome") as server:
            shell = connect(server, user=OPERATOR, directory=theirs).shell

            with pytest.raises(CouldNotFindOut, match=f"cannot find out what {OPERATOR} may do"):
                shell.run(WHO)
