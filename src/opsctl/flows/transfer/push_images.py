"""Streaming images to a host, and proving that they are the ones that were meant."""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from opsctl.argv import images as argv
from opsctl.argv.command import Completed
from opsctl.edges.ports import Clock, Connection, Producer
from opsctl.errors import CommandFailed, ConnectFailed, Exit, OperationFailed, OpsctlError, worst
from opsctl.flows.site import tell
from opsctl.flows.transfer.planning import ImagePlan, PushPlan
from opsctl.flows.world import World

# Level 1 takes 70 MiB of an image in a second, and makes 40 % of it (postgres:15): a gain on lines below some 45 MiB/s. The
# checksum at gzip's end also tells a host that a stream which broke off is not whole.
_LEVEL = 1
_GZIP = 31
_TELL_EVERY = 0.25
_LOADED = re.compile(rb"^Loaded image(?: ID)?: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """`sent` is bytes on the line, `seconds` the time that an image took; `error` is set where it is not there now."""

    plan: ImagePlan
    sent: int = 0
    seconds: float = 0.0
    error: OpsctlError | None = None


@dataclass(frozen=True, slots=True)
class PushReport:
    plan: PushPlan
    outcomes: tuple[ImageOutcome, ...]

    @property
    def exit(self) -> Exit:
        return worst(one.error.exit for one in self.outcomes if one.error)


def offered(plan: PushPlan) -> PushReport:
    """The report of a run that changes nothing: what could not be pushed is an error, as it would be."""
    return PushReport(plan, tuple(ImageOutcome(image, error=image.refusal) for image in plan.images))


def push_images(world: World, plan: PushPlan, here: Producer) -> PushReport:
    """Bring the host what it lacks, one image after the other; one that fails does not stop the others.

    What goes wrong is in the report; after a lost connection the rest is not begun. KeyboardInterrupt ends it in the
    middle of an image: its host drops what it had of that one, the images before it stay.
    """
    began = world.clock.monotonic()
    outcomes: list[ImageOutcome] = []
    lost: ConnectFailed | None = None
    for image in plan.images:
        if lost:
            error = OperationFailed("not begun: the connection was lost before", where=image.wanted.name)
            outcomes.append(ImageOutcome(image, error=error))
            continue
        outcome = _outcome(world, plan.host, image, here, began)
        outcomes.append(outcome)
        lost = outcome.error if isinstance(outcome.error, ConnectFailed) else None
    tell(world, plan.host, "finished", began=began)
    return PushReport(plan, tuple(outcomes))


def _outcome(world: World, host: str, image: ImagePlan, here: Producer, began: float) -> ImageOutcome:
    if image.action in {"refused", "there"}:
        return ImageOutcome(image, error=image.refusal)
    subject = f"{image.action} {image.wanted.name}"
    tell(world, host, "step", began=began, subject=subject)
    meter = Meter(
        image.size,
        world.clock,
        lambda detail: tell(world, host, "waiting", began=began, subject=subject, detail=detail),
    )
    try:
        _carry(world.connect(host), host, image, here, meter)
    except OpsctlError as error:
        error.where = error.where or host
        tell(world, host, "step_failed", began=began, subject=subject, detail=error.message)
        return ImageOutcome(image, meter.sent, meter.seconds, error)
    tell(world, host, "step_done", began=began, subject=subject)
    return ImageOutcome(image, meter.sent, meter.seconds)


def _carry(connection: Connection, host: str, image: ImagePlan, here: Producer, meter: Meter) -> None:
    if image.action == "push":
        before = _ids(connection)
        with contextlib.closing(here.produce(argv.save(image.id))) as saved:
            stream = meter.counted(compressed(meter.read(saved)))
            completed = connection.shell.feed(argv.load(), stream)
        _require(completed, host, f"cannot load {image.wanted.name}")
        if connection.engine.get(f"/images/{image.id}/json") is None:
            _take_back(connection, completed, before)
            raise OperationFailed(
                f"what arrived is not {image.id}, and was removed again",
                where=host,
                hint="do both engines keep images alike? `docker info` shows it under Storage Driver",
            )
    name = image.wanted.name
    _require(connection.shell.run(argv.tag(image.id, name)), host, f"cannot tag {name}")
    found = connection.engine.get(f"/images/{name}/json") or {}
    if found.get("Id") != image.id:
        raise OperationFailed(f"{name} is {found.get('Id')} after all, not {image.id}", where=host)


def _ids(connection: Connection) -> frozenset[str]:
    listed = connection.engine.get("/images/json", {"all": "1"}) or []
    return frozenset(str(one["Id"]) for one in listed)


def _take_back(connection: Connection, loaded: Completed, before: frozenset[str]) -> None:
    """Remove what was loaded, but for what was there before."""
    for name in _LOADED.findall(loaded.stdout):
        found = connection.engine.get(f"/images/{name.decode()}/json")
        if found and found["Id"] not in before:
            connection.shell.run(argv.remove(name.decode()))


def _require(completed: Completed, host: str, message: str) -> None:
    if not completed.ok:
        evidence = completed.last_lines(5)
        full = any("no space left" in line for line in evidence)
        hint = "docker load needs room for the image twice: `docker system df` on the host" if full else ""
        raise CommandFailed(message, where=host, evidence=evidence, hint=hint)


def compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream as gzip."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for chunk in chunks:
        if part := compressor.compress(chunk):
            yield part
    yield compressor.flush()


@dataclass(slots=True)
class Meter:
    """How far a stream has come. `tell` hears of it a few times a second, in words."""

    size: int
    clock: Clock
    tell: Callable[[str], None]
    sent: int = 0
    _read: int = 0
    _began: float = field(default=0.0)
    _told: float = 0.0

    def __post_init__(self) -> None:
        self._began = self._told = self.clock.monotonic()

    @property
    def seconds(self) -> float:
        return self.clock.monotonic() - self._began

    def read(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, counted before they are compressed: against the size of the image."""
        for chunk in chunks:
            self._read += len(chunk)
            yield chunk

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, counted as they go onto the line."""
        for chunk in chunks:
            yield chunk
            self.sent += len(chunk)
            if self.clock.monotonic() - self._told >= _TELL_EVERY:
                self._told = self.clock.monotonic()
                self.tell(self._words())
        self.tell("unpacking")

    def _words(self) -> str:
        rate = self.sent / max(self.seconds, 0.001) / 2**20
        share = min(self._read / self.size, 1.0) if self.size else 0.0
        return f"{share * 100:.0f} %, {self.sent / 2**20:.0f} MiB sent, {rate:.1f} MiB/s"
