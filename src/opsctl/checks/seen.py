"""A case for each service, or for each host: decided by the first look alone, or asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from opsctl.checks.check import Case
from opsctl.checks.questions import Talk, Verdict, settled
from opsctl.checks.situation import HostNow, ServiceNow, Situation


def each_service(judge: Callable[[ServiceNow], Verdict]) -> Callable[[Situation], Iterator[Case]]:
    """A case for every service that is asked about; no question is asked."""
    return asked_of_each_service(lambda one: settled(judge(one)))


def each_host(judge: Callable[[HostNow], Verdict]) -> Callable[[Situation], Iterator[Case]]:
    """A case for every host; none where the question is about some services. No question is asked."""
    return asked_of_each_host(lambda one: settled(judge(one)))


def asked_of_each_service(talk: Callable[[ServiceNow], Talk]) -> Callable[[Situation], Iterator[Case]]:
    """As each_service, for what must be asked."""

    def cases(situation: Situation) -> Iterator[Case]:
        for one in situation.services():
            yield Case(one.host.name, one.name, partial(talk, one))

    return cases


def asked_of_each(app: str, talk: Callable[[ServiceNow], Talk]) -> Callable[[Situation], Iterator[Case]]:
    """A case for every service of an app."""

    def cases(situation: Situation) -> Iterator[Case]:
        for one in situation.services(app):
            yield Case(one.host.name, one.name, partial(talk, one))

    return cases


def asked_of_each_host(talk: Callable[[HostNow], Talk]) -> Callable[[Situation], Iterator[Case]]:
    """As each_host, for what must be asked."""

    def cases(situation: Situation) -> Iterator[Case]:
        for one in situation.whole_hosts():
            yield Case(one.name, "", partial(talk, one))

    return cases
