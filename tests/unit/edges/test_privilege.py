"""sudo decisions, without a host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.fakes.edges import FakeShell

from opsctl.argv.command import Command, Completed, Privilege
from opsctl.edges.privilege import SUDO, Privileges, Rights, probe, read_rights
from opsctl.errors import CouldNotFindOut, EngineUnavailable
from opsctl.model.hosts import Sudo


def privileges(
    printed: str, *, sudo: Sudo | None = None, user: str = "deploy"
) -> tuple[Privileges, FakeShell]:
    shell = FakeShell()
    shell.on("look at the user's rights", printed)
    decided = Privileges(
        sudo or Sudo(),
        user=user,
        where="web",
        directory="/opt/demo",
        socket="/run/docker.sock",
        run=shell.run,
    )
    return decided, shell


@pytest.mark.parametrize(
    "files,socket,kind,expected",
    [
        ("yes", "open", "files", ()),
        ("no", "open", "files", SUDO),
        ("no", "open", "engine", ()),
        ("yes", "denied", "engine", SUDO),
        ("yes", "denied", "files", ()),
        ("no", "missing", "engine", ()),
        ("no", "denied", "none", ()),
    ],
)
def test_sudo_only_where_it_is_needed(
    files: str, socket: str, kind: Privilege, expected: tuple[str, ...]
) -> None:
    decided, _ = privileges(f"files={files}\nsocket={socket}\nsudo=yes\n")

    assert decided.prefix(kind) == expected


def test_the_host_is_asked_once_for_both() -> None:
    decided, shell = privileges("files=no\nsocket=denied\nsudo=yes\n")

    for kind in ("files", "engine", "files"):
        decided.prefix(kind)

    assert len(shell.ran) == 1
    assert shell.ran[0].privilege == "none"


def test_root_and_settled_modes_ask_nothing() -> None:
    as_root, asked = privileges("", user="root")
    never, asked_too = privileges("", sudo=Sudo(files="never", engine="always"))

    assert (as_root.prefix("files"), as_root.prefix("engine")) == ((), ())
    assert (never.prefix("files"), never.prefix("engine")) == ((), SUDO)
    assert not asked.ran
    assert not asked_too.ran


def test_refusals_say_who_where_and_how_to_mend() -> None:
    decided, _ = privileges("files=no\nsocket=denied\n")

    with pytest.raises(CouldNotFindOut, match="web: deploy may not write /opt/demo") as files:
        decided.prefix("files")
    with pytest.raises(EngineUnavailable, match=r"web: deploy may not use /run/docker\.sock") as engine:
        decided.prefix("engine")

    assert "NOPASSWD" in files.value.hint
    assert "usermod -aG docker deploy" in engine.value.hint


@pytest.mark.parametrize("printed", [b"", b"Welcome!\n", b"files=yes\n", b"files=yes\nsocket=perhaps\n"])
def test_what_is_no_answer(printed: bytes) -> None:
    with pytest.raises(ValueError, match="something else"):
        read_rights(printed)


class TestProbe:
    """The script itself, in the shells that a host may have."""

    def ask(self, shell: str, directory: Path, socket: Path) -> Rights:
        command = probe(str(directory), str(socket))
        done = subprocess.run([shell, *command.words[1:]], capture_output=True, check=True)
        return read_rights(done.stdout)

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_a_folder_that_is_not_there_counts_as_its_parent(self, tmp_path: Path, shell: str) -> None:
        rights = self.ask(shell, tmp_path / "a b" / "it's", tmp_path / "none.sock")

        assert (rights.files, rights.socket) == (True, "missing")

    def test_a_socket_that_can_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "sock").touch()

        assert self.ask("sh", tmp_path, tmp_path / "sock").socket == "open"


def test_a_completed_probe_is_a_command_like_any_other() -> None:
    command = probe("/opt/demo", "/run/docker.sock")

    assert isinstance(Completed(command, 0, b"", b"").command, Command)
