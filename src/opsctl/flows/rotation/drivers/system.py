"""The service that keeps a password, as a driver meets it: its container, and a question put to it from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.argv.command import Command, Completed
from opsctl.errors import CommandFailed, CouldNotFindOut, Refused
from opsctl.flows import containers
from opsctl.flows.site import Site
from opsctl.render.redact import Redactor

_PAUSES = (1.0, 2.0, 4.0)
"""Seconds before a question is put again that was not answered: a server may just be starting."""


@dataclass(frozen=True, slots=True)
class Box:
    """A running container. `network` is one on which others reach it by its service's name; `image` is an id."""

    id: str
    image: str
    network: str


def box(site: Site, service: str) -> Box:
    """The service's container. Raises Refused where it does not run, or where nobody could reach it by its name."""
    identity = containers.find(site.connection.engine, site.host.project, service)
    body = site.get(f"/containers/{identity}/json") if identity else None
    if not body or not (body.get("State") or {}).get("Running"):
        raise Refused(f"{service} is not running", where=site.name, hint=f"opsctl start {service}")
    network = _network(body, service)
    if not network:
        raise Refused(
            f"{service} is on no network where it has its name, so no login can be tried as a consumer would",
            where=site.name,
            hint="give it a network of the project in place of network_mode; loopback would prove nothing,"
            " for it often trusts everybody",
        )
    return Box(str(identity), str(body["Image"]), network)


def _network(body: Mapping[str, Any], service: str) -> str:
    joined = (body.get("NetworkSettings") or {}).get("Networks") or {}
    named = (name for name, facts in joined.items() if service in ((facts or {}).get("Aliases") or ()))
    return min(named, default="")


def told(
    site: Site,
    command: Command,
    read: Callable[[Completed], bool | None],
    unanswered: Callable[[Completed], CouldNotFindOut],
) -> bool:
    """What `read` makes of the command's end; put again a few times where it makes nothing of it, then `unanswered`."""
    completed = site.attempt(command)
    for pause in _PAUSES:
        answer = read(completed)
        if answer is not None:
            return answer
        site.world.clock.sleep(pause)
        completed = site.attempt(command)
    answer = read(completed)
    if answer is None:
        raise unanswered(completed)
    return answer


def evidence(site: Site, completed: Completed, values: Sequence[str] = ()) -> tuple[str, ...]:
    """The end of what it printed, without secrets: `values` are taken out too, since servers repeat what they refuse."""
    return site.redacted(Redactor(values).text("\n".join(completed.last_lines())))


def failed(
    site: Site, completed: Completed, message: str, *, hint: str = "", values: Sequence[str] = ()
) -> CommandFailed:
    return CommandFailed(message, where=site.name, hint=hint, evidence=evidence(site, completed, values))
