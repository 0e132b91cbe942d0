"""SCRAM verifiers, held against the exchange that RFC 7677 prints."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.errors import UsageError
from opsctl.secrets.scram import ITERATIONS, fits, verifier

# RFC 7677, section 3: user "user", password "pencil".
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
MESSAGES = (
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)
PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_server_with_this_verifier_and_the_client_of_the_rfc_believe_each_other() -> None:
    kind, salted, keys = verifier("pencil", SALT).split("$")
    assert kind == "SCRAM-SHA-256"
    assert salted == "4096:W22ZaJ0SNY7soEsUEjb6gQ=="
    stored, server = (base64.b64decode(key) for key in keys.split(":"))

    signature = hmac.digest(stored, MESSAGES.encode(), "sha256")
    client_key = bytes(a ^ b for a, b in zip(base64.b64decode(PROOF), signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored
    assert base64.b64encode(hmac.digest(server, MESSAGES.encode(), "sha256")).decode() == SIGNATURE


def test_the_number_of_rounds_is_postgresqls_and_is_written_down() -> None:
    assert ITERATIONS == 4096
    assert verifier("pencil", SALT, 8).startswith("SCRAM-SHA-256$8:")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1), st.binary(min_size=1))
def test_nothing_in_a_verifier_needs_quoting_in_sql(password: str, salt: bytes) -> None:
    text = verifier(password, salt, 1)
    assert text.isascii()
    assert not set(text) & set("'\"\\\n ")


@pytest.mark.parametrize("password", ["pässword", "ﬁ", "a\0b", "\u00adx"])
def test_what_a_client_may_normalise_is_refused(password: str) -> None:
    with pytest.raises(UsageError, match="other than ASCII") as caught:
        verifier(password, SALT)
    assert password not in str(caught.value)


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        verifier("", SALT)


@pytest.mark.parametrize("rounds", [1, 4096])
def test_a_password_fits_its_verifier_and_no_other(rounds: int) -> None:
    kept = verifier("pencil", SALT, rounds)
    assert fits("pencil", kept)
    assert not fits("pencils", kept)
    assert not fits("pencil", kept.replace("SCRAM-SHA-256$", "SCRAM-SHA-256$1"))


@pytest.mark.parametrize(
    "kept",
    ["", "md5e8a48653851e28c69d0506508fb27fc5", "SCRAM-SHA-256$1:a$b:c", "SCRAM-SHA-256$0:YQ==$YQ==:YQ=="],
)
def test_what_is_no_verifier_fits_nothing(kept: str) -> None:
    assert not fits("pencil", kept)
