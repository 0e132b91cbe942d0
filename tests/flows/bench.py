"""A pretended host with a database and a cache, and what was run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.fakes.edges import FakeClock, FakeConnection, FakeSession
from tests.unit.plan.model import host, service

from opsctl.argv.command import Command, Completed
from opsctl.flows.lease import Lease
from opsctl.flows.rotation.drivers import registry
from opsctl.flows.rotation.drivers.contract import Driver, Means
from opsctl.flows.site import Site
from opsctl.flows.world import Who, World
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

PSQL = "psql"
"""The label of what is said to the server."""
OLD = Candidate("v1", "canary-old-5b1e")


def secret(class_: str, driver: str = "", **target: str) -> Secret:
    return Secret.model_validate({"class": class_, "driver": driver, "target": target})


@dataclass
class Bench:
    """A host with a db and a cache; whatever happens in a test, no command line may hold a value."""

    connection: FakeConnection = field(default_factory=FakeConnection)
    clock: FakeClock = field(default_factory=FakeClock)
    known: Sequence[Candidate] = (OLD,)

    def __post_init__(self) -> None:
        self.world = World(
            connect=lambda _host: self.connection,
            clock=self.clock,
            redact=lambda text: text.replace("otherwise-known", "***"),
            listen=lambda _event: None,
            who=Who("me", "here", "opsctl rotate-secret", "r1"),
        )
        self.lease = Lease("web", FakeSession(), [])
        self.site = Site(self.world, host(service("db"), service("cache")), self.connection, self.lease)
        self.contains({"demo_back": {"Aliases": ["db", "cache", "1a2b"]}})

    def contains(self, networks: Mapping[str, object], *, running: bool = True) -> None:
        """The containers as the engine describes them; both answers are for either service."""
        entry = {"Id": "c1", "Created": 1, "State": "running", "Labels": {}, "Names": ["/c1"]}
        self.connection.engine.answers["/containers/json"] = [entry]
        self.connection.engine.answers["/containers/c1/json"] = {
            "Image": "sha256:ab",
            "State": {"Running": running},
            "NetworkSettings": {"Networks": networks},
        }

    def driver(self, name: str, **target: str) -> Driver:
        registry.check("key", secret("database", name, **target))
        means = Means("key", target, self.world, self.site, counting, nobody, lambda: self.known)
        return registry.make(means, name)

    def says(self, label: str, *answers: Completed | str) -> None:
        """What commands of this label print, one after the other; the last one again and again."""
        left = list(answers)
        self.connection.shell.on(label, effect=lambda _command: left.pop(0) if len(left) > 1 else left[0])

    def ran(self, label: str) -> list[str]:
        """The standard input of every command of this label."""
        return [one.stdin.decode() for one in self.connection.shell.ran if one.label == label]


def counting(count: int) -> bytes:
    return bytes(range(count))


def nobody(what: str) -> str:
    raise AssertionError(what)


def ended(code: int, stderr: str = "", stdout: str = "") -> Completed:
    return Completed(Command(("x",)), code, stdout.encode(), stderr.encode())
