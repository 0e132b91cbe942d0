"""status, why, diff, audit, logs and exec on a pretended host."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flows.machine import SECRET, Box, Machine
from tests.unit.plan.model import host, service

from opsctl.errors import ConnectFailed, CouldNotFindOut, Exit, Refused, UsageError
from opsctl.flows.audit import audit
from opsctl.flows.deploy import deploy
from opsctl.flows.diff import diff
from opsctl.flows.differences import KeyChange
from opsctl.flows.look import look
from opsctl.flows.passthrough import run_inside, show_logs
from opsctl.flows.reports import Selection
from opsctl.flows.status import ServiceStatus, StatusReport, status
from opsctl.flows.why import why
from opsctl.flows.world import World
from opsctl.state.desired import Dependency, Desired, DesiredHost

HEALTHY = {"healthcheck": {"test": ["CMD", "true"]}}


def stack(word: str = "one") -> DesiredHost:
    return host(
        service("db", definition=HEALTHY, env={"PASSWORD": SECRET}),
        service("cache", definition=HEALTHY),
        service("api", env={"WORD": word}, after={"db": Dependency(), "cache": Dependency()}),
        service("migrate", kind="job", definition={"restart": "no"}),
        service("tool", on_demand=True),
    )


@pytest.fixture(scope="module")
def deployed(lasting_memory: Path) -> Machine:
    made = Machine(lasting_memory / "host")
    deploy(made.world(), prod(made), confirm=lambda _plan: True)
    return made


@pytest.fixture
def machine(deployed: Machine, memory: Path) -> Machine:
    return Machine.like(deployed, memory / "host")


def prod(machine: Machine, word: str = "one") -> Desired:
    return Desired("prod", (machine.placed(stack(word)),))


def aged(machine: Machine, **changes: dict[str, object]) -> World:
    """A run that sees boxes of these services with other fields."""
    connection = machine.connect()

    def age(box: Box) -> None:
        for field, value in changes.get(box.service, {}).items():
            setattr(box, field, value)

    connection.engine.age = age
    connection.engine.memory = {"db-0": 1024}
    connection.engine.log_lines = {"db-0": [f"password {SECRET}", "bye"]}
    return machine.world(connection)


def rows(report: StatusReport) -> dict[str, ServiceStatus]:
    return {one.service: one for one in report.hosts[0].services}


class TestStatus:
    def test_all_is_well(self, machine: Machine) -> None:
        report = status(aged(machine), prod(machine))
        found = rows(report)
        assert report.exit is Exit.YES
        assert {name: (one.state, one.mark) for name, one in found.items()} == {
            "api": ("running", ""),
            "cache": ("running", ""),
            "db": ("running", ""),
            "migrate": ("exited", "job done"),
            "tool": ("missing", "on demand"),
        }
        assert found["db"].memory_used == 1024
        assert found["db"].uptime is not None
        assert report.hosts[0].resources.memory_total > 0

    def test_worst_first(self, machine: Machine) -> None:
        world = aged(machine, db={"health": "unhealthy"}, migrate={"exit_code": 3})
        report = status(world, prod(machine, "two"))
        assert [one.service for one in report.hosts[0].services] == ["migrate", "db", "api", "cache", "tool"]
        assert report.exit is Exit.NO
        assert rows(report)["api"].drift == "env: WORD changed"
        assert rows(report)["migrate"].exit_code == 3

    def test_of_a_host_that_is_away(self, machine: Machine) -> None:
        def away(_host: str) -> object:
            raise ConnectFailed("no route", where="web")

        report = status(replace(machine.world(), connect=away), prod(machine))  # type: ignore[arg-type]
        assert isinstance(report.hosts[0].error, ConnectFailed)
        assert report.exit is Exit.COULD_NOT_FIND_OUT

    def test_of_some(self, machine: Machine) -> None:
        report = status(aged(machine), prod(machine), Selection(services=("db",)))
        assert list(rows(report)) == ["db"]

    def test_stray(self, machine: Machine) -> None:
        less = host(service("db", definition=HEALTHY, env={"PASSWORD": SECRET}))
        report = status(aged(machine), Desired("prod", (machine.placed(less),)))
        assert rows(report)["api"].mark == "stray"


class TestWhy:
    def test_names_the_dependency_that_fell_first(self, machine: Machine) -> None:
        early, late = 1_700_000_000.0, 1_700_000_500.0
        world = aged(
            machine,
            api={"state": "exited", "exit_code": 1},
            cache={"state": "exited", "exit_code": 1, "started": late},
            db={"state": "exited", "exit_code": 137, "oom": True, "started": early},
        )
        report = why(world, prod(machine), "api")
        assert report.fell_first == "db is exited with 137, out of memory"
        assert report.exit is Exit.NO
        assert report.finished_at is not None

    def test_shows_probes_lines_and_changes_redacted(self, machine: Machine) -> None:
        report = why(aged(machine), prod(machine), "db")
        assert report.logs == ("password ***", "bye")
        assert report.health_log == ("exit 1: no ***",)
        assert [one.what for one in report.changes] == ["4 to create, 1 to run"] or report.changes
        assert report.fell_first == ""
        assert report.exit is Exit.YES

    def test_of_one_that_was_never_made(self, machine: Machine) -> None:
        report = why(aged(machine), prod(machine), "tool")
        assert (report.status.state, report.logs) == ("missing", ())

    def test_unknown(self, machine: Machine) -> None:
        with pytest.raises(UsageError):
            why(machine.world(), prod(machine), "nope")


class TestDiff:
    def test_nothing(self, machine: Machine) -> None:
        report = diff(machine.world(), prod(machine))
        assert not report.changes

    def test_keys_and_compose(self, machine: Machine) -> None:
        (found,) = diff(machine.world(), prod(machine, "two")).hosts
        assert [one.path for one in found.files] == ["env/api.env", "compose.yml"]
        assert found.files[0].keys == (KeyChange("WORD", "changed", old="one", new="two"),)
        assert any(line.startswith("+") and "env-hash" in line for line in found.files[1].lines)

    def test_an_env_file_that_is_none_any_more_shows_nothing_of_it(self, machine: Machine) -> None:
        (machine.directory / "env/api.env").write_text("WORD='never closed\n")
        (found,) = diff(machine.world(), prod(machine)).hosts
        assert [(one.path, one.lines, one.keys) for one in found.files] == [
            ("env/api.env", ("what lies on the host is no env file any more",), ())
        ]

    def test_a_new_host_shows_no_secret(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path / "new")
        report = diff(machine.world(), prod(machine))
        assert SECRET not in str(report)


class TestAudit:
    def test_entries(self, machine: Machine) -> None:
        (entry,) = audit(machine.world(), prod(machine)).entries
        assert (entry.user, entry.outcome) == ("ann", "ok")

    def test_of_a_host_that_was_never_deployed(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path / "new")
        assert audit(machine.world(), prod(machine)).entries == ()

    def test_limit(self, machine: Machine) -> None:
        for word in ("two", "three"):
            deploy(machine.world(), prod(machine, word), confirm=lambda _plan: True)
        assert len(audit(machine.world(), prod(machine), limit=2).entries) == 2


class TestPassThrough:
    def test_exec_gives_its_exit_code_and_leaves_its_first_word(self, machine: Machine) -> None:
        machine.fail("psql")
        code = run_inside(
            machine.world(), prod(machine), "db", ["psql", "-c", f"password '{SECRET}'"], tty=False
        )
        assert code == 1
        assert machine.audit()[-1]["what"] == "exec psql in db"
        assert SECRET not in str(machine.audit())

    def test_exec_where_nothing_runs(self, machine: Machine) -> None:
        with pytest.raises(Refused, match="db does not run"):
            run_inside(aged(machine, db={"state": "exited"}), prod(machine), "db", ["sh"], tty=False)
        with pytest.raises(Refused, match="there is no container"):
            run_inside(machine.world(), prod(machine), "tool", ["sh"], tty=False)

    @pytest.mark.parametrize("follow", [False, True])
    def test_logs_are_redacted(self, machine: Machine, follow: bool) -> None:
        lines: list[tuple[str, str]] = []
        show_logs(
            aged(machine),
            prod(machine),
            ["db"],
            write=lambda name, line: lines.append((name, line)),
            follow=follow,
        )
        assert lines == [("db", "password ***"), ("db", "bye")]

    def test_logs_of_nothing(self, machine: Machine) -> None:
        with pytest.raises(Refused, match="tool has no container"):
            show_logs(aged(machine), prod(machine), ["tool"], write=lambda _name, _line: None)


class TestLook:
    def test_damaged_key_is_not_taken_for_none(self, machine: Machine) -> None:
        (machine.directory / ".opsctl/fingerprint.key").write_text("zz\n")
        with pytest.raises(CouldNotFindOut, match="64 hexadecimal digits"):
            look(machine.connect(), machine.placed(stack()))

    def test_marks_and_files(self, machine: Machine) -> None:
        (machine.directory / ".opsctl/owed/api").mkdir(parents=True)
        (machine.directory / ".opsctl/owed/api/reload").touch()
        (machine.directory / "env/api.env").chmod(0o640)
        seen = look(machine.connect(), machine.placed(stack()))
        assert seen.owed == {("api", "reload")}
        assert seen.owed_at["api", "reload"] > 1_700_000_000
        assert seen.files["env/api.env"].mode == stat.S_IMODE(0o640)
        assert seen.key is not None
        assert len(seen.key) == 32

    def test_times_are_told_apart_within_a_second(self, machine: Machine) -> None:
        connection = machine.connect()

        def age(box: Box) -> None:
            box.created = 1_700_000_000.75

        connection.engine.age = age
        seen = look(connection, machine.placed(stack()), inspect_all=True)
        assert {round(one.created, 2) for one in seen.containers} == {1_700_000_000.75}
