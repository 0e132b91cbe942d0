"""The fleet's images, and whom to ask about them, for one run of `pin-images`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.cli.arguments import require_known
from opsctl.cli.invocation import Invocation
from opsctl.cli.pinning_asked import Asked
from opsctl.cli.project import state_folder_of
from opsctl.cli.registry_logins import RegistryLogins
from opsctl.cli.secret_values import SecretValues
from opsctl.cli.session import connections
from opsctl.edges.clock import SystemClock
from opsctl.edges.ports import Connection, Engine, Registry
from opsctl.errors import UsageError
from opsctl.flows.events import Event
from opsctl.flows.pins.asking import Asker
from opsctl.flows.pins.inventory import Inventory, inventory
from opsctl.flows.rendering import SecretSource, rendered
from opsctl.inputs.hosts_file import find_root
from opsctl.inputs.project import load
from opsctl.model.fleet import Fleet
from opsctl.render.output import login_placeholder, placeholder

if TYPE_CHECKING:
    from opsctl.edges.registry.client import HttpRegistry
    from opsctl.flows.events import Listener


@dataclass(frozen=True, slots=True)
class PinningWorld:
    """`hosts` are those of the environments in question."""

    root: Path
    project: str
    found: Inventory
    asker: Asker
    hosts: tuple[str, ...]
    connect: Callable[[str], Connection]

    def engines(self, hosts: Sequence[str]) -> Mapping[str, Callable[[], Engine]]:
        """The engines of hosts, each connected to when it is asked for; connecting raises ConnectFailed."""
        return {host: partial(self._engine, host) for host in hosts}

    def _engine(self, host: str) -> Engine:
        return self.connect(host).engine


@contextmanager
def opened(invocation: Invocation, asked: Asked, listen: Listener) -> Iterator[PinningWorld]:
    """Everything read; connections are made when they are needed, and end with it. Raises InputError and UsageError."""
    root = find_root(invocation.folder)
    fleet = load(root)
    known = fleet.hosts_file.environments
    require_known("environment", [asked.environment] if asked.environment else [], known)
    environments = [asked.environment] if asked.environment else sorted(known)
    hosts = tuple(host for name in environments for host in known[name].hosts)
    _require_certificates(fleet)
    if asked.via:
        require_known("host", [asked.via], {host for entry in known.values() for host in entry.hosts})
    values = SecretValues(root, invocation.environ, invocation.clock)
    invocation.out.redact_with(values.redact)
    invocation.err.redact_with(values.redact)
    logins = RegistryLogins(fleet, values, environments)
    blank = SecretSource(placeholder, login_placeholder)
    # All of them, also where one is asked about: what another environment needs of an image counts as well.
    desired = [
        rendered(fleet, name, blank, state_folder=state_folder_of(fleet, name)) for name in sorted(known)
    ]
    with connections(invocation, root, fleet.hosts_file) as connect, ExitStack() as closing:
        registry: Registry = (
            _by_an_engine(connect(asked.via).engine, asked.via, logins)
            if asked.via
            else closing.enter_context(_by_http(invocation, fleet, logins, listen))
        )
        asker = Asker(
            registry,
            invocation.clock or SystemClock(),
            listen,
            by=f"engine of {asked.via}" if asked.via else "registry",
            at_once=1 if asked.via else asked.parallel,
        )
        yield PinningWorld(
            root, fleet.project, inventory(fleet, desired, asked.environment), asker, hosts, connect
        )


def _require_certificates(fleet: Fleet) -> None:
    """Raises UsageError for a ca_file that is not there."""
    for name, registry in fleet.hosts_file.registries.items():
        if registry.ca_file and not (fleet.root / registry.ca_file).is_file():
            place = fleet.place("registries", name, "ca_file")
            raise UsageError(
                f"there is no file {registry.ca_file}", where=str(place), hint="a PEM file beside hosts.toml"
            )


def _by_an_engine(engine: Engine, host: str, logins: RegistryLogins) -> Registry:
    from opsctl.flows.engine_registry import EngineRegistry, engine_auth

    def auth(registry: str) -> str:
        found = logins.of(registry)
        return engine_auth(registry, found) if found else ""

    return EngineRegistry(engine, host, auth)


def _by_http(invocation: Invocation, fleet: Fleet, logins: RegistryLogins, listen: Listener) -> HttpRegistry:
    from opsctl.edges.registry.client import HttpRegistry

    clock = invocation.clock or SystemClock()
    began = clock.monotonic()

    def waits(registry: str, seconds: float) -> None:
        detail = f"limits how often it is asked; going on in {seconds:.0f} s"
        listen(Event(registry, "waiting", "", detail, clock.monotonic() - began))

    return HttpRegistry(
        fleet.hosts_file.registries,
        root=fleet.root,
        login=logins.of,
        environ=invocation.environ,
        clock=clock,
        tell=waits,
    )
