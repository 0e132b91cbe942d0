"""What is asked of a Qdrant: whether it is ready, and how its collections stand beside what is stated of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from opsctl.apps.qdrant.node import Node, nodes
from opsctl.apps.qdrant.settings import Settings
from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.paths import OK, REFUSED, answers_ok, at, how, mapping, mappings, read_json
from opsctl.checks.questions import Fetch, Talk, Verdict, failed, fetched, passed, unknown
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation

_PORT = 6333
_SHARE = 0.9
"""Of the points that are stated: strict mode refuses what is above them."""
# lib/collection/src/operations/types.rs, CollectionStatus: yellow is at work on its indexes, grey waits for a change to go on.
_STATES = {
    "grey": "waits with its optimizations for the next change",
    "red": "cannot be used: a part of it failed",
}
_AT_WORK = "yellow"


def _cases(course: Callable[[ServiceNow, Node], Talk], situation: Situation) -> Iterator[Case]:
    known = {(one.view.host.name, one.view.name): one for one in nodes(situation.subject)}
    yield from asked_of_each("qdrant", lambda now: course(now, known[now.host.name, now.name]))(situation)


def _ready(now: ServiceNow, node: Node) -> Talk:
    return (yield from answers_ok(now, _port(node), "/readyz", scheme=_scheme(node)))


def _collections(now: ServiceNow, node: Node) -> Talk:
    answer = yield from fetched(_request(now, node, "/collections"))
    if answer.status in REFUSED:
        return failed("it does not take the API key of its environment")
    if answer.status != OK:
        return unknown(f"/collections: {how(answer)}")
    listed = mapping(mapping(read_json(answer.body, "/collections")).get("result")).get("collections")
    found: dict[str, Mapping[str, Any]] = {}
    for name in sorted(str(one.get("name")) for one in mappings(listed)):
        told = yield from fetched(_request(now, node, f"/collections/{quote(name, safe='')}"))
        if told.status != OK:
            return unknown(f"collection {name}: {how(told)}")
        found[name] = mapping(mapping(read_json(told.body, f"collection {name}")).get("result"))
    return judge(found, node.settings)


def judge(found: Mapping[str, Mapping[str, Any]], settings: Settings) -> Verdict:
    """The collections by name, as Qdrant tells of them, beside the stated ones. One that is stated and not made yet is no fault."""
    wrong: list[str] = []
    for name, told in sorted(found.items()):
        stated = settings.collections.get(name)
        points, status = int(told.get("points_count") or 0), str(told.get("status") or "")
        if status not in {"green", _AT_WORK}:
            wrong.append(f"{name} is {status or 'without a status'}: it {_STATES.get(status, 'is not well')}")
        if stated and points >= _SHARE * stated.points:
            wrong.append(f"{name} has {points} of the {stated.points} points that are stated")
        if settings.collections and not stated:
            wrong.append(f"{name} with {points} points is not stated: no budget of memory counts it")
    if wrong:
        return failed("; ".join(wrong))
    at_work = [name for name, told in sorted(found.items()) if told.get("status") == _AT_WORK]
    return passed(
        f"{len(found)} collections" + (f"; {', '.join(at_work)} still optimizes" if at_work else "")
    )


def _request(now: ServiceNow, node: Node, path: str) -> Fetch:
    key = str(node.value("service.api_key") or "")
    return at(now, _port(node), path, headers={"api-key": key} if key else {}, scheme=_scheme(node))


def _port(node: Node) -> int:
    return node.number("service.http_port") or _PORT


def _scheme(node: Node) -> str:
    return "https" if node.is_on("service.enable_tls") else "http"


CHECKS = (
    Check(
        id="V-QDR-001",
        title="Qdrant is ready",
        severity="critical",
        proves="/readyz answers 200: all shards can be used. It asks for no key.",
        mend="opsctl logs SERVICE; after a start it reads its collections, which takes its time",
        source="Qdrant v1.19.0 src/actix (read, not run)",
        cases=partial(_cases, _ready),
        tags=frozenset({"deploy"}),
        patience=Patience(deadline=15.0, interval=2.0),
        software=True,
    ),
    Check(
        id="V-QDR-002",
        title="Qdrant's collections are well, and within what is stated of them",
        severity="high",
        proves="Each is green, or yellow while it optimizes, and has less than 90 % of the points that settings.collections states; "
        "none is there that is not stated. The API key is taken.",
        mend="more points in settings.collections, with the memory that they need (QDR006); red: opsctl logs SERVICE, then a snapshot",
        source="GET /collections, /collections/NAME (docs/redoc/master/openapi.json of v1.19.0; read, not run)",
        cases=partial(_cases, _collections),
        tags=frozenset({"data", "nightly"}),
        software=True,
    ),
)
