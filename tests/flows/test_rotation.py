"""Rotations on a pretended host: who is made anew, what is marked, what is put back, and what others may do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.fakes.edges import FakeClock
from tests.fakes.versions import FakeJournal, FakeVersionedStore
from tests.flows.machine import Box, Machine
from tests.unit.plan.model import host, service

from opsctl.argv.command import Command
from opsctl.errors import ConnectFailed, Exit, Refused
from opsctl.flows.deploy import deploy
from opsctl.flows.rotation.plans import RotationPlan, RotationReport, Way
from opsctl.flows.rotation.ports import Ports
from opsctl.flows.rotation.rotate import rotate
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.changes import marked_due
from opsctl.secrets.versions import failed
from opsctl.state.desired import Dependency, Desired

CHECK = {"healthcheck": {"test": ["CMD", "true"]}}
USES = frozenset({"token"})
MARK = ".opsctl/rotating/token"


@dataclass
class Place:
    """A pretended host with a store; two consumers of `token`, one after the other, and a bystander."""

    machine: Machine
    store: FakeVersionedStore = field(default_factory=FakeVersionedStore)
    journal: FakeJournal = field(default_factory=FakeJournal)
    shown: list[RotationPlan] = field(default_factory=list)
    greeting: str = "hello"
    env_keys: frozenset[str] = frozenset()
    made: int = 0

    def chance(self, count: int) -> bytes:
        self.made += 1
        return bytes((self.made + number) % 256 for number in range(count))

    def desired(self, replaced: Mapping[str, Candidate], _now: float) -> Desired:
        value = replaced["token"].value if "token" in replaced else self.store.get("token")
        pending = {name for name, one in self.store.file.secrets.items() if one.pending}
        after = {"api": Dependency("service_healthy")}
        shop = host(
            service("api", env={"TOKEN": value}, secrets=USES, definition=CHECK),
            service("worker", env={"TOKEN": value}, secrets=USES, after=after),
            service("web", env={"GREETING": self.greeting}),
        )
        return Desired("prod", (self.machine.placed(shop),), unsettled=frozenset(pending))

    def ports(self) -> Ports:
        return Ports(
            store=self.store,
            journal=lambda _name: self.journal,
            render=self.desired,
            env_keys=lambda _name: (self.env_keys, self.env_keys),
            may_withdraw=lambda _name, _system: True,
            chance=self.chance,
            paste=lambda what: f"pasted {what}",
        )

    def rotate(self, way: Way = "rotate", *, yes: bool = True, name: str = "token") -> RotationReport:
        def confirm(plan: RotationPlan) -> bool:
            self.shown.append(plan)
            return yes

        return rotate(self.machine.world(clock=FakeClock()), self.ports(), name, way, confirm)

    def deploy(self) -> str:
        report = deploy(self.machine.world(), self.desired({}, 0.0), confirm=lambda _plan: True)
        return str(report.plan)

    def envs(self) -> dict[str, str]:
        return {name: box.env.get("TOKEN", "") for name, box in self.machine.engine_boxes().items()}

    def marked(self) -> bool:
        return (self.machine.directory / MARK).exists()


def new_place(machine: Machine) -> Place:
    made = Place(machine)
    made.store.put("token", "old value", rotate_every="90d")
    return made


@pytest.fixture(scope="module")
def deployed(lasting_memory: Path) -> Machine:
    made = new_place(Machine(lasting_memory / "host"))
    made.deploy()
    return made.machine


@pytest.fixture
def place(deployed: Machine, memory: Path) -> Place:
    return new_place(Machine.like(deployed, memory / "host"))


def ups(place: Place) -> list[str]:
    return [call.rpartition("-- ")[2] for call in place.machine.calls() if " up " in call]


def test_only_the_consumers_are_made_anew_in_the_order_of_their_dependencies(place: Place) -> None:
    before, made = place.machine.engine_boxes(), len(ups(place))
    report = place.rotate()
    assert (report.exit, report.end) == (Exit.YES, "done")
    assert ups(place)[made:] == ["api", "worker"]
    after = place.machine.engine_boxes()
    assert after["web"].id == before["web"].id
    new = place.store.get("token")
    assert new != "old value"
    assert place.envs() == {"api": new, "worker": new, "web": ""}
    assert place.store.stages("token") == {"v2": "current", "v1": "previous"}
    assert place.journal.kept is None
    assert not place.marked()
    assert "nothing to change" in place.deploy()


def test_the_narrowed_plan_is_shown_first_and_a_no_does_nothing(place: Place) -> None:
    place.greeting = "good evening"
    report = place.rotate(yes=False)
    assert (report.exit, report.confirmed) == (Exit.YES, False)
    text = str(place.shown[0])
    assert text.startswith(
        "rotate token in prod: v1 -> v2\n"
        "  create    v2, stored as pending before anything else knows it\n"
        "  deliver   api, worker\n"
        "  finish    v2 is current, v1 previous: one write of the store\n"
    )
    assert "recreate  api      env: TOKEN changed" in text
    assert "pending   web: recreate (env: GREETING changed)" in text
    assert place.store.stages("token") == {"v1": "current"}
    assert place.journal.kept is None
    assert not place.marked()


def test_both_runs_are_in_the_audit_without_a_value(place: Place) -> None:
    place.rotate()
    start, end = place.machine.audit()[-2:]
    assert (start["what"], end["outcome"]) == ("rotate secret token v1 -> v2", "ok")
    text = json.dumps(place.machine.audit())
    assert place.store.get("token") not in text
    assert "old value" not in text


def unhealthy(name: str, value: Callable[[], str]) -> Callable[[Box], None]:
    """The container of a service is unhealthy with any value but one."""

    def age(box: Box) -> None:
        if box.service == name and box.env.get("TOKEN") != value():
            box.health = "unhealthy"

    return age


def aging(place: Place, age: Callable[[Box], None], monkey: pytest.MonkeyPatch) -> None:
    """Every engine that the machine gives from now on shows boxes so aged."""
    connect = place.machine.connect

    def aged() -> object:
        connection = connect()
        connection.engine.age = age
        return connection

    monkey.setattr(place.machine, "connect", aged)


def test_a_consumer_that_does_not_get_well_gets_the_old_value_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    aging(place, unhealthy("api", lambda: "old value"), monkeypatch)
    report = place.rotate()
    assert report.exit is Exit.FAILED
    assert report.error
    assert "v1 was put back everywhere, v2 is kept as failed" in str(report.error)
    assert place.envs()["api"] == "old value"
    assert place.store.stages("token") == {"v2": "failed", "v1": "current"}
    assert place.journal.kept is None
    assert not place.marked()
    assert place.machine.audit()[-1]["outcome"] == "failed"


def test_a_sick_consumer_is_no_ground_to_begin_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    aging(place, unhealthy("api", lambda: "neither"), monkeypatch)
    with pytest.raises(Refused, match="api is not healthy") as caught:
        place.rotate()
    assert caught.value.hint == "opsctl why api"
    assert place.store.stages("token") == {"v1": "current"}


class Cut:
    """The connection is lost from the first command with this label on."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.lost = False

    def __call__(self, command: Command) -> None:
        self.lost = self.lost or command.label.startswith(self.label)
        if self.lost:
            raise ConnectFailed("the connection is lost", where="web")


def cut(place: Place, label: str, monkey: pytest.MonkeyPatch) -> None:
    connect = place.machine.connect

    def doomed() -> object:
        connection = connect()
        connection.shell.before = Cut(label)
        return connection

    monkey.setattr(place.machine, "connect", doomed)


def test_cut_off_in_the_middle_it_is_open_refuses_deploys_and_ends_either_way(place: Place) -> None:
    for way, current in (("resume", "v2"), ("abort", "v2")):
        with pytest.MonkeyPatch.context() as monkey:
            cut(place, "docker compose up", monkey)
            report = place.rotate()
        assert report.exit is Exit.FAILED
        assert "the rotation of token is open: opsctl rotate-secret token --resume" in str(report.error)
        assert place.marked()
        assert place.journal.kept is not None
        place.greeting = f"{way} me"
        told = place.deploy()
        assert "refused   token is half-rotated" in told
        assert "would touch api, worker" in told
        with pytest.raises(Refused, match="a rotation of token is open"):
            place.rotate()
        ended = place.rotate(way)  # type: ignore[arg-type]  # one of Way
        assert ended.exit is Exit.YES
        assert place.store.file.secrets["token"].current == current
        assert set(place.envs().values()) == {place.store.get("token"), ""}
        assert not place.marked()


def test_another_checkout_is_told_whose_rotation_is_open_and_can_put_the_old_value_back(place: Place) -> None:
    with pytest.MonkeyPatch.context() as monkey:
        cut(place, "docker compose up", monkey)
        place.rotate()
    elsewhere = Place(place.machine)
    elsewhere.store.put("token", "old value")
    assert "token is half-rotated (by ann@desk" in elsewhere.deploy()
    with pytest.raises(Refused, match=r"v1 -> v2, begun .* by ann@desk"):
        elsewhere.rotate()
    with pytest.raises(Refused, match="the new value of token is not in this store") as caught:
        elsewhere.rotate("resume")
    assert "take the store's file from desk" in caught.value.hint
    assert elsewhere.rotate("abort").end == "put back"
    assert set(elsewhere.envs().values()) == {"old value", ""}
    assert not elsewhere.marked()


def test_a_store_that_moved_on_while_the_lease_was_waited_for_is_read_again(place: Place) -> None:
    """Another run gives the rotation up between this one's first look at the store and its lease."""
    with pytest.MonkeyPatch.context() as monkey:
        cut(place, "docker compose up", monkey)
        place.rotate()
    connect = place.machine.connect

    def waited_for() -> object:
        if place.store.file.secrets["token"].pending:
            moved = failed(place.store.file.secrets["token"], now=9.0)
            place.store.file = place.store.file.model_copy(update={"secrets": {"token": moved}})
        return connect()

    with pytest.MonkeyPatch.context() as monkey:
        monkey.setattr(place.machine, "connect", waited_for)
        report = place.rotate("resume")
    assert report.end == "put back"
    assert place.store.stages("token") == {"v2": "failed", "v1": "current"}
    assert place.store.get("token") == "old value"
    assert not place.marked()


def test_what_ended_elsewhere_is_refused_and_then_given_up(place: Place) -> None:
    with pytest.MonkeyPatch.context() as monkey:
        cut(place, "docker compose up", monkey)
        place.rotate()
    elsewhere = Place(place.machine)
    elsewhere.store.put("token", "old value")
    assert elsewhere.rotate("abort").end == "put back"
    with pytest.raises(Refused, match="was ended from elsewhere") as caught:
        place.rotate("resume")
    assert "git pull" in caught.value.hint
    calls = len(ups(place))
    assert place.rotate("abort").end == "put back"
    assert len(ups(place)) == calls
    assert place.store.stages("token") == {"v2": "failed", "v1": "current"}
    assert place.journal.kept is None


def test_rollback_makes_the_value_before_current_under_a_new_version(place: Place) -> None:
    place.rotate()
    report = place.rotate("rollback")
    assert report.end == "done"
    assert place.store.get("token") == "old value"
    assert place.envs()["api"] == "old value"
    secret = place.store.file.secrets["token"]
    assert secret.current == "v3"
    assert secret.versions["v3"].note == "rolled back to v1"


def test_a_value_that_somebody_knows_who_left_is_not_rolled_back_to(place: Place) -> None:
    place.store.file = marked_due(place.store.file, ["token"], "ben left", 2.0)
    place.rotate()
    with pytest.raises(Refused, match="v1 of token is known to somebody who left"):
        place.rotate("rollback")


def test_nothing_open_is_told_so(place: Place) -> None:
    assert place.rotate("resume").end == "nothing was begun"
    assert place.rotate("abort").end == "nothing was begun"
    with pytest.raises(Refused, match="no earlier value"):
        place.rotate("rollback")


def test_a_key_that_encrypts_data_is_refused_with_its_runbook_whatever_its_class(place: Place) -> None:
    place.env_keys = frozenset({"N8N_ENCRYPTION_KEY"})
    with pytest.raises(Refused, match="replacing it loses what it encrypts") as caught:
        place.rotate()
    assert "\n  1. " in caught.value.hint
    assert place.store.stages("token") == {"v1": "current"}


def test_a_secret_that_a_missing_service_keeps_is_refused(place: Place) -> None:
    place.store.put("token", "old value", **{"class": "database", "target": {"service": "db", "role": "app"}})
    with pytest.raises(Refused, match="no host runs the service db that keeps token"):
        place.rotate()


def test_an_unused_secret_is_rotated_in_the_store_alone(place: Place) -> None:
    place.store.put("spare", "x")
    calls = len(place.machine.calls())
    report = place.rotate(name="spare")
    assert report.end == "done"
    assert "deliver   nobody uses it" in str(place.shown[0])
    assert len(place.machine.calls()) == calls
    assert place.store.stages("spare")["v2"] == "current"


def test_a_secret_without_a_value_is_refused_with_the_line_that_sets_it(place: Place) -> None:
    place.store.file = place.store.file.model_copy(update={"secrets": {"token": Secret()}})
    place.store.values.clear()
    with pytest.raises(Refused, match="token has no value yet") as caught:
        place.rotate()
    assert caught.value.hint == "opsctl secrets set token"
