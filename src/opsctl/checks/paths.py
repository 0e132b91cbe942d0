"""A path of a service's container, asked over HTTP: by most programs, how they are is told there."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlencode

from opsctl.checks.questions import Fetch, Fetched, Question, Talk, UnansweredError, failed, fetched, passed
from opsctl.checks.situation import ServiceNow

OK = 200
REFUSED = (401, 403)
_MOST_SAID = 160
"""Characters of an answer that a verdict repeats."""
_MOST = 8 * 2**20
"""Bytes of a body that are read: the metrics of a cAdvisor with fifty containers are 3 MB."""


def at(
    one: ServiceNow,
    port: int | str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    scheme: str = "http",
) -> Fetch:
    """GET of a path of the service's container, from its own host. A secret goes to `headers`, which nobody prints."""
    url = f"{scheme}://{one.name}:{port}{path}" + (f"?{urlencode(query)}" if query else "")
    return Fetch(url, via=one.host.name, headers=headers or {}, service=one.name, most=_MOST)


def answers_ok(one: ServiceNow, port: int | str, path: str, *, scheme: str = "http") -> Talk:
    """Passes where the path is answered with 200."""
    answer = yield from fetched(at(one, port, path, scheme=scheme))
    return passed() if answer.status == OK else failed(f"{path}: {how(answer)}")


def how(answer: Fetched) -> str:
    """An answer in one line: its status with the beginning of its text, or why there is none."""
    if not answer.status:
        return answer.reason or "no answer"
    return f"{answer.status} {' '.join(answer.text.split())[:_MOST_SAID]}".rstrip()


def told_json(request: Fetch) -> Generator[Question, Any, Any]:
    """What an answer with 200 says as JSON. Raises UnansweredError for every other answer: nothing was told then."""
    answer = yield from fetched(request)
    if answer.status != OK:
        raise UnansweredError(f"{request.url}: {how(answer)}")
    return read_json(answer.body, request.url)


def read_json(text: bytes | str, what: str) -> Any:
    """Raises UnansweredError."""
    try:
        return json.loads(text)
    except ValueError:
        raise UnansweredError(f"{what}: no JSON") from None


def mapping(value: Any) -> Mapping[str, Any]:
    """It, or an empty one where something else was told."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """Those of a list; none where something else was told."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
