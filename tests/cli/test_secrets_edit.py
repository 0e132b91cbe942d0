"""`opsctl secrets edit` with a scripted editor: what it is given, what is taken from it, and what stays behind."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shop import CANARY, Shop

Script = Callable[[str], str]


@pytest.fixture
def editor(tmp_path: Path) -> Script:
    """A program that changes the text of the file it is given: `text` in, `text` out; it notes what it saw."""

    def make(code: str) -> str:
        path = tmp_path / f"editor-{len(list(tmp_path.glob('editor-*')))}"
        path.write_text(
            f"#!{sys.executable}\n"
            "import json, os, pathlib, sys\n"
            f"notes = pathlib.Path({str(tmp_path)!r})\n"
            "file = pathlib.Path(sys.argv[-1])\n"
            "text = file.read_text()\n"
            "(notes / 'given').write_text(text)\n"
            "(notes / 'environ').write_text(json.dumps(dict(os.environ)))\n"
            "(notes / 'where').write_text(str(file))\n"
            "(notes / 'modes').write_text(f'{file.stat().st_mode} {file.parent.stat().st_mode}')\n"
            "round = (notes / 'rounds').stat().st_size if (notes / 'rounds').exists() else 0\n"
            "(notes / 'rounds').open('a').write('x')\n"
            f"{code}\n"
            "file.write_text(text)\n"
        )
        path.chmod(0o700)
        return str(path)

    return make


def edit(shop: Shop, editor: str, *argv: str, typed: str = "", tty: bool = False) -> tuple[int, str, str]:
    ended = shop.run(
        *("edit", "prod", "--reason", "test", *argv), typed=typed, tty=tty, EDITOR=editor, NO_COLOR="1"
    )
    return ended.code, ended.out, ended.err


def test_changed_values_become_versions_and_new_names_secrets(
    shop: Shop, editor: Script, tmp_path: Path
) -> None:
    script = editor("text = text.replace('token-1', 'token-2') + 'spare: canary-3\\n'")
    code, out, err = edit(shop, script)
    assert (code, err) == (0, "")
    assert out == (
        "api_token  v2 is current; v1 can be restored (regenerate, keeps 3 old values)\n"
        "next  opsctl deploy prod brings it to api\n"
        "spare  v1 is current (regenerate, keeps 3 old values)\n"
        "note  no stack uses it yet: {secret: spare} in env\n"
    )
    assert (shop.show("api_token"), shop.show("spare")) == ("canary-token-2\n", "canary-3\n")
    assert shop.show("db_password") == "canary-password-1\n"
    assert shop.stored().secrets["db_password"].current == "v1"
    given = (tmp_path / "given").read_text()
    assert given.endswith('api_token: "canary-token-1"\ndb_password: "canary-password-1"\n')
    assert given.startswith("# Secrets of prod,")


def test_the_editor_is_told_no_secret_but_in_its_file_which_is_private_and_gone(
    shop: Shop, editor: Script, tmp_path: Path
) -> None:
    key = next(line for line in shop.key_file.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))
    shop.key_file.unlink()
    shop.environ["SOPS_AGE_KEY"] = key
    assert edit(shop, editor(""))[:2] == (0, "nothing was changed\n")
    seen = (tmp_path / "environ").read_text()
    assert CANARY not in seen
    assert key not in seen
    file_mode, folder_mode = (tmp_path / "modes").read_text().split()
    assert (stat.S_IMODE(int(file_mode)), stat.S_IMODE(int(folder_mode))) == (0o600, 0o700)
    file = Path((tmp_path / "where").read_text())
    assert not file.parent.exists()
    if Path("/dev/shm").is_dir():
        assert file.is_relative_to("/dev/shm")


def test_visual_comes_before_editor_and_may_have_arguments(shop: Shop, editor: Script) -> None:
    shop.environ["VISUAL"] = f"{editor('text = text.replace(sys.argv[1], sys.argv[2])')} token-1 token-9"
    assert edit(shop, "false")[0] == 0
    assert shop.show("api_token") == "canary-token-9\n"


def test_all_that_was_seen_is_in_the_log_even_if_nothing_was_changed(shop: Shop, editor: Script) -> None:
    assert edit(shop, editor(""))[:2] == (0, "nothing was changed\n")
    assert shop.logged() == [("edit", "api_token", "v1"), ("edit", "db_password", "v1")]


@pytest.mark.parametrize(
    "code, told",
    [
        ("text = text.replace('api_token', 'api-token2')", (2, "api_token is not there any more")),
        ("text = ''", (2, "api_token, db_password is not there any more")),
        ("text = text.replace('token-1\"', '')", (2, "what was edited cannot be read")),
        ("text = text.replace('canary-token-1', '')", (2, "the value of api_token is empty")),
        ("text += 'Spare: canary-5'", (2, "'Spare' is not a name")),
        ("text = text.replace('password-1', 'password-2')", (4, "a system keeps the value of db_password")),
        ("sys.exit(1)", (1, "the editor ended with code 1; nothing was stored")),
        ("file.unlink(); sys.exit(0)", (1, "what the editor saved is gone")),
        ("file.write_bytes(b'canary\\xff'); sys.exit(0)", (1, "what the editor saved is not UTF-8")),
    ],
)
def test_what_cannot_be_taken_stores_nothing_and_quotes_nothing(
    shop: Shop, editor: Script, tmp_path: Path, code: str, told: tuple[int, str]
) -> None:
    before = shop.file.read_bytes()
    ended, out, err = edit(shop, editor(code))
    assert (ended, out) == (told[0], "")
    assert told[1] in err
    assert shop.file.read_bytes() == before
    assert not Path((tmp_path / "where").read_text()).parent.exists()


def test_on_a_terminal_a_mistake_can_be_mended_in_the_same_text(
    shop: Shop, editor: Script, tmp_path: Path
) -> None:
    script = editor(
        "text = text + 'spare: [canary-3\\n' if round == 0 else text.replace('[canary-3', 'canary-3')"
    )
    code, _out, err = edit(shop, script, typed="y\n", tty=True)
    assert code == 0
    assert "what was edited cannot be read: it is not YAML" in err
    assert err.endswith("Edit again? [y/N] ")
    assert shop.show("spare") == "canary-3\n"
    assert "[canary-3" in (tmp_path / "given").read_text()


def test_or_given_up(shop: Shop, editor: Script) -> None:
    before = shop.file.read_bytes()
    code, out, _err = edit(shop, editor("text += 'x: [canary\\n'"), typed="n\n", tty=True)
    assert (code, out) == (0, "nothing stored\n")
    assert shop.file.read_bytes() == before


def test_only_store_lets_what_a_system_keeps_be_edited(shop: Shop, editor: Script) -> None:
    script = editor("text = text.replace('password-1', 'password-2')")
    assert edit(shop, script, "--only-store")[0] == 0
    assert shop.show("db_password") == "canary-password-2\n"


def test_what_another_run_changed_meanwhile_is_not_overwritten(
    shop: Shop, editor: Script, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("canary-of-somebody-else")
    command = [sys.executable, "-m", "opsctl", "--project", str(shop.root), "secrets", "set", "api_token"]
    script = editor(
        "import subprocess\n"
        f"subprocess.run({[*command, '-e', 'prod']!r}, stdin=open({str(other)!r}), check=True, capture_output=True)\n"
        "text = text.replace('token-1', 'token-2')"
    )
    code, _out, err = edit(shop, script)
    assert code == 4
    assert "api_token was changed by another run meanwhile" in err
    assert shop.show("api_token") == "canary-of-somebody-else\n"


@pytest.mark.parametrize(
    "editor_given, told",
    [("", "no editor is known"), ("no-such-editor -x", "the editor no-such-editor is not there")],
)
def test_without_an_editor_nothing_is_decrypted_or_logged(shop: Shop, editor_given: str, told: str) -> None:
    code, out, err = edit(shop, editor_given)
    assert (code, out) == (2, "")
    assert told in err
    assert shop.logged() == []


def test_vim_is_told_to_leave_nothing_behind(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "vim.basic").write_text(f'#!/bin/sh\nprintf "%s " "$@" > {tmp_path}/arguments\n')
    (folder / "vim.basic").chmod(0o700)
    (folder / "vi").symlink_to("vim.basic")
    shop.environ["PATH"] = f"{folder}:{shop.environ['PATH']}"
    assert edit(shop, "vi")[0] == 0
    assert (
        (tmp_path / "arguments")
        .read_text()
        .startswith("-n -i NONE -c set nobackup nowritebackup noundofile /")
    )
