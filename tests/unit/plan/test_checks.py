"""A program is asked whether it takes a new file: where it goes on running with it, and only there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.plan.model import deployed, file, host, service

from opsctl.plan.planner import plan_host
from opsctl.plan.request import PlanRequest
from opsctl.plan.steps import Push, PutFile
from opsctl.state.desired import DesiredHost, Reaction
from opsctl.state.observed import ContainerState

WORDS = ("caddy", "validate", "--config", "-")


def edge(text: str, reaction: Reaction | None = None, **more: Any) -> DesiredHost:
    own = reaction or Reaction("reload", ("caddy", "reload"), check=WORDS)
    one = replace(file("edge", "/etc/caddy/Caddyfile", text, own.kind), reaction=own)
    return host(service("edge", files=[one], **more), service("api"))


def put(desired: DesiredHost, *, state: ContainerState = "running") -> PutFile:
    """The Caddyfile as it is pushed over one that says `old`."""
    before = deployed(edge("old", desired.services["edge"].files[0].reaction))
    observed = before.look(desired)
    containers = tuple(
        replace(one, state=state) if one.service == "edge" else one for one in observed.containers
    )
    plan = plan_host(desired, replace(observed, containers=containers), PlanRequest())
    (push,) = (step for step in plan.steps if isinstance(step, Push))
    return next(one for one in push.files if one.path.endswith("Caddyfile"))


def test_a_running_program_is_asked() -> None:
    assert put(edge("new")).check == ("edge", WORDS)
    assert put(edge("new", Reaction("signal", signal="SIGHUP", check=WORDS))).check == ("edge", WORDS)


@pytest.mark.parametrize("state", ["restarting", "exited"])
def test_one_that_does_not_run_is_not_asked(state: ContainerState) -> None:
    """It may be down for the very file that is to be replaced."""
    assert put(edge("new"), state=state).check is None


def test_one_that_is_made_anew_is_not_asked() -> None:
    assert put(edge("new", image="lab/app:2.0.0")).check is None


def test_without_a_check_nobody_is_asked() -> None:
    assert put(edge("new", Reaction("reload", ("caddy", "reload")))).check is None
