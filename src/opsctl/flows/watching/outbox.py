"""Messages on their way to a notifier that may be down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opsctl.flows.watching.ledger import Change

_FIRST, _LONGEST = 30.0, 900.0
"""Seconds until a notifier that failed is asked again, doubled each time."""
_MOST = 50
"""Messages kept for a notifier that is down; the newest say what counts by then."""
_SIGNS = 3500
"""Of one message: Telegram takes 4096 (sendMessage, text)."""
_WORDS = {"good": "good again", "bad": "FAILED", "unknown": "cannot be told"}


@dataclass(frozen=True, slots=True)
class Outbox:
    """`next` is when it may be tried again, on the monotonic clock."""

    waiting: tuple[str, ...] = ()
    failures: int = 0
    next: float = 0.0

    def with_message(self, text: str) -> Outbox:
        return replace(self, waiting=(*self.waiting, text)[-_MOST:])

    def due(self, now: float) -> bool:
        return bool(self.waiting) and now >= self.next

    def after_success(self) -> Outbox:
        return Outbox(self.waiting[1:])

    def after_failure(self, now: float) -> Outbox:
        pause = min(_FIRST * 2**self.failures, _LONGEST)
        return Outbox(self.waiting, self.failures + 1, now + pause)


def message(environment: str, news: Sequence[Change]) -> str:
    """One message for all that is to be told of a round, the bad first."""
    order = sorted(news, key=lambda one: (one.now.standing == "good", one.now.key))
    lines = [f"opsctl verify {environment}"]
    for one in order:
        seen = one.now
        about = " ".join(filter(None, (seen.check, seen.host, seen.service, seen.subject)))
        told = f": {seen.message}" if seen.message and seen.standing != "good" else ""
        lines.append(f"{_WORDS[seen.standing]}  {about}{told}")
    text = "\n".join(lines)
    return text if len(text) <= _SIGNS else text[: _SIGNS - 1] + "…"
