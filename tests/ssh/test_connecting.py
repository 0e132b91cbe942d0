"""Ways, keys and failures of connecting, against real servers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ssh.conftest import Connect
from tests.ssh.sshd import Sshd, make_key, run_sshd

from opsctl.argv.command import Command
from opsctl.edges.ssh.sockets import PromptSocket
from opsctl.errors import AuthenticationFailed, ConnectFailed, HostKeyRefused, UsageError

DEAD = "127.0.0.1:1"


def answers(connect: Connect, server: Sshd | None, **fields: object) -> bool:
    return connect(server, **fields).shell.run(Command(("true",))).ok


class TestAddresses:
    def test_the_next_is_tried_where_the_first_is_dead(self, sshd: Sshd, connect: Connect) -> None:
        assert answers(connect, sshd, addresses=(DEAD, sshd.address))

    def test_each_is_listed_with_its_own_reason(self, connect: Connect) -> None:
        with pytest.raises(ConnectFailed) as failed:
            connect(addresses=(DEAD, "no-such-host.invalid"), host_key=())

        assert "no connection on any of 2 addresses" in str(failed.value)
        assert failed.value.evidence[0] == f"{DEAD}: connection refused"
        assert failed.value.evidence[1].startswith("no-such-host.invalid: the name cannot be resolved")

    def test_something_else_than_sshd_answers(self, connect: Connect) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            other.settimeout(5)

            def hang_up() -> None:
                accepted, _ = other.accept()
                accepted.sendall(b"220 mail ready\r\n")
                accepted.close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            with pytest.raises(ConnectFailed) as failed:
                connect(addresses=(address,))
            thread.join()

        assert failed.value.evidence == (f"{address}: no SSH server answers there",)

    def test_a_wrong_host_key_ends_the_search(self, sshd: Sshd, connect: Connect) -> None:
        with pytest.raises(HostKeyRefused):
            connect(sshd, addresses=(sshd.address, sshd.address), host_key=())


class TestKeys:
    def test_the_wrong_key_is_named(self, sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
        wrong = make_key(tmp_path / "wrong")

        with pytest.raises(AuthenticationFailed) as failed:
            connect(sshd, identity_files=(str(wrong),))

        assert "lets nobody in as root" in str(failed.value)
        assert failed.value.evidence == (f"{wrong}: refused",)

    def test_a_relative_file_is_relative_to_the_project(
        self, sshd: Sshd, connect: Connect, root: Path, client_key: Path
    ) -> None:
        (root / "keys").mkdir()
        (root / "keys" / "deploy").write_bytes(client_key.read_bytes())
        (root / "keys" / "deploy").chmod(0o600)

        assert answers(connect, sshd, identity_files=("keys/deploy",))

    def test_a_missing_file(self, sshd: Sshd, connect: Connect, root: Path) -> None:
        with pytest.raises(AuthenticationFailed, match=f"there is no key file {root}/nowhere"):
            connect(sshd, identity_files=("nowhere",))

    def test_a_file_that_others_can_read(self, sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
        key = make_key(tmp_path / "open")
        key.chmod(0o644)

        with pytest.raises(AuthenticationFailed, match=r"open to others \(mode 0644\)") as failed:
            connect(sshd, identity_files=(str(key),))
        assert failed.value.hint == f"chmod 600 {key}"

    @pytest.mark.parametrize("kind", ["ed25519", "rsa"])
    def test_an_encrypted_file_without_an_agent(
        self, sshd: Sshd, connect: Connect, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        key = make_key(tmp_path / "locked", kind, passphrase="open sesame")

        with pytest.raises(AuthenticationFailed) as failed:
            connect(sshd, identity_files=(str(key),))

        assert failed.value.evidence == (f"{key}: encrypted, and no agent holds it; `ssh-add {key}`",)

    def test_a_file_that_is_no_key(self, sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("hello")
        (tmp_path / "text").chmod(0o600)

        with pytest.raises(AuthenticationFailed, match="not a private key that can be read"):
            connect(sshd, identity_files=(str(tmp_path / "text"),))

    def test_an_unknown_user(self, sshd: Sshd, connect: Connect) -> None:
        with pytest.raises(AuthenticationFailed, match="lets nobody in as nobody-here"):
            connect(sshd, user="nobody-here")


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 5
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    yield path
    process.terminate()
    process.wait()


class TestAgent:
    @pytest.fixture(autouse=True)
    def _holds_the_key(self, agent: Path, client_key: Path) -> None:
        subprocess.run(["ssh-add", "-q", str(client_key)], check=True, stderr=subprocess.DEVNULL)

    def test_its_keys_are_offered(self, sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
        assert answers(connect, sshd, identity_files=(str(make_key(tmp_path / "other")),))

    def test_it_stands_in_for_an_encrypted_file(
        self, sshd: Sshd, connect: Connect, tmp_path: Path, client_key: Path
    ) -> None:
        locked = tmp_path / "locked"
        locked.write_bytes(client_key.read_bytes())
        locked.chmod(0o600)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(locked)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        locked.with_suffix(".pub").write_bytes(client_key.with_suffix(".pub").read_bytes())

        assert answers(connect, sshd, identity_files=(str(locked),))

    def test_identities_only_leaves_its_other_keys_alone(
        self, sshd: Sshd, connect: Connect, tmp_path: Path
    ) -> None:
        (tmp_path / "config").write_text("Host *\n  IdentitiesOnly yes\n")

        with pytest.raises(AuthenticationFailed):
            connect(
                sshd, identity_files=(str(make_key(tmp_path / "other")),), ssh_config=str(tmp_path / "config")
            )

    def test_ssh_config_may_turn_it_off_or_name_another(
        self, sshd: Sshd, connect: Connect, tmp_path: Path
    ) -> None:
        config = tmp_path / "config"
        other = str(make_key(tmp_path / "other"))
        config.write_text("IdentityAgent none\n")
        with pytest.raises(AuthenticationFailed):
            connect(sshd, identity_files=(other,), ssh_config=str(config))

        config.write_text(f"IdentityAgent {tmp_path}/nobody\n")
        with pytest.raises(AuthenticationFailed) as failed:
            connect(sshd, identity_files=(other,), ssh_config=str(config))
        assert any(f"agent {tmp_path}/nobody" in line for line in failed.value.evidence)


class TestSshConfig:
    def test_an_alias_is_followed(self, sshd: Sshd, connect: Connect, root: Path, client_key: Path) -> None:
        (root / "ssh_config").write_text(
            f"Host box\n HostName 127.0.0.1\n Port {sshd.port}\n User root\n IdentityFile {client_key}\n"
        )

        assert answers(
            connect, sshd, addresses=("box",), user=None, identity_files=(), ssh_config="ssh_config"
        )

    def test_a_file_that_is_named_must_be_there(self, sshd: Sshd, connect: Connect) -> None:
        with pytest.raises(UsageError, match="cannot read the SSH configuration"):
            connect(sshd, ssh_config="nowhere")

    def test_a_proxy_command_carries_the_connection(self, sshd: Sshd, connect: Connect, root: Path) -> None:
        relay = root / "relay.py"
        relay.write_text(RELAY)
        (root / "ssh_config").write_text(f"Host *\n ProxyCommand {sys.executable} {relay} %h %p\n")

        connection = connect(sshd, ssh_config="ssh_config")
        assert connection.shell.run(Command(("true",))).ok
        connection.close()

    def test_a_proxy_command_that_ends_is_no_connection(
        self, sshd: Sshd, connect: Connect, root: Path
    ) -> None:
        (root / "ssh_config").write_text("Host *\n ProxyCommand false\n")

        with pytest.raises(ConnectFailed, match="no connection"):
            connect(sshd, ssh_config="ssh_config")


RELAY = """
import os, socket, sys, threading
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := link.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    link.sendall(data)
"""


class TestJumpHosts:
    @pytest.fixture
    def inner(self, tmp_path: Path, client_key: Path) -> Iterator[Sshd]:
        with run_sshd(tmp_path / "inner", [client_key]) as server:
            yield server

    @pytest.fixture
    def jump(self, sshd: Sshd, inner: Sshd, root: Path, client_key: Path) -> Sshd:
        """ssh_config and known_hosts for a way over the first server to the second."""
        (root / "ssh_config").write_text(
            f"Host gate\n HostName 127.0.0.1\n Port {sshd.port}\n User root\n IdentityFile {client_key}\n"
            f"Host inner\n HostName 127.0.0.1\n Port {inner.port}\n ProxyJump gate\n"
            f"Host far\n HostName 127.0.0.1\n Port {inner.port}\n ProxyJump gate,root@gate:{sshd.port}\n"
            "Host circle\n ProxyJump circle\n"
        )
        (root / "known_hosts").write_text(f"gate {sshd.public()}\n")
        return sshd

    @pytest.mark.parametrize("address", ["inner", "far"])
    def test_the_connection_goes_through_them(
        self, jump: Sshd, inner: Sshd, connect: Connect, address: str
    ) -> None:
        connection = connect(addresses=(address,), host_key=(inner.public(),), ssh_config="ssh_config")

        seen = connection.shell.run(Command(("printenv", "SSH_CONNECTION"))).stdout.decode()

        assert seen.split()[-1] == str(inner.port)
        assert "Accepted publickey for root" in jump.log

    def test_each_has_its_own_host_key(self, jump: Sshd, inner: Sshd, connect: Connect, root: Path) -> None:
        (root / "known_hosts").write_text(f"gate {inner.public()}\n")

        with pytest.raises(HostKeyRefused) as refused:
            connect(addresses=("inner",), host_key=(inner.public(),), ssh_config="ssh_config")
        assert str(refused.value).startswith(
            f"web: [gate]:{jump.port} shows another host key than known_hosts says"
        )

    def test_the_pin_of_the_host_is_not_that_of_the_jump(
        self, jump: Sshd, inner: Sshd, connect: Connect, root: Path
    ) -> None:
        (root / "known_hosts").unlink()

        with pytest.raises(HostKeyRefused, match=r"the host key of \[gate\]:\d+ is not known"):
            connect(addresses=("inner",), host_key=(inner.public(), jump.public()), ssh_config="ssh_config")

    def test_a_jump_host_that_cannot_reach_the_host(self, jump: Sshd, inner: Sshd, connect: Connect) -> None:
        inner.stop()

        with pytest.raises(ConnectFailed) as failed:
            connect(addresses=("inner",), ssh_config="ssh_config")
        assert failed.value.evidence == (
            f"inner: the jump host cannot reach 127.0.0.1:{inner.port}: Connection refused",
        )

    def test_a_circle(self, jump: Sshd, connect: Connect) -> None:
        with pytest.raises(UsageError, match="circle"):
            connect(addresses=("circle",), ssh_config="ssh_config")


class TestWire:
    def test_weak_algorithms_are_not_offered(
        self, tmp_path: Path, client_key: Path, connect: Connect
    ) -> None:
        with (
            run_sshd(tmp_path / "sshd", [client_key], "MACs hmac-sha1") as server,
            pytest.raises(ConnectFailed) as failed,
        ):
            connect(server)
        assert "no common algorithms" in failed.value.evidence[0]

    def test_packets_are_neither_held_back_nor_acknowledged_late(self, sshd: Sshd, connect: Connect) -> None:
        wire = connect(sshd)._link.transport.sock

        assert isinstance(wire, PromptSocket)
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000

    def test_every_read_asks_for_quick_acknowledgements(self) -> None:
        asked: list[tuple[object, ...]] = []

        class Recorded(PromptSocket):
            def setsockopt(self, *option: object) -> None:
                asked.append(option)
                super().setsockopt(*option)  # type: ignore[call-overload]

        with socket.create_server(("127.0.0.1", 0)) as server, Recorded() as wire:
            wire.connect(server.getsockname())
            accepted, _ = server.accept()
            with accepted:
                accepted.sendall(b"ab")
                assert wire.recv(1) + wire.recv(1) == b"ab"

        assert asked == [(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)] * 2

    def test_strict_key_exchange_and_keepalives_are_on(self, sshd: Sshd, connect: Connect) -> None:
        transport: Any = connect(sshd)._link.transport

        assert transport.agreed_on_strict_kex
        assert transport.packetizer._Packetizer__keepalive_interval == 15

    def test_a_closed_connection_leaves_no_process_and_no_thread(self, sshd: Sshd, connect: Connect) -> None:
        connection = connect(sshd)
        transport = connection._link.transport
        connection.close()

        assert not transport.is_alive()
        with pytest.raises(ConnectFailed):
            connection.shell.run(Command(("true",)))


def test_the_command_line_starts_without_paramiko_and_docker() -> None:
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            "import opsctl.edges.connect, sys; print('paramiko' in sys.modules, 'docker' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )

    assert seen.stdout.split() == ["False", "False"]
