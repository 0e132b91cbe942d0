"""When a registry may be asked again: one gate for each server, before which all threads wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from opsctl.edges.ports import Clock
from opsctl.edges.registry.endpoints import Endpoint
from opsctl.edges.registry.transport import Answer, Exchange, Transport
from opsctl.edges.registry.troubles import Kind, Trouble
from opsctl.errors import RegistryUnavailable
from opsctl.model.lock import moment

_LIMITED = 429
_BUSY = {_LIMITED, 502, 503, 504}
_LONGEST_PAUSE = 16.0
_YEAR = 366 * 86400.0
_SAME_LIMIT = 1.0
"""Seconds by which several answers under way shift one limit: it is told once."""
_BREATH = 0.2
"""Seconds before what broke is asked again."""
_SILENCES = {Kind.SLOW, Kind.SILENT, Kind.NO_NAME, Kind.UNREACHABLE}


@dataclass
class Errand:
    """What is asked for one image. `where` is for messages, `left` the seconds that it may still wait at gates."""

    where: str
    left: float


@dataclass
class _Gate:
    """`counted` and `free` are when it opens, in seconds of the monotonic clock.

    Docker Hub counts GETs of manifests and not HEADs: what a GET was told closes it for GETs alone.
    """

    counted: float = 0.0
    free: float = 0.0
    reason: str = ""
    told: float = 0.0
    answered: bool = False
    silence: Trouble | None = None
    """Why it did not answer, where it never has: others need not find that out again."""

    def opens(self, *, counts: bool) -> float:
        return max(self.counted, self.free) if counts else self.free

    def shut(self, until: float, reason: str, *, counts: bool) -> None:
        self.reason = reason
        if counts:
            self.counted = max(self.counted, until)
        else:
            self.free = max(self.free, until)


class Patience:
    """Asks, and asks again where that may help. `tell` hears of each wait once: the registry and its seconds."""

    def __init__(self, transport: Transport, clock: Clock, tell: Callable[[str, float], None]) -> None:
        self._transport = transport
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._gates: dict[str, _Gate] = {}

    def ask(self, exchange: Exchange, endpoint: Endpoint, errand: Errand, *, again: int = 2) -> Answer:
        """An answer that is neither "too many requests" nor "busy"; what broke is asked for `again` times more.

        Raises Trouble; RegistryUnavailable where the errand's seconds would be over before the gate opens.
        """
        parts = urlsplit(exchange.url)
        with self._lock:
            gate = self._gates.setdefault(f"{parts.scheme}://{parts.netloc}", _Gate())
        counts, busy, broken = exchange.method != "HEAD", 0, 0
        while True:
            self._enter(gate, endpoint, errand, counts=counts)
            answer = self._once(exchange, gate, give_up=broken == again)
            if answer is None:
                broken += 1
                self._clock.sleep(_BREATH * broken)
            elif answer.status not in _BUSY:
                return answer
            else:
                self._shut(gate, answer, busy, counts=counts)
                busy += 1

    def _once(self, exchange: Exchange, gate: _Gate, *, give_up: bool) -> Answer | None:
        """None where the connection broke, and it is worth another try."""
        if gate.silence and not gate.answered:
            raise Trouble(gate.silence.kind, gate.silence.words, hint=gate.silence.hint)
        try:
            answer = self._transport.exchange(exchange)
        except Trouble as trouble:
            if trouble.kind is Kind.BROKEN and not give_up:
                return None
            if trouble.kind in _SILENCES:
                gate.silence = trouble
            raise
        gate.answered = True
        return answer

    def _enter(self, gate: _Gate, endpoint: Endpoint, errand: Errand, *, counts: bool) -> None:
        while True:
            with self._lock:
                until = gate.opens(counts=counts)
                wait = until - self._clock.monotonic()
                if wait <= 0:
                    return
                untold, gate.told = gate.told + _SAME_LIMIT < until, max(gate.told, until)
            if wait > errand.left:
                raise self._too_long(gate, endpoint, errand, wait)
            errand.left -= wait
            if untold:
                self._tell(endpoint.registry, wait)
            self._clock.sleep(wait)

    def _shut(self, gate: _Gate, answer: Answer, times: int, *, counts: bool) -> None:
        pause = retry_after(answer.headers.get("Retry-After", ""), self._clock.now())
        if pause <= 0:
            pause = min(2.0**times, _LONGEST_PAUSE)
        with self._lock:
            # Only a limit counts; a server that is busy is busy for all.
            limited = answer.status == _LIMITED
            gate.shut(self._clock.monotonic() + pause, _reason(answer), counts=counts and limited)

    def _too_long(self, gate: _Gate, endpoint: Endpoint, errand: Errand, wait: float) -> RegistryUnavailable:
        hint = "ask again then"
        if gate.reason.startswith("limits"):
            hint = f"log in with `docker login {endpoint.registry}`, or ask a host's engine: --via HOST"
        return RegistryUnavailable(
            f"{endpoint} {gate.reason}; it may be asked again in {_span(wait)}, "
            f"at {moment(self._clock.now() + wait)}",
            where=errand.where,
            hint=hint,
        )


def retry_after(text: str, now: float) -> float:
    """Seconds from `now` (since the epoch), a year at most; 0 where it says nothing, or a time that has passed."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _YEAR)
    try:
        read = parsedate_to_datetime(text)
        until = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(until - now, 0.0), _YEAR)


def _reason(answer: Answer) -> str:
    if answer.status != _LIMITED:
        return f"is busy ({answer.status})"
    # Docker Hub: `ratelimit-limit: 100;w=21600`, in 21600 seconds.
    limit, _, window = answer.headers.get("ratelimit-limit", "").partition(";w=")
    if limit.isdigit() and window.isdigit():
        return f"limits how often it is asked ({limit} in {_span(float(window))})"
    return f"limits how often it is asked ({answer.status})"


def _span(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"
