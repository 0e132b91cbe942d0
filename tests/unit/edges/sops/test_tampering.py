"""What was changed in a document without its key is found, wherever the format lets it be found."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.unit.edges.sops.oracle import Person, Sops

from opsctl.edges.sops.document import create, parse, unlock
from opsctl.edges.sops.nodes import Branch, Items, Node, Scalar
from opsctl.errors import NoKey, StoreUnusable, Tampered

NOW = 1_700_000_000.0
ENC = re.compile(r"ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]")
CANARY = "canary-hunter"


@pytest.fixture(scope="module")
def data(ann: Person) -> bytes:
    unlocked = create([ann.recipient], "x.yaml")
    for name in ("db", "token"):
        unlocked.set(("secrets", name, "class"), "database")
        for version, stage in (("v2", "current"), ("v1", "previous")):
            unlocked.set(("secrets", name, "versions", version, "stage"), stage)
            unlocked.set(("secrets", name, "versions", version, "created"), "2026-11-01T10:00:00Z")
            unlocked.set(("secrets", name, "versions", version, "value"), f"{CANARY}-{name}-{version}")
    unlocked.set(("recipients", "ann"), ann.recipient)
    return unlocked.dump(NOW)


def found(data: bytes, ann: Person) -> Tampered:
    with pytest.raises(Tampered) as refused:
        unlock(parse(data, "x.yaml"), ann.identities)
    assert CANARY not in str(refused.value)
    assert refused.value.__cause__ is None
    return refused.value


def scalars(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Scalar]]:
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            yield from scalars(entry.node, (*path, key))
    elif isinstance(node, Items):
        for item in node.items:
            yield from scalars(item, path)
    else:
        yield ".".join(path), node


def test_it_opens_as_it_was_made(data: bytes, ann: Person) -> None:
    assert unlock(parse(data, "x.yaml"), ann.identities).dump(NOW) == data


def test_every_clear_value_is_covered(data: bytes, ann: Person) -> None:
    text = data.decode()
    locked = parse(data, "x.yaml")
    clear = [
        (path, node)
        for top in ("secrets", "recipients")
        for path, node in scalars(locked.root.entries[top].node)
        if not path.endswith("value")
    ]
    assert len(clear) == 11
    for path, node in clear:
        for new in ("other", '""', '"2026-11-01T10:00:01Z"', "null"):
            error = found((text[: node.start] + new + text[node.end :]).encode(), ann)
            assert "its check sum does not fit" in error.message, path


@pytest.mark.parametrize("part", [1, 2, 3])
def test_every_part_of_every_ciphertext_is_covered(data: bytes, ann: Person, part: int) -> None:
    text = data.decode()
    values = list(ENC.finditer(text))
    assert len(values) == 5
    for match in values:
        at = match.start(part)
        other = "B" if text[at] == "A" else "A"
        line = text.count("\n", 0, at) + 1
        error = found((text[:at] + other + text[at + 1 :]).encode(), ann)
        assert re.fullmatch(
            r"(secrets\.\w+\.versions\.v\d\.value|sops\.mac) cannot be decrypted: .*", error.message
        )
        assert error.where == f"x.yaml:{line}"


@pytest.mark.parametrize("kind", ["int", "float", "bool", "time", "odd"])
def test_a_type_that_does_not_fit_is_found_without_a_word_of_the_value(
    data: bytes, ann: Person, kind: str
) -> None:
    assert (
        "v2.value cannot be decrypted"
        in found(data.replace(b"type:str", b"type:%b" % kind.encode(), 1), ann).message
    )


def test_two_values_swapped_are_found(data: bytes, ann: Person) -> None:
    text = data.decode()
    first, second = (match[0] for match in list(ENC.finditer(text))[:2])
    swapped = text.replace(first, "@").replace(second, first).replace("@", second)

    assert "secrets.db.versions.v2.value cannot be decrypted" in found(swapped.encode(), ann).message


@pytest.mark.parametrize(
    "old, new",
    [
        ('lastmodified: "2023', 'lastmodified: "2024'),
        ("        versions:\n            v2:\n                stage: current\n", "        versions:\n            v2:\n"),
        ("            v2:\n", "            v7:\n"),
        ("    token:\n", "    token2:\n"),
        ("encrypted_regex: ^value$", "encrypted_regex: ^(value|stage)$"),
        ("encrypted_regex: ^value$", "encrypted_regex: ^nothing$"),
        ("encrypted_regex: ^value$", "encrypted_regex: ^value$\n    mac_only_encrypted: true"),
        ("secrets:\n", "extra: x\nsecrets:\n"),
    ],
)  # fmt: skip
def test_what_stands_around_values_is_covered(data: bytes, ann: Person, old: str, new: str) -> None:
    text = data.decode()
    assert old in text
    found(text.replace(old, new, 1).encode(), ann)


def test_a_value_removed_with_its_key_is_found(data: bytes, ann: Person) -> None:
    lines = data.decode().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if "value: ENC[" in line)
    found("".join(lines[:at] + lines[at + 1 :]).encode(), ann)


def test_a_value_written_in_clear_needs_no_key_to_be_found(data: bytes) -> None:
    text = ENC.sub(CANARY, data.decode(), count=1)

    with pytest.raises(Tampered, match=r"secrets\.db\.versions\.v2\.value is not encrypted") as refused:
        parse(text.encode(), "x.yaml")

    assert refused.value.where == "x.yaml:8"
    assert CANARY not in str(refused.value)


def test_an_old_check_sum_does_not_fit_a_new_file(data: bytes, ann: Person) -> None:
    """Neither an older version of a value put back into the present file."""
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    path = ("secrets", "db", "versions", "v2", "value")
    unlocked.set(path, "new")
    now = unlocked.dump(NOW + 60).decode()
    old = ENC.search(data.decode())
    new = ENC.search(now)
    assert old
    assert new

    assert "its check sum" in found(now.replace(new[0], old[0]).encode(), ann).message


def test_a_damaged_entry_of_our_own_is_told_from_a_missing_key(data: bytes, ann: Person, bob: Person) -> None:
    unlocked = create([bob.recipient], "x.yaml")
    theirs = unlocked.dump(NOW).decode()
    armor = re.compile(r"-----BEGIN.*END AGE ENCRYPTED FILE-----", re.DOTALL)
    stolen = armor.search(theirs)
    assert stolen
    damaged = armor.sub(stolen[0], data.decode())

    assert f"the entry for {ann.recipient} below sops.age is damaged" in found(damaged.encode(), ann).message
    with pytest.raises(NoKey):
        unlock(parse(data, "x.yaml"), bob.identities)


def test_a_data_key_of_another_length_is_refused(data: bytes, ann: Person) -> None:
    import pyrage

    short = pyrage.encrypt(
        b"x" * 16, [pyrage.x25519.Recipient.from_str(ann.recipient)], armored=True
    ).decode()
    indented = short.strip().replace("\n", "\n            ")
    text = re.sub(r"-----BEGIN.*END AGE ENCRYPTED FILE-----", indented, data.decode(), flags=re.DOTALL)

    assert "is damaged" in found(text.encode(), ann).message


@pytest.mark.sops
def test_sops_finds_the_same(data: bytes, sops: Sops) -> None:
    """The oracle's word for a few of the above, so that these tests test the format and not only themselves."""
    text = data.decode()
    assert "MAC mismatch" in sops.refusal(text.replace("stage: previous", "stage: current", 1).encode())
    assert "MAC" in sops.refusal(text.replace('lastmodified: "2023', 'lastmodified: "2024').encode())
    assert "Could not decrypt value" in sops.refusal(text.replace("    token:\n", "    token2:\n").encode())


@pytest.mark.sops
def test_recipients_of_other_kinds_are_read_and_kept_from_being_lost(data: bytes, ann: Person) -> None:
    other = '    pgp:\n        - fp: ABCD\n          created_at: "2026-01-01T00:00:00Z"\n          enc: x\n    lastmodified'
    unlocked = unlock(parse(data.replace(b"    lastmodified", other.encode()), "x.yaml"), ann.identities)
    assert unlocked.get(("secrets", "db", "class")) == "database"

    unlocked.set(("secrets", "db", "class"), "provider")
    with pytest.raises(StoreUnusable, match="also encrypted for pgp") as refused:
        unlocked.dump(NOW)
    assert "sops edit FILE" in refused.value.hint
