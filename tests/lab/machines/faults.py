"""Faults of a lab host; each is a context manager that undoes itself."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tests.lab.machines import boot, keys, marks, network
from tests.lab.machines.boot import PLUGINS, inside
from tests.lab.machines.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machines.layout import HostSpec

ENGINE_FILES: Final = ("docker.pid", "docker.sock")

FAKE_COMPOSE: Final = """\
#!/bin/sh
# Stands in for a Compose of another version: it can tell its version and nothing else.
case " $* " in
    *" docker-cli-plugin-metadata "*)
        echo '{{"SchemaVersion":"0.1.0","Vendor":"lab","Version":"v{version}"}}' ;;
    *" version "*"--short"*) echo '{version}' ;;
    *" version "*"json"*) echo '{{"version":"v{version}"}}' ;;
    *" version "*) echo 'Docker Compose version v{version}' ;;
    *) echo 'this Compose only tells its version' >&2; exit 1 ;;
esac
"""


@contextmanager
def link_down(host: HostSpec) -> Iterator[None]:
    """Pull the host's cable: packets vanish, nothing is refused, open connections hang."""
    with marks.fault(host, "link-down"):
        network.set_cable(host, "down")
        try:
            yield
        finally:
            network.set_cable(host, "up")
            until(lambda: boot.ssh_answers(host), f"{host.machine} after its cable", seconds=15)


@contextmanager
def engine_stopped(host: HostSpec) -> Iterator[None]:
    """Stop dockerd and with it every container; those with a restart policy come back later."""
    run = host.folder / "run"
    with marks.fault(host, "engine-stopped"):
        inside(host, ["sh", "-c", "kill $(cat /run/docker.pid)"])
        until(lambda: not any((run / name).exists() for name in ENGINE_FILES), "dockerd's end", seconds=30)
        try:
            yield
        finally:
            boot.start_engine(host)


@contextmanager
def engine_hung(host: HostSpec) -> Iterator[None]:
    """Stop dockerd from answering: a connection to its socket opens and then nothing comes."""
    with marks.fault(host, "engine-hung"):
        inside(host, ["sh", "-c", "kill -STOP $(cat /run/docker.pid)"])
        try:
            yield
        finally:
            inside(host, ["sh", "-c", "kill -CONT $(cat /run/docker.pid)"])
            until(lambda: boot.engine_answers(host), f"{host.machine}'s engine", seconds=15)


@contextmanager
def disk_full(host: HostSpec, directory: str) -> Iterator[None]:
    """Make the file system under a directory full; what it held is still there to read.

    A tmpfs with a copy of the content lies over the directory meanwhile, so what is written,
    renamed or deleted there during the fault is gone afterwards.
    """
    where = shlex.quote(directory)
    fill = f"""
set -e
mkdir -p {where} /run/lab-full
size=$(du -sk {where} | cut -f1)
mount -t tmpfs -o size=$((size + 64))k,mode=$(stat -c %a {where}) tmpfs /run/lab-full
cp -a {where}/. /run/lab-full/
mount --move /run/lab-full {where}
dd if=/dev/zero of={where}/.full bs=1k 2>/dev/null || true
"""
    with marks.fault(host, "disk-full"):
        inside(host, ["sh", "-c", fill])
        try:
            yield
        finally:
            inside(host, ["umount", "--lazy", directory])


@contextmanager
def compose_missing(host: HostSpec) -> Iterator[None]:
    """Take the Compose plugin away."""
    plugin = host.folder / PLUGINS / "docker-compose"
    aside = plugin.parent.parent / "compose-set-aside"
    with marks.fault(host, "compose-missing"):
        plugin.rename(aside)
        try:
            yield
        finally:
            aside.replace(plugin)


@contextmanager
def compose_version(host: HostSpec, version: str) -> Iterator[None]:
    """Put a plugin in Compose's place that says it is of this version, such as "2.10.0"."""
    with compose_missing(host):
        plugin = host.folder / PLUGINS / "docker-compose"
        plugin.write_text(FAKE_COMPOSE.format(version=version))
        plugin.chmod(0o755)
        yield


@contextmanager
def host_key_changed(host: HostSpec) -> Iterator[None]:
    """Give the host other keys than the pinned ones, as if someone else answered."""
    folder = host.folder / "etc/ssh"
    with marks.fault(host, "host-key-changed"):
        keys.new_host_key(folder)
        _restart_sshd(host)
        try:
            yield
        finally:
            keys.copy_host_keys(keys.host_key_folder(host), folder)
            _restart_sshd(host)


@contextmanager
def ssh_stopped(host: HostSpec) -> Iterator[None]:
    """Stop both SSH servers: a new connection is refused, open sessions go on."""
    with marks.fault(host, "ssh-stopped"):
        _stop_sshd(host)
        try:
            yield
        finally:
            boot.start_sshd(host)


def _restart_sshd(host: HostSpec) -> None:
    _stop_sshd(host)
    boot.start_sshd(host)


def _stop_sshd(host: HostSpec) -> None:
    for name in ("sshd", "sshd-strict"):
        file = f"/run/{name}.pid"
        inside(host, ["sh", "-c", f"kill $(cat {file}); rm -f {file}"])
    until(lambda: not boot.ssh_listens(host), "sshd's end", seconds=10)
