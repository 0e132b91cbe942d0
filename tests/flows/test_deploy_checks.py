"""The checks at the end of a deploy: which are asked, of whom, while the lease is held, and what the exit code says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.edges import FakeNetwork
from tests.flows.machine import Box, Machine, MachineConnection
from tests.unit.plan.model import host, service

from opsctl.argv.command import Command
from opsctl.checks.catalogue import CHECKS
from opsctl.checks.check import Case, Check
from opsctl.checks.questions import OnHost, Talk, passed, ran
from opsctl.checks.situation import Situation
from opsctl.errors import CommandFailed, ConnectFailed, Exit, LeaseHeld, StoreUnusable
from opsctl.flows.checking.answering import Outside
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.deploy import deploy
from opsctl.flows.leases import leases
from opsctl.flows.reports import EVERYTHING, DeployReport, HostOutcome, Selection
from opsctl.flows.verify import verify_changed
from opsctl.flows.world import World
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import HostsFile
from opsctl.model.stack import StackFile
from opsctl.rules.subject import Subject
from opsctl.state.desired import Desired, DesiredHost
from opsctl.state.observed import Observed

HEALTHY = {"healthcheck": {"test": ["CMD", "true"]}}
FLEET = Fleet(
    Path("/project"),
    HostsFile.model_validate(
        {
            "project": "demo",
            "environments": {"prod": {"hosts": ["web", "other"]}},
            "hosts": {name: {"addresses": ["192.0.2.1"]} for name in ("web", "other")},
        }
    ),
    {},
    {},
)


def stack(word: str = "one", number: str = "1") -> DesiredHost:
    return host(
        service("db", definition=HEALTHY),
        service("api", env={"WORD": word}),
        service("job", env={"N": number}),
    )


class Run:
    """A deploy of the hosts given, each with its machine; `checks` are asked as the command line would."""

    def __init__(self, *placed: tuple[Machine, DesiredHost], checks: Sequence[Check] = CHECKS) -> None:
        self.desired = Desired("prod", tuple(machine.placed(one) for machine, one in placed))
        self.connections = {one.name: machine.connect() for machine, one in placed}
        first = placed[0][0]
        world = first.world()
        self.world = World(self.connections.__getitem__, world.clock, world.redact, world.listen, world.who)
        self.checks = checks
        self.asked = 0
        self.subject = Subject(FLEET, self.desired)

    def __call__(self, selection: Selection = EVERYTHING, *, ask: bool = True) -> DeployReport:
        def check(before: Mapping[str, Observed], changed: Sequence[HostOutcome]) -> VerifyReport:
            self.asked += 1
            outside = Outside(FakeNetwork(), lambda _address: "192.0.2.9")
            return verify_changed(
                self.world,
                self.subject,
                self.checks,
                outside,
                changed=changed,
                before=before,
                selection=selection,
            )

        return deploy(
            self.world, self.desired, selection, confirm=lambda _plan: True, check=check if ask else None
        )


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "web")


def asked(report: DeployReport) -> set[tuple[str, str]]:
    assert report.checks is not None
    return {(one.host, one.service) for one in report.checks.outcomes}


def test_what_was_changed_is_asked_over_the_same_connection(machine: Machine) -> None:
    run = Run((machine, stack()))
    report = run()
    assert report.exit is Exit.YES
    assert asked(report) == {("web", "db"), ("web", "api"), ("web", "job"), ("web", "")}
    assert report.checks is not None
    assert {"deploy" in one.check.tags for one in report.checks.outcomes} == {True}
    assert {one.verdict.result for one in report.checks.outcomes} <= {"pass", "skip"}


def test_where_nothing_changed_nothing_is_asked(machine: Machine) -> None:
    Run((machine, stack()))(ask=False)
    run = Run((machine, stack()))
    report = run()
    assert (run.asked, report.checks, report.exit) == (0, None, Exit.YES)


def test_good_checks_cost_one_look_and_no_patience(machine: Machine) -> None:
    Run((machine, stack()))(ask=False)
    without = Run((machine, stack("two")))
    without(ask=False)
    run = Run((machine, stack("three")))
    report = run()
    assert report.checks is not None
    assert report.checks.seconds == 0.0
    before, after = (dict(one.connections["web"].channels) for one in (without, run))
    assert sum(after.values()) - sum(before.values()) == 1, (before, after)


def test_a_check_that_fails_ends_in_1_after_good_steps(machine: Machine) -> None:
    Run((machine, stack()))(ask=False)
    run = Run((machine, stack("two")))

    def age(box: Box) -> None:
        if box.service == "api":
            box.oom = True

    run.connections["web"].engine.age = age
    report = run()
    assert [one.error for one in report.outcomes] == [None]
    assert report.checks is not None
    assert report.checks.exit is Exit.NO
    assert report.exit is Exit.FAILED


def test_a_check_that_fails_and_is_waived_does_not(machine: Machine) -> None:
    Run((machine, stack()))(ask=False)
    run = Run((machine, stack("two")))
    raw = FLEET.hosts_file.model_dump()
    raw["hosts"]["web"]["stacks"] = ["test"]
    waive = [{"check": "V-CTR-002", "reason": "it eats what it gets", "until": "2099-01-31"}]
    file = StackFile.model_validate({"services": {"api": {"image": "x", "waive": waive}}})
    fleet = replace(FLEET, hosts_file=HostsFile.model_validate(raw), stacks={("prod", "test"): file})
    run.subject = Subject(fleet, run.desired)

    def age(box: Box) -> None:
        if box.service == "api":
            box.oom = True

    run.connections["web"].engine.age = age
    report = run()
    assert report.checks is not None
    found = {one.check.id: one.verdict.result for one in report.checks.outcomes if one.service == "api"}
    assert found["V-CTR-002"] == "waived"
    assert report.exit is Exit.YES


def unanswered(_situation: Situation) -> Any:
    def talk() -> Talk:
        yield from ran(OnHost("nowhere", ("true",)))
        return passed()

    yield Case("web", "api", talk)


def made_check(cases: Any) -> Check:
    return Check(
        "V-TST-001", "t", "low", proves="p", mend="m", source="s", cases=cases, tags=frozenset({"deploy"})
    )


def test_a_check_that_could_not_be_told_is_no_pass(machine: Machine) -> None:
    run = Run((machine, stack()), checks=[made_check(unanswered)])
    connect = run.world.connect

    def some(name: str) -> Any:
        if name == "nowhere":
            raise ConnectFailed("no route", where=name)
        return connect(name)

    run.world = World(some, run.world.clock, run.world.redact, run.world.listen, run.world.who)
    report = run()
    assert report.checks is not None
    assert [one.verdict.result for one in report.checks.outcomes] == ["inconclusive"]
    assert report.exit is Exit.FAILED


def test_it_is_asked_while_the_lease_is_held(machine: Machine) -> None:
    found: list[bool] = []

    def cases(_situation: Situation) -> Any:
        def talk() -> Talk:
            try:
                with leases(machine.world(), run.desired.hosts, 0.0):
                    found.append(False)
            except LeaseHeld:
                found.append(True)
            yield from ()
            return passed()

        yield Case("web", "", talk)

    run = Run((machine, stack()), checks=[made_check(cases)])
    run()
    assert found == [True]


def test_a_narrowed_deploy_is_asked_about_what_it_was_about(machine: Machine) -> None:
    Run((machine, stack()))(ask=False)
    report = Run((machine, stack("two", "2")))(Selection(services=("api",)))
    assert asked(report) == {("web", "api")}
    assert report.exit is Exit.YES


def test_only_the_host_that_was_changed_is_asked_about_and_others_can_be_asked_from(memory: Path) -> None:
    web, other = Machine(memory / "web"), Machine(memory / "other")
    second = replace(host(service("vpn")), name="other")
    Run((web, stack()), (other, second))(ask=False)
    seen: list[tuple[list[str], list[str]]] = []

    def cases(situation: Situation) -> Any:
        seen.append((sorted(situation.hosts), [one.name for one in situation.services()]))
        return iter(())

    run = Run((web, stack("two")), (other, second), checks=[*CHECKS, made_check(cases)])
    report = run()
    assert {name for name, _service in asked(report)} == {"web"}
    assert seen == [(["other", "web"], ["api", "db", "job"])]
    looks = run.connections["other"].shell.ran
    assert looks.count("look at the files") == 1


def test_hosts_that_failed_are_not_asked(machine: Machine) -> None:
    machine.fail(" up ")
    run = Run((machine, stack()))
    report = run()
    assert isinstance(report.outcomes[0].error, CommandFailed)
    assert (run.asked, report.checks) == (0, None)


@pytest.mark.parametrize(
    "error, code", [(KeyboardInterrupt(), Exit.INTERRUPTED), (StoreUnusable("gone"), Exit.FAILED)]
)
def test_what_goes_wrong_while_asking_leaves_the_report_of_the_changes(
    machine: Machine, error: BaseException, code: Exit
) -> None:
    def check(_before: Mapping[str, Observed], _changed: Sequence[HostOutcome]) -> VerifyReport:
        raise error

    desired = Desired("prod", (machine.placed(stack()),))
    report = deploy(machine.world(), desired, confirm=lambda _plan: True, check=check)
    assert report.outcomes[0].error is None
    assert report.checks is not None
    assert list(report.checks.errors) == ["web"]
    assert report.exit is code


def test_a_look_that_fails_afterwards_is_told(machine: Machine) -> None:
    run = Run((machine, stack()))
    connection: MachineConnection = run.connections["web"]
    looks: list[str] = []

    def before(command: Command) -> None:
        if command.label == "look at the files":
            looks.append(command.label)
            if len(looks) > 1:
                raise CommandFailed("look failed", where="web")

    connection.shell.before = before
    report = run()
    assert report.checks is not None
    assert list(report.checks.errors) == ["web"]
    assert report.exit is Exit.FAILED
