"""Situations for checks, from desired services and the model of a host that the planner's tests have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.unit.plan.model import host, service

from opsctl.checks.check import Case, Check
from opsctl.checks.situation import HostNow, Situation
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import HostsFile
from opsctl.rules.subject import Subject
from opsctl.state.desired import Desired, DesiredService
from opsctl.state.observed import PROJECT_LABEL, SERVICE_LABEL, Inspected, Observed, ObservedContainer

NOW = 1_800_000_000.0
FLEET = Fleet(
    Path("/project"),
    HostsFile.model_validate(
        {
            "project": "demo",
            "environments": {"prod": {"hosts": ["web"]}},
            "hosts": {"web": {"addresses": ["192.0.2.1"]}},
        }
    ),
    {},
    {},
)


def inspected(**fields: Any) -> Inspected:
    known: dict[str, Any] = {
        "started_at": NOW - 86400,
        "finished_at": 0.0,
        "exit_code": 0,
        "oom_killed": False,
        "restart_count": 0,
        "pid": 4242,
        "env": {},
    }
    return Inspected(**{**known, **fields})


def container(name: str, *, seen: Inspected | None = None, **fields: Any) -> ObservedContainer:
    known: dict[str, Any] = {
        "id": f"{name}-1",
        "name": f"demo-{name}-1",
        "image": "lab/app:1",
        "image_id": "sha256:1",
        "state": "running",
        "health": "healthy",
        "created": NOW - 86400,
        "labels": {PROJECT_LABEL: "demo", SERVICE_LABEL: name},
        "inspected": seen or inspected(),
    }
    return ObservedContainer(**{**known, **fields})


def situation(
    *services: DesiredService,
    containers: Collection[ObservedContainer] = (),
    pending: Mapping[str, str] | None = None,
    steps: int = 0,
    chosen: Collection[str] | None = None,
    **seen: Any,
) -> Situation:
    """One host `web`; every service runs as `containers` say. `seen` are fields of the look."""
    desired = host(*services)
    known = {"image_env": {"sha256:1": {"PATH": "/bin"}}, "now": NOW, **seen}
    observed = Observed(desired.name, containers=tuple(containers), **known)
    now = HostNow(desired, observed, pending or {}, steps, chosen)
    return Situation(Subject(FLEET, Desired("prod", (desired,)), now=NOW), {desired.name: now})


def cases_of(check: Check, about: Situation) -> list[Case]:
    return list(check.cases(about))


def check_of(checks: Collection[Check], identity: str) -> Check:
    (found,) = [one for one in checks if one.id == identity]
    return found


__all__ = [
    "FLEET",
    "NOW",
    "cases_of",
    "check_of",
    "container",
    "inspected",
    "replace",
    "service",
    "situation",
]
