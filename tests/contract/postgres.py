"""A real PostgreSQL of Debian on loopback, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTING = 60.0
"""Seconds."""
_USER = "postgres"
"""User and group that Debian's package makes: the server refuses to run as root."""


@dataclass
class Postgres:
    """`bins` holds psql and the server's programs. Anybody on loopback may be the superuser postgres."""

    bins: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def ask(self, query: str, database: str = "postgres") -> str:
        """What psql prints, without headings."""
        command: list[str | Path] = [self.bins / "psql", *self._where(), "-d", database, "-AtXc", query]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=STARTING, check=True
        ).stdout.strip()

    def sessions(self, database: str) -> int:
        """Connections of clients to a database."""
        query = "select count(*) from pg_stat_activity where backend_type = 'client backend' and datname = "
        return int(self.ask(f"{query}'{database}'"))

    def start(self) -> None:
        words = ["-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.bins / "postgres", "-D", self.folder / "data", "-c", "fsync=off", *words],
                stdout=log,
                stderr=log,
                user=_owner(),
                group=_owner(),
            )
        end = time.monotonic() + STARTING
        while subprocess.run(
            [self.bins / "pg_isready", "-q", *self._where()], timeout=STARTING, check=False
        ).returncode:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """At once, as in a crash; its sessions end. What was committed is there at the next start."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(STARTING)
            self.process = None

    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]


@contextmanager
def postgres(bins: Path) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="opsctl-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
        made: list[str | Path] = [
            bins / "initdb",
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "postgres",
            "-N",
            "-E",
            "UTF8",
        ]
        subprocess.run(
            made, capture_output=True, timeout=STARTING, check=True, cwd=folder, user=_owner(), group=_owner()
        )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        server = Postgres(bins, folder, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> str | None:
    """Whose the processes are; None for our own user."""
    return _USER if os.geteuid() == 0 else None
