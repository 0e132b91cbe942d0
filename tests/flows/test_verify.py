"""verify on a pretended host: what passes, what fails, what nobody could tell, and which images count as tried."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.edges import FakeNetwork
from tests.flows.machine import DIGEST, Machine
from tests.unit.plan.model import host, service

from opsctl.checks import containers, content
from opsctl.checks.check import Case, Check
from opsctl.checks.leftovers import Leftover
from opsctl.checks.questions import Inside, Talk, passed, ran
from opsctl.errors import ConnectFailed, Exit
from opsctl.flows.checking.answering import Outside
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.deploy import deploy
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.flows.verify import verify
from opsctl.flows.world import World
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import HostsFile
from opsctl.model.stack import StackFile
from opsctl.rules.subject import Subject
from opsctl.state.desired import Desired, DesiredHost

# Those that the look decides: this host has no kernel and no disks to ask about.
CHECKS = (*containers.CHECKS, *content.CHECKS)
HEALTHY = {"healthcheck": {"test": ["CMD", "true"]}}
PINNED: dict[str, Any] = {
    "image": f"lab/app:1.0.0@{DIGEST}",
    "digest": DIGEST,
    "asked_image": "lab/app:1.0.0",
}
OTHER = "sha256:" + "cd" * 32


def stack(word: str = "one", **api: Any) -> DesiredHost:
    return host(
        service("db", definition=HEALTHY, **PINNED),
        service("api", env={"WORD": word}, **{**PINNED, **api}),
        service("loose"),
        service("tool", on_demand=True, **PINNED),
    )


@pytest.fixture
def machine(memory: Path) -> Machine:
    made = Machine(memory / "host")
    deploy(made.world(), prod(made), confirm=lambda _plan: True)
    return made


def prod(machine: Machine, *args: Any, **api: Any) -> Desired:
    return Desired("prod", (machine.placed(stack(*args, **api)),))


def fleet(*, require_pins: bool = False) -> Fleet:
    file = HostsFile.model_validate(
        {
            "project": "demo",
            "environments": {"prod": {"hosts": ["web"], "require_pins": require_pins}},
            "hosts": {"web": {"addresses": ["192.0.2.1"]}},
        }
    )
    return Fleet(Path("/project"), file, {}, {})


def aged(machine: Machine, **changes: dict[str, object]) -> World:
    connection = machine.connect()

    def age(box: Any) -> None:
        for field, value in changes.get(box.service, {}).items():
            setattr(box, field, value)

    connection.engine.age = age
    return machine.world(connection)


SHORT = {"V-CTR-001": "health", "V-PLN-001": "drift", "V-IMG-001": "image", "V-PLN-002": "plan"}


def verified(world: World, fleet: Fleet, desired: Desired, selection: Selection = EVERYTHING) -> VerifyReport:
    outside = Outside(FakeNetwork(), lambda _address: "192.0.2.9")
    return verify(world, Subject(fleet, desired), CHECKS, outside, selection=selection)


def results(report: VerifyReport) -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (one.service, SHORT.get(one.check.id, one.check.id)): (one.verdict.result, one.verdict.message)
        for one in report.outcomes
    }


def test_all_is_well_and_the_image_counts_as_tried(machine: Machine) -> None:
    report = verified(machine.world(), fleet(), prod(machine), Selection(services=("db", "api")))
    assert {result for result, _message in results(report).values()} == {"pass"}
    assert report.exit is Exit.YES
    assert report.green == {"lab/app:1.0.0": DIGEST}


def test_what_is_not_there_on_purpose_and_what_has_no_digest_are_skipped(machine: Machine) -> None:
    found = results(report := verified(machine.world(), fleet(), prod(machine)))
    assert found["tool", "health"] == ("skip", "on demand")
    assert found["loose", "image"][0] == "skip"
    assert found["", "plan"] == ("pass", "")
    assert report.exit is Exit.YES


def test_where_pins_are_required_an_image_without_one_fails(machine: Machine) -> None:
    report = verified(machine.world(), fleet(require_pins=True), prod(machine))
    assert results(report)["loose", "image"][0] == "fail"
    assert report.exit is Exit.NO


def test_drift_fails_with_its_cause_and_the_image_is_not_tried(machine: Machine) -> None:
    report = verified(machine.world(), fleet(), prod(machine, "two"))
    found = results(report)
    assert found["api", "drift"] == ("fail", "env: WORD changed")
    assert found["", "plan"][0] == "fail"
    assert report.green == {}


def test_another_image_than_the_locked_one_fails(machine: Machine) -> None:
    moved = prod(machine, image=f"lab/app:1.0.0@{OTHER}", digest=OTHER)
    assert results(verified(machine.world(), fleet(), moved))["api", "image"] == (
        "fail",
        "runs another image than sha256:cdcdcdcdcdcd…",
    )


@pytest.mark.parametrize(
    "box,result,code",
    [
        ({"health": "unhealthy"}, ("fail", "unhealthy"), Exit.NO),
        ({"state": "exited", "exit_code": 137}, ("fail", "exited 137"), Exit.NO),
        ({"health": "health: starting"}, ("inconclusive", "starting"), Exit.COULD_NOT_FIND_OUT),
    ],
)
def test_health(machine: Machine, box: dict[str, object], result: tuple[str, str], code: Exit) -> None:
    world = aged(machine, db=box)
    report = verified(world, fleet(), prod(machine), Selection(services=("db",)))
    assert results(report)["db", "health"] == result
    assert report.exit is code
    assert report.green == {}


def test_a_host_that_is_away_is_no_pass(machine: Machine) -> None:
    def away(_host: str) -> object:
        raise ConnectFailed("no route", where="web")

    report = verified(replace(machine.world(), connect=away), fleet(), prod(machine))  # type: ignore[arg-type]
    assert report.exit is Exit.COULD_NOT_FIND_OUT
    assert report.green == {}


def test_software_that_is_down_on_purpose_is_not_asked(machine: Machine) -> None:
    def talk() -> Talk:
        yield from ran(Inside("web", "tool", ("true",)))
        return passed()

    asks = Check(
        id="V-TST-001",
        title="t",
        severity="high",
        proves="p",
        mend="m",
        source="s",
        cases=lambda situation: (
            Case(one.host.name, one.name, talk) for one in situation.services() if one.name == "tool"
        ),
        software=True,
    )
    outside = Outside(FakeNetwork(), lambda _address: "192.0.2.9")
    report = verify(machine.world(), Subject(fleet(), prod(machine)), [asks], outside)
    assert results(report)["tool", "V-TST-001"] == ("skip", "on demand")


def waiving(until: str, *checks: str) -> Fleet:
    """The stack file accepts that these fail for `api`; hosts.toml one of the host that passes."""
    made = fleet()
    raw = made.hosts_file.model_dump()
    unneeded = {"check": "V-CTR-003", "reason": "long enough", "until": "2099-01-31"}
    raw["hosts"]["web"] |= {"stacks": ["test"], "waive": [unneeded]}
    waive = [{"check": check, "reason": "known since May", "until": until} for check in checks]
    stacks = {
        ("prod", "test"): StackFile.model_validate({"services": {"api": {"image": "x", "waive": waive}}})
    }
    return replace(made, hosts_file=HostsFile.model_validate(raw), stacks=stacks)


def test_what_is_waived_fails_no_verify_and_makes_no_image_tried(machine: Machine) -> None:
    """The fake clock stands at 2023-11-14."""
    about = Selection(services=("db", "api"))
    known = waiving("2023-11-14", "V-PLN-001", "V-ENV-001", "V-FIL-001")
    report = verified(machine.world(), known, prod(machine, "two"), about)
    assert results(report)["api", "drift"] == (
        "waived",
        "env: WORD changed; waived until 2023-11-14: known since May",
    )
    assert report.exit is Exit.YES
    assert report.green == {}
    assert [(one.placed.waiver.check, one.state) for one in report.waivers] == [("V-FIL-001", "nothing")]


def test_after_its_last_day_it_fails_again_and_says_so(machine: Machine) -> None:
    known = waiving("2023-11-13", "V-PLN-001")
    report = verified(machine.world(), known, prod(machine, "two"))
    assert results(report)["api", "drift"] == (
        "fail",
        "env: WORD changed; its waiver ended on 2023-11-13 (known since May)",
    )
    assert report.exit is Exit.NO
    assert [(one.placed.waiver.check, one.placed.service, one.state) for one in report.waivers] == [
        ("V-CTR-003", "", "passes"),
        ("V-PLN-001", "api", "ended"),
    ]


def test_what_nobody_could_tell_is_accepted_by_nobody(machine: Machine) -> None:
    world = aged(machine, api={"health": "health: starting"})
    report = verified(world, waiving("2099-01-31", "V-CTR-001"), prod(machine))
    assert results(report)["api", "health"] == ("inconclusive", "starting")
    assert report.exit is Exit.COULD_NOT_FIND_OUT


def test_what_a_dead_run_left_is_removed_before_anything_is_asked(machine: Machine) -> None:
    connection = machine.connect()
    connection.engine.foreign = [
        {
            "Id": "f00d",
            "Names": ["/opsctl-canary-1"],
            "Image": "lab/app",
            "ImageID": "sha256:1",
            "State": "running",
            "Status": "Up 3 hours (unhealthy)",
            "Created": 1_600_000_000,
            "Labels": {"opsctl.check": "0123abcd", "opsctl.probe": "canary"},
        }
    ]
    report = verified(machine.world(connection), fleet(), prod(machine))
    assert report.leftovers == (Leftover("web", "opsctl-canary-1", "removed"),)
    assert "rm --force --volumes f00d" in machine.calls()
    assert report.exit is Exit.YES
