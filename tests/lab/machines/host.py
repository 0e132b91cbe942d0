"""One lab host as a test sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.machines import boot, faults, keys, marks

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.lab.machines.layout import HostSpec


@dataclass(frozen=True, slots=True)
class LabHost:
    """A running lab host: a small Debian server with an engine, Compose, sshd and four users.

    The users are root, deploy (group docker, sudo without a password), plain (group docker, no
    sudo) and guest (neither); all accept `client_key`. Nothing here goes over SSH.
    """

    spec: HostSpec

    @property
    def name(self) -> str:
        """The host's name, which is also its hostname(1)."""
        return self.spec.name

    @property
    def address(self) -> str:
        """The IPv4 address on the lab's bridge."""
        return self.spec.address

    @property
    def ssh_port(self) -> int:
        """The port of the usual sshd: stream-local forwarding, ten sessions a connection."""
        return 22

    @property
    def strict_ssh_port(self) -> int:
        """The port of a second sshd: no stream-local forwarding, two sessions a connection."""
        return keys.STRICT_PORT

    @property
    def client_key(self) -> Path:
        """The ed25519 private key (mode 0600) that every account accepts."""
        return keys.CHECKOUT_FOLDER / "id_ed25519"

    @property
    def docker_socket(self) -> Path:
        """The engine's socket, as a path on the machine itself."""
        return self.spec.docker_socket

    def known_hosts_line(self) -> str:
        """Give the pin of the host's ed25519 key, by name and address, on both SSH ports."""
        return keys.known_hosts_line(self.spec)

    def path(self, absolute: str) -> Path:
        """Give a private folder or file of the host as the machine sees it.

        It holds for /etc, /run, /root, /home, /opt, /srv, /tmp, /usr/local, /var/log and /var/tmp.
        """
        relative = absolute.lstrip("/")
        for above in ("usr/local", "var/log", "var/tmp"):
            if relative.startswith(above):
                relative = relative.replace("/", "-", 1)
        return self.spec.folder / relative

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        user: str = "root",
        check: bool = True,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program on the host, in the user's home; with check, LabError if it fails."""
        return boot.inside(self.spec, argv, stdin=stdin, user=user, check=check, timeout=timeout)

    def docker(self, *words: str) -> str:
        """Run the host's own docker client as root and give what it printed."""
        return self.run(["docker", *words]).stdout.decode()

    def processes(self) -> list[list[str]]:
        """List the words each process of the host (with its containers) was started with."""
        listed = self.run(["sh", "-c", "for f in /proc/[0-9]*/cmdline; do cat $f; echo; done"])
        lines = listed.stdout.decode(errors="replace").split("\0\n")
        return [line.split("\0") for line in lines if line.strip()]

    def wipe(self) -> None:
        """Remove every container, volume, network and stack folder, but no image.

        What is below /opt and /srv goes too; the host stays up.
        """
        self.run(["sh", "-c", _WIPE])

    def reserved(self) -> AbstractContextManager[None]:
        """Keep other test sessions that ask the same off this host; wait for one that is on it."""
        return marks.reserved(self.spec)

    def link_down(self) -> AbstractContextManager[None]:
        """Pull the host's cable: packets vanish, nothing is refused, open connections hang."""
        return faults.link_down(self.spec)

    def engine_stopped(self) -> AbstractContextManager[None]:
        """Stop dockerd and with it every container; those with a restart policy come back."""
        return faults.engine_stopped(self.spec)

    def engine_hung(self) -> AbstractContextManager[None]:
        """Stop dockerd from answering: its socket accepts and then nothing comes."""
        return faults.engine_hung(self.spec)

    def disk_full(self, directory: str) -> AbstractContextManager[None]:
        """Make the file system under a directory full; its content stays readable."""
        return faults.disk_full(self.spec, directory)

    def compose_missing(self) -> AbstractContextManager[None]:
        """Take the Compose plugin away."""
        return faults.compose_missing(self.spec)

    def compose_version(self, version: str) -> AbstractContextManager[None]:
        """Let `docker compose version` say another version, such as "2.10.0"; all else fails."""
        return faults.compose_version(self.spec, version)

    def host_key_changed(self) -> AbstractContextManager[None]:
        """Let the host show other SSH keys than the pinned ones."""
        return faults.host_key_changed(self.spec)

    def ssh_stopped(self) -> AbstractContextManager[None]:
        """Stop both SSH servers: a new connection is refused, open sessions go on."""
        return faults.ssh_stopped(self.spec)

    def ssh_argv(self, command: str = "", *, user: str = "deploy", connect_seconds: int = 10) -> list[str]:
        """Give the words of an OpenSSH call to this host, with its pin and key and no config.

        The command is shell text for the host, as with ssh(1).
        """
        options = {
            "IdentityFile": str(self.client_key),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(keys.CHECKOUT_FOLDER / "known_hosts"),
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": str(connect_seconds),
        }
        words = [f"-o{name}={value}" for name, value in options.items()]
        return ["ssh", "-F", "none", *words, f"{user}@{self.address}", *([command] if command else ())]


_WIPE = """
set -e
running=$(docker ps --all --quiet)
test -z "$running" || docker rm --force --volumes $running >/dev/null
volumes=$(docker volume ls --quiet)
test -z "$volumes" || docker volume rm --force $volumes >/dev/null
docker network prune --force >/dev/null
find /opt /srv -mindepth 1 ! -path "/opt/containerd*" -delete
"""
