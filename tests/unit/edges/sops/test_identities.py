"""Keys are looked for where sops looks, kept from others, and never shown."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.edges.sops.oracle import Person, Sops, person

from opsctl.edges.sops.document import create, parse, unlock
from opsctl.edges.sops.identities import KeyCommand, generate, key_file, load
from opsctl.errors import NoKey


def secret_of(who: Person) -> str:
    return who.key_file.read_text().splitlines()[-1]


def put(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def printing(tmp_path: Path, text: str) -> str:
    """A command that prints a text."""
    path = put(tmp_path / "printed", text)
    return f"cat '{path}'"


@pytest.fixture
def data(ann: Person) -> bytes:
    unlocked = create([ann.recipient], "x.yaml")
    unlocked.set(("a", "value"), "x")
    return unlocked.dump(0)


def test_a_key_in_the_environment(ann: Person, bob: Person, tmp_path: Path) -> None:
    text = f"# public key: {bob.recipient}\n{secret_of(bob)} {secret_of(ann)}\n"

    found = load({"SOPS_AGE_KEY": text}, tmp_path)

    assert found.recipients == (bob.recipient, ann.recipient)
    assert "SOPS_AGE_KEY: 2 keys" in found.sources


def test_a_key_file_that_is_named(ann: Person, tmp_path: Path) -> None:
    path = put(tmp_path / "my key", f"# created: now\n\n{secret_of(ann)}\r\n")

    found = load({"SOPS_AGE_KEY_FILE": str(path)}, tmp_path)

    assert found.recipients == (ann.recipient,)
    assert f"SOPS_AGE_KEY_FILE ({path}): 1 key" in found.sources


@pytest.mark.parametrize("environ", [{}, {"XDG_CONFIG_HOME": ""}])
def test_the_key_file_of_the_user(ann: Person, tmp_path: Path, environ: dict[str, str]) -> None:
    path = key_file(environ, tmp_path)
    if sys.platform == "linux":
        assert path == tmp_path / ".config/sops/age/keys.txt"
    put(path, secret_of(ann))

    assert load(environ, tmp_path).recipients == (ann.recipient,)


def test_the_key_file_where_xdg_says(ann: Person, tmp_path: Path) -> None:
    put(tmp_path / "xdg/sops/age/keys.txt", secret_of(ann))

    assert load({"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, tmp_path).recipients == (ann.recipient,)


def test_a_command_is_told_for_whom_and_runs_only_if_it_must(
    ann: Person, data: bytes, tmp_path: Path
) -> None:
    script = put(tmp_path / "give key", f'#!/bin/sh\necho "$SOPS_AGE_RECIPIENT" >>{tmp_path}/asked\ncat {ann.key_file}\n', 0o755)  # fmt: skip
    environ = {"SOPS_AGE_KEY_CMD": f"'{script}' x", "PATH": "/usr/bin:/bin"}
    asked = tmp_path / "asked"

    with_key = load({**environ, **ann.environ}, tmp_path)
    assert unlock(parse(data, "x.yaml"), with_key).get(("a", "value")) == "x"
    assert not asked.exists()

    without = load(environ, tmp_path)
    for _ in range(2):
        assert unlock(parse(data, "x.yaml"), without).get(("a", "value")) == "x"
    assert asked.read_text() == f"{ann.recipient}\n"
    assert without.recipients == (ann.recipient,)
    assert asked.read_text() == f"{ann.recipient}\n\n"


@pytest.mark.parametrize(
    "line, said",
    [("false", "failed with code 1"), ("/nonexistent/x", "cannot be run (No such file or directory)"), ("'", "cannot be run (not a command line)"), ("", "cannot be run (not a command line)"), ("echo junk", "line 1 is not an age key")],
)  # fmt: skip
def test_a_command_that_gives_no_key_is_told(
    ann: Person, data: bytes, tmp_path: Path, line: str, said: str
) -> None:
    found = load({"SOPS_AGE_KEY_CMD": line, "PATH": "/usr/bin:/bin"}, tmp_path)

    with pytest.raises(NoKey) as refused:
        unlock(parse(data, "x.yaml"), found)

    assert f"SOPS_AGE_KEY_CMD: {said}" in refused.value.evidence


def test_a_command_that_hangs_is_left_behind() -> None:
    command = KeyCommand(
        "SOPS_AGE_KEY_CMD", "sh -c 'sleep 3 & sleep 3'", {"PATH": "/usr/bin:/bin"}, seconds=0.1
    )
    begun = time.monotonic()

    assert command.identities("age1x") == ()

    assert command.said == "gave no answer within 0.1 s"
    assert time.monotonic() - begun < 2


def ssh_key(path: Path, *, passphrase: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)], check=True
    )
    return path.with_suffix(".pub").read_text().strip()


@pytest.mark.parametrize("place", ["home", "file", "command"])
def test_ssh_keys(tmp_path: Path, place: str) -> None:
    path = tmp_path / ".ssh/id_ed25519" if place == "home" else tmp_path / "key"
    unlocked = create([ssh_key(path)], "x.yaml")
    unlocked.set(("a", "value"), "x")
    environ = {
        "home": {},
        "file": {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(path)},
        "command": {"SOPS_AGE_SSH_PRIVATE_KEY_CMD": f"cat {path}", "PATH": "/usr/bin:/bin"},
    }[place]

    assert unlock(parse(unlocked.dump(0), "x.yaml"), load(environ, tmp_path)).get(("a", "value")) == "x"


def test_an_ssh_key_of_the_home_that_cannot_be_used_stops_nobody(ann: Person, tmp_path: Path) -> None:
    ssh_key(tmp_path / ".ssh/id_ed25519", passphrase="canary-phrase")
    put(tmp_path / ".ssh/id_rsa", "junk", 0o644)

    found = load(ann.environ, tmp_path)

    assert found.recipients == (ann.recipient,)
    assert f"{tmp_path}/.ssh/id_ed25519: not a key that opsctl can use" in found.sources
    assert any("id_rsa is open to others (mode 0644)" in source for source in found.sources)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
@pytest.mark.parametrize("variable", ["SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", ""])
def test_a_key_file_that_others_can_reach_is_refused(
    ann: Person, tmp_path: Path, mode: int, variable: str
) -> None:
    path = put(key_file({}, tmp_path), secret_of(ann), mode)

    with pytest.raises(NoKey, match=rf"{path} is open to others \(mode {mode:04o}\)") as refused:
        load({variable: str(path)} if variable else {}, tmp_path)

    assert refused.value.hint.startswith(f"chmod 600 {path}")


ENCRYPTED = "age-encryption.org/v1\n-> scrypt x\n"


@pytest.mark.parametrize(
    "text, said",
    [("AGE-SECRET-KEY-1canary\n", "line 1 is not an age key"), ("# x\n\ncanary\n", "line 3 is not an age key"), ("AGE-PLUGIN-YUBIKEY-1canary", "line 1 is a key of an age plugin, which opsctl cannot use"), (ENCRYPTED, "protected by a passphrase; give it as SOPS_AGE_KEY_CMD='age --decrypt FILE'"), ("", "0 keys")],
)  # fmt: skip
def test_a_file_without_a_key_is_told_and_not_quoted(tmp_path: Path, text: str, said: str) -> None:
    path = put(tmp_path / "keys", text)

    found = load({"SOPS_AGE_KEY_FILE": str(path)}, tmp_path)

    assert found.all == ()
    assert f"SOPS_AGE_KEY_FILE ({path}): {said}" in found.sources
    assert "canary" not in str(found.sources)


def test_without_any_key_every_place_is_named(ann: Person, bob: Person, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(NoKey) as refused:
        unlock(parse(data, "x.yaml"), load(bob.environ, tmp_path))

    text = str(refused.value)
    assert f"it is encrypted for {ann.recipient}" in text
    for place in ("SOPS_AGE_KEY: not set", f"SOPS_AGE_KEY_FILE ({bob.key_file}): 1 key", "sops/age/keys.txt: no such file", ".ssh/id_rsa: no such file", "SOPS_AGE_KEY_CMD: not set"):  # fmt: skip
        assert place in text
    assert "opsctl secrets recipients add" in refused.value.hint


def test_no_key_is_ever_printed(ann: Person, tmp_path: Path) -> None:
    command = printing(tmp_path, secret_of(ann))
    found = load(
        {"SOPS_AGE_KEY": secret_of(ann), "SOPS_AGE_KEY_CMD": command, "PATH": "/usr/bin:/bin"}, tmp_path
    )
    assert found.recipients == (ann.recipient,)

    shown = f"{found!r} {found} {found.sources} {found.all} {found._commands}"

    assert secret_of(ann) not in shown
    assert "AGE-SECRET-KEY" not in shown


@pytest.mark.sops
def test_sops_takes_a_key_that_we_made(tmp_path: Path) -> None:
    text, recipient = generate()
    assert text.startswith(f"# public key: {recipient}\nAGE-SECRET-KEY-1")
    who = person(tmp_path, "new")
    sops = Sops(tmp_path, who)

    assert sops.decrypted(sops.encrypted("a: {value: x}\n")) == {"a": {"value": "x"}}


@pytest.mark.sops
@pytest.mark.parametrize("place", ["key", "two keys", "file", "command", "xdg", "config"])
def test_sops_finds_the_key_where_we_do(
    sops: Sops, bob: Person, data: bytes, tmp_path: Path, place: str
) -> None:
    ann = sops.who
    own = put(tmp_path / "a home/.config/sops/age/keys.txt", secret_of(ann))
    environ = {
        "key": {"SOPS_AGE_KEY": secret_of(ann)},
        "two keys": {"SOPS_AGE_KEY": f"{secret_of(bob)}\n{secret_of(ann)}"},
        "file": ann.environ,
        "command": {"SOPS_AGE_KEY_CMD": printing(tmp_path, secret_of(ann)), "PATH": "/usr/bin:/bin"},
        "xdg": {"XDG_CONFIG_HOME": str(own.parents[2])},
        "config": {},
    }[place]
    home = tmp_path / "a home" if place == "config" else tmp_path
    sops.path.write_bytes(data)

    done = sops.run("decrypt", sops.path.name, environ={"HOME": str(home), **environ})

    assert done.returncode == 0, done.stderr
    assert unlock(parse(data, "x.yaml"), load(environ, home)).get(("a", "value")) == "x"
