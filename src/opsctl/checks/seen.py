"""Cases that the first look decides, without a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from opsctl.checks.check import Case
from opsctl.checks.questions import Talk, Verdict, settled
from opsctl.checks.situation import HostNow, ServiceNow, Situation


def each_service(judge: Callable[[ServiceNow], Verdict]) -> Callable[[Situation], Iterator[Case]]:
    """A case for every service that is asked about."""

    def cases(situation: Situation) -> Iterator[Case]:
        for one in situation.services():
            yield Case(one.host.name, one.name, partial(_service, judge, one))

    return cases


def each_host(judge: Callable[[HostNow], Verdict]) -> Callable[[Situation], Iterator[Case]]:
    """A case for every host; none where the question is about some services."""

    def cases(situation: Situation) -> Iterator[Case]:
        for one in situation.whole_hosts():
            yield Case(one.name, "", partial(_host, judge, one))

    return cases


def _service(judge: Callable[[ServiceNow], Verdict], one: ServiceNow) -> Talk:
    return settled(judge(one))


def _host(judge: Callable[[HostNow], Verdict], one: HostNow) -> Talk:
    return settled(judge(one))
