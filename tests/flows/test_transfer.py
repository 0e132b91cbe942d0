"""Which images are pushed, and what is said of those that are not: two pretended engines."""

from __future__ import annotations

import gzip
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.edges import FakeClock, FakeConnection, FakeEngine
from tests.unit.plan.model import host, service

from opsctl.argv.command import Command, Completed
from opsctl.errors import CommandFailed, ConnectFailed, Exit, OperationFailed, Refused, UsageError
from opsctl.flows.events import Event
from opsctl.flows.transfer.planning import Engines, ImagePlan, PushPlan, plan_pushes, wanted_images
from opsctl.flows.transfer.push_images import Meter, PushReport, compressed, offered, push_images
from opsctl.flows.world import Who, World
from opsctl.model.fleet import NOWHERE
from opsctl.state.desired import DesiredHost, DesiredService, Mention

DIGEST = "sha256:" + "a1b2c3d4e5f6" + "0" * 52
LOCAL = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
API = "r.example/shop/api"
NAME = f"{API}:1.0-sha256-a1b2c3d4e5f6"
AMD = {"Os": "linux", "Architecture": "amd64", "Size": 5000}


def pinned(name: str, image: str, digest: str = DIGEST, *mentions: Mention) -> DesiredService:
    return replace(service(name, image=image), asked_image=image, digest=digest, mentions=mentions)


def box(*services: DesiredService, pulls: bool = False) -> DesiredHost:
    return replace(host(*services), pulls=pulls)


@dataclass
class Here:
    """The operator's machine: `docker save` prints `tar`."""

    tar: bytes = b"tar" * 1000
    error: Exception | None = None
    closed: bool = False
    saved: list[Command] = field(default_factory=list)

    def run(self, command: Command) -> Completed:
        return Completed(command, 0, b"", b"")

    def produce(self, command: Command) -> Generator[bytes]:
        self.saved.append(command)
        try:
            yield self.tar
            if self.error:
                raise self.error
        finally:
            self.closed = True


class Rig:
    """Two engines by what they have: names and ids of images. A load brings `arrives`, a tag names it."""

    def __init__(self, arrives: str = LOCAL) -> None:
        self.here, self.connection, self.events = FakeEngine(), FakeConnection(), list[Event]()
        self.source = Here()
        self.loaded = b""
        self.arrives = arrives
        self.connection.shell.on("docker load", effect=self._load)
        self.connection.shell.on("docker tag", effect=self._tag)

    def _load(self, command: Command) -> str:
        self.loaded = gzip.decompress(command.stdin)
        self.there(self.arrives, self.arrives)
        return f"Loaded image ID: {self.arrives}\n"

    def _tag(self, command: Command) -> None:
        self.there(command.words[3], command.words[2])

    def local(self, name: str, identity: str = LOCAL, **facts: object) -> Rig:
        self.here.answers[f"/images/{name}/json"] = {"Id": identity, **AMD, **facts}
        return self

    def there(self, name: str, identity: str) -> Rig:
        answers = self.connection.engine.answers
        answers[f"/images/{name}/json"] = answers[f"/images/{identity}/json"] = {"Id": identity}
        return self

    @property
    def world(self) -> World:
        return World(
            connect=lambda _host: self.connection,
            clock=FakeClock(),
            redact=lambda text: text,
            listen=self.events.append,
            who=Who("ann", "desk", "opsctl push-images", "r1"),
        )

    def plan(self, desired: DesiredHost, *names: str, platform: str = "linux/amd64") -> PushPlan:
        engines = Engines(self.here, self.connection.engine)
        return plan_pushes(desired, platform, wanted_images(desired, names), engines)

    def push(self, desired: DesiredHost) -> PushReport:
        return push_images(self.world, self.plan(desired), self.source)


def only(plan: PushPlan) -> ImagePlan:
    (image,) = plan.images
    return image


def test_a_host_that_pulls_nothing_gets_the_digest_under_a_name_that_tells_it() -> None:
    image = only(Rig().local(f"{API}@{DIGEST}").plan(box(pinned("api", f"{API}:1.0"))))

    assert (image.action, image.wanted.name, image.id, image.size) == ("push", NAME, LOCAL, 5000)


@pytest.mark.parametrize("pulls", [True, False])
def test_without_a_digest_the_tag_is_meant(pulls: bool) -> None:
    desired = box(pinned("api", "docker.io/library/redis", ""), pulls=pulls)
    plan = Rig().local("redis:latest").plan(desired)

    assert only(plan).wanted.name == "redis:latest"
    assert plan.takes_pushed


def test_a_host_that_pulls_keeps_the_tag_and_hears_that_a_deploy_asks_by_digest() -> None:
    plan = Rig().local(f"{API}@{DIGEST}").plan(box(pinned("api", f"{API}:1.0"), pulls=True))

    assert only(plan).wanted.name == f"{API}:1.0"
    assert not plan.takes_pushed


def test_images_that_files_name_belong_to_their_service_and_each_comes_once() -> None:
    sandbox = Mention("r.example/box:1", "", NOWHERE)
    desired = box(
        pinned("api", f"{API}:1.0", DIGEST, sandbox), pinned("worker", f"{API}:1.0", DIGEST, sandbox)
    )

    found = {one.name: one.services for one in wanted_images(desired)}

    assert found == {NAME: ("api", "worker"), "r.example/box:1": ("api", "worker")}


@pytest.mark.parametrize("name", ["api", f"{API}:1.0", API, NAME, f"{API}:1.0@{DIGEST}"])
def test_names_mean_services_and_images(name: str) -> None:
    desired = box(pinned("api", f"{API}:1.0@{DIGEST}"), pinned("db", "postgres:17", ""))

    assert [one.name for one in wanted_images(desired, [name])] == [NAME]


def test_a_name_that_means_nothing() -> None:
    with pytest.raises(UsageError, match="box has no service and no image apj") as error:
        wanted_images(replace(box(pinned("api", f"{API}:1.0")), name="box"), ["apj"])
    assert "api" in error.value.hint


def test_what_is_there_by_its_name_is_left_and_what_lost_its_name_gets_it_back() -> None:
    desired = box(pinned("api", f"{API}:1.0"))
    has = Rig().local(f"{API}@{DIGEST}").there(NAME, LOCAL)
    lost = Rig().local(f"{API}@{DIGEST}").there("another:name", LOCAL)

    assert only(has.plan(desired)).action == "there"
    assert only(lost.plan(desired)).action == "tag"
    assert has.push(desired).exit is lost.push(desired).exit is Exit.YES
    assert (has.connection.shell.labels(), lost.connection.shell.labels()) == ([], ["docker tag"])


def test_another_image_of_that_name_is_told() -> None:
    rig = Rig().local(f"{API}@{DIGEST}").there(NAME, OTHER)

    image = only(rig.plan(box(pinned("api", f"{API}:1.0"))))

    assert (image.action, image.replaces) == ("push", OTHER)


def test_what_this_machine_lacks_is_refused_with_the_command_that_gets_it() -> None:
    image = only(Rig().plan(box(pinned("api", f"{API}:1.0")), platform="linux/arm64"))

    assert isinstance(image.refusal, Refused)
    assert image.refusal.message == f"the engine of this machine has no {API}@{DIGEST[:19]}…"
    assert image.refusal.hint == f"docker pull --platform linux/arm64 {API}:1.0@{DIGEST}, or --pull"


def test_what_is_built_here_is_not_to_be_pulled() -> None:
    image = only(Rig().plan(box(pinned("api", "opsctl.local/shop/api:abc", ""))))

    assert image.refusal
    assert "docker build" in image.refusal.hint


@pytest.mark.parametrize(
    "platform,facts,refused",
    [
        ("linux/amd64", {}, False),
        ("linux/arm64", {}, True),
        ("linux/arm64", {"Architecture": "arm64", "Variant": "v8"}, False),
        ("linux/arm/v6", {"Architecture": "arm", "Variant": "v7"}, True),
    ],
)
def test_another_platform_is_refused(platform: str, facts: dict[str, str], refused: bool) -> None:
    plan = Rig().local(f"{API}@{DIGEST}", **facts).plan(box(pinned("api", f"{API}:1.0")), platform=platform)

    assert (only(plan).action == "refused") is refused


def test_fetching_comes_first_where_it_is_asked_for() -> None:
    rig = Rig()
    desired = box(pinned("api", f"{API}:1.0"), pinned("gone", "r.example/gone:1", ""))

    def fetch(image: object) -> None:
        if "gone" in str(image):
            raise CommandFailed("cannot pull it here")
        rig.local(f"{API}@{DIGEST}")

    engines = Engines(rig.here, rig.connection.engine, fetch)
    plan = plan_pushes(desired, "linux/amd64", wanted_images(desired), engines)

    assert {one.wanted.services[0]: one.action for one in plan.images} == {"api": "push", "gone": "refused"}
    assert offered(plan).exit is Exit.FAILED


def test_a_push_is_saved_by_id_compressed_loaded_named_and_looked_at() -> None:
    rig = Rig().local(f"{API}@{DIGEST}")

    report = rig.push(box(pinned("api", f"{API}:1.0")))

    assert report.exit is Exit.YES
    assert [str(one) for one in rig.source.saved] == [f"docker save {LOCAL}"]
    assert rig.loaded == rig.source.tar
    assert [str(one) for one in rig.connection.shell.ran] == [
        "docker load --quiet",
        f"docker tag {LOCAL} {NAME}",
    ]
    assert rig.source.closed
    kinds = [(one.kind, one.subject) for one in rig.events if one.kind in {"step", "step_done", "finished"}]
    assert kinds == [("step", f"push {NAME}"), ("step_done", f"push {NAME}"), ("finished", "")]


def test_another_image_that_arrives_is_removed_unless_it_was_there() -> None:
    for known in (False, True):
        rig = Rig(arrives=OTHER).local(f"{API}@{DIGEST}")
        rig.connection.engine.answers["/images/json"] = [{"Id": OTHER}] if known else []

        (outcome,) = rig.push(box(pinned("api", f"{API}:1.0"))).outcomes

        assert isinstance(outcome.error, OperationFailed)
        assert outcome.error.message.startswith(f"what arrived is not {LOCAL}")
        assert rig.connection.shell.labels() == ["docker load", *([] if known else ["docker rmi"])]


def test_one_that_fails_does_not_stop_the_others_and_the_worst_exit_counts() -> None:
    rig = Rig().local("a:1").local("b:1")
    rig.connection.shell.on("docker load", code=1, stderr="write /x: no space left on device")

    report = rig.push(box(pinned("a", "a:1", ""), pinned("b", "b:1", ""), pinned("c", "c:1", "")))

    errors = [one.error for one in report.outcomes]
    assert [type(one) for one in errors] == [CommandFailed, CommandFailed, Refused]
    assert errors[0]
    assert "room for the image twice" in errors[0].hint
    assert report.exit is Exit.FAILED
    assert [one.kind for one in rig.events].count("step_failed") == 2


def test_after_a_lost_connection_the_rest_is_not_begun() -> None:
    rig = Rig().local("a:1").local("b:1")
    rig.connection.shell.on("docker load", error=ConnectFailed("the connection was lost", where="web"))

    report = rig.push(box(pinned("a", "a:1", ""), pinned("b", "b:1", "")))

    assert [type(one.error) for one in report.outcomes] == [ConnectFailed, OperationFailed]
    assert rig.connection.shell.labels() == ["docker load"]


def test_a_save_that_fails_is_the_images_error_and_an_interruption_is_nobodys() -> None:
    rig = Rig().local("a:1")
    rig.source.error = CommandFailed("docker save failed", where="this machine")
    desired = box(pinned("a", "a:1", ""))

    (outcome,) = rig.push(desired).outcomes
    assert outcome.error is rig.source.error

    rig.source.error = KeyboardInterrupt()  # type: ignore[assignment]  # what Ctrl-C raises while a chunk is awaited
    with pytest.raises(KeyboardInterrupt):
        rig.push(desired)
    assert rig.source.closed


@given(st.lists(st.binary(max_size=200)))
def test_a_stream_is_compressed_and_counted_whole(chunks: list[bytes]) -> None:
    meter = Meter(100, FakeClock(), lambda detail: None)

    sent = list(meter.counted(compressed(meter.read(chunks))))

    assert gzip.decompress(b"".join(sent)) == b"".join(chunks)
    assert meter.sent == len(b"".join(sent))


def test_what_is_told_on_the_way() -> None:
    clock, told = FakeClock(), list[str]()
    meter = Meter(4 * 2**20, clock, told.append)

    def slow() -> Iterable[bytes]:
        for _ in range(2):
            clock.sleep(1)
            yield b"x" * 2**20

    list(meter.counted(meter.read(slow())))

    assert told == ["25 %, 1 MiB sent, 1.0 MiB/s", "50 %, 2 MiB sent, 1.0 MiB/s", "unpacking"]
