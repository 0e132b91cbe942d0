"""Rotating one secret of an environment: leases, look, plan, question, and the protocol, forwards or back."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from opsctl.errors import Refused
from opsctl.flows.change import connect_all, raise_any
from opsctl.flows.leases import leases
from opsctl.flows.planning import look_at_each
from opsctl.flows.rotation.course import Confirm, Course
from opsctl.flows.rotation.drivers import registry
from opsctl.flows.rotation.failing import told_open
from opsctl.flows.rotation.plans import RotationReport, Way
from opsctl.flows.rotation.ports import Ports
from opsctl.flows.site import Site
from opsctl.flows.world import World
from opsctl.model.secrets import Secret
from opsctl.secrets.journal import Opened
from opsctl.secrets.versions import require_secret
from opsctl.state.desired import Desired, DesiredHost


def rotate(world: World, ports: Ports, name: str, way: Way, confirm: Confirm) -> RotationReport:
    """Go one way with one secret.

    Raises before anything is done: UsageError, Refused, StoreUnusable, LeaseHeld, ConnectFailed, EngineUnavailable, and what
    a driver's test raises. Once the new value is stored, what goes wrong is in the report, with what is in force then.
    """
    began = world.clock.monotonic()
    secret, _ = _standing(ports, name, way)
    if way in {"rotate", "rollback"}:
        env_keys, beside = ports.env_keys(name)
        registry.check(name, secret, env_keys=env_keys, beside=beside, environment=ports.environment)
    registry.require_driver(name, secret, environment=ports.environment)
    desired = ports.render({}, world.clock.now())
    consumers = _consumers(desired, name)
    hosts = _hosts(desired, consumers, registry.system_service(secret), name, ports)
    connect_all(world, hosts, began)
    with leases(world, hosts, began) as taken:
        stop = threading.Event()
        sites = {
            host.name: Site(world, host, world.connect(host.name), taken[host.name], stop, began)
            for host in hosts
        }
        secret, opened = _standing(ports, name, way)  # another run may have ended while this one waited
        observed, errors = look_at_each(world, hosts)
        raise_any(errors, hosts)
        course = Course(world, ports, secret, name, way, sites, consumers, observed, began)
        return course.run(opened, confirm)


def _standing(ports: Ports, name: str, way: Way) -> tuple[Secret, Opened | None]:
    """The secret as it is stored now, and what the journal says. Raises Refused where this way cannot begin there."""
    secret = require_secret(ports.store.describe(), name)
    opened = ports.journal(name).opened()
    _require_startable(secret, name, way, opened, ports)
    return secret, opened


def _require_startable(secret: Secret, name: str, way: Way, opened: Opened | None, ports: Ports) -> None:
    if not secret.current:
        raise Refused(f"{name} has no value yet", hint=f"opsctl secrets set {ports.about(name)}")
    if way in {"rotate", "rollback"} and (secret.pending or opened):
        told = str(opened) if opened else f"{secret.pending} is pending"
        raise told_open(Refused(f"a rotation of {name} is open: {told}"), name, ports)
    if way == "rollback" and not secret.previous:
        raise Refused(f"{name} has no earlier value to go back to")


def _consumers(desired: Desired, name: str) -> tuple[str, ...]:
    return tuple(
        sorted({one.name for host in desired.hosts for one in host.services.values() if name in one.secrets})
    )


def _hosts(
    desired: Desired, consumers: Sequence[str], system: str, name: str, ports: Ports
) -> list[DesiredHost]:
    """Those of the consumers, and the one of the system. Raises Refused where no host, or more than one, runs that."""
    wanted = [host for host in desired.hosts if set(consumers) & set(host.services)]
    if system:
        keeping = [host for host in desired.hosts if system in host.services]
        if len(keeping) != 1:
            found = f"{len(keeping)} hosts run" if keeping else "no host runs"
            raise Refused(
                f"{found} the service {system} that keeps {name}",
                where=desired.environment,
                hint=f"opsctl secrets set {ports.about(name)} --policy-only --target service=NAME says which service keeps it",
            )
        wanted += [host for host in keeping if host not in wanted]
    return sorted(wanted, key=lambda host: host.name)
