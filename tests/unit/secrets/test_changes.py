"""What people may do to a store by hand, and what is refused to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opsctl.errors import Refused, UsageError
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets.changes import (
    Hand,
    Policy,
    brought_back,
    edited,
    marked_due,
    removed,
    require_version,
    stored,
)
from opsctl.secrets.versions import Edit, require_secret

NOW = 1_795_435_200.0
HAND = Hand(NOW, "anna", "prod")
FORCED = Hand(NOW, "anna", "prod", only_store=True)
NO_POLICY = Policy()


def current(**keys: Any) -> Secret:
    return Secret(**{"versions": {"v1": Version(stage="current", created=0, by="ben")}, **keys})


FILE = StoreFile(
    secrets={
        "token": current(),
        "db": current(**{"class": "database", "target": {"service": "postgresql", "role": "app"}}),
        "key": current(**{"class": "migrate_only"}),
        "redis": current(driver="redis"),
        "open": current(
            versions={
                "v1": Version(stage="current", created=0, by="ben"),
                "v2": Version(stage="pending", created=0, by="ben"),
            }
        ),
    }
)


def test_a_value_becomes_a_new_current_version_and_the_old_one_stays() -> None:
    edit = stored(FILE, "token", "s3cret", NO_POLICY, HAND)
    assert edit.values == {("token", "v2"): "s3cret"}
    versions = edit.file.secrets["token"].versions
    assert versions["v2"] == Version(stage="current", created=NOW, by="anna")
    assert (versions["v1"].stage, versions["v1"].retired) == ("previous", NOW)
    assert {name: one for name, one in edit.file.secrets.items() if name != "token"} == {
        name: one for name, one in FILE.secrets.items() if name != "token"
    }


def test_a_new_name_is_a_new_secret_with_its_policy() -> None:
    policy = Policy({"class_": "provider", "rotate_every": 86400.0}, {"url": "x"})
    edit = stored(FILE, "new", "s3cret", policy, HAND, login="app_a")
    made = edit.file.secrets["new"]
    assert (made.class_, made.rotate_every, made.target, made.current) == (
        "provider",
        86400.0,
        {"url": "x"},
        "v1",
    )
    assert made.versions["v1"].login == "app_a"


def test_the_policy_alone_makes_no_version_and_drops_emptied_targets() -> None:
    edit = stored(FILE, "db", None, Policy({"keep": 5}, {"role": "", "port": "5433"}), HAND)
    after = edit.file.secrets["db"]
    assert edit.values == {}
    assert (after.keep, after.target) == (5, {"service": "postgresql", "port": "5433"})
    assert after.versions == FILE.secrets["db"].versions
    with pytest.raises(UsageError, match="no secret tokn") as caught:
        stored(FILE, "tokn", None, Policy({"keep": 5}), HAND)
    assert "token" in caught.value.hint


@pytest.mark.parametrize(
    "name, told",
    [
        ("db", r"a system keeps the value of db \(class database\)"),
        ("redis", r"a system keeps the value of redis \(redis\)"),
        ("key", "key is for migration only"),
    ],
)
def test_what_a_system_keeps_is_not_changed_behind_its_back(name: str, told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        stored(FILE, name, "s3cret", NO_POLICY, HAND)
    assert f"opsctl rotate-secret {name} -e prod" in caught.value.hint
    assert "--only-store" in caught.value.hint
    with pytest.raises(Refused, match=told):
        brought_back(FILE, name, "v1", HAND)
    with pytest.raises(Refused, match=told):
        edited(FILE, {name: "v1"}, {name: "s3cret"}, HAND)
    assert stored(FILE, name, "s3cret", NO_POLICY, FORCED).file.secrets[name].current == "v2"


def test_the_first_value_of_a_secret_that_a_system_keeps_is_free() -> None:
    file = StoreFile(secrets={"db": Secret(**{"class": "database"})})
    assert stored(file, "db", "s3cret", NO_POLICY, HAND).file.secrets["db"].current == "v1"


def test_a_class_given_with_the_value_does_not_open_the_door() -> None:
    with pytest.raises(Refused):
        stored(FILE, "key", "s3cret", Policy({"class_": "regenerate"}), HAND)


def test_a_name_that_says_migrate_only_counts_whatever_class_was_written_down() -> None:
    knowing = Hand(NOW, "anna", "prod", known={"token": "migrate_only"})
    with pytest.raises(Refused, match="token is for migration only"):
        stored(FILE, "token", "s3cret", NO_POLICY, knowing)


@pytest.mark.parametrize("driver", ["regenerate", "provider"])
def test_a_driver_that_tells_no_system_keeps_nobody_out(driver: str) -> None:
    file = StoreFile(secrets={"token": current(driver=driver)})
    assert stored(file, "token", "s3cret", NO_POLICY, HAND).file.secrets["token"].current == "v2"


def test_an_open_rotation_is_ended_first() -> None:
    changes: tuple[Callable[[], Edit], ...] = (
        lambda: stored(FILE, "open", "s3cret", NO_POLICY, HAND),
        lambda: brought_back(FILE, "open", "v1", HAND),
    )
    for change in changes:
        with pytest.raises(Refused, match="a rotation of it is open") as caught:
            change()
        assert caught.value.where == "open"
        assert "NAME" not in caught.value.hint


def test_the_login_name_stays_unless_another_is_given() -> None:
    file = StoreFile(
        secrets={"x": current(versions={"v1": Version(stage="current", created=0, by="b", login="app_a")})}
    )
    assert stored(file, "x", "s", NO_POLICY, HAND).file.secrets["x"].versions["v2"].login == "app_a"
    assert (
        stored(file, "x", "s", NO_POLICY, HAND, login="app_b").file.secrets["x"].versions["v2"].login
        == "app_b"
    )


def test_an_old_version_is_brought_back() -> None:
    twice = stored(FILE, "token", "s3cret", NO_POLICY, HAND).file
    after = brought_back(twice, "token", "v1", HAND).file.secrets["token"]
    assert (after.current, after.previous) == ("v1", "v2")
    with pytest.raises(UsageError, match="token: there is no version v7"):
        brought_back(twice, "token", "v7", HAND)


def test_a_secret_is_removed_with_all_its_versions() -> None:
    assert set(removed(FILE, "token", "prod").file.secrets) == {"db", "key", "redis", "open"}
    with pytest.raises(UsageError, match="no secret nonesuch"):
        removed(FILE, "nonesuch", "prod")


def test_several_values_are_one_edit() -> None:
    edit = edited(
        FILE,
        {"token": "v1"},
        {"token": "a", "n8n_encryption_key": "b"},
        Hand(NOW, "anna", "prod", known={"n8n_encryption_key": "migrate_only"}),
    )
    assert edit.values == {("token", "v2"): "a", ("n8n_encryption_key", "v1"): "b"}
    assert edit.file.secrets["n8n_encryption_key"].class_ == "migrate_only"


def test_what_changed_while_the_editor_was_open_is_not_overwritten() -> None:
    for seen in ({"token": "v7"}, {}):
        with pytest.raises(Refused, match="token was changed by another run meanwhile"):
            edited(FILE, seen, {"token": "a"}, HAND)


def test_a_mark_makes_due_and_touches_nothing_else() -> None:
    after = marked_due(FILE, ["token", "db"], "ben left", NOW)
    assert [name for name, one in after.secrets.items() if one.due == NOW] == ["token", "db"]
    assert after.secrets["db"].due_reason == "ben left"
    assert after.secrets["db"].versions == FILE.secrets["db"].versions


def test_versions_and_names_that_are_not_there_are_told_with_those_that_are() -> None:
    assert require_version("token", FILE.secrets["token"]) == "v1"
    assert require_version("open", FILE.secrets["open"], "v2") == "v2"
    with pytest.raises(UsageError, match="token has no version v9") as caught:
        require_version("token", FILE.secrets["token"], "v9")
    assert caught.value.hint == "there are: v1"
    with pytest.raises(UsageError, match="x has no current value"):
        require_version("x", Secret())
    with pytest.raises(UsageError, match="no secret tokne") as missed:
        require_secret(FILE, "tokne")
    assert missed.value.hint == "did you mean 'token'?"


def test_no_edit_shows_its_values() -> None:
    assert "s3cret" not in repr(stored(FILE, "token", "s3cret", NO_POLICY, HAND))


class TestWhileARotationIsOpen:
    OPEN = StoreFile(
        secrets={
            "db": Secret.model_validate(
                {
                    "class": "database",
                    "target": {"service": "db", "role": "app"},
                    "versions": {
                        "v1": Version(stage="current", created=1, by="ann"),
                        "v2": Version(stage="pending", created=2, by="ann"),
                    },
                }
            )
        }
    )

    @pytest.mark.parametrize(
        "policy",
        [Policy({"class_": "app_admin"}), Policy({"driver": "redis"}), Policy(target={"role": "other"})],
        ids=["class", "driver", "target"],
    )
    def test_what_ends_it_stays_as_it_is(self, policy: Policy) -> None:
        with pytest.raises(Refused, match="a rotation of db is open") as caught:
            stored(self.OPEN, "db", None, policy, Hand(3, "bob", "prod"))
        assert "opsctl rotate-secret db -e prod --resume" in caught.value.hint

    def test_the_rest_of_the_policy_may_change(self) -> None:
        edit = stored(self.OPEN, "db", None, Policy({"rotate_every": 5.0}), Hand(3, "bob", "prod"))
        assert edit.file.secrets["db"].rotate_every == 5

    def test_it_is_not_removed(self) -> None:
        with pytest.raises(Refused, match="a rotation of db is open"):
            removed(self.OPEN, "db", "prod")
