"""`opsctl hosts trust`: show, ask, write; never over a pin."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from opsctl.edges.ssh.host_keys import ScannedKey
from opsctl.edges.ssh.known_hosts import HostKey
from tests.cli.terminal import opsctl

BLOB = base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(range(32))).decode()
LINE = f"ssh-ed25519 {BLOB}"


@pytest.fixture
def shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def scan(*_: object) -> list[ScannedKey]:
        return [ScannedKey("192.0.2.1", HostKey.parse(LINE), known=False, revoked=False)]

    monkeypatch.setattr("opsctl.cli.trusting.scan", scan)


def fingerprint() -> str:
    digest = hashlib.sha256(base64.b64decode(BLOB)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def test_a_yes_writes_the_key_to_known_hosts(project: Path, shows: None) -> None:
    ended = opsctl(
        "hosts", "trust", "lab-app", project=project, tty=True, typed="y\n", environ={"NO_COLOR": "1"}
    )
    assert ended.code == 0
    assert ended.out.startswith(f"lab-app at 192.0.2.1 shows\n  ssh-ed25519  {fingerprint()}  not known\n")
    assert LINE in (project / "known_hosts").read_text()


def test_a_no_writes_nothing(project: Path, shows: None) -> None:
    ended = opsctl(
        "hosts", "trust", "lab-app", project=project, tty=True, typed="n\n", environ={"NO_COLOR": "1"}
    )
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "nothing done")
    assert not (project / "known_hosts").exists()


def test_a_pin_in_hosts_toml_is_never_overridden(project: Path, shows: None) -> None:
    file = project / "hosts.toml"
    other = LINE.replace(BLOB, base64.b64encode(base64.b64decode(BLOB)[:-1] + b"\xff").decode())
    file.write_text(file.read_text().replace("[hosts.lab-app]\n", f'[hosts.lab-app]\nhost_key = "{other}"\n'))
    ended = opsctl("hosts", "trust", "lab-app", "--yes", project=project)
    assert ended.code == 4
    assert f'write host_key = "{LINE}" in [hosts.lab-app]' in ended.err
    assert not (project / "known_hosts").exists()


def test_a_host_that_shows_no_known_kind_of_key_ends_in_5(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opsctl.cli.trusting.scan", lambda *_: [])
    ended = opsctl("hosts", "trust", "lab-app", "--yes", project=project)
    assert ended.code == 5
    assert "lab-app shows no host key of a kind that can be trusted" in ended.err


def test_a_host_of_this_machine_has_no_key(project: Path) -> None:
    file = project / "hosts.toml"
    file.write_text(file.read_text().replace('addresses = ["192.0.2.2"]', 'connection = "local"'))
    assert "there is no key to trust" in opsctl("hosts", "trust", "lab-vpn", "--yes", project=project).err
