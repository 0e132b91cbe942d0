"""A host's private /etc: the machine's, with the lab's accounts, names and services in it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.lab.machines import keys
from tests.lab.machines.layout import MACHINE_ADDRESS, SPECS
from tests.lab.machines.processes import run

if TYPE_CHECKING:
    from tests.lab.machines.layout import HostSpec


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a lab host."""

    name: str
    uid: int
    docker: bool = False
    sudo: bool = False


ROOT: Final = Account("root", 0)
ACCOUNTS: Final = (
    Account("deploy", 1501, docker=True, sudo=True),
    Account("plain", 1502, docker=True),
    Account("guest", 1503),
)
FIRST_PERSON: Final = 1000
NOBODY: Final = 65534

MAPPED_REGISTRIES: Final = ("ghcr.io", "quay.io", "docker.n8n.io", "gcr.io", "registry.k8s.io")
"""Names the hosts resolve to the lab registry, which also answers on port 80."""


def home(user: str) -> str:
    """Give a user's home folder on a lab host."""
    return "/root" if user == "root" else f"/home/{user}"


def write_etc(host: HostSpec) -> None:
    """Make the host's /etc out of the machine's; the machine's people and keys stay out."""
    etc = host.folder / "etc"
    run(["cp", "--archive", "/etc", etc])
    for path in (etc / "ssh", etc / "docker", *(etc / "sudoers.d").iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    _write_people(etc)
    _write_sudoers(etc)
    _write_names(etc, host)


def write_homes(host: HostSpec) -> None:
    """Make the home folders; each accepts the lab's client key."""
    for account in (ROOT, *ACCOUNTS):
        folder = host.folder / home(account.name).lstrip("/")
        shutil.copytree("/etc/skel", folder)
        (folder / ".ssh").mkdir()
        (folder / ".ssh" / "authorized_keys").write_text(f"{keys.client_public()}\n")
        for path, mode in (
            (folder, 0o700),
            (folder / ".ssh", 0o700),
            (folder / ".ssh/authorized_keys", 0o600),
        ):
            path.chmod(mode)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.uid, account.uid)


def _write_people(etc: Path) -> None:
    system = _system_lines(etc / "passwd", field=2)
    people = [f"{a.name}:x:{a.uid}:{a.uid}::{home(a.name)}:/bin/bash" for a in ACCOUNTS]
    (etc / "passwd").write_text("\n".join([*system, *people, ""]))
    members = ",".join(a.name for a in ACCOUNTS if a.docker)
    groups = [
        f"{line.rpartition(':')[0]}:{members}" if line.startswith("docker:") else line
        for line in _system_lines(etc / "group", field=2)
    ]
    own = [f"{a.name}:x:{a.uid}:" for a in ACCOUNTS]
    (etc / "group").write_text("\n".join([*groups, *own, ""]))
    (etc / "gshadow").unlink(missing_ok=True)
    # shadow(5): "*" bars the password only; sshd without PAM refuses an account with "!".
    names = [line.partition(":")[0] for line in (*system, *people)]
    (etc / "shadow").write_text("".join(f"{name}:*:19700:0:99999:7:::\n" for name in names))
    (etc / "shadow").chmod(0o640)


def _system_lines(path: Path, *, field: int) -> list[str]:
    lines = path.read_text().splitlines()
    numbers = [int(line.split(":")[field]) for line in lines]
    return [line for line, number in zip(lines, numbers, strict=True) if not FIRST_PERSON <= number < NOBODY]


def _write_sudoers(etc: Path) -> None:
    for account in ACCOUNTS:
        if account.sudo:
            path = etc / "sudoers.d" / account.name
            path.write_text(f"{account.name} ALL=(ALL:ALL) NOPASSWD: ALL\n")
            path.chmod(0o440)


def _write_names(etc: Path, host: HostSpec) -> None:
    (etc / "hostname").write_text(f"{host.name}\n")
    hosts = ["127.0.0.1 localhost", f"{MACHINE_ADDRESS} lab-registry {' '.join(MAPPED_REGISTRIES)}"]
    hosts += [f"{spec.address} {spec.name}" for spec in SPECS.values()]
    (etc / "hosts").write_text("\n".join([*hosts, ""]))
    # Nothing listens there, so an unknown name fails at once instead of timing out.
    (etc / "resolv.conf").unlink(missing_ok=True)
    (etc / "resolv.conf").write_text(f"nameserver {MACHINE_ADDRESS}\noptions timeout:1 attempts:1\n")
