"""Sides of a store that no command of opsctl made so: without names, out of step, with values that sops spelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.unit.edges.sops.oracle import Person, Sops, person

from opsctl.edges.git_stages import Stages
from opsctl.edges.sops import document
from opsctl.edges.sops.document import Unlocked
from opsctl.edges.sops.identities import generate, load
from opsctl.errors import StoreUnusable
from opsctl.flows.secret_resolve import Sides, marked, open_sides, resolved
from opsctl.secrets.merging import Merged, merge

NOW = 1790000000.0
WHERE = "secrets/prod.sops.yaml"


@pytest.fixture
def ann(tmp_path: Path) -> Person:
    return person(tmp_path)


def changed(data: bytes, ann: Person, change: Callable[[Unlocked], None]) -> bytes:
    unlocked = document.unlock(document.parse(data, WHERE), ann.identities)
    change(unlocked)
    return unlocked.dump(NOW)


def store(ann: Person, *others: str, named: Mapping[str, str] | None = None) -> bytes:
    made = document.create([ann.recipient, *others], WHERE)
    put(made, "db", "v1", "one")
    for name, key in (named or {}).items():
        made.set(("recipients", name), key)
    return made.dump(NOW)


def put(unlocked: Unlocked, name: str, version: str, value: str) -> None:
    path = ("secrets", name, "versions", version)
    fields = {"stage": "current", "created": "2026-11-01T10:00:00Z", "by": "ann", "value": value}
    unlocked.set(("secrets", name, "class"), "regenerate")
    for key, text in fields.items():
        unlocked.set((*path, key), text)


def merged(sides: Sides) -> Merged:
    made = merge(*sides.three, now=NOW)
    assert made.conflicts == ()
    return made


def result(base: bytes | None, ours: bytes, theirs: bytes, ann: Person) -> tuple[Sides, bytes]:
    sides = open_sides(Stages(base, ours, theirs), WHERE, ann.identities)
    return sides, resolved(sides, merged(sides), NOW)


def test_of_stores_that_name_nobody_additions_and_removals_are_kept(ann: Person) -> None:
    (_, bob), (_, carol), (_, dave) = generate(), generate(), generate()
    base = store(ann, bob)
    ours = changed(base, ann, lambda one: one.rewrap([ann.recipient, carol]))
    theirs = changed(base, ann, lambda one: one.rewrap([ann.recipient, bob, dave]))
    sides, data = result(base, ours, theirs, ann)
    assert set(document.parse(data, WHERE).recipients) == {ann.recipient, carol, dave}
    assert sides.rekeyed == ""
    document.unlock(document.parse(data, WHERE), ann.identities)


def test_a_value_that_somebody_shut_out_could_read_is_due_in_the_name_of_his_key(ann: Person) -> None:
    (_, bob) = generate()
    base = store(ann, bob)
    ours = changed(base, ann, lambda one: one.rekey([ann.recipient]))
    theirs = changed(base, ann, lambda one: put(one, "new", "v1", "seen"))
    sides = open_sides(Stages(base, ours, theirs), WHERE, ann.identities)
    made, reasons = marked(sides, merged(sides), NOW)
    assert reasons == {"new": f"{bob} could read it"}
    assert (sides.rekeyed, made.stored.file.secrets["new"].due) == ("ours", NOW)
    assert made.stored.file.secrets["db"].due is None


def test_where_nobody_is_left_it_is_not_written(ann: Person, tmp_path: Path) -> None:
    bob = person(tmp_path, "bob")
    base = store(ann, bob.recipient)
    ours = changed(base, ann, lambda one: one.rewrap([bob.recipient]))
    theirs = changed(base, ann, lambda one: one.rewrap([ann.recipient]))
    keys = tmp_path / "both"
    keys.write_text(ann.key_file.read_text() + bob.key_file.read_text())
    keys.chmod(0o600)
    identities = load({"SOPS_AGE_KEY_FILE": str(keys)}, Path("/nonexistent"))
    sides = open_sides(Stages(base, ours, theirs), WHERE, identities)
    with pytest.raises(StoreUnusable, match="nobody could open it"):
        resolved(sides, merged(sides), NOW)


def test_a_side_that_is_encrypted_for_somebody_it_does_not_name_is_refused(ann: Person) -> None:
    (_, mallory) = generate()
    base = store(ann, named={"ann": ann.recipient})
    theirs = changed(base, ann, lambda one: one.rewrap([ann.recipient, mallory]))
    with pytest.raises(StoreUnusable, match="not those whom it is encrypted for") as refused:
        open_sides(Stages(base, base, theirs), WHERE, ann.identities)
    assert refused.value.where == f"{WHERE} (theirs)"


@pytest.mark.sops
def test_values_that_sops_spelled_stay_as_they_are(tmp_path: Path, ann: Person) -> None:
    sops = Sops(tmp_path, ann)
    base = sops.with_set(store(ann), ("secrets", "db", "versions", "v1", "value"), 8080)
    ours = changed(base, ann, lambda one: put(one, "a", "v1", "mine"))
    theirs = changed(base, ann, lambda one: put(one, "b", "v1", "yours"))
    _, data = result(base, ours, theirs, ann)
    assert _ciphertexts(base) < _ciphertexts(data)
    found = sops.decrypted(data)["secrets"]
    assert {name: one["versions"]["v1"]["value"] for name, one in found.items()} == {
        "db": 8080,
        "a": "mine",
        "b": "yours",
    }


@pytest.mark.sops
def test_a_value_that_is_no_text_is_refused(tmp_path: Path, ann: Person) -> None:
    sops = Sops(tmp_path, ann)
    theirs = sops.with_set(store(ann), ("secrets", "db", "versions", "v1", "value"), True)
    with pytest.raises(StoreUnusable, match="the value of db v1 is not text"):
        open_sides(Stages(None, store(ann), theirs), WHERE, ann.identities)


def _ciphertexts(data: bytes) -> set[str]:
    return {line.strip() for line in data.decode().splitlines() if line.strip().startswith("value: ENC[")}
