"""exec and logs: the terminal of the operator at a container."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from opsctl.argv import docker
from opsctl.argv.audit import append_audit
from opsctl.edges.ports import Engine
from opsctl.errors import OperationFailed, Refused
from opsctl.flows import containers
from opsctl.flows.audit_records import passed_record
from opsctl.flows.hosts import chosen_hosts, chosen_services, host_of, on_each
from opsctl.flows.reports import Selection
from opsctl.flows.world import World
from opsctl.state.desired import Desired, DesiredHost

Write = Callable[[str, str], None]


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
    several hosts, Refused when it does not run, OperationFailed where the audit cannot be written.
    """
    place = host_of(desired, service, host)
    connection = world.connect(place.name)
    container = containers.find(connection.engine, place.project, service)
    now = containers.present(connection.engine, container) if container else None
    if now is None or now.state != "running":
        how = containers.described(now) if now else "there is no container"
        raise Refused(
            f"{service} does not run ({how})",
            where=place.name,
            hint=f"opsctl start {service}, or opsctl why {service}",
        )
    record = passed_record(world.who, world.clock.now(), f"exec {words[0]} in {service}")
    written = connection.shell.run(append_audit(place.directory, record))
    if not written.ok:
        raise OperationFailed("cannot write the audit", where=place.name, evidence=written.last_lines())
    return connection.shell.attach(docker.attached_exec(now.id, words, tty=tty, user=user), tty=tty)


def show_logs(
    world: World,
    desired: Desired,
    services: Sequence[str],
    *,
    write: Write,
    tail: int = 100,
    follow: bool = False,
    since: float | None = None,
    host: str = "",
) -> None:
    """Write the lines of the services' containers, redacted, as write(name, line); with `follow` until interrupted.

    `since` is in seconds since the epoch. A name is "service", or "host/service" where several hosts are shown.
    `write` is called by one thread at a time. Raises UsageError for an unknown service, Refused where one has no
    container, and the first error of any host.
    """
    selection = Selection(services=tuple(services), hosts=(host,) if host else ())
    hosts = chosen_hosts(desired, selection)
    one_at_a_time = threading.Lock()

    def shown(name: str, line: str) -> None:
        with one_at_a_time:
            write(name, world.redact(line))

    def of_host(one: DesiredHost) -> None:
        prefix = f"{one.name}/" if len(hosts) > 1 else ""
        names = sorted(chosen_services(one, selection) or ())
        found = {prefix + name: _container(world, one, name) for name in names}
        engine = world.connect(one.name).engine
        if follow:
            engine.follow(found, tail=tail, since=since, write=shown)
        else:
            _show_last(engine, found, tail, since, shown)

    if len(hosts) == 1:
        of_host(hosts[0])  # in this thread: an interruption ends the streams here
        return
    for error in on_each(hosts, of_host)[1].values():
        raise error


def _show_last(
    engine: Engine, found: Mapping[str, str], tail: int, since: float | None, write: Write
) -> None:
    for name, container in found.items():
        for line in engine.logs(container, tail=tail, since=since):
            write(name, line)


def _container(world: World, host: DesiredHost, service: str) -> str:
    container = containers.find(world.connect(host.name).engine, host.project, service)
    if container is None:
        raise Refused(f"{service} has no container", where=host.name, hint=f"opsctl start {service}")
    return container
