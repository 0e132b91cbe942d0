"""Rendering: the Fleet of one environment to what each of its hosts shall hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opsctl.errors import InputError, Problem, UsageError
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import HostsFile
from opsctl.model.nearest import nearest
from opsctl.model.stack import Service
from opsctl.render.context import Secrets, no_logins
from opsctl.render.problems import Problems
from opsctl.state.desired import Desired

STATE_FOLDER = "~/.local/state/opsctl"
"""Stands in for the user's state folder where no real one is given, so that what is rendered is the same everywhere."""


def render(
    fleet: Fleet,
    environment: str,
    secret: Callable[[str], str],
    *,
    login: Callable[[str], str] = no_logins,
    state_folder: str = STATE_FOLDER,
) -> Desired:
    """What every host of the environment shall hold; the same inputs give the same bytes.

    `secret` gives a value by name and raises UsageError for one it does not have; `login` gives the login name that the
    value belongs to. A host with a local connection and no
    directory of its own gets `<state_folder>/<project>`. Raises one InputError with every problem found; no message of
    it holds a secret.
    """
    from opsctl.render.host import HostRendering  # Jinja costs 45 ms
    from opsctl.render.templating import Templates

    require_environment(fleet, environment)
    problems, secrets, templates = Problems(), Secrets(secret, login), Templates(fleet.templates)
    hosts = []
    for name in sorted(fleet.environment(environment).hosts):
        directory = host_directory(fleet.hosts_file, name, state_folder)
        host = HostRendering(
            fleet, environment, name, templates=templates, secrets=secrets, problems=problems
        ).run(directory)
        if host is not None:
            hosts.append(host)
    try:
        problems.raise_any()
    except InputError as error:
        raise InputError(_scrubbed(problem, secrets) for problem in error.problems) from None
    return Desired(environment, tuple(hosts))


def host_directory(file: HostsFile, host: str, state_folder: str = STATE_FOLDER) -> str:
    """The folder on the host that holds compose.yml, as the operator or the convention has it."""
    found = file.hosts[host]
    if found.directory:
        return found.directory
    return f"{state_folder if found.connection == 'local' else '/opt'}/{file.project}"


def services_of(fleet: Fleet, environment: str) -> Iterator[tuple[str, str, Service]]:
    """(stack, name, service) of every service of the environment, each once."""
    seen = set()
    for host in fleet.environment(environment).hosts:
        for stack, file in fleet.stacks_of(environment, host).items():
            for name, service in file.services.items():
                if (stack, name) not in seen:
                    seen.add((stack, name))
                    yield stack, name, service


def require_environment(fleet: Fleet, environment: str) -> None:
    """Raises UsageError with the nearest name where there is no such environment."""
    known: Mapping[str, Any] = fleet.hosts_file.environments
    if environment not in known:
        hint = nearest(environment, known)
        raise UsageError(f"there is no environment {environment!r}", where="hosts.toml", hint=hint)


def _scrubbed(problem: Problem, secrets: Secrets) -> Problem:
    return Problem(problem.file, problem.line, secrets.scrub(problem.message), secrets.scrub(problem.hint))
