"""Generated secrets: made once, kept private, never shown."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from opsctl.edges.secrets import GeneratedStore
from opsctl.errors import UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "lab.generated.json"


def test_a_value_is_made_on_first_need_and_stays(path: Path) -> None:
    store = GeneratedStore(path, ["password", "token"])
    assert not path.exists()

    value = store.get("password")

    assert re.fullmatch(r"[A-Za-z0-9]{32}", value)
    assert GeneratedStore(path, ["password"]).get("password") == value
    assert json.loads(path.read_text()) == {"password": value}
    assert store.get("token") != value
    assert store.names() == {"password", "token"}


def test_the_file_is_private_from_the_start(path: Path) -> None:
    GeneratedStore(path, ["password"]).get("password")

    assert path.stat().st_mode & 0o777 == 0o600
    assert {other.stat().st_mode & 0o077 for other in path.parent.iterdir()} == {0}


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    GeneratedStore(path, ["password"]).get("password")
    path.chmod(0o640)

    with pytest.raises(UsageError, match=r"open to others \(mode 0640\)") as refused:
        GeneratedStore(path, ["password"]).get("password")
    assert f"chmod 600 {path}" in refused.value.hint


@pytest.mark.parametrize("content", ["{", "[]", '{"password": 1}', '{"password": "canary-value"'])
def test_a_broken_file_is_refused_without_a_word_of_it(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(UsageError) as refused:
        GeneratedStore(path, ["password"]).get("password")

    assert "canary-value" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert path.read_text() == content


@pytest.mark.parametrize("in_the_way", ["secrets", "secrets/lab.generated.json/x"])
def test_a_file_that_cannot_be_used_is_named(path: Path, in_the_way: str) -> None:
    other = path.parents[1] / in_the_way
    other.parent.mkdir(parents=True, exist_ok=True)
    other.touch()

    with pytest.raises(UsageError, match=r"cannot use .*/secrets/lab\.generated\.json: ") as refused:
        GeneratedStore(path, ["password"]).get("password")
    assert "must be yours to read and write" in refused.value.hint


def test_a_name_that_nobody_uses_makes_nothing(path: Path) -> None:
    with pytest.raises(UsageError, match="no secret typo"):
        GeneratedStore(path, ["password"]).get("typo")
    assert not path.exists()


def test_values_of_names_no_longer_used_stay_in_the_file(path: Path) -> None:
    old = GeneratedStore(path, ["old"]).get("old")

    GeneratedStore(path, ["new"]).get("new")

    assert json.loads(path.read_text())["old"] == old


def test_runs_at_the_same_time_agree(path: Path) -> None:
    names = [f"secret_{number}" for number in range(6)]
    stores = [GeneratedStore(path, names) for _ in range(6)]
    threads = [
        threading.Thread(target=lambda store=store: [store.get(name) for name in names]) for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({tuple(store.get(name) for name in names) for store in stores}) == 1


def test_it_shows_no_value(path: Path) -> None:
    store = GeneratedStore(path, ["password"])
    value = store.get("password")

    assert value not in repr(store)
    assert value not in f"{store} {store.__class__}"
