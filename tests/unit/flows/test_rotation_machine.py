"""A rotation killed, cut off or failing at any effect, gone on with or given up: it always ends with one working value.

The systems are fakes that take the values they were told; the protocol, the decisions and the store's edits are the real
ones. Killed is a BaseException, as a SIGKILL is: nothing of opsctl runs after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.effort import tries
from tests.fakes.edges import FakeClock

from opsctl.errors import ConnectFailed, HealthFailed, OpsctlError, Refused
from opsctl.flows.rotation import protocol
from opsctl.flows.rotation.protocol import Rotation
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets import versions
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.journal import Line, Opened
from opsctl.secrets.rotating import Signs, onward
from opsctl.secrets.versions import Edit

NAME = "db_password"
Kind = Literal["one role", "two roles", "two passwords", "none"]


class Killed(BaseException):
    """SIGKILL of the run."""


@dataclass
class Fate:
    """What happens at effect number `at` (counted from 1) of a run: before it or after it."""

    at: int = 0
    how: Literal["none", "killed before", "killed after", "cut off", "fails"] = "none"
    seen: int = 0

    def meet(self, effect: Callable[[], None], *, remote: bool = True, may_fail: bool = True) -> None:
        self.seen += 1
        hit = self.seen == self.at
        if remote and self.how == "cut off" and self.seen >= self.at:
            raise ConnectFailed("the connection is lost", where="web")
        if hit and self.how == "killed before":
            raise Killed
        if hit and self.how == "fails" and may_fail:
            raise HealthFailed("it fails", where="web")
        effect()
        if hit and self.how == "killed after":
            raise Killed


@dataclass
class World:
    """The store's file, what the system takes, what the consumers have, the marks and the journal: all that outlives a run."""

    kind: Kind
    file: StoreFile
    values: dict[tuple[str, str], str]
    accepts: set[tuple[str, str]] = field(default_factory=set)
    """(login, value) pairs."""
    consumers: dict[str, str] = field(default_factory=dict)
    opened: Opened | None = None
    lines: list[Line] = field(default_factory=list)
    mark: Opened | None = None
    fate: Fate = field(default_factory=Fate)
    made: int = 0

    @property
    def marked(self) -> bool:
        return self.mark is not None

    @property
    def signs(self) -> Signs:
        told = any(line.step == "mark" for line in self.lines)
        return Signs(self.opened, self.mark, told=told and self.opened is not None)

    # The store.

    def describe(self) -> StoreFile:
        return self.file

    def value(self, name: str, version: str = "") -> str:
        return self.values[name, version or self.file.secrets[name].current]

    def get(self, name: str) -> str:
        return self.value(name)

    def login(self, name: str) -> str:
        secret = self.file.secrets[name]
        return secret.versions[secret.current].login

    def names(self) -> frozenset[str]:
        return frozenset(self.file.secrets)

    def change(self, edit: Callable[[StoreFile], Edit]) -> StoreFile:
        done = edit(self.file)

        def store() -> None:
            self.file = done.file
            self.values |= done.values

        self.fate.meet(store, remote=False, may_fail=False)
        return self.file


@dataclass
class FakeJournal:
    world: World

    def opened(self) -> Opened | None:
        return self.world.opened

    def lines(self) -> list[Line]:
        return self.world.lines

    def begin(self, opened: Opened) -> None:
        def effect() -> None:
            self.world.opened, self.world.lines = opened, []

        self.world.fate.meet(effect, remote=False, may_fail=False)

    def write(self, line: Line) -> None:
        self.world.fate.meet(lambda: self.world.lines.append(line), remote=False, may_fail=False)

    def close(self) -> None:
        def effect() -> None:
            self.world.opened = None

        self.world.fate.meet(effect, remote=False, may_fail=False)


@dataclass
class FakeDriver:
    """`one role`: setting a password forgets the other; `two passwords`: both work until finish; `two roles`: alternate."""

    world: World
    steps: tuple[str, str, str] = ("tell it", "ask it", "end the other")

    @property
    def system(self) -> str:
        return "" if self.world.kind == "none" else f"a system of the kind {self.world.kind}"

    @property
    def overlaps(self) -> bool:
        return self.world.kind in {"two roles", "two passwords"}

    def check(self) -> None:
        return

    def create(self, secret: Secret, version: str) -> Candidate:
        self.world.made += 1
        current = secret.versions[secret.current]
        login = "app"
        if self.world.kind == "two roles":
            login = "app_b" if current.login == "app_a" else "app_a"
        return Candidate(version, f"value {self.world.made}", login)

    def set(self, value: Candidate) -> None:
        def effect() -> None:
            if self.world.kind != "two passwords":
                self.world.accepts = {one for one in self.world.accepts if one[0] != value.login}
            self.world.accepts.add((value.login, value.value))

        self.world.fate.meet(effect)

    def test(self, value: Candidate) -> bool:
        if self.world.fate.how == "cut off" and self.world.fate.seen >= self.world.fate.at:
            raise ConnectFailed("the connection is lost", where="web")
        return (value.login, value.value) in self.world.accepts

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:
        def effect() -> None:
            if self.world.kind == "two passwords":
                self.world.accepts = {(keep.login, keep.value)}
            elif self.world.kind == "two roles":
                self.world.accepts = {one for one in self.world.accepts if one[0] == keep.login}

        self.world.fate.meet(effect)


def new_world(kind: Kind) -> World:
    login = {"two roles": "app_a", "none": "app"}.get(kind, "app")
    first = Version(stage="current", created=1.0, by="ann", login=login)
    world = World(kind, StoreFile(secrets={NAME: Secret(versions={"v1": first})}), {(NAME, "v1"): "value 0"})
    world.accepts = {(login, "value 0")} if kind != "none" else set()
    world.consumers = dict.fromkeys(("api", "worker"), "value 0")
    return world


def rotation(world: World, opened: Opened, *, may_withdraw: bool = True) -> Rotation:
    def deliver(value: Candidate) -> None:
        for consumer in world.consumers:
            world.fate.meet(lambda consumer=consumer: world.consumers.__setitem__(consumer, value.value))  # type: ignore[misc]

    def mark() -> None:
        world.mark = opened

    def unmark() -> None:
        if world.mark and world.mark.id == opened.id:
            world.mark = None

    return Rotation(
        opened=opened,
        now=2.0,
        run="r",
        by="ann",
        store=world,
        driver=FakeDriver(world),
        journal=FakeJournal(world),
        clock=FakeClock(),
        deliver=deliver,
        mark=lambda: world.fate.meet(mark),
        unmark=lambda: world.fate.meet(unmark),
        wrong=lambda value: Candidate("", "wrong", value.login),
        may_withdraw=lambda: may_withdraw,
        tell=lambda _kind, _step, _detail: None,
    )


def stored(world: World, version: str) -> Candidate:
    return Candidate(version, world.value(NAME, version), world.file.secrets[NAME].versions[version].login)


def begin(world: World, *, may_withdraw: bool = True) -> None:
    secret = world.file.secrets[NAME]
    old = stored(world, secret.current)
    new = FakeDriver(world).create(secret, secret.next_id)
    opened = Opened("1", NAME, old.version, new.version, "now", "ann", "desk")
    protocol.begin(rotation(world, opened, may_withdraw=may_withdraw), new, old)


def end(world: World, way: Literal["resume", "abort"]) -> None:
    secret = world.file.secrets[NAME]
    ahead = onward(secret, world.signs, way)
    old, new = stored(world, ahead.before), stored(world, ahead.after) if ahead.after else None
    after = new.version if new else "v0"
    opened = world.opened or world.mark or Opened("2", NAME, old.version, after, "now", "ann", "desk")
    course = rotation(world, opened)
    if ahead.act == "tidy":
        protocol.tidied(course, "nothing was begun")
    elif ahead.act == "put back":
        protocol.put_back(course, old, new)
    elif ahead.act == "give up":
        protocol.give_up(course)
    else:
        assert new, ahead
        (protocol.ensure if ahead.act == "ensure" else protocol.go_on)(course, new, old)


def run(world: World, fate: Fate, act: Callable[[], None]) -> bool:
    """Whether it came to its end without being killed, cut off or failing."""
    world.fate = fate
    try:
        act()
    except (Killed, OpsctlError):
        return False
    finally:
        world.fate = Fate()
    return True


def settled(world: World) -> str:
    """The one value in force, after checking that it is the only one, everywhere; also its version."""
    secret = world.file.secrets[NAME]
    value, login = world.value(NAME), secret.versions[secret.current].login
    assert not secret.pending
    assert world.accepts == (set() if world.kind == "none" else {(login, value)})
    assert set(world.consumers.values()) == {value}
    assert world.opened is None
    assert not world.marked
    return secret.current


KINDS: tuple[Kind, ...] = ("one role", "two roles", "two passwords", "none")


def effects(kind: Kind) -> int:
    """How many effects a whole rotation has."""
    world = new_world(kind)
    world.fate = Fate()
    begin(world)
    return world.fate.seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_rotation_ends_with_the_new_value_alone(kind: Kind) -> None:
    world = new_world(kind)
    begin(world)
    assert settled(world) == "v2"
    assert [line.step for line in world.lines] == [
        "create",
        "mark",
        *(["set", "test"] if kind != "none" else []),
        "deliver",
        "finish",
        "retire",
    ]
    assert world.file.secrets[NAME].versions["v1"].stage == "previous"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["killed before", "killed after", "cut off"])
@pytest.mark.parametrize("way", ["resume", "abort"])
def test_stopped_at_any_effect_it_ends_either_way(
    kind: Kind,
    how: Literal["killed before", "killed after", "cut off"],
    way: Literal["resume", "abort"],
) -> None:
    count = effects(kind)
    assert count > 8
    for at in range(1, count + 1):
        world = new_world(kind)
        run(world, Fate(at, how), lambda world=world: begin(world))  # type: ignore[misc]
        open_still = world.opened is not None or world.file.secrets[NAME].pending or world.marked
        end(world, way)
        current = settled(world)
        stages = {one: version.stage for one, version in world.file.secrets[NAME].versions.items()}
        if way == "abort" and open_still:
            assert current == "v1", (at, stages)
        if way == "resume" and "v2" in stages and open_still:
            assert current == "v2", (at, stages)


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_is_put_back_at_once(kind: Kind) -> None:
    world = new_world(kind)
    fails = 0
    for at in range(1, effects(kind) + 1):
        world = new_world(kind)
        if run(world, Fate(at, "fails"), lambda world=world: begin(world)):  # type: ignore[misc]
            assert settled(world) == "v2"
        elif (
            world.file.secrets[NAME].current == "v2"
        ):  # the old value could not be withdrawn, or a mark not removed
            end(world, "resume")
            assert settled(world) == "v2"
        else:
            fails += 1
            assert settled(world) == "v1"
            assert world.file.secrets[NAME].versions["v2"].stage == "failed"
    assert fails >= 3


def test_an_old_value_that_may_not_end_yet_stays_and_the_rotation_with_it() -> None:
    world = new_world("two passwords")
    begin(world, may_withdraw=False)
    assert len(world.accepts) == 2
    assert world.opened is not None
    assert not world.marked
    end(world, "resume")
    assert settled(world) == "v2"


def test_a_system_that_takes_anything_is_refused() -> None:
    world = new_world("one role")
    world.accepts.add(("app", "wrong"))
    with pytest.raises(Refused, match="takes any password"):
        protocol.prove_refusal(
            rotation(world, Opened("1", NAME, "v1", "v2", "now", "ann", "desk")), stored(world, "v1")
        )


def elsewhere(before: str = "v1", after: str = "v2") -> Opened:
    return Opened("9", NAME, before, after, "now", "bob", "laptop")


def test_a_mark_from_another_machine_can_be_put_back_but_not_gone_on_with() -> None:
    world = new_world("two passwords")
    world.accepts.add(("app", "of the other machine"))
    world.mark = elsewhere()
    secret = world.file.secrets[NAME]
    assert onward(secret, world.signs, "resume").act == "not here"
    assert onward(secret, world.signs, "abort").act == "put back"
    end(world, "abort")
    assert settled(world) == "v1"


def test_another_machines_mark_is_not_taken_for_a_version_of_this_store_with_the_same_id() -> None:
    world = new_world("one role")
    begin(world)
    world.mark = elsewhere()
    assert onward(world.file.secrets[NAME], world.signs, "resume").act == "not here"
    assert onward(world.file.secrets[NAME], world.signs, "abort").before == "v2"


def test_a_stale_journal_does_not_outrank_another_machines_mark_nor_remove_it() -> None:
    world = new_world("one role")
    run(world, Fate(2, "killed before"), lambda: begin(world))  # the journal is there, nothing was stored
    assert world.opened
    assert not world.file.secrets[NAME].pending
    world.mark = elsewhere()
    assert onward(world.file.secrets[NAME], world.signs, "resume").act == "not here"
    protocol.tidied(rotation(world, world.opened), "nothing was begun")
    assert world.mark == elsewhere()


def test_two_open_rotations_are_refused_while_this_store_holds_one_of_them() -> None:
    world = new_world("one role")
    run(world, Fate(4, "killed before"), lambda: begin(world))
    assert world.file.secrets[NAME].pending
    world.mark = elsewhere()
    for way in ("resume", "abort"):
        with pytest.raises(Refused, match="two rotations are open, v1 -> v2, begun now by ann@desk, and"):
            onward(world.file.secrets[NAME], world.signs, way)


def test_what_was_ended_from_elsewhere_is_not_gone_on_with_and_is_given_up_in_the_store_alone() -> None:
    world = new_world("one role")
    assert not run(world, Fate(10, "killed before"), lambda: begin(world))
    assert world.signs.told
    assert world.file.secrets[NAME].pending
    world.mark, world.accepts = None, {("app", "what the other one has set")}
    assert onward(world.file.secrets[NAME], world.signs, "resume").act == "over"
    end(world, "abort")
    assert world.accepts == {("app", "what the other one has set")}
    assert world.file.secrets[NAME].versions["v2"].stage == "failed"
    assert world.opened is None


def test_a_store_that_was_put_back_meanwhile_gets_the_new_value_again() -> None:
    """As `git checkout` of its file does in the minutes of a delivery."""
    world = new_world("one role")
    before = world.file
    old = stored(world, "v1")
    new = FakeDriver(world).create(before.secrets[NAME], "v2")
    course = rotation(world, Opened("1", NAME, "v1", "v2", "now", "ann", "desk"))
    deliver = course.deliver

    def and_then_git(value: Candidate) -> None:
        deliver(value)
        world.file = before
        world.values.pop((NAME, "v2"), None)

    protocol.begin(replace(course, deliver=and_then_git), new, old)
    assert settled(world) == "v2"


def test_a_store_that_went_another_way_meanwhile_is_not_said_to_be_done() -> None:
    world = new_world("two passwords")
    before = world.file
    old = stored(world, "v1")
    new = FakeDriver(world).create(before.secrets[NAME], "v2")
    course = rotation(world, Opened("1", NAME, "v1", "v2", "now", "ann", "desk"))
    deliver = course.deliver

    def and_then_somebody(value: Candidate) -> None:
        deliver(value)
        moved, version = versions.with_value(before.secrets[NAME], now=3.0, by="bob")
        world.file = before.model_copy(update={"secrets": {NAME: moved}})
        world.values[NAME, version] = "bob's"

    # Its id is taken by another value: nothing of ours may be called current.
    with pytest.raises(Refused, match="the store holds another v2"):
        protocol.begin(replace(course, deliver=and_then_somebody), new, old)
    assert {value for _login, value in world.accepts} == {old.value, new.value}


class Rotations(RuleBasedStateMachine):
    """Rotations of one secret for years: killed, cut off, failing, gone on with, given up, in any order."""

    kind: Kind = "one role"

    def __init__(self) -> None:
        super().__init__()
        self.world = new_world(self.kind)

    @property
    def open(self) -> bool:
        return bool(self.world.opened or self.world.marked or self.world.file.secrets[NAME].pending)

    fates = st.builds(
        Fate,
        st.integers(1, 20),
        st.sampled_from(["none", "killed before", "killed after", "cut off", "fails"]),
    )

    @precondition(lambda self: not self.open)
    @rule(fate=fates)
    def rotate(self, fate: Fate) -> None:
        run(self.world, fate, lambda: begin(self.world))

    @rule(fate=fates, way=st.sampled_from(["resume", "abort"]))
    def end_it(self, fate: Fate, way: Literal["resume", "abort"]) -> None:
        run(self.world, fate, lambda: end(self.world, way))

    @rule(way=st.sampled_from(["resume", "abort"]))
    def end_it_in_peace(self, way: Literal["resume", "abort"]) -> None:
        before = self.world.file.secrets[NAME]
        end(self.world, way)
        current = settled(self.world)
        if before.pending:
            assert current == (before.pending if way == "resume" else before.current)

    @invariant()
    def whatever_works_is_in_the_store(self) -> None:
        known = {value for (name, _version), value in self.world.values.items() if name == NAME}
        assert {value for _login, value in self.world.accepts} <= known
        assert set(self.world.consumers.values()) <= known

    @invariant()
    def somebody_can_still_log_in(self) -> None:
        assert self.world.kind == "none" or self.world.accepts


class OfOneRole(Rotations):
    kind = "one role"


class OfTwoRoles(Rotations):
    kind = "two roles"


class OfTwoPasswords(Rotations):
    kind = "two passwords"


_EFFORT = settings(tries(50), stateful_step_count=25)
TestOneRole = OfOneRole.TestCase
TestTwoRoles = OfTwoRoles.TestCase
TestTwoPasswords = OfTwoPasswords.TestCase
TestOneRole.settings = TestTwoRoles.settings = TestTwoPasswords.settings = _EFFORT
