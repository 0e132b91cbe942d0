"""Secrets of Ansible Vault and of .env files, held against what the real ansible-vault encrypts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries

from opsctl.edges.foreign.ansible_file import read_ansible
from opsctl.edges.foreign.dotenv_file import read_env
from opsctl.edges.foreign.vault import NotAVault, WrongPassword, decrypt, read_envelope
from opsctl.errors import InputError, UsageError
from opsctl.secrets.importing import Found, Selection

CANARY = "CANARY-9f3a-value"
PASSWORD = b"correct horse"


# What bin/ansible-vault does, in a fork for each line of arguments: to import what it needs takes half a second.
_PROGRAM = """
import json, os, sys
from ansible.cli.vault import main
for line in sys.stdin:
    run = json.loads(line)
    if (child := os.fork()) == 0:
        os.dup2(os.open(run["stdin"], os.O_RDONLY), 0)
        os.dup2(os.open(run["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        sys.stdin = open(0)
        try:
            main(["ansible-vault", *run["argv"]])
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(int(end.code or 0))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Ansible:
    """The real ansible-vault, with a password file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "password").write_bytes(PASSWORD + b"\n")
        (folder / "other").write_bytes(b"another password\n")
        self._errors = (folder / "stderr").open("w+")
        self._program = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
            text=True,
        )

    def close(self) -> None:
        self._program.communicate()
        self._errors.close()

    def encrypt(self, text: bytes, *ids: str) -> bytes:
        return self._run("encrypt", text, *self._options(ids))

    def encrypt_string(self, text: bytes, name: str, *ids: str) -> bytes:
        return self._run("encrypt_string", text, "--stdin-name", name, *self._options(ids))

    def _options(self, ids: Sequence[str]) -> list[str]:
        if not ids:
            return ["--vault-password-file", str(self._folder / "password")]
        label, file = ids
        return ["--vault-id", f"{label}@{self._folder / file}", "--encrypt-vault-id", label]

    def _run(self, verb: str, text: bytes, *options: str) -> bytes:
        stdin, stdout = self._folder / "stdin", self._folder / "stdout"
        stdin.write_bytes(text)
        output = ["--output", "-", "-"] if verb == "encrypt" else []
        run = {"argv": [verb, *options, *output], "stdin": str(stdin), "stdout": str(stdout)}
        assert self._program.stdin
        assert self._program.stdout
        self._program.stdin.write(json.dumps(run) + "\n")
        self._program.stdin.flush()
        code = self._program.stdout.readline()
        assert code == "0\n", (code, (self._folder / "stderr").read_text())
        return stdout.read_bytes()


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ansible]:
    made = Ansible(tmp_path_factory.mktemp("ansible"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def whole(ansible: Ansible) -> bytes:
    text = f"""\
db_password: {CANARY}
empty:
port: 8080
Grafana:
  admin:
    password: 'p@ss: "w" #x'
motd: |
  two
  lines — ü
unsafe: !unsafe '{{{{ not a template }}}}'
"""
    return ansible.encrypt(text.encode())


@pytest.fixture(scope="module")
def inline(ansible: Ansible) -> bytes:
    parts = [
        b"---\nhost: db.example.org\nports: [1, 2]\n",
        ansible.encrypt_string(CANARY.encode(), "db_password"),
        ansible.encrypt_string(b"ends with a newline\n", "note", "dev", "password"),
        b"smtp:\n  user: mailer\n",
        *(
            b"  " + line + b"\n"
            for line in ansible.encrypt_string("gehe\u00eem".encode(), "password").splitlines()
        ),
    ]
    return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in parts)


def taken(found: Sequence[Found]) -> dict[str, str]:
    return {one.label: one.value for one in found if not one.trouble}


def troubles(found: Sequence[Found]) -> dict[str, str]:
    return {one.label: one.trouble for one in found if one.trouble}


def everything(path: Sequence[str]) -> bool:
    return True


def given_password() -> bytes:
    return PASSWORD


def never() -> bytes:
    raise AssertionError("nobody needs the password")


def vault(data: bytes, wanted: Callable[[Sequence[str]], bool] = everything) -> tuple[Found, ...]:
    return read_ansible("vars.yml", data, given_password, wanted)


# ── Ansible Vault ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wholly_encrypted_file_gives_every_scalar(whole: bytes) -> None:
    found = vault(whole)
    assert troubles(found) == {}
    assert taken(found) == {
        "db_password": CANARY,
        "empty": "",
        "port": "8080",
        "Grafana.admin.password": 'p@ss: "w" #x',
        "motd": "two\nlines — ü\n",
        "unsafe": "{{ not a template }}",
    }
    assert {one.label: one.line for one in found}["Grafana.admin.password"] == 6


def test_a_plain_file_gives_its_encrypted_values_alone(inline: bytes) -> None:
    assert b";1.2;AES256;dev" in inline
    assert b";1.1;AES256\n" in inline
    found = vault(inline)
    assert taken(found) == {
        "db_password": CANARY,
        "note": "ends with a newline\n",
        "smtp.password": "gehe\u00eem",
    }
    assert troubles(found) == {}


def test_a_whole_file_with_a_vault_id_is_opened(ansible: Ansible) -> None:
    data = ansible.encrypt(b"token: abc\n", "prod", "password")
    assert read_envelope(data).label == "prod"
    assert taken(vault(data)) == {"token": "abc"}
    assert taken(vault(data.replace(b"\n", b"\r\n"))) == {"token": "abc"}


def test_an_encrypted_value_inside_an_encrypted_file_is_opened_too(ansible: Ansible) -> None:
    data = ansible.encrypt(b"plain: abc\n" + ansible.encrypt_string(b"inner", "twice"))
    assert taken(vault(data)) == {"plain": "abc", "twice": "inner"}


def test_what_is_not_wanted_is_not_decrypted(ansible: Ansible, inline: bytes) -> None:
    assert read_ansible("vars.yml", inline, never, Selection(["nothing"])) == ()
    other = inline + ansible.encrypt_string(b"theirs", "foreign", "ops", "other")
    assert taken(vault(other, Selection(["smtp_password"]))) == {"smtp.password": "gehe\u00eem"}


def test_the_password_is_asked_for_once(inline: bytes) -> None:
    asked: list[int] = []

    def ask() -> bytes:
        asked.append(1)
        return PASSWORD

    read_ansible("vars.yml", inline, ask, everything)
    assert asked == [1]


def test_a_wrong_password_is_told(whole: bytes) -> None:
    with pytest.raises(UsageError) as refused:
        read_ansible("vars.yml", whole, lambda: b"wrong", everything)
    assert str(refused.value) == "vars.yml: the vault password does not open it, or it is damaged"


def test_values_of_another_vault_id_are_named(ansible: Ansible, inline: bytes) -> None:
    data = inline + ansible.encrypt_string(b"theirs", "foreign", "ops", "other")
    with pytest.raises(
        UsageError, match=r"opens 3 of 4 values, not: foreign \(line \d+, vault id ops\)"
    ) as refused:
        vault(data)
    assert "--only NAME" in refused.value.hint


@tries(25)
@given(data=st.data())
def test_a_damaged_envelope_is_never_opened(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]
    try:
        opened = decrypt(read_envelope(damaged), PASSWORD)
    except (WrongPassword, NotAVault):
        return
    assert opened == decrypt(read_envelope(whole), PASSWORD), (
        "only blanks and the case of hex digits make no difference"
    )


@given(rest=st.binary(max_size=200), version=st.sampled_from([b"1.1", b"1.2", b"1.0", b"2"]))
def test_any_bytes_after_a_header_are_told(rest: bytes, version: bytes) -> None:
    with pytest.raises((NotAVault, WrongPassword)):
        decrypt(read_envelope(b"$ANSIBLE_VAULT;" + version + b";AES256\n" + rest), b"x")


@pytest.mark.parametrize(
    "text, why",
    [
        (b"a: b\n", "it does not begin with a header of Ansible Vault"),
        (b"$ANSIBLE_VAULT;1.1\n00", "it does not begin with a header of Ansible Vault"),
        (b"$ANSIBLE_VAULT;1.0;AES256\n00", "its format is neither 1.1 nor 1.2"),
        (b"$ANSIBLE_VAULT;1.1;AES\n00", "its cipher is not AES256"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n00zz", "what follows its header is not whole"),
        (b"$ANSIBLE_VAULT;1.1;AES256\n30300a3030", "what follows its header is not whole"),
    ],
)
def test_what_is_no_vault_says_why(text: bytes, why: str) -> None:
    with pytest.raises(NotAVault) as refused:
        read_envelope(text)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    "text, label, trouble",
    [
        ("a: [x, y]", "a", "is a list, and a secret is one text"),
        ("a: {b: {c: [x]}}", "a.b.c", "is a list, and a secret is one text"),
        ("a: yes", "a", "is not text to YAML (bool)"),
        ("a: 0777", "a", "is not text to YAML (int)"),
        ("a: 1.10", "a", "is not text to YAML (float)"),
        ("a: 2026-11-01", "a", "is not text to YAML (timestamp)"),
        ("a: !custom x", "a", "is not text to YAML (!custom)"),
        ("a: '{{ vault_a }}'", "a", "is a template of Ansible's"),
        ('a: "x\\0y"', "a", "holds a NUL byte"),
        ("7: x", "7", "has a name that is not text"),
        ("a: &x [1]\nb: *x", "b", "is a list, and a secret is one text"),
    ],
)
def test_what_cannot_be_a_secret_is_refused_by_name(text: str, label: str, trouble: str) -> None:
    found = vault(sealed(text.encode()))
    assert troubles(found)[label] == trouble


def test_an_encrypted_value_in_a_list_is_refused_by_name(inline: bytes) -> None:
    start = inline.index(b"!vault")
    value = inline[start : inline.index(b"note:")]
    found = vault(inline + b"users:\n  - name: a\n    password: " + value)
    assert troubles(found) == {"users": "is a list, and a secret is one text"}


@pytest.mark.parametrize(
    "text, message",
    [
        (b"a: 'open", "it is not YAML"),
        (b"- a\n- b", "it is not a mapping of names to values"),
        (b"", "it is not a mapping of names to values"),
        (b"a: 1\n---\nb: 2", "it is not YAML"),
        (b"\xff\xfe", "it is not UTF-8 text"),
    ],
)
def test_a_text_that_is_not_variables_is_told_without_a_word_of_it(text: bytes, message: str) -> None:
    secret = CANARY.encode() + b": x\n" if b": " in text else b""
    with pytest.raises(InputError, match=message) as refused:
        vault(sealed(secret + text))
    assert CANARY not in "".join(traceback.format_exception(refused.value))


def test_an_alias_inside_its_own_anchor_ends_somewhere() -> None:
    (found,) = vault(sealed(b"a: &x {b: *x}"))
    assert found.trouble == "is nested too deep, and a secret is one text"


def test_a_file_without_anything_encrypted_says_so() -> None:
    with pytest.raises(UsageError, match="nothing in it is encrypted with Ansible Vault"):
        read_ansible("vars.yml", b"a: b\n", never, everything)


def sealed(text: bytes) -> bytes:
    """As ansible-vault encrypts; made here, because the program takes a second each time."""
    from cryptography.hazmat.primitives import hashes, hmac, padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    salt = b"s" * 32
    derived = PBKDF2HMAC(hashes.SHA256(), length=80, salt=salt, iterations=10_000).derive(PASSWORD)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(derived[:32]), modes.CTR(derived[64:])).encryptor()
    ciphertext = encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()
    seal = hmac.HMAC(derived[32:64], hashes.SHA256())
    seal.update(ciphertext)
    inner = b"\n".join(part.hex().encode() for part in (salt, seal.finalize(), ciphertext))
    return b"$ANSIBLE_VAULT;1.1;AES256\n" + inner.hex().encode() + b"\n"


# ── .env ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def env(text: str, wanted: Callable[[Sequence[str]], bool] = everything) -> tuple[Found, ...]:
    return read_env(".env", text.encode(), wanted)


def test_an_env_file_gives_its_variables_with_their_lines() -> None:
    found = env(
        "# comment\n\nexport DB_PASSWORD=abc # note\nTOKEN = \"a\\nb\"\nPEM='-----BEGIN\nx\n-----END'\nEMPTY=\n"
    )
    assert taken(found) == {
        "DB_PASSWORD": "abc",
        "TOKEN": "a\nb",
        "PEM": "-----BEGIN\nx\n-----END",
        "EMPTY": "",
    }
    assert [one.line for one in found] == [3, 4, 5, 8]


def test_crlf_and_a_byte_order_mark_are_no_part_of_anything() -> None:
    assert taken(env("\ufeffA=x\r\nB=y\r\n")) == {"A": "x", "B": "y"}


@pytest.mark.parametrize("value", ["a${HOME}", "$HOME", "a$$b", '"pa$word"'])
def test_what_may_be_a_variable_is_not_taken_for_a_text(value: str) -> None:
    found = env(f"A={value}\nB='{value}'\nC=5$\n")
    assert "a `$` that Compose takes for a variable" in troubles(found)["A"]
    assert taken(found) == {"B": value, "C": "5$"}


@pytest.mark.parametrize(
    "text, lines",
    [
        ("A='open\nB=1\n", [1]),
        (f"KEY=-----BEGIN\n{CANARY}\n{CANARY}x=\nOK=1\n", [2]),
        (f"A=1\n {CANARY}/+ = 2\nB\n", [2, 3]),
    ],
)
def test_lines_that_are_no_assignments_are_told_by_number_alone(text: str, lines: list[int]) -> None:
    with pytest.raises(InputError) as refused:
        env(text)
    assert [problem.line for problem in refused.value.problems] == lines
    assert CANARY not in str(refused.value)


def test_a_nul_is_no_value_and_other_bytes_no_text() -> None:
    assert troubles(env("A=x\0y\n")) == {"A": "holds a NUL byte"}
    with pytest.raises(InputError, match=r"\.env:2: the file is not UTF-8 text"):
        read_env(".env", b"A=1\nB=\xff\n", everything)


@given(
    values=st.dictionaries(
        st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=20), max_size=5
    )
)
def test_any_text_in_single_quotes_is_read_back(values: dict[str, str]) -> None:
    written = {name: text.replace("\0", "").replace("\r", "") for name, text in values.items()}
    quoted = {name: text.replace("\\", "\\\\").replace("'", "\\'") for name, text in written.items()}
    found = env("".join(f"{name}='{text}'\n" for name, text in quoted.items()))
    assert taken(found) == written
