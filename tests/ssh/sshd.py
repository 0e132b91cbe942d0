"""A real sshd on loopback, with keys, users and sudo rules of its own.

It runs in a private mount namespace where /etc/passwd and /etc/sudoers are files of the test: root's shell then reads
no profile of this machine, and users exist that this machine does not have.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SSHD = "/usr/sbin/sshd"
OPERATOR = "opsctl-operator"
"""A user without rights, uid 64997."""
OPERATOR_UID = 64997
_READY_WITHIN = 5.0
_NAMESPACE = 'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/sudoers" /etc/sudoers; shift; exec "$@"'


@dataclass
class Sshd:
    """One server. `folder` is also root's home there."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    host_keys: dict[str, Path] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def public(self, kind: str = "ed25519") -> str:
        """`ssh-… AAAA…` of the host's own key."""
        return " ".join(self.host_keys[kind].with_suffix(".pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def connections(self) -> list[int]:
        """Process ids of the servers of single connections."""
        listing = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout
        return [int(pid) for pid in listing.split()]

    def stop(self) -> None:
        for pid in self.connections():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 15)
        self.process.terminate()
        self.process.wait(10)


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    size = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


def missing() -> str | None:
    """Why no sshd can be run here."""
    if not Path(SSHD).exists():
        return f"{SSHD} is not installed (openssh-server)"
    if os.geteuid() != 0:
        return "sshd for other users needs root"
    if not shutil.which("unshare"):
        return "unshare is not installed (util-linux)"
    return None


@contextlib.contextmanager
def run_sshd(
    folder: Path,
    authorized: Sequence[Path],
    *options: str,
    host_keys: Sequence[str] = ("ed25519",),
    sudoers: str = "",
) -> Iterator[Sshd]:
    """A server that lets root and the operator in with the public halves of `authorized`."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    keys = {kind: make_key(folder / f"host_{kind}", kind) for kind in host_keys}
    (folder / "authorized").write_text("".join(key.with_suffix(".pub").read_text() for key in authorized))
    (folder / "sudoers").write_text(f"Defaults !fqdn\nroot ALL=(ALL) ALL\n{sudoers}\n")
    (folder / "sudoers").chmod(0o440)
    (folder / "passwd").write_text(
        f"root:x:0:0:root:{folder}:/bin/sh\n{OPERATOR}:*:{OPERATOR_UID}:{OPERATOR_UID}::{folder}:/bin/sh\n"
        "sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
    )
    port = _free_port()
    (folder / "config").write_text(
        "\n".join(
            [
                *options,
                *(f"HostKey {key}" for key in keys.values()),
                f"AuthorizedKeysFile {folder}/authorized",
                "ListenAddress 127.0.0.1",
                f"Port {port}",
                "StrictModes no",
                "PidFile none",
                "UsePAM no",
                "UseDNS no",
                "PermitRootLogin prohibit-password",
                "PasswordAuthentication no",
                "KbdInteractiveAuthentication no",
                "MaxStartups 100",
            ]
        )
        + "\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                _NAMESPACE,
                "sh",
                str(folder),
                SSHD,
                "-D",
                "-e",
                "-f",
                f"{folder}/config",
            ],
            stderr=log,
        )
    server = Sshd(folder, port, process, keys)
    try:
        _wait_until_it_listens(server)
        yield server
    finally:
        server.stop()


def _wait_until_it_listens(server: Sshd) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and server.process.poll() is None:
        if "Server listening" in server.log:
            return
        time.sleep(0.01)
    raise RuntimeError(f"sshd did not start: {server.log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
