"""`opsctl secrets import`: what is shown before it is stored, what is stored, and what never shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shop import CANARY, Shop

PASSWORD = "correct horse"


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(
        "API_TOKEN=canary-token-1\nSMTP_PASSWORD='canary $x'\nEMPTY=\nN8N_ENCRYPTION_KEY=canary-key\n"
    )
    return path


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the real ansible-vault makes."""
    folder = tmp_path_factory.mktemp("ansible")
    (folder / "password").write_text(f"{PASSWORD}\n")
    program = Path(sys.executable).with_name("ansible-vault")
    return subprocess.run(
        [program, "encrypt", "--vault-password-file", folder / "password", "--output", "-", "-"],
        input=b"smtp: {password: canary-smtp, user: mailer}\nport: 25\n",
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    ).stdout


@pytest.fixture
def vault(tmp_path: Path, encrypted: bytes) -> Path:
    path = tmp_path / "vault.yml"
    path.write_bytes(encrypted)
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    return path


def from_env(shop: Shop, env: Path, *argv: str, **options: bool | str) -> tuple[int, str, str]:
    ended = shop.run("import", "prod", "--from-env", str(env), *argv, **options)  # type: ignore[arg-type]
    return ended.code, ended.out, ended.err


def test_an_import_shows_names_asks_and_stores_all(shop: Shop, env: Path) -> None:
    code, out, err = from_env(shop, env, typed="y\n", tty=True, NO_COLOR="1")
    assert (code, err) == (0, "Store 2 in secrets/prod.sops.yaml? [y/N] ")
    assert out.splitlines()[:7] == [
        "secrets/prod.sops.yaml: 2 new, 1 there already, 1 without a value",
        "",
        "secret                               class         from",
        "api_token           there already                  API_TOKEN, line 1",
        "empty               without a value                EMPTY, line 3",
        "n8n_encryption_key  new              migrate_only  N8N_ENCRYPTION_KEY, line 4",
        "smtp_password       new              regenerate    SMTP_PASSWORD, line 2",
    ]
    assert "2 stored in secrets/prod.sops.yaml" in out
    assert "still holds them in clear" in out
    assert shop.show("smtp_password") == "canary $x\n"
    assert shop.show("n8n_encryption_key") == "canary-key\n"
    stored = shop.stored().secrets
    assert stored["n8n_encryption_key"].class_ == "migrate_only"
    assert stored["api_token"].current == "v1"
    assert "empty" not in stored


def test_imported_twice_nothing_is_left_to_store(shop: Shop, env: Path) -> None:
    assert from_env(shop, env, "--yes")[0] == 0
    before = shop.file.read_bytes()
    code, out, _ = from_env(shop, env, "--yes")
    assert (code, out.splitlines()[-1]) == (0, "there is nothing to store")
    assert shop.file.read_bytes() == before


@pytest.mark.parametrize(
    "argv, typed, last",
    [
        (("--dry-run",), None, "nothing stored: a dry run"),
        (("--dry-run", "--yes"), None, "nothing stored: a dry run"),
        ((), "n\n", "nothing done"),
        ((), "", "nothing done"),
    ],
)
def test_without_a_yes_nothing_is_stored(
    shop: Shop, env: Path, argv: tuple[str, ...], typed: str | None, last: str
) -> None:
    before = shop.file.read_bytes()
    code, out, _ = from_env(shop, env, *argv, tty=typed is not None, typed=typed or "")
    assert code == 0
    assert "2 new" in out
    assert out.splitlines()[-1] == last
    assert shop.file.read_bytes() == before


def test_without_a_terminal_it_needs_a_yes_before_anything_is_read(shop: Shop) -> None:
    code, _, err = from_env(shop, Path("/nowhere"))
    assert (code, "importing needs a yes" in err) == (2, True)


def test_other_values_need_overwrite_and_nothing_else_is_stored_meanwhile(shop: Shop, env: Path) -> None:
    env.write_text("API_TOKEN=canary-token-2\nNEW=canary-new\n")
    before = shop.file.read_bytes()
    code, out, err = from_env(shop, env, "--yes")
    assert code == 4
    assert "api_token  refused" in out
    assert "1 of the values cannot be stored: api_token; nothing was stored" in err
    assert "--overwrite" in err
    assert shop.file.read_bytes() == before

    assert from_env(shop, env, "--yes", "--overwrite")[0] == 0
    assert (shop.show("api_token"), shop.show("api_token", "--version", "v1")) == (
        "canary-token-2\n",
        "canary-token-1\n",
    )
    assert shop.show("new") == "canary-new\n"


def test_what_a_system_keeps_is_not_overwritten(shop: Shop, env: Path) -> None:
    env.write_text("DB_PASSWORD=canary-other\n")
    code, out, err = from_env(shop, env, "--yes", "--overwrite")
    assert code == 4
    assert "a system keeps the value of db_password" in out
    assert "--only NAME" in err


def test_prefix_only_and_class(shop: Shop, env: Path) -> None:
    argv = ("--yes", "--prefix", "mail_", "--only", "SMTP_PASSWORD", "--class", "provider")
    assert from_env(shop, env, *argv)[0] == 0
    assert shop.stored().secrets["mail_smtp_password"].class_ == "provider"
    assert set(shop.stored().secrets) == {"api_token", "db_password", "mail_smtp_password"}


def test_a_name_that_the_file_does_not_have_is_told_with_the_nearest(shop: Shop, env: Path) -> None:
    code, _, err = from_env(shop, env, "--yes", "--only", "SMTP_PASWORD")
    assert (code, "there is nothing called SMTP_PASWORD" in err, "'SMTP_PASSWORD'" in err) == (2, True, True)


def test_all_that_cannot_be_taken_is_told_at_once_without_a_value(shop: Shop, env: Path) -> None:
    env.write_text("A=canary-1\na=canary-2\nVALUE=canary-3\nREF=canary-${A}\n")
    before = shop.file.read_bytes()
    code, out, err = from_env(shop, env, "--yes")
    assert (code, out) == (2, "")
    assert [line.split(": ")[0][-6:] for line in err.splitlines() if ".env:" in line] == [
        ".env:2",
        ".env:3",
        ".env:4",
    ]
    assert err.endswith("3 problems in the project's files\n")
    assert shop.file.read_bytes() == before


def test_as_json(shop: Shop, env: Path) -> None:
    env.write_text("API_TOKEN=canary-token-2\nNEW=canary-new\n")
    refused = shop.run("import", "prod", "--from-env", str(env), "--yes", json=True)
    assert (refused.code, refused.envelope["data"]["stored"]) == (4, False)
    assert "api_token" in refused.envelope["errors"][0]["message"]
    done = shop.run("import", "prod", "--from-env", str(env), "--yes", "--overwrite", json=True)
    assert done.envelope["data"] == {
        "stored": True,
        "values": [
            {"name": "api_token", "outcome": "replaced", "class": "regenerate", "from": "API_TOKEN", "line": 1, "why": None},
            {"name": "new", "outcome": "new", "class": "regenerate", "from": "NEW", "line": 2, "why": None},
        ],
    }  # fmt: skip
    assert "--json asks nothing" in shop.run("import", "prod", "--from-env", str(env), json=True).out


def test_a_vault_is_opened_with_the_password_that_is_typed(shop: Shop, vault: Path) -> None:
    ended = shop.run(
        "import", "prod", "--from-ansible-vault", str(vault), typed=f"{PASSWORD}\ny\n", tty=True, NO_COLOR="1"
    )
    assert (ended.code, ended.err) == (
        0,
        "vault password: \nStore 3 in secrets/prod.sops.yaml? [y/N] ",
    )
    assert shop.show("smtp_password") == "canary-smtp\n"
    assert {"port", "smtp_user"} <= set(shop.stored().secrets)
    assert "in clear" not in ended.out


def test_a_vault_is_opened_with_the_password_of_a_file(shop: Shop, vault: Path) -> None:
    password = vault.with_name("password")
    argv = ("import", "prod", "--from-ansible-vault", str(vault), "--yes", "--only", "smtp.password")
    password.chmod(0o644)
    ended = shop.run(*argv, "--vault-password-file", str(password))
    assert (ended.code, ended.err) == (0, f"warn  {password} is open to others (mode 0644)\n\n")
    assert set(shop.stored().secrets) == {"api_token", "db_password", "smtp_password"}


def test_a_vault_is_opened_with_the_password_on_stdin(shop: Shop, vault: Path) -> None:
    argv = ("import", "prod", "--from-ansible-vault", str(vault), "--vault-password-file", "-", "--yes")
    assert shop.run(*argv, typed=f"{PASSWORD}\n").code == 0
    assert shop.show("smtp_password") == "canary-smtp\n"


def test_passwords_that_are_wrong_missing_or_programs(shop: Shop, vault: Path) -> None:
    argv = ("import", "prod", "--from-ansible-vault", str(vault), "--yes", "--vault-password-file")
    wrong = shop.run(*argv, "-", typed="canary-wrong\n")
    assert (wrong.code, "does not open it" in wrong.err) == (2, True)
    assert "is empty" in shop.run(*argv, "-", typed="\n").err
    assert "cannot read" in shop.run(*argv, str(vault.with_name("nothing"))).err
    assert "there is no terminal" in shop.run(*argv[:-1]).err
    program = vault.with_name("program")
    program.write_text("#!/bin/sh\necho canary\n")
    program.chmod(0o700)
    assert "is a program" in shop.run(*argv, str(program)).err


@pytest.mark.parametrize(
    "argv, message",
    [
        ((), "import from where?"),
        (("--from-env", "a", "--from-ansible-vault", "b"), "one file at a time"),
        (("--from-env", "a", "--vault-password-file", "b"), "is for --from-ansible-vault"),
        (("--from-env", "/nowhere"), "cannot read /nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_meant(shop: Shop, argv: tuple[str, ...], message: str) -> None:
    ended = shop.run("import", "prod", "--yes", *argv)
    assert (ended.code, message in ended.err) == (2, True)


def test_no_value_lies_in_the_store_in_clear(shop: Shop, env: Path) -> None:
    from_env(shop, env, "--yes")
    assert CANARY not in shop.file.read_text()
