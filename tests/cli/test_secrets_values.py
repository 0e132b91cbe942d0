"""`opsctl secrets set`, `show`, `export`, `restore` and `remove`, on a real store with a real key."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from opsctl.cli.secret_store import access_log_path
from tests.cli.shop import CANARY, DAY, Shop
from tests.cli.terminal import opsctl

SOPS = Path(sys.executable).parent / "sops"


# ── set ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_value_from_a_pipe_is_stored_and_who_gets_it_is_told(shop: Shop) -> None:
    ended = shop.done("set", "api_token", "-e", "prod", typed="canary-token-2\n")
    assert ended.out == (
        "api_token  v2 is current; v1 can be restored (regenerate, keeps 3 old values)\n"
        "next  opsctl deploy prod brings it to api\n"
    )
    assert ended.err == ""
    assert shop.show("api_token") == "canary-token-2\n"
    assert CANARY not in shop.file.read_text()


def test_on_a_terminal_it_is_asked_for_twice_on_stderr(shop: Shop) -> None:
    ended = shop.run("set", "api_token", "-e", "prod", typed="canary-2\ncanary-2\n", tty=True, NO_COLOR="1")
    assert (ended.code, ended.err) == (0, "value of api_token: \nonce more: \n")
    assert shop.show("api_token") == "canary-2\n"
    ended = shop.run("set", "api_token", "-e", "prod", typed="canary-3\ncanary-4\n", tty=True)
    assert ended.code == 2
    assert shop.show("api_token") == "canary-2\n"


def test_a_made_up_value_has_its_length_and_is_not_shown(shop: Shop) -> None:
    ended = shop.done("set", "session_key", "-e", "prod", "--generate", "40")
    shown = shop.run("show", "session_key", "-e", "prod", "--reason", "test").out
    assert re.fullmatch(r"[A-Za-z0-9]{40}\n", shown)
    assert shown.strip() not in ended.out + ended.err
    assert shop.run("set", "session_key", "-e", "prod", "--generate", "7").code == 2


def test_the_policy_goes_with_the_value_or_alone(shop: Shop) -> None:
    shop.done(
        *("set", "api_token", "-e", "prod", "--rotate-every", "90d", "--keep", "5", "--grace", "1h"),
        *("--expires", "2030-01-01", "--note", "of the shop", "--login", "app"),
        typed="canary-token-2\n",
    )
    ended = shop.done(
        "set", "db_password", "-e", "prod", "--policy-only", "--target", "service=db", "--target", "role=app"
    )
    token, password = shop.stored().secrets["api_token"], shop.stored().secrets["db_password"]
    assert (token.rotate_every, token.keep, token.grace, token.note) == (90 * DAY, 5, 3600.0, "of the shop")
    assert (token.expires, token.versions["v2"].login) == (1893456000.0, "app")
    assert (password.target, password.current) == ({"service": "db", "role": "app"}, "v1")
    assert ended.out == "db_password  policy stored (database, keeps 3 old values, service=db, role=app)\n"
    shop.done(
        "set", "api_token", "-e", "prod", "--policy-only", "--rotate-every", "never", "--expires", "never"
    )
    after = shop.stored().secrets["api_token"]
    assert (after.rotate_every, after.expires, after.keep) == (None, None, 5)


@pytest.mark.parametrize(
    "options, told",
    [
        (["--rotate-every", "3x"], "--rotate-every: '3x' is not a span of time"),
        (["--grace", "never"], "--grace: 'never' is not a span"),
        (["--expires", "soon"], "--expires: 'soon' is not a date"),
        (["--target", "role"], "--target: 'role' is not KEY=VALUE"),
        (["--target", "servise=db", "--class", "database"], "knows no such key"),
        (["--driver", "postgres"], "there is no driver 'postgres'"),
        (["--class", "datbase"], "Invalid value for '--class'"),
        (["--policy-only"], "--policy-only changes nothing alone"),
        (["--policy-only", "--generate", "32"], "--policy-only stores no value"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(shop: Shop, options: list[str], told: str) -> None:
    before = shop.file.read_bytes()
    ended = shop.run("set", "api_token", "-e", "prod", *options, typed="canary-token-2\n")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert shop.file.read_bytes() == before


@pytest.mark.parametrize("name", ["value", "A", "a b", ""])
def test_a_name_that_no_store_can_hold_is_refused_before_a_value_is_asked_for(shop: Shop, name: str) -> None:
    ended = shop.run("set", name, "-e", "prod", tty=True, NO_COLOR="1")
    assert ended.code == 2
    assert "value of" not in ended.err


def test_a_new_name_that_is_known_gets_its_class_and_is_guarded(shop: Shop) -> None:
    assert "(migrate_only," in shop.done("set", "n8n_encryption_key", "-e", "prod", typed="canary-1\n").out
    refused = shop.run("set", "n8n_encryption_key", "-e", "prod", typed="canary-2\n")
    assert refused.code == 4
    assert "n8n_encryption_key is for migration only" in refused.err


def test_the_variable_that_holds_it_says_the_class_too(shop: Shop) -> None:
    stack = shop.root / "stacks" / "app.yml"
    stack.write_text(
        stack.read_text().replace("TOKEN: {secret: api_token}", "N8N_ENCRYPTION_KEY: {secret: api_token}")
    )
    refused = shop.run("set", "api_token", "-e", "prod", typed="canary-2\n")
    assert (refused.code, shop.stored().secrets["api_token"].current) == (4, "v1")


def test_what_a_system_keeps_is_refused_before_a_value_is_asked_for(shop: Shop) -> None:
    ended = shop.run("set", "db_password", "-e", "prod", tty=True, NO_COLOR="1")
    assert (ended.code, ended.out) == (4, "")
    assert "a system keeps the value of db_password (class database)" in ended.err
    assert "hint: opsctl rotate-secret db_password -e prod" in ended.err
    assert "value of db_password:" not in ended.err
    shop.done("set", "db_password", "-e", "prod", "--only-store", typed="canary-password-2\n")
    assert shop.show("db_password") == "canary-password-2\n"


def test_the_same_value_again_is_refused(shop: Shop) -> None:
    ended = shop.run("set", "api_token", "-e", "prod", typed="canary-token-1\n")
    assert ended.code == 4
    assert "that is the current value of api_token already (v1)" in ended.err


def test_a_value_that_its_date_already_ended_is_pointed_out(shop: Shop) -> None:
    ended = shop.done("set", "api_token", "-e", "prod", "--expires", "2020-01-01", typed="canary-token-2\n")
    assert "it still says that it expired at 2020-01-01T00:00:00Z" in ended.out


def test_a_name_that_nobody_uses_is_told_how_to_be_used(shop: Shop) -> None:
    assert (
        "no stack uses it yet: {secret: spare} in env"
        in shop.done("set", "spare", "-e", "prod", "--generate", "32").out
    )


def test_a_broken_stack_file_does_not_keep_a_value_out(shop: Shop) -> None:
    (shop.root / "stacks" / "app.yml").write_text("services: [")
    ended = shop.done("set", "api_token", "-e", "prod", typed="canary-token-2\n")
    assert "who uses it is not known: the project's files have problems (opsctl lint)" in ended.out


def test_set_as_json_tells_no_value(shop: Shop) -> None:
    shape = shop.run("set", "api_token", "-e", "prod", typed="canary-token-2\n", json=True).envelope
    assert (shape["command"], shape["environment"], shape["exit"]) == ("secrets set", "prod", 0)
    assert shape["data"] == {
        "name": "api_token",
        "class": "regenerate",
        "version": "v2",
        "previous": "v1",
        "created": "2023-11-14T22:13:20Z",
        "services": ["api"],
        "registries": [],
    }


def test_made_up_environments_and_missing_stores_say_so(empty_shop: Shop) -> None:
    ended = empty_shop.run("set", "api_token", "-e", "lab", typed="canary\n")
    assert ended.code == 2
    assert 'take secrets = "generated" out of [environments.lab]' in ended.err
    ended = empty_shop.run("set", "api_token", "-e", "prod", typed="canary\n")
    assert ended.code == 2
    assert ended.err == "secrets/prod.sops.yaml: prod has no secret store\n\nhint: opsctl secrets init prod\n"


# ── show and export ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_show_prints_the_value_alone_whatever_is_in_it(shop: Shop) -> None:
    value = 'canary "\u00fc\u2028 $x\nsecond\r\n'
    shop.done("set", "api_token", "-e", "prod", typed=value + "\n")
    assert shop.show("api_token") == value + "\n"
    assert shop.show("api_token", "--version", "v1") == "canary-token-1\n"


def test_what_show_prints_is_what_set_takes(shop: Shop) -> None:
    shop.done("set", "a", "-e", "prod", typed="canary\n\n")
    shop.done("set", "b", "-e", "prod", typed=shop.show("a"))
    assert shop.show("b") == shop.show("a") == "canary\n\n"


def test_every_look_is_in_the_log_with_its_reason(shop: Shop) -> None:
    shop.show("api_token")
    ended = shop.run(
        "show", "db_password", "-e", "prod", typed="on call\n", tty=True, reveals=True, NO_COLOR="1"
    )
    assert (ended.code, ended.out) == (0, "canary-password-1\n")
    (first, second) = shop.run("log", "prod", json=True).envelope["data"]["accesses"]
    assert (first["action"], first["secret"], first["version"], first["reason"]) == (
        "show",
        "api_token",
        "v1",
        "test",
    )
    assert (second["secret"], second["reason"], second["at"]) == (
        "db_password",
        "on call",
        "2023-11-14T22:13:20Z",
    )


def test_without_a_reason_nothing_is_shown(shop: Shop) -> None:
    ended = shop.run("show", "api_token", "-e", "prod")
    assert (ended.code, ended.out) == (2, "")
    assert "--reason" in ended.err
    assert shop.run("export", "prod", "--reason", " ").code == 2
    assert shop.logged() == []


@pytest.mark.parametrize(
    "argv",
    [["show", "api_token", "-e", "prod"], ["export", "prod"], ["edit", "prod"]],
    ids=lambda argv: argv[0],
)
def test_where_the_log_cannot_be_written_no_value_is_seen(
    shop: Shop, argv: list[str], tmp_path: Path
) -> None:
    log = access_log_path("shop")
    log.parent.parent.mkdir(parents=True, exist_ok=True)
    log.parent.write_text("a file in the way")
    ended = shop.run(*argv, "--reason", "test", EDITOR=f"cp -t {tmp_path}")
    assert (ended.code, ended.out) == (1, "")
    assert "cannot write the access log" in ended.err
    assert not list(tmp_path.glob("secrets.yaml"))


def test_the_log_is_written_before_the_value_is_printed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from opsctl.cli.sink import Sink

    logged: list[str] = []
    monkeypatch.setattr(
        Sink, "reveal", lambda _sink, _text: logged.append(access_log_path("shop").read_text())
    )
    shop.run("show", "api_token", "-e", "prod", "--reason", "test")
    shop.run("export", "prod", "--reason", "test")
    assert [text.count('"secret"') for text in logged] == [1, 3]


@pytest.mark.parametrize(
    "argv, told",
    [
        (
            ["show", "api_tokn", "-e", "prod"],
            "the store has no secret api_tokn\n\nhint: did you mean 'api_token'?",
        ),
        (
            ["show", "api_token", "-e", "prod", "--version", "v9"],
            "api_token has no version v9\n\nhint: there are: v1",
        ),
        (["show", "api_token", "-e", "prd"], "no environment is called prd"),
        (["show", "api_token"], "name the environment"),
    ],
)
def test_what_is_not_there_is_told_and_not_logged(shop: Shop, argv: list[str], told: str) -> None:
    ended = shop.run(*argv, "--reason", "test")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert shop.logged() == []


def test_without_a_key_nothing_is_shown_or_logged(shop: Shop) -> None:
    ended = shop.without_key().run("show", "api_token", "-e", "prod", "--reason", "test")
    assert (ended.code, ended.out) == (2, "")
    assert "no age key at hand opens it" in ended.err
    assert shop.logged() == []


def test_show_as_json_holds_the_value_because_it_was_asked_for(shop: Shop) -> None:
    ended = shop.run("show", "api_token", "-e", "prod", "--reason", "test", json=True, reveals=True)
    assert ended.envelope["data"] == {"name": "api_token", "version": "v1", "value": "canary-token-1"}


def test_export_as_lines_that_a_shell_and_compose_read(shop: Shop) -> None:
    shop.done("set", "spare", "-e", "prod", typed="canary $x 'y'\n")
    ended = shop.run("export", "prod", "--reason", "move", reveals=True)
    assert ended.out == (
        "api_token=canary-token-1\ndb_password=canary-password-1\nspare='canary $x \\'y\\''\n"
    )
    assert shop.logged() == [("export", name, "v1") for name in ("api_token", "db_password", "spare")]


def test_export_as_json_takes_what_an_env_file_cannot(shop: Shop) -> None:
    shop.done("set", "spare", "-e", "prod", typed="canary\nsecond\n")
    refused = shop.run("export", "prod", "--reason", "move")
    assert (refused.code, refused.out) == (2, "")
    assert "spare does not go into an env file" in refused.err
    assert shop.logged() == []
    ended = shop.run("export", "prod", "--reason", "move", "--format", "json", reveals=True)
    assert json.loads(ended.out)["spare"] == "canary\nsecond"


def test_a_real_process_prints_every_byte_also_into_a_pipe_without_unicode(shop: Shop) -> None:
    shop.done("set", "api_token", "-e", "prod", typed="canary-gr\u00fc\u00df\u2026\n")
    shown = subprocess.run(
        [
            *(sys.executable, "-m", "opsctl", "--project", str(shop.root)),
            *("secrets", "show", "api_token", "-e", "prod", "--reason", "x"),
        ],
        env={**os.environ, **shop.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert shown.stdout == "canary-gr\u00fc\u00df\u2026\n".encode()


# ── restore and remove ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_old_value_is_brought_back(shop: Shop) -> None:
    shop.done("set", "api_token", "-e", "prod", typed="canary-token-2\n")
    ended = shop.done("restore", "api_token", "v1", "-e", "prod")
    assert ended.out.startswith("api_token  v1 is current; v2 can be restored")
    assert shop.show("api_token") == "canary-token-1\n"
    assert shop.run("restore", "api_token", "v9", "-e", "prod").code == 2


def test_restore_is_guarded_as_set_is(shop: Shop) -> None:
    shop.done("set", "db_password", "-e", "prod", "--only-store", typed="canary-password-2\n")
    assert shop.run("restore", "db_password", "v1", "-e", "prod").code == 4
    shop.done("restore", "db_password", "v1", "-e", "prod", "--only-store")
    assert shop.show("db_password") == "canary-password-1\n"


def test_a_secret_in_use_is_not_removed(shop: Shop) -> None:
    ended = shop.run("remove", "db_password", "-e", "prod", "--yes")
    assert ended.code == 4
    assert ended.err == (
        "stacks/app.yml:6: db_password is used\n  | stacks/app.yml:6: api\n  | stacks/app.yml:10: db\n"
    )
    (shop.root / "stacks" / "app.yml").write_text("services: [")
    assert shop.run("remove", "db_password", "-e", "prod", "--yes").code == 2
    assert "db_password" in shop.stored().secrets


def test_an_unused_one_is_removed_after_a_yes(shop: Shop) -> None:
    shop.done("set", "spare", "-e", "prod", typed="canary\n")
    assert shop.run("remove", "spare", "-e", "prod").code == 2
    asked = shop.run("remove", "spare", "-e", "prod", typed="n\n", tty=True, NO_COLOR="1")
    assert (asked.code, asked.out, asked.err) == (
        0,
        "nothing done\n",
        "Remove spare and its 1 version? [y/N] ",
    )
    assert shop.run("remove", "spare", "-e", "prod", typed="y\n", tty=True).code == 0
    assert "spare" not in shop.stored().secrets
    assert "spare" not in shop.file.read_text()


# ── bugs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "broken, words",
    [
        ("opsctl.edges.access_log.AccessLog.append", "show api_token -e prod --reason x"),
        ("opsctl.edges.sops.store.SopsStore.change", "set api_token -e prod"),
    ],
    ids=["a value that was read", "a value that was given"],
)
def test_the_traceback_of_a_bug_holds_no_value(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, state_folder: Path, broken: str, words: str
) -> None:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError("could not send canary-token-1, canary-token-2")

    monkeypatch.setattr(broken, fail)
    ended = opsctl(
        *("secrets", *words.split()),
        project=shop.root,
        typed="canary-token-2",
        environ=shop.environ,
        clock=shop.clock,
    )
    (crash,) = state_folder.glob("crash-*.txt")
    told = crash.read_text()
    assert (ended.code, ended.out) == (3, "")
    assert ("canary-token-2" if words.startswith("set") else "canary-token-1") not in _raised(told)
    assert "could not send" in told


def _raised(crash: str) -> str:
    """The last line of a crash file: the error itself. The lines above quote the source of this very test."""
    return crash.rstrip().splitlines()[-1]


# ── without opsctl ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_sops_alone_reads_what_was_stored(shop: Shop) -> None:
    path = '["secrets"]["api_token"]["versions"]["v1"]["value"]'
    read = subprocess.run(
        [SOPS, "decrypt", "--extract", path, str(shop.file)],
        env=shop.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert read.stdout == "canary-token-1"


def test_a_value_on_the_command_line_is_refused_and_not_repeated(shop: Shop) -> None:
    ended = shop.run("set", "api_token", "canary-typed-by-mistake", "-e", "prod")
    assert ended.code == 2
    assert ended.err == ("a value is never an argument\n\nhint: leave it out: it is asked for, or piped in\n")


def test_a_due_mark_is_made_and_taken_away_by_hand(shop: Shop) -> None:
    shop.done("set", "api_token", "-e", "prod", "--policy-only", "--due", "2020-01-01")
    assert "overdue" in shop.run("list", "prod").out or "marked due" in shop.run("list", "prod").out
    shop.done("set", "api_token", "-e", "prod", "--policy-only", "--due", "never")
    assert shop.stored().secrets["api_token"].due is None
