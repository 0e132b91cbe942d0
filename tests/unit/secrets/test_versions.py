"""Versions from stage to stage: what was in force last is what goes back, whatever its number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.errors import Refused, UsageError
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets import versions
from opsctl.secrets.changes import marked_due


def first(**policy: object) -> Secret:
    made = Version(stage="current", created=1, by="ann")
    return Secret.model_validate({"versions": {"v1": made}, **policy})


def rotated(secret: Secret, now: float) -> Secret:
    return versions.finished(versions.with_pending(secret, now=now, by="ann")[0], now=now)


def stages(secret: Secret) -> dict[str, str]:
    return {one: version.stage for one, version in secret.versions.items()}


def test_a_rotation_moves_the_stages_and_keeps_so_many() -> None:
    secret = first(keep=2)
    for now in (2.0, 3.0, 4.0):
        secret = rotated(secret, now)
    assert stages(secret) == {"v4": "current", "v3": "previous", "v2": "previous"}
    assert secret.versions["v3"].retired == 4


def test_a_restored_version_is_what_goes_back_after_the_next_rotation() -> None:
    secret = rotated(rotated(first(), 2), 3)
    secret = rotated(versions.restored(secret, "v1", now=4), 5)
    assert stages(secret) == {"v4": "current", "v3": "previous", "v2": "previous", "v1": "previous"}
    assert secret.previous == "v1"
    assert versions.put_back(secret, "v1", now=6).current == "v1"
    assert stages(versions.put_back(secret, "v1", now=6))["v4"] == "failed"


def test_what_was_just_replaced_is_never_what_keep_drops() -> None:
    secret = rotated(rotated(rotated(first(keep=2), 2), 3), 4)
    secret = rotated(versions.restored(secret, "v2", now=5), 6)
    assert "v2" in secret.versions
    assert secret.previous == "v2"


def test_the_end_of_the_old_value_says_nothing_of_the_new_one() -> None:
    secret = first(expires=100, due=50, due_reason="ben left")
    after = rotated(secret, 60)
    assert (after.expires, after.due, after.due_reason) == (None, None, "")


def test_a_value_that_somebody_knows_who_left_is_due_again_once_it_is_restored() -> None:
    file = marked_due(StoreFile(secrets={"db": rotated(first(), 2)}), ["db"], "ben left", 3)
    secret = rotated(file.secrets["db"], 4)
    assert secret.due is None
    back = versions.restored(secret, "v1", now=5)
    assert (back.due, back.due_reason) == (5, "v1 is known to somebody who left")
    assert versions.restored(rotated(secret, 6), "v3", now=7).due is None


def test_failed_is_kept_until_there_is_a_newer_current_version() -> None:
    pending, _ = versions.with_pending(first(), now=2, by="ann")
    failed = versions.failed(pending, now=3)
    assert stages(failed) == {"v2": "failed", "v1": "current"}
    assert stages(rotated(failed, 4)) == {"v3": "current", "v1": "previous"}


def test_what_is_not_there_is_not_put_back_and_not_restored() -> None:
    with pytest.raises(Refused, match="no earlier version v9"):
        versions.put_back(first(), "v9", now=2)
    with pytest.raises(UsageError, match="no version v9"):
        versions.restored(first(), "v9", now=2)


@given(st.lists(st.sampled_from(["set", "rotate", "fail", "restore"]), max_size=30), st.integers(1, 4))
def test_there_is_always_one_current_version_and_no_id_is_used_twice(acts: list[str], keep: int) -> None:
    secret, seen = first(keep=keep), {"v1"}
    for now, act in enumerate(acts, start=2):
        before = set(secret.versions)
        if act == "set":
            secret, _ = versions.with_value(secret, now=now, by="ann")
        elif act == "restore" and secret.previous:
            secret = versions.restored(secret, min(secret.earlier), now=now)
        else:
            pending, _ = versions.with_pending(secret, now=now, by="ann")
            secret = (versions.failed if act == "fail" else versions.finished)(pending, now=now)
        new = set(secret.versions) - before
        assert not new & seen
        seen |= new
        assert [version.stage for version in secret.versions.values()].count("current") == 1
        assert not secret.pending
        assert len(secret.earlier) <= keep + (act == "restore")
