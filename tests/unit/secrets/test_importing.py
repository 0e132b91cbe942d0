"""What becomes of foreign values: their names, what is refused, and one edit for all."""

from __future__ import annotations

import pytest

from opsctl.errors import InputError, Refused, UsageError
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets.changes import Hand
from opsctl.secrets.importing import (
    Found,
    Planner,
    Row,
    Selection,
    Wish,
    imported,
    named,
    require_none_refused,
)

CANARY = "CANARY-9f3a-value"
HAND = Hand(now=1790000000.0, by="alice", environment="prod", known={"n8n_encryption_key": "migrate_only"})


def secret(class_: str = "regenerate", pending: bool = False, driver: str = "") -> Secret:
    versions = {"v4": Version(stage="current", created=1.0, by="bob")}
    if pending:
        versions["v5"] = Version(stage="pending", created=2.0, by="bob")
    return Secret.model_validate({"class": class_, "driver": driver, "versions": versions})


def file(**secrets: Secret) -> StoreFile:
    return StoreFile(secrets=secrets)


def planned(store: StoreFile, wish: Wish | None = None, **values: str) -> dict[str, Row]:
    """Rows for values by name, where the store's every current value is "stored"."""
    taken = {name: Found((name.upper(),), 1, value) for name, value in values.items()}
    return {row.name: row for row in Planner(store, lambda _: "stored", wish or Wish(), HAND).rows(taken)}


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_are_lower_case_and_levels_joined() -> None:
    found = [Found(("Postgres", "admin", "PASSWORD"), 1, "x"), Found(("TOKEN",), 2, "y")]
    assert list(named("f", found, Selection())) == ["postgres_admin_password", "token"]
    assert list(named("f", found, Selection(prefix="n8n_"))) == ["n8n_postgres_admin_password", "n8n_token"]


@pytest.mark.parametrize("only", ["Postgres.password", "postgres_password", "n8n_postgres_password"])
def test_only_takes_names_of_the_file_and_of_the_store(only: str) -> None:
    selection = Selection([only], "n8n_")
    assert selection(("Postgres", "password"))
    assert not selection(("token",))
    selection.require_all_met("f")


def test_an_only_that_nothing_has_is_told_with_the_nearest() -> None:
    selection = Selection(["tokn"])
    selection(("TOKEN",))
    with pytest.raises(UsageError, match="there is nothing called tokn") as refused:
        selection.require_all_met("f")
    assert "'token'" in refused.value.hint


def test_everything_that_cannot_be_taken_is_told_at_once() -> None:
    found = [
        Found(("TOKEN",), 1, CANARY),
        Found(("token",), 2, CANARY),
        Found(("a b",), 3, CANARY),
        Found(("VALUE",), 4, CANARY),
        Found(("users",), 5, trouble="is a list, and a secret is one text", hint="--only NAME"),
        Found(("x" * 64,), 6, CANARY),
        Found(("token2",), 7, CANARY),
    ]
    with pytest.raises(InputError) as refused:
        named("vars.yml", found, Selection())
    told = {problem.line: problem.message for problem in refused.value.problems}
    assert sorted(told) == [2, 3, 4, 5, 6]
    assert told[2] == "token and TOKEN (line 1) would both be called token"
    assert told[3] == "a b: 'a b' is not a name"
    assert told[4] == "VALUE: a secret cannot be called 'value'"
    assert told[5] == "users is a list, and a secret is one text"
    assert CANARY not in str(refused.value)


# ── what becomes of each ─────────────────────────────────────────────────────────────────────────────────────────────


def test_values_are_new_the_same_empty_or_refused() -> None:
    rows = planned(file(old=secret(), kept=secret()), new="x", old="other", kept="stored", void="")
    assert {name: row.outcome for name, row in rows.items()} == {
        "new": "new",
        "old": "refused",
        "kept": "same",
        "void": "empty",
    }
    assert rows["old"].seen == "v4"
    with pytest.raises(Refused, match="1 of the values cannot be stored: old; nothing was stored") as refused:
        require_none_refused(rows.values())
    assert "--overwrite" in refused.value.hint


def test_overwrite_replaces_what_the_store_alone_keeps() -> None:
    store = file(
        plain=secret(),
        role=secret("database"),
        driven=secret("provider", driver="telegram"),
        salt=secret("migrate_only"),
        open=secret(pending=True),
    )
    names = dict.fromkeys(("plain", "role", "driven", "salt", "open"), "other")
    rows = planned(store, Wish(overwrite=True), **names)
    assert {name: row.outcome for name, row in rows.items()} == {
        "plain": "replaced",
        "role": "refused",
        "driven": "refused",
        "salt": "refused",
        "open": "refused",
    }
    assert rows["open"].why == "a rotation of it is open (v5 is pending)"
    with pytest.raises(Refused, match="driven, open, role, salt") as refused:
        require_none_refused(rows.values())
    assert "--overwrite" not in refused.value.hint


def test_a_secret_without_a_value_takes_one() -> None:
    rows = planned(file(waiting=Secret.model_validate({"class": "provider"})), waiting="x")
    assert (rows["waiting"].outcome, rows["waiting"].class_) == ("new", "provider")


def test_classes_are_those_that_names_say_or_that_were_asked_for() -> None:
    rows = planned(file(), n8n_encryption_key="x", token="y")
    assert [row.class_ for row in rows.values()] == ["migrate_only", "regenerate"]
    asked = planned(file(), Wish(class_="provider"), n8n_encryption_key="x", token="y")
    assert {row.class_ for row in asked.values()} == {"provider"}


# ── the edit ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_is_stored_in_one_edit() -> None:
    store = file(old=secret(), kept=secret())
    rows = planned(
        store, Wish(overwrite=True, class_="provider"), new="x", old="other", kept="stored", void=""
    )
    edit = imported(store, rows.values(), HAND)
    assert edit.values == {("new", "v1"): "x", ("old", "v5"): "other"}
    assert set(edit.file.secrets) == {"new", "old", "kept"}
    assert edit.file.secrets["new"].class_ == "provider"
    assert edit.file.secrets["old"].class_ == "regenerate"
    assert edit.file.secrets["old"].current == "v5"
    assert edit.file.secrets["old"].versions["v4"].stage == "previous"
    assert edit.file.secrets["kept"] == store.secrets["kept"]


def test_what_changed_since_it_was_shown_is_refused() -> None:
    rows = planned(file(), new="x")
    with pytest.raises(Refused, match="new was changed by another run meanwhile"):
        imported(file(new=secret()), rows.values(), HAND)


def test_no_value_is_in_what_is_printed_of_it() -> None:
    rows = planned(file(), new=CANARY)
    assert CANARY not in repr((rows, Found(("a",), 1, CANARY), imported(file(), rows.values(), HAND)))
