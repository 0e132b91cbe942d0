"""exec and logs: the terminal of the operator at a container."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opsctl.flows.world import World
from opsctl.state.desired import Desired


def run_inside(
    world: World,
    desired: Desired,
    service: str,
    words: Sequence[str],
    *,
    tty: bool,
    host: str = "",
    user: str = "",
) -> int:
    """Run words in the service's container with this terminal; returns its exit code.

    The audit holds the first word only: arguments may be secrets. Raises UsageError for an unknown service or one on
    several hosts, Refused when it does not run.
    """
    raise NotImplementedError


def show_logs(
    world: World,
    desired: Desired,
    services: Sequence[str],
    *,
    write: Callable[[str, str], None],
    tail: int = 100,
    follow: bool = False,
    since: float | None = None,
    host: str = "",
) -> None:
    """Write the lines of the services' containers, redacted, as write(name, line); with `follow` until interrupted.

    `since` is in seconds since the epoch. A name is "service", or "host/service" where several hosts are shown.
    """
    raise NotImplementedError
