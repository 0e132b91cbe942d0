"""Texts that are no document that sops and opsctl would read alike are refused, with line and hint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.edges.sops.oracle import Person, Sops

from opsctl.edges.sops.document import Unlocked, _Opening, create, parse
from opsctl.edges.sops.scalars import number_text, plain
from opsctl.errors import OpsctlError, StoreUnusable, UsageError
from opsctl.model.values import Unfit

SOPS = """\
sops:
    age:
        - recipient: age1x
          enc: x
    lastmodified: "2026-11-01T10:00:00Z"
    mac: ""
    encrypted_regex: ^value$
    version: 3.11.0
"""


def refusal(text: str | bytes) -> StoreUnusable:
    with pytest.raises(StoreUnusable) as refused:
        parse(text.encode() if isinstance(text, str) else text, "x.yaml")
    return refused.value


REFUSED = [
    ("", "it is empty", "", "opsctl secrets init"),
    ("a: b\n", "it is not encrypted", "", "must be rotated"),
    ("a: [\n", "not YAML", ":2", "git checkout"),
    ("a: b: c\n", "not YAML", ":1", ""),
    ("a: \x07\n", "not YAML", "", ""),
    (b"a: b\nc: \xff\n", "not UTF-8", ":2", ""),
    ('a: "\\UFFFFFFFF"\n', "not YAML: it holds characters", "", ""),
    ('a: "\\U00110000"\n', "not YAML: it holds characters", "", ""),
    (f"a: {'9' * 5000}\n", "a number in a form", ":1", ""),
    ("- a\n", "a store is a mapping", ":1", ""),
    ("{a: b}\n", "in block style", ":1", ""),
    ("just text\n", "a store is a mapping", ":1", ""),
    ("a: b\n---\nc: d\n", "several documents", ":2", ""),
    ("%YAML 1.1\n---\na: b\n", "directives", ":", ""),
    ("a: &x b\n", "anchors and aliases", ":1", "write the value out"),
    ("a: &x {b: c}\nd: *x\n", "anchors and aliases", ":1", ""),
    ("a:\n  <<: {b: c}\n", "a merge key", ":2", "write the keys out"),
    ("a: !!binary aGk=\n", "the tag tag:yaml.org,2002:binary", ":1", ""),
    ("a: !x b\n", "the tag !x", ":1", ""),
    ("1: b\n", "a key that is not text", ":1", "put it in quotes"),
    ("a:\n  ~: b\n", "a key that is not text", ":2", ""),
    ("true: b\n", "a key that is not text", ":1", ""),
    ("? [a]\n: b\n", "a key that is not text", ":1", ""),
    ('"a\\nb": b\n', "a key that is not text", ":1", ""),
    ("a: 1\nb: 2\na: 3\n", "'a' is given twice", ":3", "opsctl secrets resolve"),
    ("a: b\nc:\n  d: 2026-11-01\n", "a date without quotes", ":3", "put it in quotes"),
    ("a: 2026-11-01T10:00:00Z\n", "a date without quotes", ":1", ""),
    ('a: "\\ud800"\n', "half a character", ":1", ""),
    ("a: " + "[" * 60 + "]" * 60 + "\n", "nested too deeply", ":1", ""),
    ("a: b\n<<<<<<< HEAD\nc: d\n=======\nc: e\n>>>>>>> x\n", "in the middle of a merge", ":2", "opsctl secrets resolve"),
    ("sops: x\n", "the section `sops` is not a mapping", ":1", ""),
    (SOPS.replace("- recipient: age1x\n          enc: x", "[]"), "no age key can open it", ":1", "sops rotate"),
    (SOPS.replace("age:", "pgp:"), "no age key can open it, only pgp", ":1", ""),
    (SOPS.replace("          enc: x\n", ""), "has no recipient or no enc", ":1", ""),
    (SOPS.replace("2026-11", "2026-13"), "sops.lastmodified is not a time", ":1", ""),
    (SOPS.replace('"2026-11-01T10:00:00Z"', "soon"), "sops.lastmodified is not a time", ":1", ""),
    (SOPS.replace("^value$", "'('"), "encrypted_regex is not a pattern", ":1", "^value$"),
    (SOPS.replace("^value$", "'[[:alpha:]]'"), "encrypted_regex is not a pattern", ":1", ""),
    (SOPS + "    encrypted_suffix: x\n", "encrypted_suffix and encrypted_regex in one file", ":1", ""),
    (SOPS + "    encrypted_comment_regex: x\n", "cannot follow encrypted_comment_regex", ":1", ""),
    (SOPS + "    mac_only_encrypted: maybe\n", "neither true nor false", ":1", ""),
    (SOPS.replace('mac: ""', "mac: 5"), "sops.mac is not text", ":1", ""),
]  # fmt: skip


@pytest.mark.parametrize("text, message, place, hint", REFUSED)
def test_a_document_that_is_none_is_refused(text: str | bytes, message: str, place: str, hint: str) -> None:
    error = refusal(text)

    assert message in error.message
    assert error.where.startswith(f"x.yaml{place}")
    assert hint in error.hint


NOT_CANONICAL = [
    *("0x10", "0X1F", "0b11", "0o17", "017", "1_000", "1e3", "1.5e3", "1.", ".5", "+1", "-0", "00", "-.5"),
    *(".inf", "-.Inf", ".nan", "1_0.5", "9223372036854775808", "-9223372036854775809", "1E5"),
]


@pytest.mark.parametrize("text", NOT_CANONICAL)
def test_a_number_in_another_spelling_is_refused(text: str) -> None:
    assert "a number in a form" in refusal(f"x: y\na: {text}\n").message
    assert refusal(f"x: y\na: {text}\n").where == "x.yaml:2"
    with pytest.raises(Unfit):
        plain(text)


PLAIN = [
    *(
        "yes",
        "No",
        "on",
        "y",
        "1:30",
        "1.2.3",
        "v1",
        "0xyz",
        "12ab",
        "2026-1",
        "2026-11-01x",
        "0.0.0.0",
        "_1",
    ),
    *("0", "-1", "42", "9223372036854775807", "-9223372036854775808", "0.5", "-10.25", "1.0", "1.10"),
    *(
        "true",
        "False",
        "TRUE",
        "null",
        "~",
        "Null",
        "tRue",
        "nULL",
        ".info",
        "e5",
        "1e",
        "0b2",
        "0o8",
        "1-1-2026",
    ),
]


@pytest.mark.sops
def test_scalars_mean_what_they_mean_to_sops(sops: Sops, ann: Person) -> None:
    """As they stand: a check sum over our reading that sops takes proves each of them."""
    empty = create([ann.recipient], "x.yaml")
    text = "".join(f"k{at}: {scalar}\n" for at, scalar in enumerate(PLAIN)) + empty.dump(0).decode()
    locked = parse(text.encode(), "x.yaml")
    opening = _Opening(locked, empty._key)
    ours = Unlocked(
        locked, empty._key, {key: opening.read(node, (key,)) for key, node in locked.tops.items()}, new=True
    )

    data = ours.dump(1_700_000_000)

    assert data.decode().startswith(text.partition("sops:")[0])
    assert list(ours.tree().values()) == [plain(scalar) for scalar in PLAIN]
    assert sops.decrypted(data) == ours.tree()


@pytest.mark.parametrize(
    "value, text",
    [(1.0, "1"), (1.5, "1.5"), (1e22, "10000000000000000000000"), (1e-7, "0.0000001"), (-0.0, "-0"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (5e-324, "0." + "0" * 323 + "5")],
)  # fmt: skip
def test_a_float_is_spelled_as_go_does(value: float, text: str) -> None:
    assert number_text(value) == text


@tries(300)
@given(
    text=st.text(
        st.one_of(st.sampled_from("ab:-[]{}#&*!|>'\"%@`,?\n \t0179.e_~<="), st.characters()), max_size=40
    )
)
def test_no_text_ends_in_another_error(text: str) -> None:
    for candidate in (text, f"a: {text}\n{SOPS}"):
        try:
            parse(candidate.encode("utf-8", "surrogatepass"), "x.yaml")
        except OpsctlError as error:
            assert error.where.startswith("x.yaml")  # noqa: PT017 either is fine


def test_what_is_in_clear_is_told_without_a_key() -> None:
    value = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"
    locked = parse(f"a:\n    b: 1\n    value: {value}\nc: [x, {{value: ''}}]\n{SOPS}".encode(), "x.yaml")

    assert locked.clear() == {"a": {"b": 1, "value": None}, "c": ["x", {"value": None}]}
    assert locked.recipients == ("age1x",)
    assert locked.last_modified == 1_793_527_200.0
    assert [locked.line(path) for path in ((), ("a",), ("a", "value"), ("a", "gone"), ("c", "x"))] == [
        0,
        1,
        3,
        1,
        4,
    ]
    assert value not in repr(locked)


@pytest.mark.parametrize(
    "recipients, message",
    [([], "there are no recipients"), (["age1x"], "'age1x' is not a recipient"), (["ssh-dss x"], "is not a recipient"), (["age1yubikey1qx"], "is not a recipient")],
)  # fmt: skip
def test_only_recipients_that_can_be_encrypted_for_are_taken(recipients: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create(recipients, "x.yaml")


def test_half_a_character_is_refused_without_a_word_of_it(ann: Person) -> None:
    unlocked = create([ann.recipient], "x.yaml")

    with pytest.raises(UsageError, match=r"the value for a\.value holds half a character") as refused:
        unlocked.set(("a", "value"), "canary\ud800")

    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__
