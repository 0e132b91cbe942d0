"""`opsctl secrets resolve` in real repositories: conflicting branches, `git merge`, one command, and sops reads the result."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opsctl.edges.sops.identities import generate
from tests.cli.shop import Shop
from tests.cli.terminal import Ended
from tests.unit.edges.sops.oracle import sops_binary

pytestmark = pytest.mark.sops


class Repository:
    """The shop in a git repository with a branch `side`, made from the same commit as `main`."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._environ = {
            "PATH": shop.environ["PATH"],
            "HOME": str(shop.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": "t@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        self.git("init", "-q", "-b", "main")
        self.commit("start")

    def git(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *words],
            cwd=self.shop.root,
            env=self._environ,
            capture_output=True,
            text=True,
            check=check,
        )

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def parted(self, ours: Callable[[Shop], Any], theirs: Callable[[Shop], Any]) -> None:
        """Two branches that git cannot merge, and its attempt."""
        self.git("branch", "side")
        ours(self.shop)
        self.commit("ours")
        self.git("checkout", "-q", "side")
        self.shop.clock.sleep(60)
        theirs(self.shop)
        self.commit("theirs")
        self.git("checkout", "-q", "main")
        merged = self.git("merge", "side", check=False)
        assert merged.returncode == 1, merged.stdout + merged.stderr
        assert "<<<<<<<" in self.shop.file.read_text()

    def resolve(self, *argv: str, **options: Any) -> Ended:
        return self.shop.run("resolve", "prod", *argv, **options)

    def decrypted(self) -> dict[str, Any]:
        """What the real sops reads."""
        done = subprocess.run(
            [str(sops_binary()), "decrypt", "--output-type", "json", str(self.shop.file)],
            env={"HOME": str(self.shop.home), "SOPS_AGE_KEY_FILE": str(self.shop.key_file)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def versions(self, name: str) -> dict[str, tuple[str, str]]:
        """Stage and value by id, as sops reads them."""
        versions = self.decrypted()["secrets"][name]["versions"]
        return {one: (version["stage"], version["value"]) for one, version in versions.items()}


@pytest.fixture
def repository(shop: Shop) -> Repository:
    return Repository(shop)


def put(name: str, value: str) -> Callable[[Shop], Ended]:
    return lambda shop: shop.done("set", name, "-e", "prod", "--only-store", typed=f"{value}\n")


def both(*steps: Callable[[Shop], Any]) -> Callable[[Shop], None]:
    def run(shop: Shop) -> None:
        for step in steps:
            step(shop)

    return run


def ciphertexts(shop: Shop) -> set[str]:
    return {
        line.strip() for line in shop.file.read_text().splitlines() if line.strip().startswith("value: ENC[")
    }


def test_what_each_side_changed_is_merged_without_a_question(repository: Repository) -> None:
    shop = repository.shop
    before = ciphertexts(shop)
    repository.parted(
        both(put("api_token", "canary-ours"), put("extra", "canary-extra")),
        put("db_password", "canary-theirs"),
    )
    assert shop.run("show", "api_token", "-e", "prod", "--reason", "x").err.endswith(
        "hint: opsctl secrets resolve\n"
    )

    ended = repository.resolve()

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "merged in secrets/prod.sops.yaml\n"
        "\n"
        "  secret       from    current\n"
        "  api_token    ours    v2\n"
        "  db_password  theirs  v2\n"
        "  extra        ours    v1\n"
        "\n"
        "next  git add secrets/prod.sops.yaml, then end the merge\n"
    )
    assert repository.versions("api_token") == {
        "v2": ("current", "canary-ours"),
        "v1": ("previous", "canary-token-1"),
    }
    assert repository.versions("db_password")["v2"] == ("current", "canary-theirs")
    assert shop.show("extra") == "canary-extra\n"
    assert before <= ciphertexts(shop), "what nobody changed keeps its ciphertext"

    repository.commit("merge")
    assert repository.git("status", "--porcelain").stdout == ""
    assert shop.done("list", "prod").out


@pytest.mark.parametrize("argv, typed", [(("--theirs",), ""), ((), "x\nt\n")], ids=["told", "asked"])
def test_two_new_values_are_both_kept_and_one_is_chosen(
    repository: Repository, argv: tuple[str, ...], typed: str
) -> None:
    repository.parted(put("api_token", "canary-ours"), put("api_token", "canary-theirs"))
    ended = repository.resolve(*argv, typed=typed, tty=bool(typed), NO_COLOR="1")
    assert ended.code == 0
    assert repository.versions("api_token") == {
        "v3": ("current", "canary-theirs"),
        "v2": ("previous", "canary-ours"),
        "v1": ("previous", "canary-token-1"),
    }
    assert "api_token  both  v3       its versions: theirs; v2 of theirs is v3 now" in ended.out
    if typed:
        assert ended.err.startswith("api_token: both sides changed its versions\n  ours    v2 current (by ")
        assert ended.err.count("take [o]urs or [t]heirs? ") == 2


def test_without_a_terminal_what_must_be_chosen_is_told_and_nothing_written(repository: Repository) -> None:
    repository.parted(put("api_token", "canary-ours"), put("api_token", "canary-theirs"))
    before = repository.shop.file.read_bytes()
    for options in ({}, {"json": True}, {"tty": True}):
        ended = repository.resolve(**options)
        told = ended.out if "json" in options else ended.err
        assert ended.code == 2
        assert "1 thing was changed on both sides; nothing was written" in told
        assert "api_token, its versions: ours v2 current" in told
    assert repository.shop.file.read_bytes() == before


def test_removed_on_one_side_and_changed_on_the_other(repository: Repository) -> None:
    repository.parted(put("spare", "canary-1"), put("api_token", "canary-2"))
    assert repository.resolve().code == 0
    repository.commit("merge")
    repository.git("branch", "-D", "side")
    repository.parted(
        lambda shop: shop.done("remove", "spare", "-e", "prod", "--yes"), put("spare", "canary-3")
    )
    assert "spare, whether it stays: ours removed; theirs changed" in repository.resolve().err
    ended = repository.resolve("--ours")
    assert "spare   ours  removed  whether it stays: ours" in ended.out
    assert "spare" not in repository.decrypted()["secrets"]


def test_as_json(repository: Repository) -> None:
    repository.parted(put("api_token", "canary-ours"), put("api_token", "canary-theirs"))
    data = repository.resolve("--ours", json=True).envelope["data"]
    assert data["choices"] == [{"about": "api_token", "what": "version", "side": "ours"}]
    assert data["secrets"] == [
        {
            "name": "api_token",
            "from": "both",
            "current": "v2",
            "pending": None,
            "removed": False,
            "renumbered": {"v2": "v3"},
            "due": None,
        }
    ]
    assert data["data_key"] is None


# ── recipients and data keys ─────────────────────────────────────────────────────────────────────────────────────────


def add(name: str, recipient: str) -> Callable[[Shop], Ended]:
    return lambda shop: shop.done("recipients", "add", name, recipient, "-e", "prod")


def remove(name: str) -> Callable[[Shop], Ended]:
    return lambda shop: shop.done("recipients", "remove", name, "-e", "prod", "--yes")


def opened_by(shop: Shop, key: str) -> bool:
    done = subprocess.run(
        [str(sops_binary()), "decrypt", str(shop.file)],
        env={"HOME": "/nonexistent", "SOPS_AGE_KEY": key},
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_recipients_of_both_sides_can_open_it(repository: Repository) -> None:
    (bob, of_bob), (carol, of_carol) = generate(), generate()
    repository.parted(add("bob", of_bob), add("carol", of_carol))
    ended = repository.resolve()
    assert "bob can open it\ncarol can open it\n" in ended.out
    assert opened_by(repository.shop, bob)
    assert opened_by(repository.shop, carol)
    assert set(repository.shop.stored().recipients.values()) > {of_bob, of_carol}


def test_who_was_removed_on_one_side_stays_out_and_what_the_other_side_stored_is_due(
    repository: Repository,
) -> None:
    (bob, of_bob), (carol, of_carol) = generate(), generate()
    add("bob", of_bob)(repository.shop)
    repository.commit("bob")
    assert opened_by(repository.shop, bob)
    repository.parted(both(put("fresh", "canary-fresh"), add("carol", of_carol)), remove("bob"))
    ended = repository.resolve()
    assert ended.code == 0
    assert "the data key is that of theirs, which made a new one" in ended.out
    assert "bob cannot open it\ncarol can open it\n" in ended.out
    assert "fresh        ours    v1       due: bob could read it" in ended.out
    assert (opened_by(repository.shop, bob), opened_by(repository.shop, carol)) == (False, True)
    theirs = repository.git("show", ":3:secrets/prod.sops.yaml").stdout
    assert sum(one in theirs for one in ciphertexts(repository.shop)) == 2, "bob knows the other data key"
    assert repository.shop.stored().secrets["fresh"].due_reason == "bob could read it"
    assert repository.shop.stored().secrets["api_token"].due is not None
    assert repository.versions("fresh") == {"v1": ("current", "canary-fresh")}


def test_where_both_sides_shut_somebody_out_neither_keeps_a_key(repository: Repository) -> None:
    """Whoever ours shut out knows the key that theirs made, and the other way round."""
    (bob, of_bob), (carol, of_carol) = generate(), generate()
    both(add("bob", of_bob), add("carol", of_carol))(repository.shop)
    repository.commit("bob and carol")
    before = ciphertexts(repository.shop)
    repository.parted(remove("bob"), remove("carol"))
    ended = repository.resolve()
    assert "both sides had a new data key" in ended.out
    reason = repository.shop.stored().secrets["api_token"].due_reason
    assert "bob could read it" in reason
    assert "carol could read it" in reason
    sides = [repository.git("show", f":{stage}:secrets/prod.sops.yaml").stdout for stage in (1, 2, 3)]
    after = ciphertexts(repository.shop)
    assert not after & before
    assert not [line for line in after for side in sides if line in side]
    assert not opened_by(repository.shop, bob)
    assert not opened_by(repository.shop, carol)
    assert repository.versions("api_token") == {"v1": ("current", "canary-token-1")}


def test_stores_that_both_sides_made_are_put_together(empty_shop: Shop) -> None:
    repository = Repository(empty_shop)

    def make(name: str) -> Callable[[Shop], None]:
        return both(lambda shop: shop.done("init", "prod", "--yes"), put(name, f"canary-{name}"))

    repository.parted(make("one"), make("two"))
    assert repository.resolve().code == 0
    assert set(repository.decrypted()["secrets"]) == {"one", "two"}


# ── what cannot be resolved ──────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_conflict_there_is_nothing_to_resolve(repository: Repository) -> None:
    ended = repository.resolve()
    assert (ended.code, "git sees no conflict in it" in ended.err) == (2, True)


def test_outside_of_a_repository_or_without_git_it_says_so(shop: Shop) -> None:
    ended = shop.run("resolve", "prod", GIT_CEILING_DIRECTORIES=str(shop.root.parent))
    assert (ended.code, "git could not say" in ended.err, "| fatal: not a git" in ended.err) == (
        5,
        True,
        True,
    )
    ended = shop.run("resolve", "prod", PATH="/nowhere")
    assert (ended.code, "git is not there" in ended.err) == (5, True)


def test_what_somebody_resolved_by_hand_is_left_alone(repository: Repository) -> None:
    repository.parted(put("api_token", "canary-ours"), put("api_token", "canary-theirs"))
    assert repository.resolve("--ours").code == 0
    before = repository.shop.file.read_bytes()
    ended = repository.resolve("--theirs")
    assert (ended.code, "no marks of a conflict any more" in ended.err) == (4, True)
    assert repository.shop.file.read_bytes() == before
    repository.git("checkout", "-m", "--", "secrets/prod.sops.yaml")
    assert repository.resolve("--theirs").code == 0
    assert repository.shop.show("api_token") == "canary-theirs\n"


def test_a_side_that_one_cannot_open_is_named(repository: Repository) -> None:
    repository.parted(put("api_token", "canary-ours"), put("api_token", "canary-theirs"))
    ended = repository.shop.without_key().run("resolve", "prod", "--ours")
    assert ended.code == 2
    assert "secrets/prod.sops.yaml (" in ended.err
    assert "no age key at hand opens it" in ended.err


def test_a_side_that_was_tampered_with_is_named(repository: Repository) -> None:
    def tamper(shop: Shop) -> None:
        shop.file.write_text(shop.file.read_text().replace("class: regenerate", "class: provider"))

    repository.parted(put("api_token", "canary-ours"), both(put("api_token", "canary-theirs"), tamper))
    before = repository.shop.file.read_bytes()
    ended = repository.resolve("--theirs")
    assert (ended.code, "secrets/prod.sops.yaml (theirs): its check sum does not fit" in ended.err) == (
        2,
        True,
    )
    assert repository.shop.file.read_bytes() == before


def test_a_store_that_one_side_removed_is_not_guessed_at(repository: Repository) -> None:
    shop = repository.shop
    repository.git("branch", "side")
    put("api_token", "canary-ours")(shop)
    repository.commit("ours")
    repository.git("checkout", "-q", "side")
    shop.file.unlink()
    repository.commit("theirs")
    repository.git("checkout", "-q", "main")
    assert repository.git("merge", "side", check=False).returncode == 1
    ended = repository.resolve()
    assert (ended.code, "theirs removed the whole store" in ended.err) == (2, True)


def test_ours_and_theirs_exclude_each_other(repository: Repository) -> None:
    assert "not both" in repository.resolve("--ours", "--theirs").err


def test_git_sees_no_age_key(repository: Repository, tmp_path: Path) -> None:
    """Promise 6: no value in the environment of what opsctl starts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\nenv >>{tmp_path}/environ\nexit 1\n")
    (folder / "git").chmod(0o700)
    repository.resolve(
        PATH=f"{folder}:{repository.shop.environ['PATH']}", SOPS_AGE_KEY="AGE-SECRET-KEY-1CANARY"
    )
    seen = (tmp_path / "environ").read_text()
    assert "LC_ALL=C" in seen
    assert "CANARY" not in seen
