"""The kinds of checks that stand in stack files, and those of an environment, each as a check of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from opsctl.checks.addresses import container_address
from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.own import talks
from opsctl.checks.own.sql import sql
from opsctl.checks.questions import EngineGet, Talk, engine, unknown
from opsctl.checks.situation import ServiceNow, Situation
from opsctl.model.checks import OwnCheck, TcpCheck
from opsctl.rules.subject import ServiceView, Subject


def _none(_situation: Situation) -> Iterator[Case]:
    return iter(())


def _kind(number: int, title: str, proves: str, source: str) -> Check:
    return Check(
        id=f"V-OWN-{number:03}",
        title=title,
        severity="medium",
        proves=proves,
        mend="what the check in the stack file says; opsctl why SERVICE, opsctl logs SERVICE",
        source=source,
        cases=_none,
        tags=frozenset({"own"}),
        timeout=10.0,
        software=True,
    )


KINDS = {
    "http": _kind(
        1,
        "Own check: a request is answered as the stack file says",
        "Status, headers, body and JSON of one answer are as expected; redirects are not followed, certificates not judged.",
        "checks of a service, http; asked over HTTP/1.1 through a host or from this machine",
    ),
    "tcp": _kind(
        2,
        "Own check: a port is open or closed as the stack file says",
        "Somebody takes a connection at that address, seen from there, or nobody does.",
        "checks of a service, tcp",
    ),
    "command": _kind(
        3,
        "Own check: a command in the container ends as the stack file says",
        "It exits with the code that is expected, and prints what is expected.",
        "checks of a service, command",
    ),
    "sql": _kind(
        4,
        "Own check: a query answers as the stack file says",
        "The role that is declared for the database gets in, and the query gives the value or the rows that are expected.",
        "checks of a service, sql; psql in the container of the server, read only",
    ),
    "log": _kind(
        5,
        "Own check: the log holds, or does not hold, what the stack file says",
        "Since the container's start a line matches, or none does, among the last lines that are read.",
        "checks of a service, log",
    ),
}
"""One for each kind, without a case: what the reference shows, and what is filled in for each check."""
CHECKS = tuple(KINDS.values())


def own_checks(subject: Subject) -> tuple[Check, ...]:
    """Every check that the stack files of the environment hold."""
    return tuple(
        _check(view, index, written)
        for view in subject.services()
        for index, written in enumerate(view.service.checks)
    )


def _check(view: ServiceView, index: int, written: OwnCheck) -> Check:
    kind = KINDS[written.kind]
    return replace(
        kind,
        severity=written.severity,
        mend=f"{view.place('checks', index)} says what is asked; opsctl why {view.name}, opsctl logs {view.name}",
        cases=partial(_cases, view.host.name, view.name, written),
        tags=frozenset({"own", *written.tags}),
        patience=Patience(written.deadline, written.interval, written.successes),
        timeout=written.timeout * 2,  # a question may wait for its turn
        metered=written.metered,
    )


def _cases(host: str, service: str, written: OwnCheck, situation: Situation) -> Iterator[Case]:
    for one in situation.services():
        if (one.host.name, one.name) == (host, service):
            yield Case(host, service, _talk(one, written, situation), written.name)


def _talk(one: ServiceNow, written: OwnCheck, situation: Situation) -> Callable[[], Talk]:
    seconds = written.timeout
    if written.http:
        return partial(talks.http, one, written.http, seconds)
    if written.tcp:
        return partial(_tcp, one, written.tcp, seconds)
    if written.command:
        return partial(talks.command, one, written.command, seconds)
    if written.sql:
        return partial(sql, one, written.sql, seconds, situation)
    if written.log:
        return partial(talks.log, one, written.log)
    raise ValueError(written.name)


def _tcp(one: ServiceNow, check: TcpCheck, seconds: float) -> Talk:
    if check.address is not None:
        return (yield from talks.tcp(one, check, seconds, check.address))
    if absent := talks.not_there(one):
        return absent
    container = one.container.id if one.container else ""
    body = yield from engine(EngineGet(one.host.name, f"/containers/{container}/json"))
    address = container_address(body or {})
    if not address:
        return unknown(f"{one.name} has no address on a network of its host")
    return (yield from talks.tcp(one, check, seconds, address))
