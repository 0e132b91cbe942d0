"""start, stop, restart and recreate: one service of one host each, under the lease and audited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from opsctl.flows.reports import DeployReport
from opsctl.flows.world import World
from opsctl.plan.steps import Plan
from opsctl.state.desired import Desired

Verb = Literal["start", "stop", "restart", "recreate"]


def act(
    world: World,
    desired: Desired,
    verb: Verb,
    services: Sequence[str],
    *,
    host: str = "",
    confirm: Callable[[Plan], bool] = lambda _plan: True,
    wait: bool = True,
) -> DeployReport:
    """Do one thing to the named services (on `host`, or on every host that has them).

    stop keeps a service down over later deploys and a typed `up -d`, until start. None of them changes what the host's
    files say of any service: recreate makes the container anew from the files as they are on the host.
    Raises UsageError for unknown services, and all that deploy raises.
    """
    raise NotImplementedError
