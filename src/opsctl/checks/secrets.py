"""Whether a host's secrets are within their terms, and none is being rotated. Names and dates; no value is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from opsctl.checks.check import Case, Check
from opsctl.checks.questions import Talk, Verdict, failed, passed, settled, skipped
from opsctl.checks.situation import HostNow, Situation
from opsctl.model.secrets import Secret
from opsctl.secrets.journal import read_opened
from opsctl.secrets.policy import Remark, RemarkKind, standing

_OPEN: frozenset[RemarkKind] = frozenset({"rotation open"})


def _terms(situation: Situation, host: HostNow) -> Verdict:
    if situation.subject.store is None:
        return skipped("no store could be read")
    late: list[str] = []
    soon: list[str] = []
    count = 0
    for name, secret in _used(situation, host):
        count += 1
        for remark in _remarks(secret, situation.subject.now):
            (late if remark.severity == "high" else soon).append(f"{name}: {remark.text}")
    if late:
        return failed("; ".join(late))
    return passed("; ".join([f"{count} within their terms", *soon]))


def _remarks(secret: Secret, now: float) -> Iterator[Remark]:
    """What there is to say of it but that it is being rotated."""
    return (one for one in standing(secret, now).remarks if one.kind not in _OPEN)


def _rotations(situation: Situation, host: HostNow) -> Verdict:
    marked = {
        name: str(read_opened(text) or "its mark says no more")
        for name, text in host.observed.rotating.items()
    }
    found = [f"{name} on the host ({text})" for name, text in sorted(marked.items())]
    for name, secret in _used(situation, host):
        found += [
            f"{name} in the store ({remark.text})"
            for remark in standing(secret, situation.subject.now).remarks
            if remark.kind in _OPEN
        ]
    return failed("; ".join(found)) if found else passed()


def _used(situation: Situation, host: HostNow) -> Iterator[tuple[str, Secret]]:
    """The stored secrets that its services were rendered with, and those by which it pulls."""
    names = {name for service in host.desired.services.values() for name in service.known_secrets}
    if host.desired.pulls:
        registries = situation.subject.fleet.hosts_file.registries.values()
        names |= {one.login.password.secret for one in registries if one.login}
    stored = situation.subject.store.secrets if situation.subject.store else {}
    return ((name, stored[name]) for name in sorted(names & stored.keys()))


def _each_host(judge: Callable[[Situation, HostNow], Verdict]) -> Callable[[Situation], Iterator[Case]]:
    def talk(situation: Situation, host: HostNow) -> Talk:
        return settled(judge(situation, host))

    def cases(situation: Situation) -> Iterator[Case]:
        for host in situation.whole_hosts():
            yield Case(host.name, "", partial(talk, situation, host))

    return cases


CHECKS = (
    Check(
        id="V-SEC-001",
        title="No secret of the host is overdue",
        severity="high",
        proves="Each that its services or its pulls use has a value that is younger than rotate_every, not expired, and not marked due.",
        mend="opsctl rotate-secret NAME; opsctl secrets list shows all terms",
        source="the store's own policies (opsctl secrets doctor)",
        cases=_each_host(_terms),
        tags=frozenset({"secrets"}),
    ),
    Check(
        id="V-SEC-003",
        title="No rotation is open",
        severity="high",
        proves="The store has no pending value of a secret that the host uses, and the host bears no mark of a rotation.",
        mend="opsctl rotate-secret NAME --resume, or --abort, in the checkout where it was begun",
        source="the stage pending; .opsctl/rotating on the host",
        cases=_each_host(_rotations),
        tags=frozenset({"secrets"}),
    ),
)
