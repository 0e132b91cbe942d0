"""This run's claims on the hosts where its checks make something, and what runs that are dead left there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from opsctl.argv.claims import CLAIMED, RELEASE, claim, read_swept, sweep
from opsctl.checks.leftovers import Leftover, of_other_runs, overdue
from opsctl.checks.questions import UnansweredError
from opsctl.edges.ports import Session
from opsctl.errors import ConnectFailed, OpsctlError
from opsctl.flows.checking.once import Once
from opsctl.flows.world import World
from opsctl.state.observed import Observed, ObservedContainer

_ANSWER = 20.0
_END = 5.0


class Claims:
    """One for each host that asks for it, held until `release`; threads share it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._held: Once[str, Session] = Once()

    def hold(self, host: str) -> None:
        """Raises UnansweredError, ConnectFailed. Who asks first takes it; the others wait for that."""
        self._held.get(host, self._taken)

    def release(self) -> None:
        """Never raises. What the checks made is to be gone by now."""
        for session in self._held.all():
            _end(session)

    def _taken(self, host: str) -> Session:
        session = self._world.connect(host).shell.open(claim(self._world.who.run))
        try:
            if session.receive(_ANSWER) == CLAIMED:
                return session
            session.exit_code(_END)
            said = session.stderr().decode(errors="replace").strip().splitlines()
            reason = said[-1] if said else "it ended"
        except TimeoutError:
            reason = f"no answer within {_ANSWER:g} s"
        except BaseException:
            session.close()
            raise
        session.close()
        raise UnansweredError(f"the host could not be told that this run is alive: {reason}")


def _end(session: Session) -> None:
    try:
        with suppress(ConnectFailed, TimeoutError):
            session.send(RELEASE)
            session.exit_code(_END)
    finally:
        session.close()


def swept(world: World, hosts: Mapping[str, Observed]) -> tuple[Leftover, ...]:
    """What other runs made and did not remove, by the looks at the hosts; that of dead runs is removed. A host that has
    nothing of the kind is asked nothing.
    """
    return tuple(
        found
        for host in sorted(hosts)
        for run, containers in sorted(of_other_runs(hosts[host], world.who.run).items())
        for found in _swept(world, host, run, containers, overdue(hosts[host], containers))
    )


def _swept(
    world: World, host: str, run: str, containers: Sequence[ObservedContainer], late: bool
) -> Iterator[Leftover]:
    try:
        completed = world.connect(host).shell.run(sweep(run, [one.id for one in containers], overdue=late))
    except OpsctlError as error:
        yield from (Leftover(host, one.name, "unasked", world.redact(error.message)) for one in containers)
        return
    said = {one.id: one for one in read_swept(completed.stdout)}
    silence = world.redact(next(iter(completed.last_lines(1)), f"exit {completed.code}"))
    for one in containers:
        found = said.get(one.id)
        yield (
            Leftover(host, one.name, found.fate, world.redact(found.said))
            if found
            else Leftover(host, one.name, "unasked", silence)
        )
