"""The lists of keys by version: what is between two of them, and that what they hold is taken."""

from __future__ import annotations

from typing import Any

import pytest

from opsctl.apps.openclaw.key_lists import ANY, LISTED, Keys, _either, known_keys, listed, unknown_keys
from opsctl.apps.openclaw.versions import version_of


def unknown(value: Any, version: tuple[int, int, int] | None = LISTED[-1]) -> list[tuple[str | int, ...]]:
    return [path for path, _known in unknown_keys(value, known_keys(version))]


@pytest.mark.parametrize("version", LISTED)
def test_every_line_is_below_a_key_of_another(version: tuple[int, int, int]) -> None:
    keys = listed(version)
    assert {"agents", "gateway", "plugins", "channels"} <= keys[""]
    assert [path for path in keys if path and not _stands(path, keys)] == []


def _stands(path: str, keys: Keys) -> bool:
    head, _, last = path.rstrip("[]").rpartition(".")
    return last in keys[head] if head in keys else _stands(head, keys)


@pytest.mark.parametrize("version", LISTED)
def test_a_value_made_of_a_list_is_taken(version: tuple[int, int, int]) -> None:
    keys = listed(version)

    def example(path: str) -> Any:
        if f"{path}[]" in keys:
            return [example(f"{path}[]")]
        return {key: example(f"{path}.{key}" if path else key) for key in keys.get(path, ())}

    value = example("")
    assert list(unknown_keys(value, keys)) == []
    assert list(unknown_keys({**value, "nope": 1}, keys)) == [(("nope",), keys[""])]


@pytest.mark.parametrize(
    "value,paths",
    [
        ({"gateway": {"nope": 1}}, [("gateway", "nope")]),
        ({"agents": {"entries": {"any-name": {"sandbox": {"docker": {"nope": 1}}}}}}, [("agents", "entries", "any-name", "sandbox", "docker", "nope")]),
        ({"bindings": [{"agentId": "a"}, {"nope": 1}]}, [("bindings", 1, "nope")]),
        ({"channels": {"of-a-plugin": {"anything": {"at": "all"}}}}, []),
        ({"channels": {"telegram": {"nope": 1}}}, [("channels", "telegram", "nope")]),
        ({"plugins": {"entries": {"x": {"config": {"any": 1}, "nope": 1}}}}, [("plugins", "entries", "x", "nope")]),
        ({"gateway": "text"}, []),
        ([], []),
    ],
)  # fmt: skip
def test_what_is_unknown(value: Any, paths: list[tuple[str | int, ...]]) -> None:
    assert unknown(value) == paths


def test_between_two_lists_a_key_of_either_is_known() -> None:
    both = {"agents": {"list": [{"id": "a"}], "entries": {"a": {}}}}
    assert unknown(both, (2026, 5, 7)) == [("agents", "entries")]
    assert unknown(both, (2026, 8, 5)) == []
    assert unknown(both, (2026, 9, 6)) == [("agents", "list")]


def test_outside_of_the_lists_the_nearest_counts() -> None:
    assert known_keys((2026, 1, 1)) == listed(LISTED[0])
    assert known_keys((2027, 1, 1)) == listed(LISTED[-1]) == known_keys(None)


@pytest.mark.parametrize("version", [(2026, 2, 24), (2026, 4, 1), (2026, 6, 1)])
def test_between_two_lists_nothing_of_either_is_refused(version: tuple[int, int, int]) -> None:
    between = known_keys(version)
    for known in (
        listed(max(one for one in LISTED if one < version)),
        listed(min(one for one in LISTED if one > version)),
    ):
        assert [path for path in known if path in between and not known[path] <= between[path]] == []
        assert [path for path in known if path not in between and not _free(path, between)] == []


def test_between_two_lists_what_takes_anything_in_one_takes_anything() -> None:
    closed, free = {"": frozenset("a"), "a": frozenset("x")}, {"": frozenset("a")}
    value = {"a": {"y": 1}}
    assert [path for path, _known in unknown_keys(value, closed)] == [("a", "y")]
    assert list(unknown_keys(value, _either(closed, free))) == []
    assert list(unknown_keys(value, _either(free, closed))) == []


def _free(path: str, keys: Keys) -> bool:
    """Whether something above it takes anything, or is a key without a line."""
    head, _, last = path.removesuffix("[]").rpartition(".")
    return last in keys[head] or ANY in keys[head] if head in keys else not head or _free(head, keys)


@pytest.mark.parametrize(
    "image,version",
    [
        ("ghcr.io/openclaw/openclaw:2026.9.6", (2026, 9, 6)),
        ("ghcr.io/openclaw/openclaw:2026.9.6-slim", (2026, 9, 6)),
        ("ghcr.io/openclaw/openclaw:2026.9.6-r20261001@sha256:" + "0" * 64, (2026, 9, 6)),
        ("claw/openclaw:v2026.12.10", (2026, 12, 10)),
        ("2026.2.23", (2026, 2, 23)),
        ("ghcr.io/openclaw/openclaw:latest", None),
        ("openclaw", None),
    ],
)  # fmt: skip
def test_the_version_of_a_tag(image: str, version: tuple[int, int, int] | None) -> None:
    assert version_of(image) == version
