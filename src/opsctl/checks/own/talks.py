"""What a check of a stack file asks, and how the answer is judged: one talk for each kind but sql."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.checks.questions import (
    HERE,
    Fetch,
    Fetched,
    Inside,
    Logs,
    Reach,
    Talk,
    Verdict,
    failed,
    fetched,
    log_lines,
    passed,
    ran,
    reached,
    skipped,
    unknown,
)
from opsctl.checks.situation import ServiceNow
from opsctl.model.checks import CommandCheck, HttpCheck, HttpExpect, LogCheck, TcpCheck

_GOOD = range(200, 300)
_LONGEST = 200
"""Signs of what was found that are shown; longer texts are not cut, since half a secret is not recognised."""


def not_there(one: ServiceNow) -> Verdict | None:
    """Why the container of a service cannot be asked; None where it runs."""
    if one.runs:
        return None
    return skipped(one.mark) if one.mark and one.mark != "missing" else failed("it does not run")


def vantage(one: ServiceNow, word: str) -> str:
    """Where a question goes out: `here`, `host`, or a host by name."""
    return {"here": HERE, "host": one.host.name}.get(word, word)


def http(one: ServiceNow, check: HttpCheck, seconds: float) -> Talk:
    if check.url is None:
        if absent := not_there(one):
            return absent
        question = Fetch(
            f"http://{one.name}:{check.port}{check.path}",
            via=one.host.name,
            method=check.method,
            headers=check.headers,
            body=check.body.encode(),
            service=one.name,
            timeout=seconds,
        )
    else:
        question = Fetch(
            check.url,
            via=vantage(one, check.from_),
            method=check.method,
            headers=check.headers,
            body=check.body.encode(),
            address=check.address or "",
            timeout=seconds,
        )
    answer = yield from fetched(question)
    return judge_http(answer, check.expect)


def judge_http(answer: Fetched, expect: HttpExpect) -> Verdict:
    if not answer.status:
        return failed(answer.reason or "no answer")
    wanted = expect.status or tuple(_GOOD)
    if answer.status not in wanted:
        told = ", ".join(map(str, expect.status)) or "200 to 299"
        return failed("another status", expected=told, observed=str(answer.status))
    for name, pattern in expect.headers.items():
        value = answer.headers.get(name.lower())
        if value is None:
            return failed(f"there is no header {name}")
        if not re.search(pattern, value):
            return failed(f"another header {name}", expected=pattern, observed=_shown(value))
    if expect.body is not None and not re.search(expect.body, answer.text):
        return failed("the body does not match", expected=expect.body, observed=f"{len(answer.body)} bytes")
    return _judge_json(answer, expect) or passed(str(answer.status))


def _judge_json(answer: Fetched, expect: HttpExpect) -> Verdict | None:
    """None where nothing speaks against it."""
    if not (expect.json_ or expect.json_contains):
        return None
    try:
        data = json.loads(answer.body)
    except ValueError:
        return failed("the body is not JSON")
    for path, wanted in expect.json_.items():
        found = list(_at(data, path))
        if not found:
            return failed(f"there is no {path} in the body")
        if found[0] != wanted or isinstance(found[0], bool) != isinstance(wanted, bool):
            return failed(
                f"{path} is another", expected=json.dumps(wanted), observed=_shown(json.dumps(found[0]))
            )
    for path, wanted in expect.json_contains.items():
        found = list(_at(data, path))
        if not found:
            return failed(f"there is no {path} in the body")
        if not _contains(found[0], wanted):
            return failed(
                f"{path} does not contain it", expected=wanted, observed=_shown(json.dumps(found[0]))
            )
    return None


def _at(data: Any, path: str) -> Iterator[Any]:
    """What stands at a dotted path, once, or nothing; numbers count in lists from 0."""
    for part in path.split("."):
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
        else:
            return
    yield data


def _contains(value: Any, wanted: str) -> bool:
    if isinstance(value, list):
        return wanted in map(str, value)
    return wanted in value if isinstance(value, str | dict) else False


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{len(text)} signs"


def tcp(one: ServiceNow, check: TcpCheck, seconds: float, address: str) -> Talk:
    """`address` is where the container is reached; asked only where the check names none."""
    answer = yield from reached(Reach(address, check.port, vantage(one, check.from_), seconds))
    if answer.open == (check.expect == "open"):
        return passed(f"{address}:{check.port} is {check.expect}")
    return failed(f"{address}:{check.port} is {'open' if answer.open else 'closed'}", observed=answer.reason)


def command(one: ServiceNow, check: CommandCheck, seconds: float) -> Talk:
    if absent := not_there(one):
        return absent
    question = Inside(
        one.host.name, one.name, check.argv, stdin=check.stdin.encode(), timeout=seconds, user=check.user
    )
    answer = yield from ran(question)
    if answer.code < 0:
        return unknown(f"not done within {seconds:g} s")
    if answer.code != check.expect.code:
        return failed(
            _shown(answer.last_line()), expected=f"exit {check.expect.code}", observed=f"exit {answer.code}"
        )
    if check.expect.stdout is not None and not re.search(check.expect.stdout, answer.text):
        return failed("another output", expected=check.expect.stdout, observed=_shown(answer.text))
    return passed(f"exit {answer.code}")


def log(one: ServiceNow, check: LogCheck) -> Talk:
    if absent := not_there(one):
        return absent
    since = one.container.inspected.started_at if one.container and one.container.inspected else None
    lines = yield from log_lines(Logs(one.host.name, one.name, check.lines, since))
    pattern = re.compile(check.present or check.absent or "")
    found = [line for line in lines if pattern.search(line)]
    if check.present is not None:
        return (
            passed(f"{len(found)} of {len(lines)} lines")
            if found
            else failed(f"none of {len(lines)} lines since its start matches", expected=check.present)
        )
    if found:
        return failed(f"{len(found)} of {len(lines)} lines since its start match", observed=_shown(found[-1]))
    return passed(f"none of {len(lines)} lines")
