from __future__ import annotations

import base64
import io
import json
import logging
import shlex
import time
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.render import envfile, yaml_text
from opsctl.render.compose import doubled
from opsctl.render.redact import Redactor

VALUES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r\0"), min_size=6, max_size=12
)


@given(value=VALUES, before=st.text("abc", max_size=4))
def test_no_spelling_of_a_value_survives(value: str, before: str) -> None:
    spelled = {
        "plain": value,
        "env": envfile.dump({"K": value}).decode(),
        "shell": shlex.quote(value),
        "url": urllib.parse.quote(value, safe=""),
        "path": urllib.parse.quote(value),
        "query": urllib.parse.quote_plus(value),
        "json": json.dumps(value),
        "utf-8 json": json.dumps(value, ensure_ascii=False),
        "repr": repr(value),
        "sql": value.replace("'", "''"),
        "compose": value.replace("$", "$$"),
    }
    masked = {name: Redactor([value]).text(f"{before} {text} end") for name, text in spelled.items()}

    assert all("***" in text for text in masked.values()), masked


@given(value=VALUES, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_a_value_inside_a_base64_text_is_masked_wherever_it_begins(
    value: str, before: bytes, after: bytes
) -> None:
    whole = before + value.encode() + after

    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert "***" in Redactor([value]).text(encode(whole).decode())


def test_yaml_with_doubled_dollars_is_masked() -> None:
    assert yaml_text.dump(doubled({"a": 'p$w"\\x'})) != (text := yaml_text.dump(doubled({"a": 'p$w"\\xyz'})))
    assert Redactor(['p$w"\\xyz']).text(text) == 'a: "***"\n'


def test_short_values_are_left_and_longer_ones_go_first() -> None:
    redactor = Redactor(["short", "secret", "secret-and-more"])

    assert redactor.text("short secret secret-and-more secretsecret") == "short *** *** ******"


def test_every_line_of_a_long_secret_is_masked_alone() -> None:
    redactor = Redactor()
    redactor.add("-----BEGIN KEY-----\n  AbCdEfGh==\nxy\n")

    assert redactor.text("log: AbCdEfGh== and xy") == "log: *** and xy"


def test_it_is_a_filter_for_logging_that_reaches_arguments_and_tracebacks() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redactor(["hunter2hunter2"]))
    logger = logging.Logger("test")  # noqa: LOG001  # one that nobody else has
    logger.addHandler(handler)

    try:
        raise ValueError("hunter2hunter2 in here")  # noqa: TRY301
    except ValueError:
        logger.exception("failed with %s (%d)", "hunter2hunter2", 3)

    assert "failed with *** (3)" in stream.getvalue()
    assert "ValueError: *** in here" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_a_megabyte_takes_well_under_a_second() -> None:
    redactor = Redactor(f"value-{number}-{'x' * 20}" for number in range(50))
    text = "an ordinary line of a log\n" * 40_000
    begin = time.perf_counter()

    assert redactor.text(text) == text
    assert time.perf_counter() - begin < 2.0


@pytest.mark.parametrize("values", [[], [""], ["abc"]])
def test_without_values_text_is_untouched(values: list[str]) -> None:
    assert Redactor(values).text("abc *** def") == "abc *** def"
