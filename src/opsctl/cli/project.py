"""The project's files as a command needs them: read, narrowed to what was asked, rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsctl.cli.arguments import require_known, require_services
from opsctl.cli.invocation import Invocation
from opsctl.cli.meant import hosts_meant, meant, state_folder
from opsctl.cli.request import Request
from opsctl.flows.reports import Selection
from opsctl.inputs.hosts_file import find_root
from opsctl.inputs.project import load
from opsctl.model.fleet import Fleet
from opsctl.render.fleet import render, services_of
from opsctl.render.output import placeholder
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class Project:
    """`selection` is what the request narrows the environment to, every name of it known."""

    fleet: Fleet
    environment: str
    selection: Selection
    desired: Desired


def read_project(
    root: Path, request: Request, secret: Callable[[Fleet, str], Callable[[str], str]]
) -> Project:
    """Load, narrow and render. `secret` gives, for fleet and environment, what gives values by name."""
    fleet = load(root)
    words = meant(request, fleet.hosts_file)
    hosts_meant(request, fleet.hosts_file, words.environment)
    require_services(words.services, words.environment, _services(fleet))
    stacks = {name for environment, name in fleet.stacks if environment == words.environment}
    require_known("stack", request.stacks, stacks, where=f" in {words.environment}")
    file = fleet.hosts_file
    folder = state_folder(file.hosts[name] for name in file.environments[words.environment].hosts)
    return Project(
        fleet=fleet,
        environment=words.environment,
        selection=Selection(words.services, request.hosts, request.stacks),
        desired=render(fleet, words.environment, secret(fleet, words.environment), state_folder=folder),
    )


def offline(invocation: Invocation, request: Request) -> Project:
    """Without any secret's value: a placeholder with its name stands instead. No host is asked anything.

    The rendering is held against the Compose specification. Raises InputError.
    """
    from opsctl.render.schema import require_schema

    project = read_project(find_root(invocation.folder), request, lambda _fleet, _environment: placeholder)
    invocation.environment = project.environment
    require_schema(project.desired.hosts)
    return project


def _services(fleet: Fleet) -> dict[str, set[str]]:
    return {
        environment: {name for _stack, name, _service in services_of(fleet, environment)}
        for environment in fleet.hosts_file.environments
    }
