"""The progress of a run, folded from events: what each host is doing now, and a line for whatever ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from opsctl.cli.views.blocks import GAP, Block, Column, Line, Span, Table, line
from opsctl.cli.views.figures import seconds
from opsctl.flows.events import Event

_PATIENCE = 10.0
"""Seconds between two plain lines that say of a wait only that it goes on."""

_LEASE_HELD = frozenset({"taken", "released"})


@dataclass(frozen=True, slots=True)
class Running:
    """Something begun and not ended; `said` is when a plain line last told of it."""

    subject: str
    begun: float
    said: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HostProgress:
    phase: str = ""
    begun: float = 0.0
    running: tuple[Running, ...] = ()
    done: int = 0
    ended: bool = False
    asked: int = 0
    """Of `checks`, those that have their result."""
    checks: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    """All hosts of a run; `after` gives the board that follows an event."""

    hosts: Mapping[str, HostProgress] = field(default_factory=dict)

    def of(self, host: str) -> HostProgress:
        return self.hosts.get(host, HostProgress())

    def after(self, event: Event) -> Board:
        return Board({**self.hosts, event.host: _next(self.of(event.host), event)})

    @property
    def active(self) -> bool:
        return any(not host.ended for host in self.hosts.values())


def _next(host: HostProgress, event: Event) -> HostProgress:
    match event.kind:
        case "step":
            begun = Running(event.subject, event.seconds, event.seconds, event.detail)
            return replace(host, phase="", running=(*host.running, begun))
        case "step_done" | "step_failed":
            left = tuple(one for one in host.running if one.subject != event.subject)
            return replace(host, running=left, done=host.done + 1)
        case "waiting":
            return replace(host, running=tuple(_waiting(one, event) for one in host.running))
        case "checking":
            total = int(event.detail)
            return replace(
                host, phase="", running=(), begun=event.seconds, ended=False, asked=0, checks=total
            )
        case "check":
            return replace(
                host, running=(*host.running, Running(event.subject, event.seconds, event.seconds))
            )
        case "check_done":
            left = tuple(one for one in host.running if one.subject != event.subject)
            return replace(host, running=left, asked=host.asked + 1)
        case "failed" | "finished" | "checked":
            return replace(host, phase="", running=(), ended=True)
        case "lease":
            return replace(host, phase=f"lease {event.detail}".strip(), begun=event.seconds)
        case _:
            return replace(host, phase=f"{event.kind} {event.detail}".strip(), begun=event.seconds)


def _waiting(one: Running, event: Event) -> Running:
    if not _is_about(one, event):
        return one
    said = event.seconds if _worth_saying(one, event) else one.said
    return replace(one, detail=event.detail, said=said)


def _is_about(one: Running, event: Event) -> bool:
    return one.subject == event.subject or one.subject.endswith(f" {event.subject}")


def _worth_saying(one: Running, event: Event) -> bool:
    return event.seconds - one.said >= _PATIENCE


def told(before: Board, event: Event) -> Line | None:
    """The plain line that an event is worth, if any: a step that ended, a failure, a word about the
    whole host, a wait that drags on.
    """
    host = before.of(event.host)
    match event.kind:
        case "step_done":
            begun = next((one.begun for one in host.running if one.subject == event.subject), event.seconds)
            return _told(event, Span(event.subject), f" … {seconds(event.seconds - begun)}")
        case "failed" | "step_failed":
            return _told(event, Span(f"failed {event.subject}".rstrip(), "bad"), _after_colon(event.detail))
        case "waiting" if not event.subject:
            return _told(event, Span(event.detail, "warn"), "")
        case "lease" if event.detail not in _LEASE_HELD and host.phase != f"lease {event.detail}":
            return _told(event, Span(f"waiting: {event.detail}", "warn"), "")
        case "waiting" if any(_is_about(one, event) and _worth_saying(one, event) for one in host.running):
            return _told(event, Span(f"wait {event.subject}", "dim"), _after_colon(event.detail))
        case _:
            return None


def _told(event: Event, what: Span, tail: str) -> Line:
    return line(Span(event.host, "strong"), "  ", what, Span(tail, "dim"))


def _after_colon(detail: str) -> str:
    return f": {detail}" if detail else ""


def board_view(board: Board, now: float, width: int | None = None) -> Iterator[Block]:
    """What is going on, a line for each host that has not ended; `now` in seconds since the run began. Of checks under way
    as many are named as fit into `width`, each whole.
    """
    at_work = [(name, host) for name, host in sorted(board.hosts.items()) if not host.ended]
    rows = [_row(name, host, now) for name, host in at_work]
    columns = (Column(), Column(align="right"), Column(least=20), Column(least=12))
    used = [max((len(row[at].text) for row in rows), default=0) for at in range(3)]
    room = None if width is None else width - sum(used) - GAP * 3
    yield Table(
        columns, tuple(_with_checks(row, host, room) for row, (_, host) in zip(rows, at_work, strict=True))
    )


def _row(name: str, host: HostProgress, now: float) -> tuple[Span, ...]:
    if not host.running or host.checks:
        doing = f"{host.asked} of {host.checks} checks" if host.checks else host.phase
        return Span(name, "strong"), Span(seconds(now - host.begun), "dim"), Span(doing), Span("")
    oldest = min(one.begun for one in host.running)
    subjects = ", ".join(one.subject for one in host.running)
    details = ", ".join(dict.fromkeys(one.detail for one in host.running if one.detail))
    return Span(name, "strong"), Span(seconds(now - oldest), "dim"), Span(subjects), Span(details, "warn")


def _with_checks(row: tuple[Span, ...], host: HostProgress, room: int | None) -> tuple[Span, ...]:
    if not host.checks:
        return row
    return (*row[:-1], Span(fitting([one.subject for one in host.running], room), "dim"))


def fitting(names: Sequence[str], room: int | None) -> str:
    """As many names as fit, the first ones, each whole, and how many more there are; where none fits, their first words."""
    for words in (names, [name.partition(" ")[0] for name in names]):
        for shown in range(len(words), 0, -1):
            rest = len(words) - shown
            text = ", ".join([*words[:shown], *([f"{rest} more"] if rest else [])])
            if room is None or len(text) <= room:
                return text
    text = f"{len(names)} under way" if names else ""
    return text if room is None or len(text) <= room else ""
