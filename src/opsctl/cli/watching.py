"""`opsctl verify --watch`: round after round, what changed as lines, metrics, and somebody told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from opsctl.cli.invocation import Invocation
from opsctl.cli.request import Request
from opsctl.cli.session import Session, online
from opsctl.cli.sink import ReaderLeft
from opsctl.cli.verify_files import write_files
from opsctl.cli.verifying import Wanted, look
from opsctl.cli.views.verify import leftover_lines, verdict_line
from opsctl.cli.views.watch import change_json, change_line
from opsctl.errors import ConnectFailed, UsageError
from opsctl.flows.verify import Choice
from opsctl.flows.watching.loop import Watch, watch
from opsctl.model.values import Unfit, parse_duration

if TYPE_CHECKING:
    from opsctl.edges.notify import Recipient
    from opsctl.flows.checking.report import VerifyReport
    from opsctl.flows.watching.ledger import Change
    from opsctl.model.hosts import Notify

_LEAST = 5.0
"""Seconds: a round is a look at every host."""


def watched(
    invocation: Invocation, request: Request, wanted: Wanted, *, every: float, rounds: int
) -> NoReturn:
    """Ends by an interruption. Raises UsageError for options that make no sense round after round."""
    if wanted.allow_metered or wanted.files.junit or wanted.show_all:
        raise UsageError(
            "--watch excludes --allow-metered, --junit and --all",
            hint="a metered check would cost money each round; the others are about one run",
        )
    with online(invocation, request, lambda _event: None) as session:
        rounds_of = _Rounds(invocation, session, wanted)
        notify = session.project.fleet.hosts_file.notify if wanted.notify else None
        if wanted.notify and notify is None:
            raise UsageError(
                "hosts.toml says nobody to notify",
                where="hosts.toml",
                hint="[notify]: docs/reference/hosts-toml.md",
            )
        what = Watch(
            ask=rounds_of.ask,
            tell=rounds_of.tell,
            every=every,
            rounds=rounds,
            send=_sender(session, notify) if notify else None,
            trouble=lambda text: invocation.side.say(session.world.redact(text)),
        )
        watch(session.world.clock, what)


def pause_of(text: str) -> float:
    """Seconds. Raises UsageError."""
    try:
        seconds = float(parse_duration(text))
    except Unfit as error:
        raise UsageError(f"--every: {error}") from None
    if seconds < _LEAST:
        raise UsageError(f"--every {text} is too often", hint=f"{_LEAST:g}s is the least")
    return seconds


class _Rounds:
    """What a round asks and shows; the connections stay from round to round."""

    def __init__(self, invocation: Invocation, session: Session, wanted: Wanted) -> None:
        self._invocation = invocation
        self._session = session
        self._wanted = wanted
        self._choice = Choice(frozenset(wanted.tags), wanted.severity)
        self._reached: frozenset[str] = frozenset()
        self._first = True

    def ask(self) -> VerifyReport:
        """One look; a host that was there in the round before and is not now is dialled anew at once."""
        report = self._look()
        if any(host in self._reached for host in self._lost(report)):
            report = self._look()
        self._reached = frozenset(one.host for one in report.outcomes)
        return report

    def _look(self) -> VerifyReport:
        report = look(self._session, self._choice)
        for host in self._lost(report):
            self._session.forget(host)
        return report

    def _lost(self, report: VerifyReport) -> list[str]:
        return [host for host, error in report.errors.items() if isinstance(error, ConnectFailed)]

    def tell(self, report: VerifyReport, changes: Sequence[Change]) -> None:
        now = self._session.world.clock.now()
        for error in write_files(report, now, prometheus=self._wanted.files.prometheus):
            self._invocation.side.say(str(error))
        out = self._invocation.out
        if self._invocation.json:
            out.write("".join(f"{json.dumps(change_json(one, now))}\n" for one in changes))
        else:
            first = [verdict_line(report)] if self._first else []
            self._invocation.data.show(
                [*first, *leftover_lines(report), *(change_line(one, now) for one in changes)]
            )
        self._first = False
        if out.reader_left:
            raise ReaderLeft


def _sender(session: Session, notify: Notify) -> Callable[[str], None]:
    from opsctl.edges.notify import require_usable, send

    project = session.project
    value = session.values.source(project.fleet, project.environment).value(notify.secret)
    recipient = _recipient(notify, value)
    require_usable(recipient)
    return lambda text: send(recipient, session.world.redact(text))


def _recipient(notify: Notify, value: str) -> Recipient:
    from opsctl.edges.notify import Apprise, Post, Telegram

    if notify.telegram:
        return Telegram(notify.telegram.api, value, notify.telegram.chat)
    return Post(value) if notify.post else Apprise(value)
