"""Commands as their words, compared whole."""

from __future__ import annotations

import io
import tarfile

import pytest

from opsctl.argv import compose, docker, guard, lease, look, marks, push
from opsctl.argv.command import Command
from opsctl.plan.steps import PutFile

WORDS_OF_THE_GUARD = 4  # sh -c SOURCE opsctl


def guarded_words(command: Command) -> tuple[str, ...]:
    """The words after the guard's script: directory, run, seconds, and the command itself."""
    assert command.words[:2] == ("sh", "-c")
    return command.words[WORDS_OF_THE_GUARD:]


@pytest.mark.parametrize(
    "command, line",
    [
        (
            compose.up("/opt/demo", "demo", "r1", ["api", "web"]),
            (
                "/opt/demo r1 600 docker compose --progress quiet --project-directory /opt/demo"
                " -f /opt/demo/compose.yml -p demo up --detach --no-deps --force-recreate --pull never -- api web"
            ),
        ),
        (docker.pull("/opt/demo", "r1", "lab/app:1"), "/opt/demo r1 1800 docker pull --quiet lab/app:1"),
        (docker.start("/opt/demo", "r1", "abc"), "/opt/demo r1 120 docker start abc"),
        (docker.stop("/opt/demo", "r1", ["abc", "def"]), "/opt/demo r1 660 docker stop abc def"),
        (docker.restart("/opt/demo", "r1", "abc"), "/opt/demo r1 660 docker restart abc"),
        (docker.remove("/opt/demo", "r1", ["abc"]), "/opt/demo r1 120 docker rm abc"),
        (
            docker.remove_network("/opt/demo", "r1", "demo_back"),
            "/opt/demo r1 120 docker network rm demo_back",
        ),
        (docker.kill("/opt/demo", "r1", "abc", "SIGHUP"), "/opt/demo r1 60 docker kill --signal SIGHUP abc"),
        (
            docker.exec_inside("/opt/demo", "r1", "abc", ["nginx", "-s", "reload"]),
            "/opt/demo r1 120 docker exec abc nginx -s reload",
        ),
    ],
)
def test_changing_commands(command: Command, line: str) -> None:
    assert " ".join(guarded_words(command)) == line
    assert command.privilege == "both"
    assert command.stdin == b""


def test_a_command_may_take_longer_here_than_on_the_host() -> None:
    command = docker.start("/opt/demo", "r1", "abc")
    assert command.timeout > 120 + 10, "timeout -k has its 10 seconds before the connection gives up"


def test_terminal_of_a_person() -> None:
    command = docker.attached_exec("abc", ["psql", "-U", "demo"], tty=True, user="postgres")
    assert command.words == (
        *("docker", "exec", "--interactive", "--tty", "--user", "postgres"),
        *("abc", "psql", "-U", "demo"),
    )
    assert "--tty" not in docker.attached_exec("abc", ["sh"], tty=False).words


def test_scripts_hold_no_argument() -> None:
    """Data travels as words or on stdin: the text of every script is constant."""
    pairs = [
        (lease.lease("/a"), lease.lease("/b; rm -rf /")),
        (look.look("/a", {}), look.look("/b'", {"env/$(id)": "0" * 64})),
        (marks.hold("/a", "r", ["x"]), marks.hold("/b", "s", ["$(id)"])),
        (marks.settle("/a", "r", [("x", "y")]), marks.settle("/b", "s", [("$(id)", "`id`")])),
        (push.push("/a", "p", "r", []), push.push("/b", "$(id)", "s", [])),
    ]
    for one, other in pairs:
        assert one.words[2] == other.words[2]


def test_guard_reads_stdin_only_where_there_is_some() -> None:
    assert "</dev/null" in guard.guarded("/a", "r", ("true",)).words[2]
    assert 'exec timeout -k 10 "$seconds" "$@"\n' in guard.guarded("/a", "r", ("cat",), stdin=b"x").words[2]


class TestPushStream:
    files = (
        PutFile("compose.yml", b"services: {}\n", 0o644, "new"),
        PutFile("env/api.env", b"PASSWORD=canary\n", 0o600, "new"),
        PutFile("files/web/x y.conf", b"", 0o644, "new", owes=(("web", "reload"),)),
    )

    def members(self) -> dict[str, tuple[int, bytes]]:
        with tarfile.open(
            fileobj=io.BytesIO(push.push("/opt/demo", "demo", "r1", self.files).stdin)
        ) as archive:
            return {
                one.name: (one.mode, (archive.extractfile(one) or io.BytesIO()).read())
                for one in archive.getmembers()
            }

    def test_compose_file_is_renamed_last(self) -> None:
        assert self.members()["paths"] == (0o600, b"env/api.env\nfiles/web/x y.conf\ncompose.yml\n")

    def test_markers_travel_with_it(self) -> None:
        assert self.members()["owes"] == (0o600, b"web/reload\n")

    def test_contents_and_modes(self) -> None:
        assert self.members()["new/env/api.env"] == (0o600, b"PASSWORD=canary\n")
        assert self.members()["new/files/web/x y.conf"] == (0o644, b"")

    def test_same_files_give_the_same_bytes(self) -> None:
        one, other = (
            push.push("/opt/demo", "demo", "r1", files).stdin for files in (self.files, self.files[::-1])
        )
        assert push.push("/opt/demo", "demo", "r1", self.files).stdin == one
        assert len(one) == len(other)

    def test_no_content_is_in_the_words(self) -> None:
        command = push.push("/opt/demo", "demo", "r1", self.files)
        assert "canary" not in str(command)
        assert "canary" not in repr(command)
