"""The world of one run: hosts are dialled while the rest of the program is imported and the project's files are read.

What the functions here import late is not needed to dial. Both sides are 0.1 s of Python, which runs one thread at a
time: the sooner the dialling begins, the more of the hosts' own time is hidden behind the rest.
"""

from __future__ import annotations

import getpass
import os
import shlex
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.cli.invocation import Invocation
from opsctl.cli.meant import hosts_file_of, hosts_meant, meant, state_folder
from opsctl.cli.request import Request
from opsctl.edges.connect import open_connection
from opsctl.edges.ports import Connection
from opsctl.flows.dial import Dialler
from opsctl.inputs.hosts_file import find_root
from opsctl.model.hosts import HostsFile

if TYPE_CHECKING:
    from opsctl.cli.project import Project
    from opsctl.cli.secret_values import SecretValues
    from opsctl.flows.events import Listener
    from opsctl.flows.planning import Policy
    from opsctl.flows.reports import Selection
    from opsctl.flows.world import Who, World
    from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class Session:
    """What a flow is called with. `policy` is what speaks against a host's plan beside the plan itself; `values` are the
    stores of the project. `forget` closes a connection, so that the host is dialled anew.
    """

    world: World
    project: Project
    policy: Policy
    values: SecretValues
    forget: Callable[[str], None] = lambda _host: None

    @property
    def desired(self) -> Desired:
        return self.project.desired

    @property
    def selection(self) -> Selection:
        return self.project.selection

    @property
    def parts(self) -> tuple[World, Desired, Selection]:
        """The arguments that most flows begin with."""
        return self.world, self.desired, self.selection


@contextmanager
def online(invocation: Invocation, request: Request, listen: Listener) -> Iterator[Session]:
    """A session about what is asked; its connections end with it.

    From here on nothing leaves the program with a secret's value in it. Raises InputError and UsageError.
    """
    root = find_root(invocation.folder)
    file = hosts_file_of(root)
    environment = meant(request, file).environment
    invocation.environment = environment
    dialler = Dialler(_opener(invocation, root, file, environment))
    invocation.on_interrupt = dialler.give_up
    try:
        dialler.begin(hosts_meant(request, file, environment))
        yield _session(invocation, root, request, dialler, listen)
    finally:
        dialler.close()


@contextmanager
def connections(invocation: Invocation, root: Path, file: HostsFile) -> Iterator[Callable[[str], Connection]]:
    """Connects to hosts of any environment when they are asked for, for commands that are about no environment."""
    environments = {host: name for name, entry in file.environments.items() for host in entry.hosts}
    openers = {name: _opener(invocation, root, file, name) for name in file.environments}
    dialler = Dialler(lambda host: openers[environments[host]](host))
    invocation.on_interrupt = dialler.give_up
    try:
        yield dialler.connect
    finally:
        dialler.close()


def _opener(
    invocation: Invocation, root: Path, file: HostsFile, environment: str
) -> Callable[[str], Connection]:
    connect = invocation.connect or open_connection

    def open_host(name: str) -> Connection:
        from opsctl.render.fleet import host_directory

        host = file.hosts[name]
        directory = host_directory(file, name, state_folder([host]))
        return connect(name, host, file.environments[environment], root, directory=directory)

    return open_host


def _redact_with(invocation: Invocation, redact: Callable[[str], str]) -> None:
    invocation.out.redact_with(redact)
    invocation.err.redact_with(redact)


def _session(
    invocation: Invocation, root: Path, request: Request, dialler: Dialler, listen: Listener
) -> Session:
    from opsctl.cli.guardrails import policy
    from opsctl.cli.project import read_project
    from opsctl.cli.registry_logins import RegistryLogins
    from opsctl.cli.secret_values import SecretValues
    from opsctl.edges.clock import SystemClock
    from opsctl.flows.world import World

    values = SecretValues(root, invocation.environ, invocation.clock)
    _redact_with(invocation, values.redact)
    project = read_project(root, request, values.source)
    world = World(
        connect=dialler.connect,
        clock=invocation.clock or SystemClock(),
        redact=values.redact,
        listen=listen,
        who=who(invocation.argv, invocation.environ),
        registry_login=RegistryLogins(project.fleet, values, [project.environment]).of,
    )
    judge = policy(project.fleet, project.desired, world.clock.now(), project.selection)
    return Session(world, project, judge, values, dialler.forget)


def who(argv: Sequence[str], environ: Mapping[str, str]) -> Who:
    """Who runs this, for lease and audit; behind sudo, the person who typed it."""
    from opsctl.flows.world import Who

    return Who(
        user=environ.get("SUDO_USER") or _login(),
        machine=socket.gethostname(),
        command=tellable(argv),
        run=os.urandom(4).hex(),
    )


def tellable(argv: Sequence[str]) -> str:
    """The command line as it may be kept: of what `exec` runs, the first word only."""
    words = list(argv)
    end = len(words)
    if "exec" in words:
        end = words.index("--") + 2 if "--" in words else words.index("exec") + 2
    return shlex.join(["opsctl", *words[:end]]) + (" …" if end < len(words) else "")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
