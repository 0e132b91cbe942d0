"""What is said of secrets' values, never with the value."""

from __future__ import annotations

import pytest

from opsctl.apps.weak_secrets import weakness
from opsctl.render.output import placeholder


@pytest.mark.parametrize(
    "value,said",
    [
        ("", "is not set"),
        ("changeme", "is the one of a public example, which everybody knows"),
        ("hunter2", "is short enough to be guessed"),
        ("hunter2hunter2", ""),
        (placeholder("k"), ""),
    ],
)
def test_what_is_wrong_with_a_value(value: str, said: str) -> None:
    assert weakness(value, {"changeme"}, shortest=14) == said
