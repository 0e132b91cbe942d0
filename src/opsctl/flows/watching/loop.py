"""The loop of a watch; it ends by an interruption alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from opsctl.edges.ports import Clock
from opsctl.errors import OpsctlError
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.watching.ledger import Change, Ledger
from opsctl.flows.watching.outbox import Outbox, message


@dataclass(frozen=True, slots=True)
class Watch:
    """`ask` is one round; `tell` gets what it found and what changed; `send` brings a message to the notifier and raises
    OpsctlError; `trouble` hears of a notifier that is down, and that it is back. `every` in seconds, from begin to begin.
    """

    ask: Callable[[], VerifyReport]
    tell: Callable[[VerifyReport, Sequence[Change]], None]
    every: float
    rounds: int = 2
    send: Callable[[str], None] | None = None
    trouble: Callable[[str], None] = lambda _text: None


def watch(clock: Clock, what: Watch) -> NoReturn:
    """Round after round. Raises KeyboardInterrupt, and what `ask` and `tell` raise."""
    ledger, outbox = Ledger(), Outbox()
    while True:
        began = clock.monotonic()
        report = what.ask()
        ledger, changes, news = ledger.after(report, what.rounds)
        what.tell(report, changes)
        if what.send and news:
            outbox = outbox.with_message(message(report.environment, news))
        outbox = _delivered(outbox, clock, what)
        clock.sleep(max(what.every - (clock.monotonic() - began), 0.0))


def _delivered(outbox: Outbox, clock: Clock, what: Watch) -> Outbox:
    while what.send and outbox.due(clock.monotonic()):
        try:
            what.send(outbox.waiting[0])
        except OpsctlError as error:
            if not outbox.failures:
                what.trouble(f"the notifier is down, messages wait: {error.message}")
            return outbox.after_failure(clock.monotonic())
        if outbox.failures:
            what.trouble("the notifier is back")
        outbox = outbox.after_success()
    return outbox
