"""Deploys end to end on a pretended host: real scripts, real files, real locks."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flows.machine import SECRET, Box, Machine
from tests.unit.plan.model import file, host, service

from opsctl.argv.command import Command
from opsctl.errors import (
    CommandFailed,
    ConnectFailed,
    EngineUnavailable,
    Exit,
    HealthFailed,
    HostErrors,
    InputError,
    Interrupted,
    LeaseHeld,
    LeaseLost,
    Refused,
)
from opsctl.flows.deploy import deploy
from opsctl.flows.leases import leases
from opsctl.flows.planning import make_plan
from opsctl.flows.reports import DeployReport, Selection
from opsctl.flows.world import World
from opsctl.plan.plans import Plan
from opsctl.render import envfile
from opsctl.state.desired import Dependency, Desired, DesiredHost

HEALTHY = {"healthcheck": {"test": ["CMD", "true"]}}
AFTER_DB = {"db": Dependency("service_healthy", restart=True)}


def yes(_plan: Plan) -> bool:
    return True


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


@pytest.fixture(scope="module")
def deployed(lasting_memory: Path) -> Machine:
    made = Machine(lasting_memory / "host")
    assert run(made, stack()).exit is Exit.YES
    return made


@pytest.fixture
def running(deployed: Machine, memory: Path) -> Machine:
    """A host that `stack()` was deployed to."""
    return Machine.like(deployed, memory / "host")


def stack(word: str = "one") -> DesiredHost:
    return host(
        service("db", definition=HEALTHY, env={"PASSWORD": SECRET}),
        service(
            "api",
            env={"WORD": word},
            files=[file("api", "/etc/api.conf", f"word={word}\n")],
            after=AFTER_DB,
        ),
        service("web", files=[file("web", "/etc/web/web.conf", word, reaction="reload")]),
        service(
            "migrate", kind="job", definition={"restart": "no"}, after={"db": Dependency("service_healthy")}
        ),
    )


def run(
    machine: Machine, desired: DesiredHost, *, world: World | None = None, **options: object
) -> DeployReport:
    return deploy(
        world or machine.world(),
        Desired("prod", (machine.placed(desired),)),
        confirm=yes,
        **options,  # type: ignore[arg-type]
    )


def error_of(report: DeployReport) -> BaseException | None:
    (outcome,) = report.outcomes
    return outcome.error


class TestFirstDeploy:
    def test_puts_every_file_and_makes_every_container(self, machine: Machine) -> None:
        report = run(machine, stack())
        assert report.exit is Exit.YES
        assert set(machine.engine_boxes()) == {"db", "api", "web", "migrate"}
        files = machine.files()
        assert files["env/api.env"] == b"WORD=one\n"
        assert files["files/api/etc/api.conf"] == b"word=one\n"
        assert set(files) == {"compose.yml", "env/api.env", "env/db.env"} | {
            "files/api/etc/api.conf",
            "files/web/etc/web/web.conf",
        }

    def test_starts_dependents_in_a_later_command(self, machine: Machine) -> None:
        run(machine, stack())
        names = [call.partition(" -- ")[2] for call in machine.calls() if " up " in call]
        assert names == ["db web", "api", "migrate"]

    def test_modes_and_folders(self, machine: Machine) -> None:
        run(machine, stack())
        modes = {
            str(one.relative_to(machine.directory)): one.stat().st_mode & 0o777
            for one in machine.directory.rglob("*")
        }
        assert machine.directory.stat().st_mode & 0o777 == 0o700
        assert modes[".opsctl"] == 0o700
        assert modes["env"] == modes["files/api/etc"] == 0o755
        assert modes["env/api.env"] == modes[".opsctl/fingerprint.key"] == 0o600
        assert modes["compose.yml"] == modes["files/api/etc/api.conf"] == 0o644

    def test_plan_beforehand_makes_nothing(self, machine: Machine) -> None:
        report = make_plan(machine.world(), Desired("prod", (machine.placed(stack()),)))
        assert report.plan.changes
        assert not machine.directory.exists()
        assert machine.calls() == []


class TestNothingChanged:
    def test_second_deploy_touches_nothing(self, running: Machine) -> None:
        before = {path: path.stat() for path in running.directory.rglob("*") if ".opsctl" not in path.parts}
        calls = running.calls()
        connection = running.connect()
        report = run(running, stack(), world=running.world(connection))
        assert report.plan is not None
        assert not report.plan.changes
        assert running.calls() == calls
        after = {path: path.stat() for path in running.directory.rglob("*") if ".opsctl" not in path.parts}
        assert {p: (s.st_ino, s.st_mtime_ns) for p, s in after.items()} == {
            p: (s.st_ino, s.st_mtime_ns) for p, s in before.items()
        }

    def test_needs_one_exec_and_one_socket(self, running: Machine) -> None:
        connection = running.connect()
        run(running, stack(), world=running.world(connection))
        assert connection.channels == {"session": 1, "exec": 1, "socket": 1}

    def test_is_not_asked_about_nor_recorded(self, running: Machine) -> None:
        records = running.audit()

        def never(_plan: Plan) -> bool:
            raise AssertionError("asked")

        deploy(running.world(), Desired("prod", (running.placed(stack()),)), confirm=never)
        assert running.audit() == records


class TestOneVariable:
    def test_recreates_that_service_alone(self, running: Machine) -> None:
        before = running.engine_boxes()
        run(running, stack("two"), wait=False)
        after = running.engine_boxes()
        assert [name for name in after if after[name].id != before[name].id] == ["api"]
        assert after["api"].env == {"WORD": "two"}

    def test_needs_four_channels(self, machine: Machine) -> None:
        small = host(service("api", env={"WORD": "one"}))
        run(machine, small)
        connection = machine.connect()
        run(machine, host(service("api", env={"WORD": "two"})), world=machine.world(connection))
        assert connection.channels == {"session": 1, "exec": 3, "socket": 1}

    def test_without_waiting_for_the_last_ones(self, running: Machine) -> None:
        report = run(running, stack("two"), wait=False)
        assert report.plan is not None
        assert "wait " not in str(report.plan)


class TestQuestions:
    def test_no_at_the_prompt_changes_nothing(self, machine: Machine) -> None:
        report = deploy(
            machine.world(), Desired("prod", (machine.placed(stack()),)), confirm=lambda _plan: False
        )
        assert (report.confirmed, report.changed, report.exit) == (False, False, Exit.YES)
        assert machine.calls() == []
        assert machine.files() == {}

    def test_refused_plan_ends_it(self, machine: Machine) -> None:
        desired = replace(stack(), volumes={"data": {"external": True}})
        services = {**desired.services, "db": replace(desired.services["db"], volumes=("data",))}
        report = run(machine, replace(desired, services=services))
        assert report.exit is Exit.NO
        assert isinstance(error_of(report), Refused)
        assert machine.files() == {}

    def test_policy_may_refuse(self, machine: Machine) -> None:
        report = run(machine, stack(), policy=lambda _host, _seen: (["too much memory"], []))
        assert report.exit is Exit.NO
        assert "too much memory" in str(error_of(report))


class TestAudit:
    def test_start_and_end(self, machine: Machine) -> None:
        report = run(machine, stack())
        start, end = machine.audit()
        assert report.plan is not None
        assert (start["event"], start["user"], start["machine"]) == ("start", "ann", "desk")
        assert (start["plan"], start["what"]) == (report.plan.digest, report.plan.summary())
        assert (end["event"], end["outcome"], end["run"]) == ("end", "ok", start["run"])

    def test_failure_is_recorded_redacted(self, machine: Machine) -> None:
        machine.fail("up")
        run(machine, stack())
        assert machine.audit()[-1]["outcome"] == "failed"
        assert SECRET not in str(machine.audit())

    def test_next_run_marks_a_killed_one(self, machine: Machine) -> None:
        with pytest.raises(Killed):
            run(machine, stack(), world=dying(machine, "push", after=True))
        run(machine, stack())
        events = [(one["event"], one["run"]) for one in machine.audit()]
        first = f"{1:08x}"
        assert events[:2] == [("start", first), ("interrupted", first)]


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it."""


def dying(machine: Machine, label: str, *, after: bool) -> World:
    """A run that dies before or after the first command with this label."""
    connection = machine.connect()

    def die(command: Command) -> None:
        if command.label.startswith(label):
            connection.shell.before = connection.shell.after = lambda _command: None
            raise Killed(label)

    if after:
        connection.shell.after = die
    else:
        connection.shell.before = die
    return machine.world(connection)


class TestKilled:
    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("label", ["push", "docker compose up db web", "docker compose up api"])
    def test_between_any_two_commands_the_next_run_converges(
        self, machine: Machine, label: str, after: bool
    ) -> None:
        with pytest.raises(Killed):
            run(machine, stack(), world=dying(machine, label, after=after))
        assert run(machine, stack()).exit is Exit.YES
        ups = [
            name for call in machine.calls() if " up " in call for name in call.partition(" -- ")[2].split()
        ]
        assert sorted(ups) == sorted(set(ups)), "nothing is made twice"
        report = run(machine, stack())
        assert report.plan is not None
        assert not report.plan.changes

    @pytest.mark.parametrize("label", ["docker exec", "settle"])
    def test_before_a_reaction_it_is_made_good(self, running: Machine, label: str) -> None:
        changed = host(service("web", files=[file("web", "/etc/web/web.conf", "two", reaction="reload")]))
        run(running, host(service("web", files=[file("web", "/etc/web/web.conf", "one", reaction="reload")])))
        with pytest.raises(Killed):
            run(running, changed, world=dying(running, label, after=False))
        assert (running.directory / ".opsctl/owed/web/reload").exists()
        machine_calls = len(running.calls())
        run(running, changed)
        assert any("reload web" in call for call in running.calls()[machine_calls:])
        assert not (running.directory / ".opsctl/owed/web/reload").exists()

    def test_restart_owed_to_a_dependent_is_made_good(self, running: Machine) -> None:
        changed = replace_env(stack(), "db", {"PASSWORD": "other"})
        with pytest.raises(Killed):
            run(running, changed, world=dying(running, "docker compose up db", after=True))
        report = run(running, changed)
        assert "restart" in str(report.plan)
        boxes = running.engine_boxes()
        assert boxes["api"].started > boxes["db"].created


def replace_env(desired: DesiredHost, name: str, env: Mapping[str, str]) -> DesiredHost:
    services = {**desired.services, name: replace(desired.services[name], env=env)}
    return replace(desired, services=services, env_files={**desired.env_files, name: envfile.dump(env)})


class TestFailures:
    def test_compose_missing(self, machine: Machine) -> None:
        machine.say_version(None)
        report = run(machine, stack())
        assert isinstance(error_of(report), EngineUnavailable)
        assert report.exit is Exit.COULD_NOT_FIND_OUT
        assert not report.changed
        assert machine.files() == {}

    @pytest.mark.parametrize("version", ["2.23.3", "v1.29.2", "nonsense", "2.x"])
    def test_compose_too_old(self, machine: Machine, version: str) -> None:
        machine.say_version(version)
        report = run(machine, stack())
        assert f"{version} is too old" in str(error_of(report))
        assert "2.24 or later" in str(error_of(report))
        assert machine.files() == {}

    @pytest.mark.parametrize("version", ["2.24.0", "v2.24.6-desktop.1", "3.0.0", "5.6.1"])
    def test_compose_new_enough(self, machine: Machine, version: str) -> None:
        machine.say_version(version)
        assert run(machine, stack()).exit is Exit.YES

    def test_compose_is_checked_where_no_compose_file_is_pushed(self, running: Machine) -> None:
        running.forget_calls()
        running.say_version(None)
        report = run(running, stack())
        assert isinstance(error_of(report), EngineUnavailable)
        assert running.calls() == []

    def test_files_that_compose_refuses_touch_nothing(self, running: Machine) -> None:
        files = running.files()
        (running.folder / "config").write_text(f"services.api: {SECRET} is not good\n")
        report = run(running, stack("two"))
        assert "*** is not good" in str(error_of(report))
        assert not report.changed
        assert report.exit is Exit.FAILED
        assert running.files() == files
        assert list((running.directory / ".opsctl").glob("staging.*")) == []

    def test_up_that_fails_names_the_command_and_the_way_on(self, machine: Machine) -> None:
        machine.fail("--no-deps")
        report = run(machine, stack())
        error = error_of(report)
        assert isinstance(error, CommandFailed)
        assert "docker compose up db web failed (exit 1)" in str(error)
        assert "pretended failure" in str(error)
        assert report.changed

    def test_unhealthy_container_shows_its_evidence(self, machine: Machine) -> None:
        connection = machine.connect()
        connection.engine.age = unhealthy
        connection.engine.log_lines["db-0"] = [f"password {SECRET}", "giving up"]
        report = run(machine, stack(), world=machine.world(connection))
        error = error_of(report)
        assert isinstance(error, HealthFailed)
        assert str(error) == (
            "web: db is unhealthy: running, unhealthy\n"
            "  | health: exit 1: no ***\n"
            "  | log: password ***\n"
            "  | log: giving up\n"
            "\n"
            "hint: opsctl why db"
        )
        assert "api" not in machine.engine_boxes(), "what comes after is not begun"

    def test_job_that_fails(self, machine: Machine) -> None:
        connection = machine.connect()
        connection.engine.age = failed_job
        report = run(machine, stack(), world=machine.world(connection))
        assert "migrate failed: exited 137, out of memory" in str(error_of(report))

    def test_lost_connection_says_how_far_it_came(self, machine: Machine) -> None:
        connection = machine.connect()

        def cut(command: Command) -> None:
            if command.label == "docker compose up api":
                raise ConnectFailed("the connection is lost", where="web")

        connection.shell.before = cut
        report = run(machine, stack(), world=machine.world(connection))
        assert "4 of 8 steps were done" in str(error_of(report))
        assert report.exit is Exit.FAILED, "something was changed"

    def test_unreachable_host_at_the_start(self, machine: Machine) -> None:
        def unreachable(_host: str) -> object:
            raise ConnectFailed("no route", where="web")

        world = replace(machine.world(), connect=unreachable)  # type: ignore[arg-type]
        with pytest.raises(ConnectFailed, match="nothing was done"):
            run(machine, stack(), world=world)


def unhealthy(box: Box) -> None:
    if box.service == "db":
        box.health = "unhealthy"


def failed_job(box: Box) -> None:
    if box.service == "migrate":
        box.exit_code, box.oom = 137, True


class TestLease:
    def test_second_run_is_told_who_holds_it(self, machine: Machine) -> None:
        world = machine.world()
        placed = machine.placed(stack())
        with leases(world, [placed], 0.0), pytest.raises(LeaseHeld) as held:
            run(machine, stack())
        assert "ann@desk holds the lease since" in str(held.value)
        assert held.value.exit is Exit.LEASE_HELD
        assert run(machine, stack()).exit is Exit.YES, "it was given back"

    def test_a_run_that_lost_it_changes_nothing_more(self, machine: Machine) -> None:
        connection = machine.connect()

        def usurp(command: Command) -> None:
            if command.label == "push":
                (machine.directory / ".opsctl/lease").write_text('{"run": "somebody"}\n')

        connection.shell.before = usurp
        report = run(machine, stack(), world=machine.world(connection))
        assert isinstance(error_of(report), LeaseLost)
        assert machine.files() == {}
        assert machine.calls() == []

    def test_is_held_while_the_question_is_asked(self, machine: Machine) -> None:
        def ask(_plan: Plan) -> bool:
            with pytest.raises(LeaseHeld):
                run(machine, stack())
            return False

        deploy(machine.world(), Desired("prod", (machine.placed(stack()),)), confirm=ask)


class TestSeveralHosts:
    def two(self, memory: Path) -> tuple[dict[str, Machine], Desired, Callable[[], World]]:
        machines = {name: Machine(memory / name) for name in ("a", "b")}
        hosts = tuple(
            replace(machine.placed(host(service("api", env={"WORD": name}))), name=name)
            for name, machine in machines.items()
        )

        def world() -> World:
            connections = {name: machine.connect() for name, machine in machines.items()}
            return replace(machines["a"].world(), connect=lambda name: connections[name])

        return machines, Desired("prod", hosts), world

    def test_one_that_fails_lets_the_other_finish(self, memory: Path) -> None:
        machines, desired, world = self.two(memory)
        machines["a"].fail("up")
        report = deploy(world(), desired, confirm=yes)
        assert [bool(outcome.error) for outcome in report.outcomes] == [True, False]
        assert report.exit is Exit.FAILED
        assert set(machines["b"].engine_boxes()) == {"api"}

    def test_one_at_a_time_stops_at_the_first_failure(self, memory: Path) -> None:
        machines, desired, world = self.two(memory)
        machines["a"].fail("up")
        report = deploy(world(), desired, confirm=yes, parallel=1)
        assert "not begun, because a failed" in str(report.outcomes[1].error)
        assert machines["b"].calls() == []

    def test_a_lease_held_anywhere_gives_back_the_others(self, memory: Path) -> None:
        _machines, desired, world = self.two(memory)
        with leases(world(), desired.hosts[1:], 0.0), pytest.raises(LeaseHeld):
            deploy(world(), desired, confirm=yes)
        with leases(world(), desired.hosts, 0.0) as taken:
            assert set(taken) == {"a", "b"}

    def test_all_that_cannot_be_reached_are_named(self, memory: Path) -> None:
        def unreachable(host: str) -> object:
            raise ConnectFailed("no route", where=host, hint=f"is {host} up?")

        _machines, desired, world = self.two(memory)
        with pytest.raises(HostErrors) as caught:
            deploy(replace(world(), connect=unreachable), desired, confirm=yes)  # type: ignore[arg-type]
        assert caught.value.exit is Exit.COULD_NOT_FIND_OUT
        assert str(caught.value) == (
            "a: no route\n\nhint: is a up?\n\nb: no route\n\nhint: is b up?\n\n"
            "2 hosts are not ready: a, b\n\nhint: nothing was done"
        )

    def test_selected_host_alone(self, memory: Path) -> None:
        machines, desired, world = self.two(memory)
        deploy(world(), desired, Selection(hosts=("b",)), confirm=yes)
        assert machines["a"].calls() == []
        assert set(machines["b"].engine_boxes()) == {"api"}


class TestInterrupted:
    def test_what_has_begun_is_finished_and_recorded(self, machine: Machine) -> None:
        connection = machine.connect()

        def interrupt(command: Command) -> None:
            if command.label == "push":
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                end = time.monotonic() + 10
                while not any("interrupted" in event.detail for event in machine.events):
                    assert time.monotonic() < end, "the main thread did not hear of it"
                    time.sleep(0.01)

        connection.shell.before = interrupt
        # A shell starts what runs in the background with the signal ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            report = run(machine, stack(), world=machine.world(connection))
        finally:
            signal.signal(signal.SIGINT, before)
        error = error_of(report)
        assert isinstance(error, Interrupted)
        assert report.exit is Exit.INTERRUPTED
        assert "compose.yml" in machine.files(), "the push was finished"
        assert machine.calls() == [], "nothing after it was begun"
        assert machine.audit()[-1]["outcome"] == "interrupted"


def test_a_compose_file_that_does_not_fit_the_specification_is_never_pushed(machine: Machine) -> None:
    api = stack().services["api"]
    broken = replace(api, source="stacks/app.yml:7", definition={**api.definition, "tmpfs": {"a": 1}})
    desired = replace(stack(), services={**stack().services, "api": broken})

    with pytest.raises(InputError, match=r"1 problem") as caught:
        run(machine, desired)

    assert str(caught.value).startswith("stacks/app.yml:7: services.api.tmpfs: must be ")
    assert caught.value.exit is Exit.USAGE
    assert not machine.files()
