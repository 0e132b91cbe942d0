"""The connection to this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.engine_socket import CONTAINERS, run_engine

from opsctl.argv.command import Command, script
from opsctl.edges.connect import open_connection
from opsctl.edges.local.connection import DEFAULT_SOCKET, local_socket
from opsctl.edges.ports import Connection
from opsctl.errors import ConnectFailed, EngineUnavailable, UsageError
from opsctl.model.hosts import Environment, Host


def connect(**fields: object) -> Connection:
    host = Host.model_validate({"connection": "local"} | fields)
    return open_connection("here", host, Environment(hosts=("here",)), Path("/"), directory="/tmp/demo")


@pytest.fixture
def here() -> Iterator[Connection]:
    connection = connect()
    yield connection
    connection.close()


def test_a_command_is_run_to_its_end(here: Connection) -> None:
    done = here.shell.run(
        Command(script('cat; echo "$1" >&2; exit 3', "a 'b' $HOME"), stdin=b"in" * 2_000_000)
    )

    assert (done.code, len(done.stdout), done.stderr) == (3, 4_000_000, b"a 'b' $HOME\n")
    assert here.channels == {"exec": 1}


def test_a_command_that_is_not_there_ends_as_in_a_shell(here: Connection) -> None:
    done = here.shell.run(Command(("no-such-command",)))

    assert done.code == 127
    assert b"no-such-command: No such file" in done.stderr


def test_the_children_see_little_of_our_environment(
    here: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SOPS_AGE_KEY", "COMPOSE_FILE", "SSH_AUTH_SOCK", "DOCKER_CONTEXT"):
        monkeypatch.setenv(name, "canary")

    done = connect(engine_socket="/x.sock").shell.run(Command(("env",)))

    seen = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert "canary" not in done.stdout.decode()
    assert (seen["LC_ALL"], seen["DOCKER_HOST"], seen["HOME"]) == ("C", "unix:///x.sock", os.environ["HOME"])


def test_a_timeout_ends_the_whole_group(here: Connection, tmp_path: Path) -> None:
    began = time.monotonic()

    late = here.shell.run(
        Command(script('echo on; (sleep 0.6; echo x > "$1") & wait', str(tmp_path / "alive")), timeout=0.2)
    )

    assert (late.code, late.stdout) == (-1, b"on\n")
    assert b"not ended after 0.2 s" in late.stderr
    assert time.monotonic() - began < 1.5
    time.sleep(0.6)
    assert not (tmp_path / "alive").exists()


def test_a_signal_is_minus_one(here: Connection) -> None:
    assert here.shell.run(Command(script("kill -9 $$"))).code == -1


def test_sudo_only_where_the_project_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sudo").write_text('#!/bin/sh\necho "sudo $*"\n')
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    shell = connect(sudo={"files": "always"}, engine_socket="/x.sock").shell

    files = shell.run(Command(("echo", "plain"), privilege="files"))
    engine = shell.run(Command(("echo", "plain"), privilege="engine"))

    assert files.stdout == b"sudo -n -- env LC_ALL=C DOCKER_HOST=unix:///x.sock echo plain\n"
    assert engine.stdout == b"plain\n"


class TestSession:
    def test_lines_go_in_and_come_out(self, here: Connection) -> None:
        session = here.shell.open(
            Command(script('while read -r line; do echo "got $line"; done'), stdin=b"zero\n")
        )

        assert session.receive(5) == "got zero"
        session.send("one")
        assert session.receive(5) == "got one"
        with pytest.raises(TimeoutError):
            session.receive(0.05)
        with pytest.raises(TimeoutError):
            session.exit_code(0.05)
        session.close()
        assert here.channels == {"session": 1}

    def test_an_ended_child_gives_its_rest_its_code_and_its_stderr(self, here: Connection) -> None:
        session = here.shell.open(Command(script("echo a >&2; echo why >&2; printf rest; exit 75")))

        assert session.receive(5) == "rest"
        assert session.receive(5) is None
        assert session.exit_code(5) == 75
        assert session.stderr() == b"a\nwhy\n"
        with pytest.raises(ConnectFailed):
            session.send("late")
        session.close()

    def test_closing_stops_a_child_that_goes_on(self, here: Connection) -> None:
        session = here.shell.open(Command(script("trap '' HUP; echo on; sleep 30")))
        assert session.receive(5) == "on"
        began = time.monotonic()

        session.close()

        assert time.monotonic() - began < 3

    def test_a_child_that_cannot_start(self, here: Connection) -> None:
        with pytest.raises(ConnectFailed, match="here: cannot start no-such-command"):
            here.shell.open(Command(("no-such-command",)))


class TestEngine:
    def test_it_is_asked_over_its_socket(self, tmp_path: Path) -> None:
        with run_engine(tmp_path / "docker.sock") as engine:
            connection = connect(engine_socket=str(engine.path))

            assert connection.engine.get("/containers/json") == CONTAINERS
            assert connection.engine.get("/containers/none/json") is None
            assert connection.engine.logs("web", tail=9) == ["one", "two", "three"]
            assert connection.channels["socket"] == 3
            connection.close()

    def test_no_socket(self, tmp_path: Path) -> None:
        with pytest.raises(EngineUnavailable, match="here: there is no engine socket"):
            connect(engine_socket=str(tmp_path / "none")).engine.get("/version")

    def test_nothing_listens(self, tmp_path: Path) -> None:
        with run_engine(tmp_path / "docker.sock") as engine:
            (tmp_path / "kept").hardlink_to(engine.path)

        with pytest.raises(EngineUnavailable, match="the engine is stopped"):
            connect(engine_socket=str(tmp_path / "kept")).engine.get("/version")


class TestSocket:
    def test_hosts_toml_then_docker_host_then_the_usual_one(self, tmp_path: Path) -> None:
        environment = {"DOCKER_HOST": "unix:///from/env.sock"}

        assert local_socket("here", "/from/toml.sock", environment) == "/from/toml.sock"
        assert local_socket("here", None, environment) == "/from/env.sock"
        assert local_socket("here", None, {"XDG_RUNTIME_DIR": str(tmp_path)}) == DEFAULT_SOCKET

    def test_another_machine_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"DOCKER_HOST is tcp://192\.0\.2\.7:2375"):
            local_socket("here", None, {"DOCKER_HOST": "tcp://192.0.2.7:2375"})

    @pytest.mark.skipif(Path(DEFAULT_SOCKET).exists(), reason="this machine has an engine of root")
    def test_a_rootless_engine(self, tmp_path: Path) -> None:
        (tmp_path / "docker.sock").touch()

        assert local_socket("here", None, {"XDG_RUNTIME_DIR": str(tmp_path)}) == str(tmp_path / "docker.sock")
