"""Waivers must name a check that there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from opsctl.inputs.draft import Draft
from opsctl.inputs.scopes import Member, Scope
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit
from opsctl.model.waivers import Waiver


def check_host_waivers(draft: Draft) -> None:
    for name, host in draft.hosts.hosts.items():
        place = partial(draft.in_hosts, "hosts", name, "waive")
        _check(draft, host.waive, f"hosts.{name}.waive", place, frozenset())


def check_waivers(scope: Scope, member: Member) -> None:
    """Add a problem for each that names no check, of one service."""
    lead = f"services.{member.name}.waive"
    place = partial(scope.place, member, "waive")
    _check(scope.draft, member.service.waive, lead, place, frozenset({member.service.app} - {""}))


def _check(
    draft: Draft, waivers: Sequence[Waiver], lead: str, place: Callable[[int], Place], apps: frozenset[str]
) -> None:
    for at, waiver in enumerate(waivers):
        if waiver.check not in _ids(apps) and waiver.check not in (known := _all_ids(apps)):
            draft.add(place(at), f"{lead}: there is no check {waiver.check!r}", nearest(waiver.check, known))


@cache
def _ids(apps: frozenset[str]) -> frozenset[str]:
    """Of the generic checks, and of apps where they can be had: one that cannot is told elsewhere."""
    from opsctl.apps.catalogue import checks_of  # only where something is waived: the checks take 35 ms

    try:
        return frozenset(one.id for one in checks_of(apps))
    except Unfit:
        return frozenset(one.id for one in checks_of(()))


def _all_ids(apps: frozenset[str]) -> frozenset[str]:
    from opsctl.apps.catalogue import BUILT_IN

    return _ids(apps) | _ids(frozenset(BUILT_IN))
