"""Which platforms run on which hosts."""

from __future__ import annotations

import pytest

from opsctl.images.platforms import fits


@pytest.mark.parametrize(
    "host,offered,runs",
    [
        ("linux/amd64", ["linux/amd64", "linux/arm64"], True),
        ("linux/arm64", ["linux/amd64"], False),
        ("linux/arm64", ["linux/arm64/v8"], True),
        ("linux/arm64/v8", ["linux/arm64"], True),
        ("linux/arm/v7", ["linux/arm/v6"], True),
        ("linux/arm/v6", ["linux/arm/v7"], False),
        ("linux/amd64", ["windows/amd64"], False),
        ("linux/amd64", [], False),
    ],
)
def test_fits(host: str, offered: list[str], runs: bool) -> None:
    assert fits(host, offered) is runs
