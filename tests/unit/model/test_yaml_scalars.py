"""Scalars of YAML: what numbers mean, and that what merely looks like one is text."""

from __future__ import annotations

import math

import pytest

from opsctl.model.yaml_document import read_yaml
from opsctl.model.yaml_scalars import number


@pytest.mark.parametrize(
    "text, kind, meant",
    [
        ("0644", "int", 0o644),
        ("0o644", "int", 0o644),
        ("08", "int", 8),
        ("1_000", "int", 1000),
        ("-0x1f", "int", -31),
        ("1e3", "float", 1000.0),
        ("-.inf", "float", -math.inf),
    ],
)
def test_numbers_mean_what_they_mean_to_compose(text: str, kind: str, meant: float) -> None:
    assert number(text, kind) == meant


@pytest.mark.parametrize("text", ["0x_", "0b_", "+_", "._", "9" * 5000, "0x" + "f" * 5000])
def test_what_only_looks_like_a_number_is_text(text: str) -> None:
    document = read_yaml("stack.yml", f"key: {text}\n".encode())
    assert document.value == {"key": text}
    assert document.problems == ()
