"""What Qdrant is asked, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps.asked import answered, ask
from tests.unit.apps.test_qdrant_rules import made

from opsctl.apps.qdrant.checks import judge
from opsctl.apps.qdrant.settings import Collection, Settings
from opsctl.checks.questions import Fetch, Fetched, Question

SETTINGS = Settings(collections={"notes": Collection(points=100, dimension=4)})


def collections(**told: dict[str, Any]) -> Callable[[Question], Any]:
    """Answers as Qdrant with these collections."""

    def answer(question: Question) -> Fetched:
        assert isinstance(question, Fetch)
        name = question.url.rpartition("/")[2]
        names = [{"name": one} for one in told]
        result = {"collections": names} if name == "collections" else told[name]
        return Fetched(200, {}, json.dumps({"result": result, "status": "ok"}).encode())

    return answer


@pytest.mark.parametrize(
    "answer,result",
    [(answered(200), "pass"), (answered(503), "fail"), (answered(0, reason="refused"), "fail")],
)
def test_readiness(answer: Any, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(made(tmp_path), "V-QDR-001", answer)
    assert found.result == result
    assert isinstance(question, Fetch)
    assert (question.url, question.headers) == ("http://qdrant:6333/readyz", {})


def test_a_port_and_tls_of_its_own(tmp_path: Path) -> None:
    conf = [("storage:\n", "service: {http_port: 7333, enable_tls: true}\nstorage:\n")]
    _, (question,) = ask(made(tmp_path, [], conf), "V-QDR-001", answered(200))
    assert isinstance(question, Fetch)
    assert question.url == "https://qdrant:7333/readyz"


def test_each_collection_is_asked_about_with_the_key_in_a_header(tmp_path: Path) -> None:
    told = {
        "notes": {"points_count": 5, "status": "green"},
        "archive": {"points_count": 5, "status": "green"},
    }
    found, asked = ask(made(tmp_path), "V-QDR-002", collections(**told))
    assert (found.result, found.message) == ("pass", "2 collections")
    assert [one.url.partition("6333")[2] for one in asked if isinstance(one, Fetch)] == [
        "/collections",
        "/collections/archive",
        "/collections/notes",
    ]
    for one in asked:
        assert isinstance(one, Fetch)
        assert one.headers["api-key"]
        assert one.headers["api-key"] not in repr(one)


@pytest.mark.parametrize(
    "answer,result,words",
    [
        (answered(401), "fail", "does not take the API key"),
        (answered(403), "fail", "does not take the API key"),
        (answered(500), "inconclusive", "/collections: 500"),
        (answered(0, reason="refused"), "inconclusive", "refused"),
        (lambda _question: Fetched(200, {}, b"<html>"), "inconclusive", "no JSON"),
    ],
)
def test_collections_that_are_not_told(answer: Any, result: str, words: str, tmp_path: Path) -> None:
    found, _ = ask(made(tmp_path), "V-QDR-002", answer)
    assert found.result == result
    assert words in found.message


@pytest.mark.parametrize(
    "told,words",
    [
        ({"points_count": 89, "status": "green"}, ""),
        ({"points_count": 90, "status": "green"}, "notes has 90 of the 100 points"),
        ({"points_count": 5, "status": "yellow"}, ""),
        ({"points_count": 5, "status": "grey"}, "notes is grey: it waits"),
        ({"points_count": 5, "status": "red"}, "notes is red: it cannot be used"),
        ({"points_count": 5}, "notes is without a status"),
        ({"points_count": None, "status": "green"}, ""),
    ],
)
def test_what_a_collection_says(told: dict[str, Any], words: str) -> None:
    found = judge({"notes": told}, SETTINGS)
    assert found.result == ("fail" if words else "pass")
    assert words in found.message
    assert ("still optimizes" in found.message) == (told.get("status") == "yellow")


def test_collections_that_nobody_stated() -> None:
    there = {"notes": {"points_count": 1, "status": "green"}, "x": {"points_count": 7, "status": "green"}}
    assert judge(there, SETTINGS).message == "x with 7 points is not stated: no budget of memory counts it"
    assert judge(there, Settings()).result == "pass"
    assert judge({}, SETTINGS).result == "pass"
