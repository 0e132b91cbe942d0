"""Documents go both ways between the real sops and ours: same values, same check sum, same ciphertexts where nothing changed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.edges.sops.oracle import Person, Sops

from opsctl.edges.sops.document import create, parse, unlock
from opsctl.errors import NoKey, StoreUnusable
from opsctl.render.yaml_text import dump

pytestmark = pytest.mark.sops

NOW = 1_700_000_000.0
AWKWARD = st.sampled_from("\\'\"#{}[]:,&*!|>%@`- \t\n\r\0\x07\x7f\x85\xa0é☃😀\u2028\ufeff\ufffe=~?0123yn")
ORDINARY = st.characters(blacklist_categories=["Cs"])
TEXTS = st.text(st.one_of(AWKWARD, ORDINARY), max_size=12)
WHOLE = st.integers(-(2**63), 2**63 - 1)
HIDDEN = st.one_of(TEXTS, WHOLE, st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False))
CLEAR = st.one_of(TEXTS, WHOLE, st.booleans(), st.none(), st.sampled_from([0.5, -1.25, 3.0, 10.01]))
ODD = [
    *("", " ", "  leading", "trailing ", "yes", "no", "on", "y", "~", "null", "true", "False", "2026-01-01"),
    *(
        "2026-01-01T10:00:00Z",
        "0x10",
        "017",
        "0o17",
        "1_000",
        "1e3",
        "1.50",
        "-0",
        "+1",
        ".inf",
        ".NaN",
        "1:30",
    ),
    *(
        "a\nb",
        "a\n",
        "\n",
        "a\r\nb",
        "# no comment",
        "a: b",
        "- a",
        "&a",
        "*a",
        "!!str",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "=",
    ),
    *("ENC[AES256_GCM,data:x]", "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"),
]
LONG = "x" * 70_000


def nested(hidden: list[Any], clear: list[Any]) -> dict[str, Any]:
    return {
        "secrets": {
            f"s{at}": {"value": {"x": value, "list": [value, value]}} for at, value in enumerate(hidden)
        },
        "clear": {f"c{at}": value for at, value in enumerate(clear)},
        "list": [*clear, {"value": hidden}],
    }


@tries(4)
@given(hidden=st.lists(HIDDEN, min_size=30, max_size=60), clear=st.lists(CLEAR, min_size=30, max_size=60))
@example(hidden=[*ODD, LONG], clear=[*ODD, LONG])
def test_we_read_what_sops_writes(sops: Sops, ann: Person, hidden: list[Any], clear: list[Any]) -> None:
    hidden = [value for value in hidden if not (isinstance(value, float) and value.is_integer())]
    tree = nested(hidden, clear)
    data = sops.encrypted(dump(tree))

    unlocked = unlock(parse(data, "x.yaml"), ann.identities)

    assert unlocked.tree() == tree
    assert unlocked.dump(NOW) == data


@tries(4)
@given(values=st.lists(TEXTS, min_size=40, max_size=80))
@example(values=[*ODD, LONG, "<<"])
def test_sops_reads_what_we_write(sops: Sops, ann: Person, values: list[str]) -> None:
    unlocked = create([ann.recipient], "x.yaml")
    for at, value in enumerate(values):
        unlocked.set(("secrets", f"s{at}", "value"), value)
        unlocked.set(("secrets", f"s{at}", "note"), value)
    data = unlocked.dump(NOW)

    assert sops.decrypted(data) == unlocked.tree()
    assert unlock(parse(data, "x.yaml"), ann.identities).tree() == unlocked.tree()
    assert not [value for value in values if len(value) > 8 and f"value: {value}" in data.decode()]


@tries(4)
@given(
    key=st.lists(
        st.text(st.characters(blacklist_categories=["C", "Z"]), max_size=8), min_size=20, max_size=30
    )
)
@example(key=["yes", "null", "0x10", "2026-01-01", "<<", "a b", "é: #", "~"])
def test_any_text_may_be_a_key(sops: Sops, ann: Person, key: list[str]) -> None:
    unlocked = create([ann.recipient], "x.yaml")
    for at, name in enumerate(key):
        unlocked.set(("keys", f"{name}{at}" if key.count(name) > 1 else name, "value"), "x")
    data = unlocked.dump(NOW)

    assert sops.decrypted(data) == unlocked.tree()
    assert unlock(parse(data, "x.yaml"), ann.identities).tree() == unlocked.tree()


RULES: list[dict[str, Any]] = [
    {"encrypted_regex": "^(value|pass.*)$"},
    {"unencrypted_regex": "^(clear|b)$"},
    {"encrypted_suffix": "lue"},
    {"unencrypted_suffix": "_plain"},
    {"encrypted_regex": "^value$", "mac_only_encrypted": True},
    {"unencrypted_suffix": "clear", "mac_only_encrypted": True},
    {"mac_only_encrypted": True},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_of_what_is_encrypted_is_followed(sops: Sops, ann: Person, rule: dict[str, Any]) -> None:
    tree = {
        "a": {"value": "1", "clear": "2", "passwd": ["3", {"b": "4"}]},
        "clear": {"value": "5", "x": 6},
        "a_plain": {"value": "7"},
        "b": True,
    }
    data = sops.encrypted(dump(tree), **rule)
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    assert unlocked.tree() == tree

    unlocked.set(("a", "value"), "new")
    unlocked.set(("a", "clear"), "new")
    unlocked.set(("clear", "value"), "new")
    data = unlocked.dump(NOW)

    assert sops.decrypted(data) == unlocked.tree()
    hidden = [
        path for path in (("a", "value"), ("a", "clear"), ("clear", "value")) if None is _at(data, path)
    ]
    again = sops.with_set(data, ["unrelated"], "x")
    assert [
        path for path in (("a", "value"), ("a", "clear"), ("clear", "value")) if None is _at(again, path)
    ] == hidden


def _at(data: bytes, path: tuple[str, str]) -> Any:
    return parse(data, "x.yaml").clear()[path[0]][path[1]]


def test_encrypted_comments_pass_through(sops: Sops, ann: Person) -> None:
    data = sops.encrypted("# about a\na: x # beside\nb: y\n", unencrypted_suffix="_plain")
    assert b"#ENC[" in data
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    unlocked.set(("b",), "new")

    changed = unlocked.dump(NOW)

    assert (
        sops.changed(changed, "decrypt", "--in-place", "oracle.yaml")
        == b"# about a\n# beside\na: x\nb: new\n"
    )
    with pytest.raises(StoreUnusable, match="comments are encrypted") as refused:
        unlocked.rekey([ann.recipient])
    assert refused.value.hint == "sops rotate --in-place FILE"


STORE = """\
# The store of prod.
secrets:
    db:
        class: database # changes with the role
        versions:
            v2:
                stage: current
                created: "2026-11-01T10:00:00Z"
                value: hunter2
            # kept until the next rotation
            v1:
                stage: previous
                value: hunter1
    token:
        value: abc
"""


def lines_of(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if b"ENC[" in line and b"mac:" not in line]


def test_ciphertexts_stay_while_both_take_turns(sops: Sops, ann: Person) -> None:
    first = sops.encrypted(STORE)
    ours = unlock(parse(first, "x.yaml"), ann.identities)
    ours.set(("secrets", "db", "versions", "v3", "value"), "hunter3")
    ours.set(("secrets", "db", "versions", "v1", "value"), "hunter1")
    second = ours.dump(NOW)
    third = sops.with_set(second, ["secrets", "token", "note"], "by sops")
    again = unlock(parse(third, "x.yaml"), ann.identities)
    again.set(("secrets", "db", "versions", "v2", "stage"), "previous")
    fourth = again.dump(NOW + 1)

    v2, v1, token = lines_of(first)
    assert [line for line in lines_of(second) if line in {v2, v1, token}] == [v2, v1, token]
    assert lines_of(second) == lines_of(third) == lines_of(fourth)
    assert b"# changes with the role" in fourth
    assert b"# kept until the next rotation" in fourth
    assert sops.decrypted(fourth)["secrets"] == again.tree()["secrets"]


def test_what_sops_set_has_its_type(sops: Sops, ann: Person) -> None:
    data = sops.encrypted(STORE)
    values: list[object] = [5.0, 1.5, True, "5", 1e15, -3.25e-7]
    places = [("secrets", name, "value") for name in ("token", "a", "b", "c", "d", "e")]
    for place, value in zip(places, values, strict=True):
        data = sops.with_set(data, place, value)
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    for place, value in zip(places, values, strict=True):
        assert (found := unlocked.get(place)) == value
        assert type(found) is type(value)
    unlocked.rekey([ann.recipient])
    theirs = sops.decrypted(unlocked.dump(NOW))["secrets"]
    assert [theirs[name]["value"] for _, name, _ in places] == values


def test_the_recipients_of_either_are_the_others(sops: Sops, ann: Person, bob: Person) -> None:
    data = sops.encrypted(STORE)
    with pytest.raises(NoKey):
        unlock(parse(data, "x.yaml"), bob.identities)

    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    unlocked.rewrap([bob.recipient, ann.recipient, bob.recipient])
    both = unlocked.dump(NOW)

    assert parse(both, "x.yaml").recipients == (bob.recipient, ann.recipient)
    assert lines_of(both) == lines_of(data)
    assert Sops(sops.folder, bob).decrypted(both) == sops.decrypted(both) == unlocked.tree()

    (sops.folder / ".sops.yaml").write_text(f"creation_rules: [{{age: {bob.recipient}}}]\n")
    only_bob = sops.changed(both, "updatekeys", "--yes", "oracle.yaml")
    (sops.folder / ".sops.yaml").unlink()
    assert parse(only_bob, "x.yaml").recipients == (bob.recipient,)
    assert unlock(parse(only_bob, "x.yaml"), bob.identities).tree() == unlocked.tree()
    with pytest.raises(NoKey):
        unlock(parse(only_bob, "x.yaml"), ann.identities)


def test_a_new_data_key_of_either_is_the_others(sops: Sops, ann: Person, bob: Person) -> None:
    data = sops.encrypted(STORE)
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    old = unlocked._key
    unlocked.rekey([ann.recipient, bob.recipient])
    ours = unlocked.dump(NOW)
    sealed = re.findall(r"value: (ENC\[.*)", ours.decode())
    assert len(sealed) == 3
    for value, about in zip(sealed, ("db:versions:v2", "db:versions:v1", "token"), strict=True):
        with pytest.raises(ValueError, match="it was changed"):
            old.open(value, f"secrets:{about}:value:")
        assert unlocked._key.open(value, f"secrets:{about}:value:")[0] == "str"

    assert not set(lines_of(ours)) & set(lines_of(data))
    assert sops.decrypted(ours) == unlocked.tree()

    theirs = sops.changed(ours, "rotate", "--in-place", "--rm-age", bob.recipient, "oracle.yaml")
    assert not set(lines_of(theirs)) & set(lines_of(ours))
    assert unlock(parse(theirs, "x.yaml"), ann.identities).tree() == unlocked.tree()
    with pytest.raises(NoKey):
        unlock(parse(theirs, "x.yaml"), bob.identities)


def test_a_key_group_of_one_is_read_and_written_several_are_not(sops: Sops, ann: Person, bob: Person) -> None:
    def grouped(*groups: Person) -> bytes:
        return sops.encrypted(
            STORE, encrypted_regex="^value$", age="", key_groups=[{"age": [one.recipient]} for one in groups]
        )

    with pytest.raises(StoreUnusable, match="split over 2 key groups"):
        parse(grouped(ann, bob), "x.yaml")

    one = grouped(ann).decode()
    armor = re.search(r"    age:\n(.*?)    lastmodified", one, re.DOTALL)
    assert armor
    inner = "".join(f"    {line}\n" for line in armor[1].splitlines())
    data = one.replace(
        armor[0], f"    shamir_threshold: 1\n    key_groups:\n        - age:\n{inner}    lastmodified"
    ).encode()
    sops.decrypted(data)
    unlocked = unlock(parse(data, "x.yaml"), ann.identities)
    unlocked.set(("secrets", "token", "value"), "new")
    assert sops.decrypted(unlocked.dump(NOW)) == unlocked.tree()
    unlocked.rewrap([ann.recipient])
    assert b"key_groups" not in unlocked.dump(NOW)
    assert sops.decrypted(unlocked.dump(NOW)) == unlocked.tree()


def test_an_ssh_key_opens_it_with_both(sops: Sops, ann: Person, tmp_path: Any) -> None:
    import subprocess

    from opsctl.edges.sops.identities import load

    key = tmp_path / ".ssh" / "id_ed25519"
    key.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text().strip()
    unlocked = create([public, ann.recipient], "x.yaml")
    unlocked.set(("a", "value"), "x")
    data = unlocked.dump(NOW)

    assert unlock(parse(data, "x.yaml"), load({}, tmp_path)).tree() == {"a": {"value": "x"}}
    sops.path.write_bytes(data)
    done = sops.run("decrypt", "oracle.yaml", environ={"HOME": str(tmp_path)})
    assert done.stdout == "a:\n    value: x\n", done.stderr
    theirs = sops.encrypted("a:\n    value: y\n", recipients=[public])
    assert unlock(parse(theirs, "x.yaml"), load({}, tmp_path)).tree() == {"a": {"value": "y"}}
