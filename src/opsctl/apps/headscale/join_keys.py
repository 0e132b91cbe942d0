"""The pre-auth keys of a Headscale, by which machines join, and when they end."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any

from opsctl.apps.headscale.configuration import DEFAULT_CONFIG, Control
from opsctl.checks.paths import mapping, mappings, read_json
from opsctl.checks.questions import Inside, Question, UnansweredError, Verdict, failed, passed, ran
from opsctl.checks.situation import ServiceNow

_DAY = 86400.0
NOTICE = 7 * _DAY
"""Seconds."""
# From 0.28 the list is of all users; before it names one, since 0.26 by id, before by name (cmd/headscale/cli/preauthkeys.go).
_OF_ALL, _BY_ID = 28, 26


def joining(now: ServiceNow, control: Control) -> Generator[Question, Any, list[Mapping[str, Any]]]:
    """The keys of all users. Raises UnansweredError."""
    if control.minor >= _OF_ALL:
        return (yield from _listed(now, control, "preauthkeys", "list"))
    users = yield from _listed(now, control, "users", "list")
    found: list[Mapping[str, Any]] = []
    for user in users:
        named = str(user.get("id" if control.minor >= _BY_ID else "name"))
        found += yield from _listed(now, control, "preauthkeys", "list", "--user", named)
    return found


def _listed(
    now: ServiceNow, control: Control, *words: str
) -> Generator[Question, Any, list[Mapping[str, Any]]]:
    named = () if control.path == DEFAULT_CONFIG else ("--config", control.path)
    asked = ("headscale", *words, *named, "--output", "json")
    answer = yield from ran(Inside(now.host.name, now.name, asked))
    told = read_json(answer.stdout, f"headscale {' '.join(words)}") if not answer.code else None
    # It prints what went wrong as {"error": …}, in older versions with exit code 0; no entries are null.
    if answer.code or mapping(told).get("error"):
        raise UnansweredError(
            f"headscale {' '.join(words)}: {mapping(told).get('error') or answer.last_line()}"
        )
    return mappings(told)


def judge_keys(keys: Sequence[Mapping[str, Any]], now: float) -> Verdict:
    """Of the reusable ones that still let machines join; `now` in seconds since the epoch. No part of a key is told."""
    wrong: list[str] = []
    alive = 0
    for key in keys:
        ends = _ends(key.get("expiration"))
        if not key.get("reusable") or (ends is not None and ends <= now):
            continue
        alive += 1
        name = f"key {key.get('id', '?')} of {_user(key.get('user'))}"
        if ends is None:
            wrong.append(f"{name} never ends")
        elif ends - now < NOTICE:
            wrong.append(f"{name} ends in {(ends - now) / _DAY:.1f} days")
    return failed("; ".join(wrong)) if wrong else passed(f"{alive} reusable of {len(keys)} keys")


def _user(told: Any) -> str:
    return str(mapping(told).get("name") or "") if isinstance(told, Mapping) else str(told or "no user")


def _ends(told: Any) -> float | None:
    """Seconds since the epoch: Go's JSON of a protobuf time is its seconds, protobuf's own is text. None: never."""
    if isinstance(told, Mapping):
        seconds = float(told.get("seconds") or 0)
        return seconds if seconds > 0 else None
    try:
        return datetime.fromisoformat(str(told)).timestamp() if told else None
    except ValueError:
        raise UnansweredError(f"an expiration that is no time: {told!r}") from None
