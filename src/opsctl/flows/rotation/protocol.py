"""The steps of one rotation. Each can be repeated, so that a run which was killed is gone on with by doing it again:
what a system accepts is asked, what a consumer has is looked at, and the store's stages say which value shall be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from opsctl.edges.ports import Clock, Journal, VersionedStore
from opsctl.errors import (
    ConnectFailed,
    HostErrors,
    Interrupted,
    LeaseLost,
    OperationFailed,
    OpsctlError,
    Refused,
)
from opsctl.flows.rotation.drivers.contract import Driver
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.journal import JournalStep, Line, Opened
from opsctl.secrets.rotating import finishing, giving_up, moving, storing
from opsctl.secrets.versions import require_secret

End = Literal["done", "not yet withdrawn", "put back", "nothing was begun"]

_CUT_OFF = (ConnectFailed, LeaseLost, Interrupted)
"""After these nothing can be put back from here."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One secret on its way, with the doors it needs.

    `deliver` gives the consumers a value and returns once they are healthy with it; `mark` and `unmark` tell the hosts;
    `now`, in seconds since the epoch, is the moment that the store gives to what this run moves, and that the hosts are told;
    `wrong` makes a value that no system may take; `may_withdraw` is asked before the old value is withdrawn.
    """

    opened: Opened
    now: float
    run: str
    by: str
    store: VersionedStore
    driver: Driver
    journal: Journal
    clock: Clock
    deliver: Callable[[Candidate], None]
    mark: Callable[[], None]
    unmark: Callable[[], None]
    wrong: Callable[[Candidate], Candidate]
    may_withdraw: Callable[[], bool]
    tell: Callable[[Literal["step", "step_done"], str, str], None]

    @property
    def name(self) -> str:
        return self.opened.secret

    @contextmanager
    def step(self, name: JournalStep, detail: str = "") -> Iterator[None]:
        """What is done inside is in the journal once it is done."""
        self.tell("step", name, detail)
        yield
        self.journal.write(Line(name, self.clock.now(), self.run))
        self.tell("step_done", name, detail)


def begin(rotation: Rotation, new: Candidate, old: Candidate, *, note: str = "") -> End:
    """From nothing to the end: `new` is stored as pending before any system knows it.

    Raises OperationFailed where it failed and the old value is in force again, or where that failed too; which of both its
    message says.
    """
    rotation.journal.begin(rotation.opened)
    with rotation.step("create", new.version):
        try:
            rotation.store.change(storing(new, rotation.name, now=rotation.now, by=rotation.by, note=note))
        except OpsctlError:
            rotation.journal.close()
            raise
    return go_on(rotation, new, old)


def go_on(rotation: Rotation, new: Candidate, old: Candidate) -> End:
    """From a stored pending version to the end; as `begin`."""
    try:
        with rotation.step("mark"):
            rotation.mark()
        _take(rotation, new)
        _deliver(rotation, new)
    except OpsctlError as error:
        raise _after_failure(rotation, new, old, error) from None
    with rotation.step("finish", f"{new.version} is current"):
        _require_own(rotation, new)
        rotation.store.change(finishing(new, rotation.name, now=rotation.now, by=rotation.by))
    return withdraw(rotation, new, old)


def ensure(rotation: Rotation, new: Candidate, old: Candidate) -> End:
    """For a rotation whose new value is current already: that it is in force everywhere, then the end."""
    _take(rotation, new)
    _deliver(rotation, new)
    return withdraw(rotation, new, old)


def withdraw(rotation: Rotation, new: Candidate, old: Candidate) -> End:
    """The old value ends, unless its grace is not over or nobody says that it may. The rotation stays open then.

    The new one is in force everywhere by now, so nobody needs to be kept from its consumers while a person is asked.
    """
    rotation.unmark()
    if not _grace_is_over(rotation, old) or not rotation.may_withdraw():
        return "not yet withdrawn"
    with rotation.step("retire", f"{old.version} is withdrawn"):
        rotation.driver.finish(new, old)
    rotation.journal.close()
    return "done"


def put_back(rotation: Rotation, old: Candidate, new: Candidate | None) -> End:
    """The old value is in force everywhere again, and the new one nowhere. `new`: None where this store never had it.

    A system that only a person can tell anything takes what it takes: were its yes to the old value needed, a mistyped new one
    could not be given up once the old one was revoked.
    """
    with rotation.step("mark"):
        rotation.mark()
    if rotation.driver.steps[0]:
        _take(rotation, old)
    _deliver(rotation, old)
    with rotation.step("put back", f"{old.version} is in force"):
        rotation.driver.finish(old, new)
        _give_up(rotation)
    return tidied(rotation, "put back")


def give_up(rotation: Rotation) -> End:
    """For a rotation that was ended from elsewhere: only this store still holds its new value, as failed from now on."""
    _give_up(rotation)
    return tidied(rotation, "put back")


def tidied(rotation: Rotation, end: End) -> End:
    """Nothing says any more that the rotation is open, which is its end."""
    rotation.unmark()
    rotation.journal.close()
    return end


def prove_refusal(rotation: Rotation, value: Candidate) -> None:
    """That the system refuses a wrong value, for otherwise its yes to a right one says nothing. Raises Refused."""
    if rotation.driver.system and rotation.driver.test(rotation.wrong(value)):
        what, hint = (
            "password",
            "see which lines of pg_hba.conf say trust, or whether the Redis user is nopass",
        )
        if not rotation.driver.steps[0]:
            what, hint = "key", "target.url must be one that only a valid key may read"
        raise Refused(
            f"{rotation.driver.system} takes any {what}, so that no test can tell a right one", hint=hint
        )


def _take(rotation: Rotation, value: Candidate) -> None:
    """The system takes the value, as it was asked; what takes it already is not told again."""
    driver = rotation.driver
    if not driver.system:
        return
    with rotation.step("set", driver.system):
        if not driver.test(value):
            driver.set(value)
    with rotation.step("test", driver.system):
        prove_refusal(rotation, value)
        if not driver.test(value):
            raise OperationFailed(
                f"{driver.system} does not take {value.version}",
                hint="does something else set it too, such as an init script or an operator?"
                if driver.steps[0]
                else "was it pasted whole, and is it active there already?",
            )


def _deliver(rotation: Rotation, value: Candidate) -> None:
    with rotation.step("deliver", value.version):
        rotation.deliver(value)


def _require_own(rotation: Rotation, new: Candidate) -> None:
    """That the store's version of this id, if it has one, is the value that is in force now. Raises Refused."""
    versions = require_secret(rotation.store.describe(), rotation.name).versions
    if new.version in versions and rotation.store.value(rotation.name, new.version) != new.value:
        raise Refused(
            f"the store holds another {new.version} of {rotation.name} than the systems have by now",
            hint="was its file replaced, by git for instance? Put the one back that has it, then --resume; or --abort",
        )


def _give_up(rotation: Rotation) -> None:
    move = giving_up(rotation.opened, now=rotation.now)
    rotation.store.change(moving(rotation.name, move))


def _grace_is_over(rotation: Rotation, old: Candidate) -> bool:
    secret = require_secret(rotation.store.describe(), rotation.name)
    version = secret.versions.get(old.version)
    retired = version.retired if version and version.retired is not None else 0.0
    grace = secret.grace if rotation.driver.overlaps else 0.0
    return rotation.clock.now() >= retired + grace


def _after_failure(rotation: Rotation, new: Candidate, old: Candidate, error: OpsctlError) -> OpsctlError:
    """Put the old value back, where that can be done from here, and say how it ended."""
    if _cut_off(error):
        return error
    try:
        put_back(rotation, old, new)
    except OpsctlError as second:
        return OperationFailed(
            f"{error.message}; putting {old.version} back failed too: {second.message}",
            where=error.where,
            evidence=(*_evidence(error), *_evidence(second)),
        )
    return OperationFailed(
        f"{error.message}; {old.version} was put back everywhere, {new.version} is kept as failed",
        where=error.where,
        evidence=_evidence(error),
        hint=error.hint,
    )


def _cut_off(error: OpsctlError) -> bool:
    if isinstance(error, HostErrors):
        return any(_cut_off(one) for one in error.by_host.values())
    return isinstance(error, _CUT_OFF)


def _evidence(error: OpsctlError) -> tuple[str, ...]:
    if not isinstance(error, HostErrors):
        return error.evidence
    return tuple(
        text for one in error.by_host.values() for text in (f"{one.where}: {one.message}", *one.evidence)
    )
