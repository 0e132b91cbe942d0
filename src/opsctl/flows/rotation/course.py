"""One way with one secret, under the leases of its hosts: from where it stands to the protocol that fits."""

from __future__ import annotations

import contextlib
import os
import secrets as chance
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from opsctl.argv import marks
from opsctl.errors import Interrupted, OpsctlError, Refused
from opsctl.flows.audit_records import end_record, start_record
from opsctl.flows.planning import no_policy
from opsctl.flows.rotation import protocol
from opsctl.flows.rotation.delivery import Delivery, require_unrefused
from opsctl.flows.rotation.drivers import registry
from opsctl.flows.rotation.drivers.contract import Driver, Means
from opsctl.flows.rotation.failing import of_a_change, told_open
from opsctl.flows.rotation.plans import RotationPlan, RotationReport, Way
from opsctl.flows.rotation.ports import Ports
from opsctl.flows.rotation.protocol import End, Rotation
from opsctl.flows.site import Site, tell
from opsctl.flows.world import World
from opsctl.model.secrets import Secret, moment_text
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.journal import Opened, opened_text, read_opened
from opsctl.secrets.rotating import Onward, Signs, onward
from opsctl.state.observed import Observed

Confirm = Callable[[RotationPlan], bool]
"""Shows the plan and asks. False: nothing is done."""


@dataclass(slots=True)
class Course:
    """`sites` are the leased hosts by name, `consumers` the services that use the secret, `observed` one look at each host."""

    world: World
    ports: Ports
    secret: Secret
    name: str
    way: Way
    sites: Mapping[str, Site]
    consumers: tuple[str, ...]
    observed: Mapping[str, Observed]
    began: float
    """On the monotonic clock: when the run began."""
    _known: tuple[Candidate, ...] = field(default=(), init=False)
    _driver: Driver = field(init=False)
    _delivery: Delivery = field(init=False)

    def __post_init__(self) -> None:
        system = registry.system_service(self.secret)
        means = Means(
            name=self.name,
            target=self.secret.target,
            world=self.world,
            site=next((one for one in self.sites.values() if system and system in one.host.services), None),
            chance=self.ports.chance,
            paste=self.ports.paste,
            known=lambda: self._known,
        )
        self._driver = self.ports.driver(means, self.secret)
        now = self.world.clock.now()
        self._delivery = Delivery(self.world, self.name, self.consumers, self.sites, self.ports.render, now)

    def run(self, opened: Opened | None, confirm: Confirm) -> RotationReport:
        """`opened` is what the journal says of a rotation that is open."""
        told = any(line.step == "mark" for line in self.ports.journal(self.name).lines())
        signs = Signs(opened, self._marked(), told)
        if self.way in {"resume", "abort"}:
            return self._on_with(signs, confirm)
        if signs.mark:
            raise Refused(
                f"a rotation of {self.name} is open: {signs.mark}",
                hint=f"`--resume` where its new value is ({signs.mark.machine}), or `--abort` puts {signs.mark.before} back",
            )
        return self._afresh(confirm)

    def _afresh(self, confirm: Confirm) -> RotationReport:
        old = self._stored(self.secret.current)
        self._known = (old,)
        self._driver.check()
        new, note = self._new(old)
        self._known = (old, new)
        rotation = self._rotation(self._opening(old, new))
        protocol.prove_refusal(rotation, old)
        plan = self._plan(old, new, deliver=new)
        require_unrefused(plan.deploy)
        self._require_healthy()
        return self._carried_out(
            plan, confirm, rotation, lambda: protocol.begin(rotation, new, old, note=note)
        )

    def _on_with(self, signs: Signs, confirm: Confirm) -> RotationReport:
        ahead = onward(self.secret, signs, "abort" if self.way == "abort" else "resume")
        old, new = self._stored(ahead.before), self._stored(ahead.after) if ahead.after else None
        self._known = (old, new) if new else (old,)
        opened = signs.mark if ahead.situation == "elsewhere" else signs.journal or signs.mark
        rotation = self._rotation(opened or self._opening(old, new or old))
        if ahead.act == "give up" and new and self._in_force(old, new):
            ahead = replace(ahead, act="put back")
        match ahead.act, new:
            case "tidy", _ if opened is None and not self._bears_a_mark:
                return RotationReport(self.name, end="nothing was begun")
            case "tidy", _:
                given_up = ahead.situation == "given up"
                return self._carried_out(
                    self._only_marks(rotation.opened),
                    confirm,
                    rotation,
                    lambda: protocol.tidied(rotation, "put back" if given_up else "nothing was begun"),
                )
            case "put back", _:
                other = new or Candidate(rotation.opened.after, "")
                kept = "" if new else f"{old.version} stays current; {other.version} was never in this store"
                plan = self._plan(old, other, deliver=old, kept=kept)
                return self._carried_out(
                    plan, confirm, rotation, lambda: protocol.put_back(rotation, old, new)
                )
            case "give up", _:
                plan = self._only_marks(rotation.opened)
                return self._carried_out(plan, confirm, rotation, lambda: protocol.give_up(rotation))
            case ("go on" | "ensure") as act, Candidate() as there:
                go = protocol.ensure if act == "ensure" else protocol.go_on
                kept = f"{there.version} is current already" if act == "ensure" else ""
                plan = self._plan(old, there, deliver=there, kept=kept)
                return self._carried_out(plan, confirm, rotation, lambda: go(rotation, there, old))
        raise self._no_way_on(ahead, rotation.opened)

    def _no_way_on(self, ahead: Onward, opened: Opened) -> Refused:
        if ahead.act == "over":
            return Refused(
                f"the rotation of {self.name} was ended from elsewhere: no host bears its mark any more",
                hint="take the store's file from there (git pull); `--abort` gives up the new value of this one",
            )
        return Refused(
            f"the new value of {self.name} is not in this store: {opened}",
            hint=f"take the store's file from {opened.machine}, or put {ahead.before} back with --abort",
        )

    def _in_force(self, old: Candidate, new: Candidate) -> bool:
        """Whether the system takes the new value of a rotation whose marks are gone, and the old one no more."""
        driver = self._driver
        return bool(driver.steps[0]) and driver.test(new) and not driver.test(old)

    def _carried_out(
        self, plan: RotationPlan, confirm: Confirm, rotation: Rotation, go: Callable[[], End]
    ) -> RotationReport:
        """Ask, record on every host, go, record. What goes wrong is in the report."""
        if not confirm(plan):
            return RotationReport(self.name, plan, confirmed=False)
        began = self.world.clock.monotonic()
        end, error = None, None
        try:
            self._record_start(f"{plan.way} secret {self.name} {plan.before} -> {plan.after}")
            end = go()
        except OpsctlError as caught:
            error = of_a_change(caught)
        except KeyboardInterrupt:
            error = Interrupted("interrupted in the middle of a rotation")
        if error and rotation.journal.opened():
            told_open(error, self.name, self.ports)
        seconds = self.world.clock.monotonic() - began
        self._record_end(seconds, error)
        return RotationReport(self.name, plan, end, error, seconds=seconds)

    def _record_start(self, what: str) -> None:
        for site in self.sites.values():
            site.lease.record(start_record(self.world.who, self.world.clock.now(), what))

    def _record_end(self, seconds: float, error: OpsctlError | None) -> None:
        record = end_record(self.world.who, self.world.clock.now(), seconds, error, 0)
        told = {**record, "detail": self.world.redact(str(record["detail"]))}
        for site in self.sites.values():
            with contextlib.suppress(OpsctlError):  # what ended the rotation says more than this
                site.lease.record(told)

    def _new(self, old: Candidate) -> tuple[Candidate, str]:
        """The candidate, and a note that is stored with it."""
        identity = self.secret.next_id
        if self.way == "rotate":
            return self._driver.create(self.secret, identity), ""
        before = self._stored(self.secret.previous)
        if self.secret.knows(before.version):
            raise Refused(
                f"{before.version} of {self.name} is known to somebody who left",
                hint=f"rotate it to a new value instead: opsctl rotate-secret {self.ports.about(self.name)}",
            )
        if before.value == old.value:
            raise Refused(f"{before.version} of {self.name} is the same value as {old.version}")
        return Candidate(identity, before.value, before.login), f"rolled back to {before.version}"

    def _stored(self, version: str) -> Candidate:
        value = self.ports.store.value(self.name, version)
        return Candidate(version, value, self.secret.versions[version].login)

    def _opening(self, old: Candidate, new: Candidate) -> Opened:
        who = self.world.who
        since = moment_text(self.world.clock.now())
        return Opened(os.urandom(4).hex(), self.name, old.version, new.version, since, who.user, who.machine)

    def _plan(self, old: Candidate, new: Candidate, *, deliver: Candidate, kept: str = "") -> RotationPlan:
        judged = self.ports.policy if self.way in {"rotate", "rollback"} else no_policy
        plan = self._delivery.plan(deliver, policy=judged)
        return RotationPlan(
            secret=self.name,
            environment=plan.environment,
            way=self.way,
            before=old.version,
            after=new.version,
            system=self._driver.system,
            steps=self._driver.steps,
            consumers=self.consumers,
            deploy=plan,
            grace=self.secret.grace if self._driver.overlaps else 0.0,
            notes=tuple(self._notes()),
            kept=kept,
            person_withdraws=self._person_withdraws,
        )

    def _only_marks(self, opened: Opened) -> RotationPlan:
        return RotationPlan.of_marks(self.ports.environment, self.way, opened, self._driver.system)

    def _notes(self) -> Iterator[str]:
        driver = self._driver
        if driver.system and not driver.overlaps and self.way != "abort":
            yield "from set until a consumer is made anew, that consumer cannot open new connections; open ones stay"
        if self.secret.expires and self.way == "rotate":
            yield "when the old value expires is forgotten; --policy-only --expires says when the new one does"
        if self._person_withdraws:
            yield f"{driver.system} takes the old value until a person ends it there"

    @property
    def _person_withdraws(self) -> bool:
        """The old value works on, and finish cannot end it."""
        return bool(self._driver.system) and self._driver.overlaps and not self._driver.steps[2]

    def _may_withdraw(self) -> bool:
        return not self._person_withdraws or self.ports.may_withdraw(self.name, self._driver.system)

    def _rotation(self, opened: Opened) -> Rotation:
        world = self.world
        return Rotation(
            opened=opened,
            now=self._delivery.now,
            run=world.who.run,
            by=world.who.user,
            store=self.ports.store,
            driver=self._driver,
            journal=self.ports.journal(self.name),
            clock=world.clock,
            deliver=self._delivery,
            mark=lambda: self._mark(opened),
            unmark=lambda: self._unmark(opened),
            wrong=lambda value: Candidate("", chance.token_hex(16), value.login),
            may_withdraw=self._may_withdraw,
            tell=self._tell,
        )

    def _tell(self, kind: Literal["step", "step_done"], step: str, detail: str) -> None:
        tell(self.world, self.name, kind, began=self.began, subject=f"{step} {detail}".rstrip())

    @property
    def _bears_a_mark(self) -> bool:
        """Whether a host does, readable or torn."""
        return any(self.name in one.rotating for one in self.observed.values())

    def _marked(self) -> Opened | None:
        """What the mark of a host says; the hosts of one rotation say the same."""
        texts = [one.rotating[self.name] for one in self.observed.values() if self.name in one.rotating]
        return next((opened for opened in map(read_opened, texts) if opened), None)

    def _mark(self, opened: Opened) -> None:
        for site in self.sites.values():
            site.run(marks.rotating(site.directory, site.run_id, self.name, opened_text(opened)))

    def _unmark(self, opened: Opened) -> None:
        for site in self.sites.values():
            site.run(marks.rotated(site.directory, site.run_id, self.name, opened.id))

    def _require_healthy(self) -> None:
        """A rotation that begins on a sick consumer could not tell its own failure from that one."""
        for name, observed in self.observed.items():
            sick = [
                one.service
                for one in observed.containers
                if one.service in self.consumers
                and one.project == self.sites[name].host.project
                and (one.health == "unhealthy" or one.state == "restarting")
            ]
            if sick:
                raise Refused(
                    f"{', '.join(sorted(sick))} is not healthy, and a rotation has to tell whether it is afterwards",
                    where=name,
                    hint=f"opsctl why {sick[0]}",
                )
