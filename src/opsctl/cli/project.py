"""The project's files as a command needs them: read, narrowed to what was asked, rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsctl.cli.arguments import require_known, require_services
from opsctl.cli.invocation import Invocation
from opsctl.cli.meant import hosts_meant, meant, state_folder
from opsctl.cli.request import Request
from opsctl.flows.rendering import SecretSource, rendered
from opsctl.flows.reports import Selection
from opsctl.inputs.hosts_file import find_root
from opsctl.inputs.project import load
from opsctl.model.fleet import Fleet
from opsctl.render.fleet import services_of
from opsctl.render.output import login_placeholder, placeholder
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class Project:
    """`selection` is what the request narrows the environment to, every name of it known."""

    fleet: Fleet
    environment: str
    selection: Selection
    desired: Desired


def read_project(root: Path, request: Request, source: Callable[[Fleet, str], SecretSource]) -> Project:
    """Load, narrow and render. `source` gives, for fleet and environment, where the secrets come from."""
    fleet = load(root)
    words = meant(request, fleet.hosts_file)
    hosts_meant(request, fleet.hosts_file, words.environment)
    require_services(words.services, words.environment, _services(fleet))
    stacks = {name for environment, name in fleet.stacks if environment == words.environment}
    require_known("stack", request.stacks, stacks, where=f" in {words.environment}")
    return Project(
        fleet=fleet,
        environment=words.environment,
        selection=Selection(words.services, request.hosts, request.stacks),
        desired=rendered(
            fleet,
            words.environment,
            source(fleet, words.environment),
            state_folder=state_folder_of(fleet, words.environment),
        ),
    )


def state_folder_of(fleet: Fleet, environment: str) -> str:
    """Where hosts of the environment with a local connection keep their directory."""
    file = fleet.hosts_file
    return state_folder(file.hosts[name] for name in file.environments[environment].hosts)


def offline(invocation: Invocation, request: Request) -> Project:
    """As unchecked; the rendering is held against the Compose specification. Raises InputError."""
    project = unchecked(invocation, request)
    check(project)
    return project


def unchecked(invocation: Invocation, request: Request) -> Project:
    """Without any secret's value: a placeholder with its name stands instead. No host is asked anything. Raises InputError."""
    blank = SecretSource(placeholder, login_placeholder)
    project = read_project(find_root(invocation.folder), request, lambda _fleet, _environment: blank)
    invocation.environment = project.environment
    return project


def check(project: Project) -> None:
    """Hold the rendering against the Compose specification. Raises InputError."""
    from opsctl.render.schema import require_schema

    require_schema(project.desired.hosts)


def _services(fleet: Fleet) -> dict[str, set[str]]:
    return {
        environment: {name for _stack, name, _service in services_of(fleet, environment)}
        for environment in fleet.hosts_file.environments
    }
