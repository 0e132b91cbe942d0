"""Merging two branches' stores: whole examples, and what holds for any two histories."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.errors import Refused
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets.merging import Conflict, Merged, Stored, exposed, merge
from opsctl.secrets.merging_versions import Side
from opsctl.secrets.versions import failed, finished, put_back, restored, with_pending, with_value

CANARY = "CANARY-9f3a-value"
NOW = 1790000000.0

# ── building stores ──────────────────────────────────────────────────────────────────────────────────────────────────


def stored(recipients: dict[str, str] | None = None, **secrets: tuple[Secret, dict[str, str]]) -> Stored:
    return Stored(
        StoreFile(
            secrets={name: secret for name, (secret, _) in secrets.items()}, recipients=recipients or {}
        ),
        {(name, one): value for name, (_, values) in secrets.items() for one, value in values.items()},
    )


def secret(versions: str, **fields: Any) -> tuple[Secret, dict[str, str]]:
    """From "v2 current b, v1 previous a": id, stage and value of each."""
    parts = [part.split() for part in versions.split(",") if part.strip()]
    made = {
        one: Version.model_validate({"stage": stage, "created": 1.0, "by": "x"}) for one, stage, _ in parts
    }
    return Secret.model_validate({**fields, "versions": made}), {one: value for one, _, value in parts}


def told(merged: Merged, name: str = "db") -> str:
    """The other way round."""
    versions = merged.stored.file.secrets[name].versions
    return ", ".join(
        f"{one} {version.stage} {merged.stored.values[name, one]}" for one, version in versions.items()
    )


def merged_versions(base: str, ours: str, theirs: str, choice: Side | None = None) -> tuple[str, Merged]:
    choices: dict[tuple[str, str], Side] = {("db", "version"): choice} if choice else {}
    made = merge(
        stored(db=secret(base)),
        stored(db=secret(ours)),
        stored(db=secret(theirs)),
        now=NOW,
        choices=choices,
    )
    return told(made), made


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_new_versions_of_both_sides_are_kept_and_one_must_be_chosen() -> None:
    three = ("v1 current a", "v2 current b, v1 previous a", "v2 current c, v1 previous a")
    _, made = merged_versions(*three)
    assert made.conflicts == (
        Conflict(
            "db",
            "version",
            "v2 current (by x, 1970-01-01T00:00:01Z)",
            "v3 current (by x, 1970-01-01T00:00:01Z, v2 there)",
        ),
    )
    assert made.renumbered == {"db": {"v2": "v3"}}
    ours, made = merged_versions(*three, "ours")
    assert ours == "v3 previous c, v2 current b, v1 previous a"
    assert made.conflicts == ()
    assert made.stored.file.secrets["db"].versions["v3"].retired == NOW
    theirs, _ = merged_versions(*three, "theirs")
    assert theirs == "v3 current c, v2 previous b, v1 previous a"


@pytest.mark.parametrize(
    "base, ours, theirs, expected",
    [
        pytest.param(
            "v1 current a",
            "v2 pending b, v1 current a",
            "v2 current c, v1 previous a",
            "v3 current c, v2 pending b, v1 previous a",
            id="a pending version is kept beside a new current one",
        ),
        pytest.param(
            "v2 pending b, v1 current a",
            "v2 current b, v1 previous a",
            "v3 failed z, v2 pending b, v1 current a",
            "v3 failed z, v2 current b, v1 previous a",
            id="a rotation that ended on one side has ended",
        ),
        pytest.param(
            "v1 current a",
            "v2 current b, v1 previous a",
            "v2 current b, v1 previous a",
            "v2 current b, v1 previous a",
            id="the same on both sides",
        ),
        pytest.param(
            "v1 current a",
            "v3 current b, v2 previous c, v1 previous a",
            "v2 current b, v1 previous a",
            "v4 previous b, v3 current b, v2 previous c, v1 previous a",
            id="the same value under two ids needs no choice",
        ),
        pytest.param(
            "v2 current b, v1 previous a",
            "v3 current c, v2 previous b",
            "v2 current b, v1 previous a",
            "v3 current c, v2 previous b",
            id="an old version that one side pruned is gone",
        ),
        pytest.param(
            "v2 previous b, v1 current a",
            "v1 current a",
            "v2 current b, v1 previous a",
            "v2 current b, v1 previous a",
            id="unless the other side uses it again",
        ),
        pytest.param(
            "v2 pending b, v1 current a",
            "v2 pending c, v1 current a",
            "v3 failed z, v2 pending b, v1 current a",
            "v3 failed z, v2 pending c, v1 current a",
            id="an id that ours used again after the version was removed",
        ),
        pytest.param(
            "v2 pending b, v1 current a",
            "v3 failed z, v2 pending b, v1 current a",
            "v2 pending c, v1 current a",
            "v4 pending c, v3 failed z, v1 current a",
            id="an id that theirs used again",
        ),
    ],
)
def test_what_needs_no_choice(base: str, ours: str, theirs: str, expected: str) -> None:
    found, made = merged_versions(base, ours, theirs)
    assert (found, made.conflicts) == (expected, ())


@pytest.mark.parametrize(
    "base, ours, theirs, if_ours, if_theirs",
    [
        pytest.param(
            "v1 current a",
            "v2 pending b, v1 current a",
            "v2 pending c, v1 current a",
            "v3 failed c, v2 pending b, v1 current a",
            "v3 pending c, v2 failed b, v1 current a",
            id="two rotations are open",
        ),
        pytest.param(
            "v2 pending b, v1 current a",
            "v2 current b, v1 previous a",
            "v2 failed b, v1 current a",
            "v2 current b, v1 previous a",
            "v2 failed b, v1 current a",
            id="one rotation ended in two ways",
        ),
        pytest.param(
            "v2 current b, v1 previous a",
            "v3 current c, v2 previous b, v1 previous a",
            "v2 previous b, v1 current a",
            "v3 current c, v2 previous b, v1 previous a",
            "v3 previous c, v2 previous b, v1 current a",
            id="a new value against an old one restored",
        ),
        pytest.param(
            "v2 current b, v1 previous a",
            "v2 failed b, v1 current a",
            "v3 current c, v2 previous b",
            "v3 previous c, v2 failed b, v1 current a",
            "v3 current c, v2 previous b, v1 previous a",
            id="put back against set and pruned",
        ),
        pytest.param(
            "v1 current a",
            "v3 pending d, v2 current b, v1 previous a",
            "v2 current c, v1 previous a",
            "v4 previous c, v3 pending d, v2 current b, v1 previous a",
            "v4 current c, v3 pending d, v2 previous b, v1 previous a",
            id="a pending version survives either choice",
        ),
        pytest.param(
            "v1 current a",
            "v2 pending b, v1 current a",
            "v3 current c, v2 pending d",
            "v4 failed d, v3 previous c, v2 pending b, v1 current a",
            "v4 pending d, v3 current c, v2 failed b",
            id="what is current on the side that is chosen stays, also where the other removed it",
        ),
        pytest.param(
            "v1 current a",
            "v1 failed a",
            "v2 failed z, v1 current a",
            "v2 failed z, v1 failed a",
            "v2 failed z, v1 current a",
            id="no version would be current",
        ),
    ],
)
def test_what_needs_a_choice(base: str, ours: str, theirs: str, if_ours: str, if_theirs: str) -> None:
    assert [one.key for one in merged_versions(base, ours, theirs)[1].conflicts] == [("db", "version")]
    for side, expected in (("ours", if_ours), ("theirs", if_theirs)):
        found, made = merged_versions(base, ours, theirs, side)  # type: ignore[arg-type]
        assert (found, made.conflicts) == (expected, ())


@pytest.mark.parametrize("older, current", [("ours", "v3"), ("theirs", "v4")])
def test_of_the_same_value_under_two_ids_the_older_one_stays_current(older: str, current: str) -> None:
    ours = stored(db=secret("v3 current b, v2 previous c, v1 previous a"))
    theirs = stored(db=secret("v3 previous d, v2 current b, v1 previous a"))
    young = {"ours": theirs, "theirs": ours}[older]
    found = young.file.secrets["db"]
    made = found.versions[found.current].model_copy(update={"created": 9.0})
    young.file.secrets["db"] = found.model_copy(update={"versions": {**found.versions, found.current: made}})
    merged = merge(stored(db=secret("v1 current a")), ours, theirs, now=NOW)
    assert merged.conflicts == ()
    assert merged.stored.file.secrets["db"].current == current
    assert merged.stored.values["db", current] == "b"


# ── secrets, policies, recipients ────────────────────────────────────────────────────────────────────────────────────

ONE = "v1 current a"


def test_secrets_of_both_sides_are_there() -> None:
    made = merge(
        stored(db=secret(ONE)),
        stored(db=secret(ONE), a=secret(ONE)),
        stored(db=secret(ONE), b=secret(ONE)),
        now=NOW,
    )
    assert list(made.stored.file.secrets) == ["db", "a", "b"]
    assert made.stored.values == {("db", "v1"): "a", ("a", "v1"): "a", ("b", "v1"): "a"}


def test_a_secret_made_on_both_sides_has_both_values() -> None:
    three = (stored(), stored(db=secret(ONE)), stored(db=secret("v1 current b", **{"class": "provider"})))
    made = merge(*three, now=NOW)
    assert [one.key for one in made.conflicts] == [("db", "version")]
    made = merge(*three, now=NOW, choices={("db", "version"): "theirs"})
    assert told(made) == "v2 current b, v1 previous a"
    assert made.stored.file.secrets["db"].class_ == "provider"


def test_removed_against_changed_is_asked() -> None:
    base, changed = stored(db=secret(ONE)), stored(db=secret("v2 current b, v1 previous a"))
    for ours, theirs, texts in (
        (stored(), changed, ("removed", "changed")),
        (changed, stored(), ("changed", "removed")),
    ):
        assert merge(base, ours, theirs, now=NOW).conflicts == (Conflict("db", "secret", *texts),)
        chosen = {
            side: merge(base, ours, theirs, now=NOW, choices={("db", "secret"): side}).stored
            for side in ("ours", "theirs")
        }
        assert chosen == {"ours": ours, "theirs": theirs}


def test_removed_and_not_changed_is_removed() -> None:
    both = stored(db=secret(ONE), other=secret(ONE))
    assert merge(both, stored(other=secret(ONE)), both, now=NOW).stored == stored(other=secret(ONE))


@pytest.mark.parametrize(
    "fields_of_ours, fields_of_theirs, what, texts",
    [
        ({"class": "database"}, {"class": "provider"}, "class", ("database", "provider")),
        ({"rotate_every": "90d"}, {"rotate_every": "12h"}, "rotate_every", ("90d", "12h")),
        ({"expires": "2026-11-01"}, {"expires": "2027-01-01"}, "expires", ("2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z")),
        ({"keep": 5}, {"keep": 9}, "keep", ("5", "9")),
        ({"grace": "1h"}, {"grace": "2h"}, "grace", ("1h", "2h")),
        ({"target": {"service": "db"}}, {"target": {"service": "pg", "role": "a"}}, "target", ("service=db", "service=pg, role=a")),
        ({"note": "a"}, {"note": "b"}, "note", ("a", "b")),
        ({"driver": "redis"}, {"driver": "telegram"}, "driver", ("redis", "telegram")),
    ],
)  # fmt: skip
def test_each_field_of_a_policy_is_merged_on_its_own(
    fields_of_ours: dict[str, Any], fields_of_theirs: dict[str, Any], what: str, texts: tuple[str, str]
) -> None:
    base = stored(db=secret(ONE))
    ours, theirs = stored(db=secret(ONE, **fields_of_ours)), stored(db=secret(ONE, **fields_of_theirs))
    made = merge(base, ours, theirs, now=NOW)
    assert made.conflicts == (Conflict("db", what, *texts),)
    assert merge(base, ours, theirs, now=NOW, choices={("db", what): "theirs"}).stored == theirs

    other: dict[str, Any] = {"note": "n"} if what != "note" else {"keep": 7}
    made = merge(base, ours, stored(db=secret(ONE, **other)), now=NOW)
    assert made.conflicts == ()
    assert made.stored == stored(db=secret(ONE, **fields_of_ours, **other))


def test_marked_due_on_both_sides_it_is_due_for_both_reasons() -> None:
    base = stored(db=secret(ONE))
    ours = stored(db=secret(ONE, due=7.0, due_reason="bob left"))
    theirs = stored(db=secret(ONE, due=5.0, due_reason="leak"))
    merged = merge(base, ours, theirs, now=NOW)
    assert merged.conflicts == ()
    found = merged.stored.file.secrets["db"]
    assert (found.due, found.due_reason) == (5.0, "leak; bob left")
    assert merge(base, ours, base, now=NOW).stored == ours


def test_a_mark_that_one_side_took_away_and_the_other_changed_is_asked() -> None:
    base, gone = stored(db=secret(ONE, due=7.0)), stored(db=secret(ONE))
    theirs = stored(db=secret(ONE, due=5.0, due_reason="leak"))
    assert merge(base, gone, theirs, now=NOW).conflicts == (
        Conflict("db", "due", "no", "1970-01-01T00:00:05Z leak"),
    )


def test_what_somebody_could_read_on_one_side_is_told() -> None:
    base = stored(a=secret("v1 current a"), b=secret("v1 current b"), c=secret("v1 current c"))
    side = stored(
        a=secret("v1 current a"),
        b=secret("v2 current new, v1 previous b"),
        c=secret("v2 previous new, v1 current c"),
        d=secret("v2 pending new, v1 previous d"),
        e=secret("v1 current new", due=1.0),
    )
    assert exposed(base, side, side) == ("b", "d")
    assert exposed(base, base, side) == ()


def test_recipients_of_both_sides_are_added_and_removals_kept() -> None:
    base = stored({"alice": "age1a", "bob": "age1b"})
    ours, theirs = (
        stored({"alice": "age1a", "carol": "age1c"}),
        stored({"alice": "age1a", "bob": "age1b", "dave": "age1d"}),
    )
    made = merge(base, ours, theirs, now=NOW)
    assert made.stored.file.recipients == {"alice": "age1a", "carol": "age1c", "dave": "age1d"}
    assert made.conflicts == ()


def test_a_recipient_with_two_new_keys_is_asked() -> None:
    made = merge(stored({"bob": "age1b"}), stored({"bob": "age1x"}), stored({"bob": "age1y"}), now=NOW)
    assert made.conflicts == (Conflict("bob", "recipient", "age1x", "age1y"),)
    made = merge(stored({"bob": "age1b"}), stored({}), stored({"bob": "age1y"}), now=NOW)
    assert made.conflicts == (Conflict("bob", "recipient", "removed", "age1y"),)


def test_no_value_is_in_what_is_printed() -> None:
    base, ours = stored(db=secret(ONE)), stored(db=secret(f"v2 current {CANARY}, v1 previous a"))
    made = merge(base, ours, stored(db=secret(f"v2 current {CANARY}-2, v1 previous a")), now=NOW)
    assert made.conflicts
    assert CANARY not in repr((made, ours))


# ── any two histories ────────────────────────────────────────────────────────────────────────────────────────────────

Step = Callable[[Stored, str, str, float], Stored]


def _moved(store: Stored, name: str, move: Callable[[Secret], Secret]) -> Stored:
    """Values of versions that are gone go too."""
    found = store.file.secrets.get(name)
    if found is None:
        return store
    try:
        after = move(found)
    except Refused:
        return store
    values = {key: value for key, value in store.values.items() if key[0] != name or key[1] in after.versions}
    return Stored(_with(store.file, name, after), values)


def _with(file: StoreFile, name: str, one: Secret) -> StoreFile:
    return file.model_copy(update={"secrets": {**file.secrets, name: one}})


def _valued(store: Stored, name: str, value: str, make: Callable[[Secret], tuple[Secret, str]]) -> Stored:
    try:
        after, version = make(store.file.secrets.get(name, Secret()))
    except Refused:
        return store
    placed = Stored(_with(store.file, name, after), {**store.values, (name, version): value})
    return _moved(placed, name, lambda one: one)


def set_it(store: Stored, name: str, value: str, now: float) -> Stored:
    return _valued(store, name, value, lambda one: with_value(one, now=now, by="alice", login=value[:1]))


def begin(store: Stored, name: str, value: str, now: float) -> Stored:
    return _valued(store, name, value, lambda one: with_pending(one, now=now, by="bob"))


def end(store: Stored, name: str, _value: str, now: float) -> Stored:
    return _moved(store, name, lambda one: finished(one, now=now))


def fail(store: Stored, name: str, _value: str, now: float) -> Stored:
    return _moved(store, name, lambda one: failed(one, now=now))


def back(store: Stored, name: str, _value: str, now: float) -> Stored:
    return _moved(store, name, lambda one: put_back(one, one.previous, now=now) if one.previous else one)


def restore(store: Stored, name: str, value: str, now: float) -> Stored:
    def oldest(one: Secret) -> Secret:
        return restored(one, min(one.versions), now=now) if one.versions else one

    return _moved(store, name, oldest)


def policy(store: Stored, name: str, value: str, now: float) -> Stored:
    return _moved(store, name, lambda one: one.model_copy(update={"note": value, "keep": 1 + len(value)}))


def drop(store: Stored, name: str, _value: str, _now: float) -> Stored:
    kept = {one: found for one, found in store.file.secrets.items() if one != name}
    values = {key: value for key, value in store.values.items() if key[0] != name}
    return Stored(store.file.model_copy(update={"secrets": kept}), values)


def people(store: Stored, name: str, value: str, _now: float) -> Stored:
    had = store.file.recipients
    after = {one: key for one, key in had.items() if one != name} if name in had else {**had, name: value}
    return replace(store, file=store.file.model_copy(update={"recipients": after}))


STEPS = st.tuples(
    st.sampled_from([set_it, set_it, begin, end, fail, back, restore, policy, drop, people]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["p", "q", "rr"]),
    st.integers(1, 50).map(float),
)
HISTORIES = st.lists(STEPS, max_size=6)


def run(store: Stored, steps: Iterable[tuple[Step, str, str, float]]) -> Stored:
    for step, name, value, now in steps:
        store = step(store, name, value, now)
    return store


@st.composite
def three_stores(draw: st.DrawFn) -> tuple[Stored, Stored, Stored]:
    base = run(Stored(), draw(HISTORIES))
    return base, run(base, draw(HISTORIES)), run(base, draw(HISTORIES))


def loose(store: Stored) -> dict[str, Any]:
    """A store without the ids of its versions."""
    return {
        name: (
            one.model_copy(update={"versions": {}}),
            sorted((store.values[name, id_], repr(version)) for id_, version in one.versions.items()),
        )
        for name, one in store.file.secrets.items()
    } | {"": store.file.recipients}


def settled(
    three: tuple[Stored, Stored, Stored], data: st.DataObject
) -> tuple[Merged, dict[tuple[str, str], Side]]:
    conflicts = merge(*three, now=NOW).conflicts
    choices: dict[tuple[str, str], Side] = {
        one.key: data.draw(st.sampled_from(["ours", "theirs"])) for one in conflicts
    }
    return merge(*three, now=NOW, choices=choices), choices


@given(three=three_stores())
def test_an_unchanged_side_gives_the_other(three: tuple[Stored, Stored, Stored]) -> None:
    base, ours, theirs = three
    for merged, expected in (
        (merge(base, base, theirs, now=NOW), theirs),
        (merge(base, ours, base, now=NOW), ours),
        (merge(base, ours, ours, now=NOW), ours),
    ):
        assert merged.stored == expected
        assert (merged.conflicts, merged.renumbered) == ((), {})


@given(three=three_stores())
def test_where_nothing_is_asked_it_does_not_matter_who_merges(three: tuple[Stored, Stored, Stored]) -> None:
    base, ours, theirs = three
    one, other = merge(base, ours, theirs, now=NOW), merge(base, theirs, ours, now=NOW)
    assert {conflict.key for conflict in one.conflicts} == {conflict.key for conflict in other.conflicts}
    if not one.conflicts:
        assert loose(one.stored) == loose(other.stored)


@given(three=three_stores(), data=st.data())
def test_no_value_is_lost_that_nobody_removed(
    three: tuple[Stored, Stored, Stored], data: st.DataObject
) -> None:
    base, ours, theirs = three
    merged, _ = settled(three, data)
    left = {(name, value) for (name, _), value in merged.stored.values.items()}
    for side, other in ((ours, theirs), (theirs, ours)):
        for (name, one), value in side.values.items():
            removed = name not in merged.stored.file.secrets and (
                name not in ours.file.secrets or name not in theirs.file.secrets
            )
            pruned = base.values.get((name, one)) == value != other.values.get((name, one))
            assert (name, value) in left or removed or pruned, (name, one)


@given(three=three_stores(), data=st.data())
def test_what_comes_out_is_sound(three: tuple[Stored, Stored, Stored], data: st.DataObject) -> None:
    base, ours, theirs = three
    merged, choices = settled(three, data)
    assert merged.conflicts == ()
    assert set(merged.stored.values) == {
        (name, one) for name, found in merged.stored.file.secrets.items() for one in found.versions
    }
    for name, found in merged.stored.file.secrets.items():
        stages = [version.stage for version in found.versions.values()]
        if found in (ours.file.secrets.get(name), theirs.file.secrets.get(name)):
            continue
        had = [side.file.secrets[name].current for side in (ours, theirs) if name in side.file.secrets]
        assert stages.count("pending") <= 1
        chosen = choices.get((name, "version"))
        if chosen is None:
            assert stages.count("current") == (1 if any(had) else 0)
        else:
            side = ours if chosen == "ours" else theirs
            current = side.file.secrets[name].current
            assert stages.count("current") == (1 if current else 0)
            assert merged.stored.values.get((name, found.current)) == side.values.get((name, current))
        for (secret_name, one), value in ours.values.items():
            if secret_name == name and (name, one) in merged.stored.values and name in theirs.file.secrets:
                assert merged.stored.values[name, one] == value or base.values.get((name, one)) == value
