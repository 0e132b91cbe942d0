"""The project's files as a command needs them: read, narrowed to what was asked, rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsctl.cli.arguments import Words, choose_environment, read_words, require_known, require_services
from opsctl.cli.invocation import Invocation
from opsctl.cli.request import Request
from opsctl.flows.reports import Selection
from opsctl.inputs.draft import Draft
from opsctl.inputs.hosts_file import HOSTS_FILE, read_hosts
from opsctl.inputs.project import find_root, load
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import HostsFile
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


def hosts_file_of(root: Path) -> HostsFile:
    draft = Draft()
    read_hosts(draft, (root / HOSTS_FILE).read_bytes())
    if draft.problems:
        return load(root).hosts_file
    return draft.hosts


def meant(request: Request, file: HostsFile) -> Words:
    """The environment and services that a request means. Raises UsageError."""
    known, default = file.environments.keys(), file.default_environment
    if request.environment is None and not request.services:
        return read_words(request.words, known, default, changes=request.changes)
    environment = choose_environment(request.environment, known, default, changes=request.changes)
    return Words(environment, request.services)


def hosts_meant(request: Request, file: HostsFile, environment: str) -> tuple[str, ...]:
    """The hosts a request is about. Raises UsageError for one that the environment does not have."""
    hosts = file.environments[environment].hosts
    require_known("host", request.hosts, hosts, where=f" in {environment}")
    return request.hosts or hosts


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
    return Project(
        fleet=fleet,
        environment=words.environment,
        selection=Selection(words.services, request.hosts, request.stacks),
        desired=render(
            fleet, words.environment, secret(fleet, words.environment), state_folder=state_folder()
        ),
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


def state_folder() -> str:
    """Where a host with a local connection keeps its directory."""
    from platformdirs import user_state_path

    return str(user_state_path("opsctl"))


def _services(fleet: Fleet) -> dict[str, set[str]]:
    return {
        environment: {name for _stack, name, _service in services_of(fleet, environment)}
        for environment in fleet.hosts_file.environments
    }
