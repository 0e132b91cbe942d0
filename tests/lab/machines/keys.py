"""SSH keys of the lab: kept with the caches, so that a new lab answers to the old pins."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from tests.lab.machines.layout import CACHE, CHECKOUT, EVERY, REGISTRY
from tests.lab.machines.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.lab.machines.layout import HostSpec

FOLDER: Final = CACHE / "keys"
CLIENT_KEY: Final = FOLDER / "client" / "id_ed25519"
CHECKOUT_FOLDER: Final = CHECKOUT / ".lab"
STRICT_PORT: Final = 2222


def client_public() -> str:
    """Give the line that every account of every host accepts."""
    return _public(CLIENT_KEY, "ed25519")


def host_key_folder(host: HostSpec) -> Path:
    """Give the folder with the ed25519 and rsa keys of all hosts of that name; make them the first time."""
    folder = FOLDER / host.name
    _public(folder / "ssh_host_ed25519_key", "ed25519")
    _public(folder / "ssh_host_rsa_key", "rsa")
    return folder


def known_hosts_line(host: HostSpec) -> str:
    """Give the pin of the host: its ed25519 key by name and address, on both SSH ports."""
    kind, key = _public(FOLDER / host.name / "ssh_host_ed25519_key", "ed25519").split()[:2]
    names = (host.name, host.address, f"[{host.name}]:{STRICT_PORT}")
    return f"{','.join(names)},[{host.address}]:{STRICT_PORT} {kind} {key}"


def write_checkout_folder(references: Iterable[str]) -> None:
    """Write .lab/ of this checkout: pins, client key, registry, images and an ssh_config."""
    CHECKOUT_FOLDER.mkdir(exist_ok=True)
    pins = "".join(f"{known_hosts_line(spec)}\n" for spec in EVERY)
    _put(".gitignore", "*\n")
    _put("known_hosts", pins)
    _put("registry", f"{REGISTRY}\n")
    _put("images", "".join(f"{REGISTRY}/{reference}\n" for reference in references))
    _put("ssh_config", _ssh_config())
    _put("id_ed25519", CLIENT_KEY.read_text(), mode=0o600)
    _put("id_ed25519.pub", f"{client_public()}\n")


def new_host_key(folder: Path) -> None:
    """Put a fresh ed25519 and a fresh rsa host key into a folder, in place of those there."""
    for kind in ("ed25519", "rsa"):
        path = folder / f"ssh_host_{kind}_key"
        path.unlink(missing_ok=True)
        _public(path, kind)


def copy_host_keys(source: Path, target: Path) -> None:
    """Copy the host keys from one folder to another, with their modes."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.glob("ssh_host_*_key*"):
        shutil.copy2(path, target / path.name)


def _public(path: Path, kind: str) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "opsctl-lab", "-f", path])
    return path.with_name(f"{path.name}.pub").read_text().strip()


def _ssh_config() -> str:
    common = (
        f"    IdentityFile {CHECKOUT_FOLDER}/id_ed25519\n"
        "    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {CHECKOUT_FOLDER}/known_hosts\n"
        "    StrictHostKeyChecking yes\n"
    )
    return "\n".join(
        f"Host {spec.machine}\n    HostName {spec.address}\n    User deploy\n{common}" for spec in EVERY
    )


def _put(name: str, text: str, mode: int = 0o644) -> None:
    path = CHECKOUT_FOLDER / name
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f"{name}.new")
    fresh.touch(mode=mode)
    fresh.write_text(text)
    fresh.replace(path)
