"""Changes touch the lines they are about and no others, in every layout that people write."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.edges.sops.oracle import Person, Sops

from opsctl.edges.sops.document import Unlocked, _Opening, create, parse, unlock
from opsctl.errors import StoreUnusable

NOW = 1_700_000_000.0
LAYOUT = """\
# A person wrote this.


secrets:   # all of them
  db:
    class:   'database'      # single quotes, odd blanks

    target: {service: db, role: "app"}   # in one line
    note: |
      Two lines,
      as they are.

    versions:
      # the newest first
      v2: {stage: current, created: "2026-11-01T10:00:00Z"}
      v1:
          stage: previous   # deeper than the others
          by:
  empty: {}
  token:
    list:
    - a
    - b: c
other:
    deep: x
# before the end
"""


def opened(text: str, ann: Person) -> Unlocked:
    """A document with these lines before SOPS' own section, as if it had been made so."""
    made = create([ann.recipient], "x.yaml")
    locked = parse(text.encode() + made.dump(NOW), "x.yaml")
    opening = _Opening(locked, made._key)
    tree = {key: opening.read(node, (key,)) for key, node in locked.tops.items()}
    return unlock(parse(Unlocked(locked, made._key, tree, new=True).dump(NOW), "x.yaml"), ann.identities)


def difference(before: bytes, after: bytes) -> list[str]:
    """The lines that differ, "-" and "+", without SOPS' own section."""
    old, new = (data.decode().partition("\nsops:")[0].splitlines() for data in (before, after))
    return [line for line in difflib.ndiff(old, new) if line[0] in "-+"]


CHANGES: list[tuple[str, str | None, list[str]]] = [
    ("secrets.db.class", "provider", ["-     class:   'database'      # single quotes, odd blanks", "+     class:   provider      # single quotes, odd blanks"]),
    ("secrets.db.class", "database", []),
    ("secrets.db.note", "short", ["-     note: |", "+     note: short", "-       Two lines,", "-       as they are."]),
    ("secrets.db.note", None, ["-     note: |", "-       Two lines,", "-       as they are."]),
    ("secrets.db.target.role", "x y", ['-     target: {service: db, role: "app"}   # in one line', '+     target: {service: db, role: "x y"}   # in one line']),
    ("secrets.db.target.service", None, ['-     target: {service: db, role: "app"}   # in one line', '+     target: {role: "app"}   # in one line']),
    ("secrets.db.target", None, ['-     target: {service: db, role: "app"}   # in one line']),
    ("secrets.db.versions.v2.by", "0x10", ['-       v2: {stage: current, created: "2026-11-01T10:00:00Z"}', '+       v2: {stage: current, created: "2026-11-01T10:00:00Z", by: "0x10"}']),
    ("secrets.db.versions.v1.by", "ann", ["-           by:", "+           by: ann"]),
    ("secrets.db.versions.v1.by", None, ["-           by:"]),
    ("secrets.db.versions.v3.stage", "pending", ["+       v3:", "+         stage: pending"]),
    ("secrets.empty.class", "regenerate", ["-   empty: {}", "+   empty:", "+     class: regenerate"]),
    ("secrets.empty", None, ["-   empty: {}"]),
    ("secrets.token", None, ["-   token:", "-     list:", "-     - a", "-     - b: c"]),
    ("secrets.token.note", "2026-11-01", ['+     note: "2026-11-01"']),
    ("secrets.new.class", "x", ["+   new:", "+     class: x"]),
    ("other.deep", None, ["- other:", "+ other: {}", "-     deep: x"]),
    ("fresh.x", "new", ["+ fresh:", "+   x: new"]),
]  # fmt: skip


@pytest.mark.parametrize("path, value, lines", CHANGES)
def test_a_change_touches_its_own_lines(ann: Person, path: str, value: str | None, lines: list[str]) -> None:
    unlocked = opened(LAYOUT, ann)
    before = unlocked.dump(NOW)
    assert before.decode().startswith(LAYOUT)
    keys = tuple(path.split("."))
    if value is None:
        unlocked.remove(keys)
    else:
        unlocked.set(keys, value)

    after = unlocked.dump(NOW)

    assert difference(before, after) == lines
    assert unlock(parse(after, "x.yaml"), ann.identities).tree() == unlocked.tree()


def test_many_changes_at_once(ann: Person) -> None:
    unlocked = opened(LAYOUT, ann)
    before = unlocked.dump(NOW)
    for path in ("secrets.db.versions.v1", "secrets.token", "secrets.db.target", "other"):
        unlocked.remove(tuple(path.split(".")))
    for path in ("secrets.db.versions.v3.value", "secrets.a.versions.v1.value", "secrets.token.x", "z.y"):
        unlocked.set(tuple(path.split(".")), "new")

    after = unlocked.dump(NOW)

    assert unlock(parse(after, "x.yaml"), ann.identities).tree() == unlocked.tree()
    gone = {line[2:] for line in difference(before, after) if line[0] == "-"}
    assert set(LAYOUT.splitlines()) - gone <= set(after.decode().splitlines())


def test_what_is_put_back_in_another_order_stays_where_it_was(ann: Person) -> None:
    """The check sum goes by the order in the file."""
    unlocked = opened("a:\n  b: x\n  c: y\n", ann)
    unlocked.remove(("a", "b"))
    unlocked.set(("a", "b"), "z")

    assert unlock(parse(unlocked.dump(NOW), "x.yaml"), ann.identities).get(("a",)) == {"b": "z", "c": "y"}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_stay(ann: Person, newline: str, mark: bytes) -> None:
    made = create([ann.recipient], "x.yaml")
    made.set(("a", "b"), "x")
    data = mark + made.dump(NOW).replace(b"\n", newline.encode())
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    unlocked.set(("a", "c"), "new")

    after = unlocked.dump(NOW)

    assert after.startswith(mark + f"a:{newline}    b: x{newline}    c: new{newline}sops:{newline}".encode())
    assert after.count(b"\n") == after.count(newline.encode())
    assert unlock(parse(after, "x.yaml"), ann.identities).tree() == {"a": {"b": "x", "c": "new"}}


def test_a_file_without_a_last_newline_is_added_to(ann: Person) -> None:
    made = create([ann.recipient], "x.yaml")
    section = made.dump(NOW)
    data = section + b"a:\n    b:\n        c: x"
    locked = parse(data, "x.yaml")
    opening = _Opening(locked, made._key)
    unlocked = Unlocked(
        locked, made._key, {key: opening.read(node, (key,)) for key, node in locked.tops.items()}, new=True
    )
    unlocked.set(("a", "b", "d"), "y")
    unlocked.set(("e",), "z")

    assert unlock(parse(unlocked.dump(NOW), "x.yaml"), ann.identities).tree() == unlocked.tree()


@pytest.mark.parametrize("path, message", [("secrets.db.class.x", "secrets.db.class is not a mapping"), ("secrets.db", "secrets.db is not a value"), ("secrets.token.list.x", "secrets.token.list is not a mapping")])  # fmt: skip
def test_values_and_mappings_do_not_become_each_other(ann: Person, path: str, message: str) -> None:
    unlocked = opened(LAYOUT, ann)

    with pytest.raises(StoreUnusable, match=message) as refused:
        unlocked.set(tuple(path.split(".")), "x")

    assert refused.value.where.startswith("x.yaml:")


def test_a_layout_that_has_no_lines_of_its_own_is_refused(ann: Person) -> None:
    unlocked = opened("a:\n  ? b\n  : c\n", ann)
    unlocked.remove(("a", "b"))
    unlocked.set(("a", "d"), "x")

    with pytest.raises(StoreUnusable, match="its layout cannot be changed line by line"):
        unlocked.dump(NOW)


def test_what_would_come_out_as_something_else_is_not_written(ann: Person) -> None:
    unlocked = opened("a:\n  ? b\n", ann)
    assert unlocked.tree() == {"a": {"b": None}}
    unlocked.set(("a", "b"), "x")

    with pytest.raises(StoreUnusable, match="its layout cannot be changed line by line") as refused:
        unlocked.dump(NOW)
    assert "sops edit FILE" in refused.value.hint


NAMES = st.sampled_from(["a", "b", "value", "0x10", "yes", "c d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
STEPS = st.lists(st.tuples(PATHS, st.one_of(st.none(), st.text(max_size=4))), min_size=1, max_size=8)


@tries(30)
@given(rounds=st.lists(STEPS, min_size=1, max_size=3), flow=st.booleans())
def test_any_changes_in_any_order_end_in_what_was_meant(
    ann: Person, rounds: list[list[tuple[tuple[str, ...], str | None]]], flow: bool
) -> None:
    text = "a: {b: {}, yes: [x, {value: ''}]} # c\n'c d':\n  a:\n    - x\n\n  b:\n# e\n" if flow else LAYOUT
    unlocked = opened(text, ann)
    for at, steps in enumerate(rounds):
        for path, value in steps:
            if value is None:
                unlocked.remove(path)
                continue
            try:
                unlocked.set(path, value)
            except StoreUnusable:
                continue
        data = unlocked.dump(NOW + at)
        again = unlock(parse(data, "x.yaml"), ann.identities)
        assert again.tree() == unlocked.tree()
        assert again.dump(NOW) == data
        unlocked = again


@pytest.mark.sops
def test_sops_reads_a_layout_of_people_that_we_changed(ann: Person, sops: Sops) -> None:
    unlocked = opened(LAYOUT, ann)
    unlocked.set(("secrets", "db", "versions", "v2", "value"), "hunter2")
    unlocked.set(("secrets", "db", "versions", "v3", "value"), "yes")
    unlocked.remove(("secrets", "token"))
    data = unlocked.dump(NOW)

    assert sops.decrypted(data) == unlocked.tree()
    assert b'created: "2026-11-01T10:00:00Z", value: "ENC[' in data
