"""The engine read over SSH: forwarded socket, dial-stdio, and every way in which it can be out of reach."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.engine_socket import CONTAINERS, Engine, run_engine
from tests.ssh.conftest import Connect
from tests.ssh.sshd import OPERATOR, OPERATOR_UID, Sshd, run_sshd

from opsctl.argv.command import Command
from opsctl.errors import ConnectFailed, CouldNotFindOut, EngineUnavailable

RELAY = """#!/usr/bin/env python3
import os, select, socket, sys
assert sys.argv[1:] == ["system", "dial-stdio"], sys.argv
path = os.environ["DOCKER_HOST"].removeprefix("unix://")
link = socket.socket(socket.AF_UNIX)
try:
    link.connect(path)
except OSError as error:
    # As docker 20.10.24 puts it.
    sys.exit(f"failed to open the raw stream connection: dial unix {path}: connect: {os.strerror(error.errno).lower()}")
while True:
    ready, _, _ = select.select([0, link], [], [])
    for source in ready:
        data = os.read(0, 65536) if source == 0 else link.recv(65536)
        if not data:
            sys.exit()
        link.sendall(data) if source == 0 else os.write(1, data)
"""
"""Stands in for the docker command, for `docker system dial-stdio` alone."""


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    with run_engine(folder / "docker.sock") as running:
        yield running


@pytest.fixture(scope="module")
def without_forwarding(shared_folder: Path, client_key: Path) -> Iterator[Sshd]:
    """A server that forwards no sockets and has a docker command."""
    folder = shared_folder
    (folder / "bin").mkdir()
    (folder / "bin" / "docker").write_text(RELAY)
    (folder / "bin" / "docker").chmod(0o755)
    path = f"{folder}/bin:{os.environ['PATH']}"
    with run_sshd(
        folder,
        [client_key],
        "AllowStreamLocalForwarding no",
        f"SetEnv PATH={path}",
        sudoers=f"{OPERATOR} ALL=(root) NOPASSWD: ALL\nDefaults secure_path={path}",
    ) as server:
        yield server


class TestForwardedSocket:
    def test_all_questions_go_over_one_channel(self, sshd: Sshd, connect: Connect, engine: Engine) -> None:
        connection = connect(sshd, engine_socket=str(engine.path))

        assert connection.engine.get("/containers/json", {"all": "true"}) == CONTAINERS
        assert connection.engine.get("/version")["ApiVersion"] == "1.41"
        assert len(connection.engine.get("/huge")) == 3000
        assert connection.engine.get("/containers/nobody/json") is None
        assert connection.channels == {"socket": 1}
        assert engine.connections == 1

    def test_a_stream_that_the_engine_closes_is_opened_anew(
        self, sshd: Sshd, connect: Connect, engine: Engine
    ) -> None:
        connection = connect(sshd, engine_socket=str(engine.path))

        assert connection.engine.get("/_ping") == "OK"
        assert connection.engine.get("/containers/json") == CONTAINERS
        engine.drop_next = True
        assert connection.engine.get("/containers/json") == CONTAINERS
        assert engine.connections == 3

    def test_the_engines_own_words_are_passed_on(self, sshd: Sshd, connect: Connect, engine: Engine) -> None:
        connection = connect(sshd, engine_socket=str(engine.path))

        with pytest.raises(CouldNotFindOut, match="web: the engine answered 500 to /broken: driver failed"):
            connection.engine.get("/broken")
        with pytest.raises(EngineUnavailable, match="authorization denied by plugin"):
            connection.engine.get("/forbidden")

    def test_memory_is_counted_without_the_page_cache(
        self, sshd: Sshd, connect: Connect, engine: Engine
    ) -> None:
        assert connect(sshd, engine_socket=str(engine.path)).engine.stats(["web", "off", "nobody"]) == {
            "web": 700
        }

    def test_the_last_lines_of_a_log(self, sshd: Sshd, connect: Connect, engine: Engine) -> None:
        connection = connect(sshd, engine_socket=str(engine.path))

        assert connection.engine.logs("web", tail=10) == ["one", "two", "three"]
        assert connection.engine.logs("screen", tail=10) == ["on a screen"]

    def test_logs_are_followed_together_and_in_whole_lines(
        self, sshd: Sshd, connect: Connect, engine: Engine
    ) -> None:
        connection = connect(sshd, engine_socket=str(engine.path))
        seen: list[tuple[str, str]] = []

        connection.engine.follow(
            {"web": "web", "tty": "screen"},
            tail=5,
            since=None,
            write=lambda name, line: seen.append((name, line)),
        )

        assert [line for name, line in seen if name == "web"] == ["one", "two", "three"]
        assert [line for name, line in seen if name == "tty"] == ["on a screen"]

    def test_threads_share_it(self, sshd: Sshd, connect: Connect, engine: Engine) -> None:
        connection = connect(sshd, engine_socket=str(engine.path))
        answers: list[object] = []
        threads = [
            threading.Thread(target=lambda: answers.append(connection.engine.get("/containers/json")))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert answers == [CONTAINERS] * 6
        assert engine.connections == 1

    def test_the_docker_command_is_pointed_at_the_same_socket(
        self, sshd: Sshd, connect: Connect, engine: Engine
    ) -> None:
        shell = connect(sshd, engine_socket=str(engine.path)).shell

        assert shell.run(Command(("printenv", "DOCKER_HOST"))).stdout == f"unix://{engine.path}\n".encode()
        assert shell.run(Command(("printenv", "DOCKER_HOST"), privilege="files")).code == 1

    def test_a_lost_connection_is_not_blamed_on_the_engine(
        self, folder: Path, client_key: Path, connect: Connect, engine: Engine
    ) -> None:
        with run_sshd(folder / "sshd", [client_key]) as server:
            connection = connect(server, engine_socket=str(engine.path))
            connection.engine.get("/version")
            [child] = server.connections()
            os.kill(child, signal.SIGKILL)

            with pytest.raises(ConnectFailed, match="the connection was lost"):
                connection.engine.get("/version")

    def test_a_lost_connection_is_not_the_end_of_a_log(
        self, tmp_path: Path, client_key: Path, connect: Connect, engine: Engine
    ) -> None:
        with run_sshd(tmp_path / "sshd", [client_key]) as server:
            connection = connect(server, engine_socket=str(engine.path))
            [child] = server.connections()

            def kill(*_: str) -> None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

            with pytest.raises(EngineUnavailable, match="the log stream of web broke off"):
                connection.engine.follow({"web": "endless"}, tail=1, since=None, write=kill)


class TestOutOfReach:
    def test_no_socket(self, sshd: Sshd, connect: Connect, folder: Path) -> None:
        with pytest.raises(
            EngineUnavailable, match=f"web: there is no engine socket {folder}/none"
        ) as failed:
            connect(sshd, engine_socket=f"{folder}/none").engine.get("/version")
        assert "systemctl start docker" in failed.value.hint

    def test_nothing_listens(self, without_forwarding: Sshd, connect: Connect, folder: Path) -> None:
        with run_engine(folder / "stopped.sock") as engine:
            (folder / "kept").hardlink_to(engine.path)

        with pytest.raises(EngineUnavailable, match="the engine is stopped"):
            connect(without_forwarding, engine_socket=f"{folder}/kept").engine.get("/version")

    def test_a_user_without_rights_and_without_sudo(
        self, sshd: Sshd, connect: Connect, engine: Engine
    ) -> None:
        engine.path.chmod(0o600)

        with pytest.raises(EngineUnavailable, match=f"{OPERATOR} may not use {engine.path}") as failed:
            connect(sshd, user=OPERATOR, engine_socket=str(engine.path)).engine.get("/version")
        assert "usermod -aG docker" in failed.value.hint
        assert "is root on that machine" in failed.value.hint

    def test_no_forwarding_and_no_docker_command(
        self, folder: Path, client_key: Path, connect: Connect, engine: Engine
    ) -> None:
        (folder / "bin").mkdir()
        for tool in ("dirname", "env", "sh"):
            (folder / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
        options = ("AllowStreamLocalForwarding no", f"SetEnv PATH={folder}/bin")
        with (
            run_sshd(folder / "sshd", [client_key], *options) as server,
            pytest.raises(EngineUnavailable, match=r"does not forward .* no docker command") as failed,
        ):
            connect(server, engine_socket=str(engine.path)).engine.get("/version")
        assert "AllowStreamLocalForwarding yes" in failed.value.hint

    def test_sudo_is_refused(self, sshd: Sshd, connect: Connect, engine: Engine) -> None:
        connection = connect(sshd, user=OPERATOR, engine_socket=str(engine.path), sudo={"engine": "always"})

        with pytest.raises(EngineUnavailable, match="sudo was refused on the way"):
            connection.engine.get("/version")


class TestDialStdio:
    def test_it_is_used_where_forwarding_is_forbidden(
        self, without_forwarding: Sshd, connect: Connect, engine: Engine
    ) -> None:
        connection = connect(without_forwarding, engine_socket=str(engine.path))

        assert connection.engine.get("/containers/json") == CONTAINERS
        assert connection.engine.get("/version")["ApiVersion"] == "1.41"
        assert connection.engine.logs("web", tail=10) == ["one", "two", "three"]

    def test_it_runs_under_sudo_where_the_user_may_not(
        self, without_forwarding: Sshd, connect: Connect, engine: Engine
    ) -> None:
        engine.path.chmod(0o600)
        connection = connect(without_forwarding, user=OPERATOR, engine_socket=str(engine.path))

        assert connection.engine.get("/containers/json") == CONTAINERS

    def test_it_runs_under_sudo_where_the_project_says_so(
        self, without_forwarding: Sshd, connect: Connect, engine: Engine
    ) -> None:
        os.chown(engine.path, OPERATOR_UID, OPERATOR_UID)
        connection = connect(
            without_forwarding, user=OPERATOR, engine_socket=str(engine.path), sudo={"engine": "always"}
        )

        assert connection.engine.get("/containers/json") == CONTAINERS
        assert connection.channels == {"socket": 1}

    def test_an_idle_stream_makes_room_where_the_server_allows_few_channels(
        self, without_forwarding: Sshd, client_key: Path, connect: Connect, engine: Engine, folder: Path
    ) -> None:
        path = f"{without_forwarding.folder}/bin:{os.environ['PATH']}"
        options = ("AllowStreamLocalForwarding no", "MaxSessions 2", f"SetEnv PATH={path}")
        with run_sshd(folder / "sshd", [client_key], *options) as server:
            connection = connect(server, engine_socket=str(engine.path))
            lease = connection.shell.open(Command(("cat",)))

            for _ in range(2):
                assert connection.engine.get("/containers/json") == CONTAINERS
                assert connection.shell.run(Command(("true",))).ok
            lease.close()
