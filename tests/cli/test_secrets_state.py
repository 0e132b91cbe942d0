"""`opsctl secrets init`, `list`, `history`, `log`, `doctor` and `recipients`: what can be told without a value."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from opsctl.cli.secret_store import access_log_path
from opsctl.edges.saving import replace
from opsctl.edges.sops.identities import generate
from tests.cli.shop import DAY, Shop, recipient
from tests.cli.terminal import opsctl

SOPS = Path(sys.executable).parent / "sops"

# ── init ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_first_store_comes_with_a_key_that_only_its_owner_can_read(empty_shop: Shop) -> None:
    ended = empty_shop.done("init", "prod", "--yes")
    key = empty_shop.key_file
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    (public,) = empty_shop.stored().recipients.values()
    assert f"  {public}\n" in ended.out
    assert f"{key} is new, and nothing else opens the store: keep a copy" in ended.out
    assert "opsctl secrets recipients add recovery age1… -e prod" in ended.out
    assert "AGE-SECRET-KEY" not in ended.out + ended.err + empty_shop.file.read_text()


def test_a_key_is_made_only_after_a_yes(empty_shop: Shop) -> None:
    ended = empty_shop.run("init", "prod")
    assert ended.code == 2
    assert "--yes makes one in" in ended.err
    asked = empty_shop.run("init", "prod", typed="n\n", tty=True, NO_COLOR="1")
    assert (asked.code, asked.out) == (0, "nothing done\n")
    assert not empty_shop.key_file.exists()
    assert not empty_shop.file.exists()
    assert empty_shop.run("init", "prod", typed="y\n", tty=True).code == 0
    assert empty_shop.key_file.exists()


def test_the_first_key_is_made_where_the_variable_says_that_it_is(empty_shop: Shop, tmp_path: Path) -> None:
    named = tmp_path / "keys" / "of the shop.txt"
    empty_shop.environ["SOPS_AGE_KEY_FILE"] = str(named)
    asked = empty_shop.run("init", "prod", typed="n\n", tty=True, NO_COLOR="1")
    assert f"Make one in {named}? [y/N]" in asked.err
    assert not named.exists()
    ended = empty_shop.done("init", "prod", "--yes")
    assert f"{named} is new" in ended.out
    assert stat.S_IMODE(named.stat().st_mode) == 0o600
    assert not empty_shop.key_file.exists()
    empty_shop.done("set", "api_token", "-e", "prod", typed="canary-token-1\n")
    assert empty_shop.show("api_token") == "canary-token-1\n"


def test_keys_at_hand_and_those_named_open_it(empty_shop: Shop) -> None:
    text, own = generate()
    recovery, unnamed = recipient(), recipient()
    ended = empty_shop.run(
        *("init", "prod", "--recipient", f"recovery={recovery}", "--recipient", unnamed),
        SOPS_AGE_KEY=text.splitlines()[-1],
    )
    assert ended.code == 0
    named = empty_shop.stored().recipients
    assert set(named.values()) == {own, recovery, unnamed}
    assert (named["recovery"], named["key-2"]) == (recovery, unnamed)
    assert "one key alone" not in ended.out
    assert not empty_shop.key_file.exists()


def test_a_store_for_others_alone_says_that_it_is_closed_here(empty_shop: Shop) -> None:
    ended = empty_shop.done("init", "prod", "--recipient", f"ben={recipient()}")
    assert "none of these keys is at hand here" in ended.out
    assert not empty_shop.key_file.exists()


def test_a_store_is_never_overwritten(shop: Shop) -> None:
    before = shop.file.read_bytes()
    ended = shop.run("init", "prod", "--yes")
    assert ended.code == 4
    assert ended.err.startswith(
        "secrets/prod.sops.yaml: there is a store already; it is never overwritten\n\nhint: opsctl secrets doctor prod"
    )
    assert shop.file.read_bytes() == before


def test_a_key_file_without_a_key_is_not_overwritten(empty_shop: Shop) -> None:
    empty_shop.key_file.parent.mkdir(parents=True)
    empty_shop.key_file.write_text("# nothing\n")
    empty_shop.key_file.chmod(0o600)
    ended = empty_shop.run("init", "prod", "--yes")
    assert ended.code == 2
    assert "holds no key that can be used" in ended.err
    assert empty_shop.key_file.read_text() == "# nothing\n"
    assert not empty_shop.file.exists()


@pytest.mark.parametrize(
    "words, told",
    [
        (["age1xyz"], "is not a recipient"),
        (["Ben=age1xyz"], "'Ben' is not a name"),
        (["a=age1x", "a=age1y"], "two recipients are called a"),
    ],
)
def test_recipients_that_cannot_be_meant_make_nothing(empty_shop: Shop, words: list[str], told: str) -> None:
    ended = empty_shop.run("init", "prod", *(part for word in words for part in ("--recipient", word)))
    assert ended.code == 2
    assert told in ended.err
    assert not empty_shop.file.exists()


def test_an_environment_with_made_up_secrets_has_no_store(empty_shop: Shop) -> None:
    ended = empty_shop.run("init", "lab", "--yes")
    assert ended.code == 2
    assert "has no store: its secrets are made up" in ended.err


def test_init_as_json(empty_shop: Shop) -> None:
    shape = empty_shop.run("init", "prod", "--yes", json=True).envelope
    assert shape["data"]["store"] == "secrets/prod.sops.yaml"
    assert shape["data"]["key_file"] == str(empty_shop.key_file)
    assert list(shape["data"]["recipients"].values()) == list(empty_shop.stored().recipients.values())


# ── list and history ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_list_tells_age_against_the_term_and_what_there_is_to_do(shop: Shop) -> None:
    shop.done("set", "api_token", "-e", "prod", "--policy-only", "--rotate-every", "90d")
    shop.done("set", "spare", "-e", "prod", "--generate", "32")
    shop.clock.time += 75 * DAY
    stack = shop.root / "stacks" / "app.yml"
    stack.write_text(stack.read_text() + "      SMTP: {secret: smtp_password}\n")
    ended = shop.without_key().run("list", "prod")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "secret         class           age  term          due     remarks   used by\n"
        "api_token      regenerate  v1  75d  █████░  83 %  in 15d  due soon  api\n"
        "db_password    database    v1  75d                                  api, db\n"
        "smtp_password                                             missing   db\n"
        "spare          regenerate  v1  75d                        unused\n"
        "\n"
        "warn  api_token      75d old, rotate_every is 90d                 opsctl rotate-secret api_token -e prod\n"
        "high  smtp_password  not in the store, used at stacks/app.yml:11  "
        "opsctl secrets set smtp_password -e prod\n"
    )


def test_check_ends_in_4_only_where_something_is_urgent(shop: Shop) -> None:
    shop.done("set", "api_token", "-e", "prod", "--policy-only", "--rotate-every", "90d")
    assert shop.run("list", "prod", "--check").code == 0
    shop.clock.time += 89 * DAY
    assert shop.run("list", "prod", "--check").code == 0
    shop.clock.time += DAY
    assert shop.run("list", "prod", "--check").code == 4
    assert shop.run("list", "prod").code == 0


def test_the_line_that_list_names_sets_what_is_missing(shop: Shop) -> None:
    stack = shop.root / "stacks" / "app.yml"
    stack.write_text(stack.read_text() + "      SESSION: {secret: session_secret}\n")
    (missing,) = [
        one for one in shop.run("list", "prod", json=True).envelope["data"]["secrets"] if not one["stored"]
    ]
    hint: str = missing["remarks"][0]["hint"]
    assert shop.run("list", "prod", "--check").code == 4
    shop.done(*hint.split()[2:])
    assert shop.run("list", "prod", "--check").code == 0


def test_a_class_that_would_lose_data_is_told_with_its_cure(shop: Shop) -> None:
    shop.done(
        "set", "n8n_encryption_key", "-e", "prod", "--class", "regenerate", typed="canary-key-1234567\n"
    )
    remarks = items(shop)["n8n_encryption_key"]["remarks"]
    assert ("class by name", "high") in [(one["kind"], one["severity"]) for one in remarks]
    hint = next(one["hint"] for one in remarks if one["kind"] == "class by name")
    shop.done(*hint.split()[2:])
    assert [one["kind"] for one in items(shop)["n8n_encryption_key"]["remarks"]] == ["unused"]


def items(shop: Shop) -> dict[str, Any]:
    listed = shop.run("list", "prod", json=True).envelope["data"]["secrets"]
    return {one["name"]: one for one in listed}


def test_list_as_json(shop: Shop) -> None:
    shop.done("set", "api_token", "-e", "prod", "--policy-only", "--rotate-every", "90d")
    shop.clock.time += 45 * DAY
    assert items(shop)["api_token"] == {
        "name": "api_token",
        "stored": True,
        "class": "regenerate",
        "version": "v1",
        "age": 45 * DAY,
        "rotate_every": 90 * DAY,
        "share": 0.5,
        "due": "2024-02-12T22:13:20Z",
        "expires": None,
        "services": ["api"],
        "registries": [],
        "remarks": [],
    }


def test_list_without_readable_stacks_still_lists_the_store(shop: Shop) -> None:
    (shop.root / "stacks" / "app.yml").write_text("services: [")
    ended = shop.done("list", "prod")
    assert "api_token" in ended.out
    assert "unused" not in ended.out
    assert "who uses what is not known" in ended.out


def test_an_empty_store_says_so(empty_shop: Shop) -> None:
    (empty_shop.root / "stacks" / "app.yml").write_text("services: {}\n")
    empty_shop.done("init", "prod", "--yes")
    assert empty_shop.done("list", "prod").out == "prod has no secrets, and no stack asks for one\n"


def test_history_tells_who_and_when_the_newest_first(shop: Shop) -> None:
    shop.clock.time += DAY
    shop.done("set", "api_token", "-e", "prod", "--login", "app_b", typed="canary-token-2\n")
    ended = shop.without_key().run("history", "api_token", "-e", "prod")
    lines = ended.out.splitlines()
    assert lines[0] == "api_token  regenerate, keeps 3 old values"
    assert [line.split()[:2] for line in lines[2:]] == [["v2", "current"], ["v1", "previous"]]
    assert "app_b" in lines[2]
    (second, first) = shop.run("history", "api_token", "-e", "prod", json=True).envelope["data"]["versions"]
    assert (second["created"], first["retired"]) == ("2023-11-15T22:13:20Z", "2023-11-15T22:13:20Z")
    assert shop.run("history", "nonesuch", "-e", "prod").code == 2


# ── log ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_log_says_whether_its_chain_is_whole(shop: Shop) -> None:
    assert shop.done("log").out.startswith("no secret was shown yet\nwhole")
    for _ in range(3):
        shop.show("api_token")
    ended = shop.done("log", "prod", "--tail", "2")
    assert ended.out.count("api_token") == 2
    assert "whole" in ended.out
    log = access_log_path("shop")
    log.write_text(log.read_text().replace("test", "tset", 1))
    broken = shop.run("log")
    assert broken.code == 4
    assert f"broken  {log}:1: it is not as opsctl wrote it" in broken.out
    assert shop.run("log", json=True).envelope["data"]["flaw"]["line"] == 1
    assert shop.run("log", "lba").code == 2


def test_the_log_of_one_environment_leaves_the_others_out(shop: Shop) -> None:
    shop.show("api_token")
    assert "api_token" not in shop.done("log", "lab").out
    assert "api_token" in shop.done("log").out


# ── doctor ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def findings(shop: Shop) -> tuple[int, set[tuple[str, str, str]], list[str]]:
    shape = shop.run("doctor", "prod", json=True).envelope
    found = {(one["severity"], one["subject"], one["kind"]) for one in shape["data"]["findings"]}
    return shape["exit"], found, [one["subject"] for one in shape["data"]["unchecked"]]


@pytest.fixture
def healthy(shop: Shop) -> Shop:
    """A store that the doctor has nothing to say of."""
    shop.done(
        "set", "db_password", "-e", "prod", "--policy-only", "--target", "service=db", "--target", "role=app"
    )
    shop.done("set", "api_token", "-e", "prod", typed="canary-token-long-enough\n")
    shop.done("recipients", "add", "recovery", recipient(), "-e", "prod")
    return shop


def test_a_healthy_store_is_all_well(healthy: Shop) -> None:
    ended = healthy.done("doctor", "prod")
    assert ended.out == (
        "looked at: shape, policies, drivers, key, check sum, recipients, access log\nprod: all well\n"
    )


def test_without_a_key_the_doctor_tells_what_it_could_not_check(healthy: Shop) -> None:
    ended = healthy.without_key().run("doctor", "prod")
    assert ended.code == 5
    assert "not checked: no age key at hand opens it" in ended.out
    assert "prod: 1 check not possible" in ended.out


def test_a_value_edited_by_hand_is_found(healthy: Shop) -> None:
    text = healthy.file.read_text()
    healthy.file.write_text(text.replace("stage: current", "stage: previous", 1))
    code, found, _ = findings(healthy)
    assert code == 4
    assert ("high", "store", "values") in found


def test_a_plain_file_is_found(healthy: Shop) -> None:
    healthy.file.write_text("secrets:\n  api_token: canary-1\n")
    code, found, _ = findings(healthy)
    assert (code, found) == (4, {("high", "store", "shape")})


def let_in_by_sops(shop: Shop, public: str) -> None:
    """Somebody who can open the store lets another key in, and names it nowhere."""
    subprocess.run(
        [SOPS, "rotate", "--in-place", "--add-age", public, str(shop.file)],
        env=shop.environ,
        capture_output=True,
        timeout=60,
        check=True,
    )


def test_a_recipient_that_nobody_named_is_grave(healthy: Shop) -> None:
    let_in_by_sops(healthy, recipient())
    code, found, _ = findings(healthy)
    assert code == 4
    assert found == {("high", "recipients", "unnamed")}


def test_what_is_weak_or_doubled_is_remarked(shop: Shop) -> None:
    shop.done("set", "spare", "-e", "prod", typed="canary\n")
    shop.done("set", "spare2", "-e", "prod", typed="canary-token-1\n")
    code, found, _ = findings(shop)
    assert code == 0
    assert {
        ("warn", "spare", "short"),
        ("warn", "api_token", "same value"),
        ("note", "spare", "unused"),
        ("note", "db_password", "target"),
        ("warn", "recipients", "only one"),
    } <= found


def test_policies_missing_secrets_and_the_log_count_too(healthy: Shop) -> None:
    healthy.show("api_token")
    log = access_log_path("shop")
    log.write_text(log.read_text().replace("test", "tset"))
    stack = healthy.root / "stacks" / "app.yml"
    stack.write_text(stack.read_text() + "      SMTP: {secret: smtp_password}\n")
    healthy.done("set", "api_token", "-e", "prod", "--policy-only", "--rotate-every", "1d")
    healthy.clock.time += 2 * DAY
    code, found, _ = findings(healthy)
    assert code == 4
    assert {
        ("high", "access log", "chain"),
        ("high", "smtp_password", "missing"),
        ("high", "api_token", "overdue"),
    } <= found


def test_stack_files_that_cannot_be_read_leave_a_gap_and_no_false_finding(healthy: Shop) -> None:
    (healthy.root / "stacks" / "app.yml").write_text("services: [")
    assert findings(healthy) == (5, set(), ["uses"])


def test_a_key_file_that_others_can_read_is_told(healthy: Shop) -> None:
    healthy.key_file.chmod(0o644)
    ended = healthy.run("doctor", "prod")
    assert ended.code == 5
    assert "is open to others (mode 0644)" in ended.out


# ── recipients ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_recipient_opens_the_store_with_the_same_ciphertexts(shop: Shop, tmp_path: Path) -> None:
    text, public = generate()
    (tmp_path / "ben").mkdir()
    key = tmp_path / "ben" / "key"
    key.write_text(text)
    key.chmod(0o600)
    ben = shop.without_key()
    ben.environ["SOPS_AGE_KEY_FILE"] = str(key)
    assert ben.run("show", "api_token", "-e", "prod", "--reason", "x").code == 2
    sealed = [line for line in shop.file.read_text().splitlines() if "value: ENC" in line]
    ended = shop.done("recipients", "add", "ben", public, "-e", "prod")
    assert (
        ended.out
        == "ben can open secrets/prod.sops.yaml now, one of 2\nnext  commit secrets/prod.sops.yaml\n"
    )
    assert [line for line in shop.file.read_text().splitlines() if "value: ENC" in line] == sealed
    assert ben.show("api_token") == "canary-token-1\n"
    listed = ben.run("recipients", "list", "prod", json=True).envelope["data"]["recipients"]
    assert {(one["name"], one["at_hand"], one["opens"]) for one in listed} >= {("ben", True, True)}


def test_a_removed_recipient_opens_nothing_and_everything_it_knew_is_due(shop: Shop, tmp_path: Path) -> None:
    text, public = generate()
    key = tmp_path / "key"
    key.write_text(text)
    key.chmod(0o600)
    ben = shop.without_key()
    ben.environ["SOPS_AGE_KEY_FILE"] = str(key)
    shop.done("recipients", "add", "ben", public, "-e", "prod")
    sealed = {line for line in shop.file.read_text().splitlines() if "value: ENC" in line}
    ended = shop.done("recipients", "remove", "ben", "-e", "prod", "--yes")
    assert "ben knows 2 secrets, and the history of the repository keeps the old file" in ended.out
    assert (
        "      opsctl rotate-secret api_token -e prod\n      opsctl rotate-secret db_password -e prod\n"
        in ended.out
    )
    assert not sealed & {line for line in shop.file.read_text().splitlines() if "value: ENC" in line}
    assert ben.run("show", "api_token", "-e", "prod", "--reason", "x").code == 2
    assert shop.show("api_token") == "canary-token-1\n"
    for secret in shop.stored().secrets.values():
        assert (secret.due, secret.due_reason) == (shop.clock.time, "ben could read it until 2023-11-14")
    assert shop.run("list", "prod", "--check").code == 4


def test_whoever_was_shut_out_is_never_without_what_is_due_for_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed as soon as the file is another one leaves nothing to be done later."""

    def write_and_die(path: Path, data: bytes, before: bytes | None) -> NoReturn:
        replace(path, data, before)
        raise KeyboardInterrupt

    shop.done("recipients", "add", "ben", recipient(), "-e", "prod")
    monkeypatch.setattr("opsctl.edges.sops.store.replace", write_and_die)
    assert shop.run("recipients", "remove", "ben", "-e", "prod", "--yes").code == 130
    after = shop.stored()
    assert "ben" not in after.recipients
    assert {name: bool(secret.due) for name, secret in after.secrets.items()} == {
        "api_token": True,
        "db_password": True,
    }


def test_removing_needs_a_yes_and_says_where_it_locks_out(shop: Shop) -> None:
    shop.done("recipients", "add", "ben", recipient(), "-e", "prod")
    before = shop.file.read_bytes()
    assert shop.run("recipients", "remove", "ben", "-e", "prod").code == 2
    (own,) = [name for name in shop.stored().recipients if name != "ben"]
    ended = shop.run("recipients", "remove", own, "-e", "prod", typed="n\n", tty=True, NO_COLOR="1")
    assert (ended.code, ended.out) == (0, "nothing done\n")
    assert ended.err.startswith("No key at hand will open the store afterwards.\n")
    assert shop.file.read_bytes() == before


def test_somebody_who_was_put_in_by_hand_is_removed_by_the_key(shop: Shop) -> None:
    intruder = recipient()
    let_in_by_sops(shop, intruder)
    assert shop.run("recipients", "list", "prod").out.count("nobody named it") == 1
    assert shop.run("set", "api_token", "-e", "prod", "--generate", "32").code == 2
    shop.done("recipients", "remove", intruder, "-e", "prod", "--yes")
    (left,) = shop.run("recipients", "list", "prod", json=True).envelope["data"]["recipients"]
    assert left["recipient"] != intruder
    assert shop.stored().secrets["api_token"].due is not None


@pytest.mark.parametrize(
    "argv, code, told",
    [
        (["add", "OWN", "NEW"], 4, "a recipient is called"),
        (["add", "ben", "OLD"], 4, "that key is there already"),
        (["add", "ben", "age1xyz"], 2, "is not a recipient"),
        (["add", "Ben", "NEW"], 2, "'Ben' is not a name"),
        (["remove", "nobody", "--yes"], 2, "no recipient is called nobody"),
        (["remove", "OWN", "--yes"], 4, "is the only one who can open it"),
    ],
)
def test_what_makes_no_sense_of_recipients_changes_nothing(
    shop: Shop, argv: list[str], code: int, told: str
) -> None:
    ((own, old),) = shop.stored().recipients.items()
    before = shop.file.read_bytes()
    words = {"OWN": own, "OLD": old, "NEW": recipient()}
    ended = shop.run("recipients", *(words.get(word, word) for word in argv), "-e", "prod")
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert shop.file.read_bytes() == before


# ── the deploy side ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_of_an_environment_without_a_store_says_how_to_begin(empty_shop: Shop) -> None:
    ended = opsctl("plan", "prod", project=empty_shop.root, environ=empty_shop.environ)
    assert ended.code == 2
    assert "hint: opsctl secrets init prod" in ended.err


def test_a_plan_takes_values_from_the_store_and_prints_none(shop: Shop) -> None:
    ended = opsctl("plan", "prod", project=shop.root, environ=shop.environ)
    assert ended.code == 5  # the hosts of these tests are never reached; the rendering came before
    assert "canary" not in ended.out + ended.err
    os.truncate(shop.key_file, 0)
    ended = opsctl("plan", "prod", project=shop.root, environ=shop.environ)
    assert ended.code == 2
    assert "no age key at hand opens it" in ended.err
