"""Each command from its words to the call of its flow, and from the flow's report to text, envelope and exit code.

The flows are stood in for by the reports they would return; what runs is everything around them, on a real project.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.check import Case
from opsctl.checks.questions import failed, settled
from opsctl.cli.sink import ReaderLeft
from opsctl.flows.audit import AuditReport
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome
from opsctl.flows.diff import DiffReport, FileDiff, HostDiff
from opsctl.flows.events import Event
from opsctl.flows.reports import DeployReport, PlanReport, Selection
from opsctl.flows.status import StatusReport
from opsctl.flows.world import World
from opsctl.plan.plans import Plan
from opsctl.state.desired import Desired
from opsctl.state.observed import Observed
from tests.cli import reports
from tests.cli.terminal import Ended, opsctl

FAILED_CHECK = VerifyReport(
    "lab",
    (
        Outcome(
            CHECKS[0], Case("lab-app", "api", lambda: settled(failed("unhealthy"))), failed("unhealthy"), 0.2
        ),
    ),
    seconds=0.5,
)


@dataclass
class Flow:
    """Stands for a flow: remembers how it was called, tells events, asks for consent, and gives a report."""

    report: Any
    plan: Plan | None = None
    events: tuple[Event, ...] = ()
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def __call__(self, world: World, desired: Desired, *rest: Any, **options: Any) -> Any:
        self.calls.append(((world, desired, *rest), options))
        if self.plan and "confirm" in options and not options["confirm"](self.plan):
            return DeployReport(self.plan, (), confirmed=False)
        for event in self.events:
            world.listen(event)
        return self.report

    @property
    def world(self) -> World:
        world: World = self.calls[0][0][0]
        return world

    @property
    def desired(self) -> Desired:
        desired: Desired = self.calls[0][0][1]
        return desired

    @property
    def rest(self) -> tuple[Any, ...]:
        return self.calls[0][0][2:]

    @property
    def options(self) -> dict[str, Any]:
        return self.calls[0][1]


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Any:
    def stand_in(name: str, report: Any, **rest: Any) -> Flow:
        made = Flow(report, **rest)
        monkeypatch.setattr(f"opsctl.flows.{name}", made)
        return made

    return stand_in


# ── plan ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_plan_shows_the_plan_and_ends_in_0(project: Path, flow: Any) -> None:
    made = flow("planning.make_plan", PlanReport(reports.PLAN))
    ended = opsctl("plan", "lab", "api", "--heal", "--keep-host-edits", project=project)
    assert ended == Ended(0, f"{reports.PLAN}\n", "")
    assert made.rest == (Selection(services=("api",)),)
    assert (made.options["heal"], made.options["keep_host_edits"]) == (True, True)
    assert [host.name for host in made.desired.hosts] == ["lab-app", "lab-vpn"]


def test_plan_takes_hosts_and_stacks(project: Path, flow: Any) -> None:
    made = flow("planning.make_plan", PlanReport(reports.PLAN))
    opsctl("plan", "lab", "--host", "lab-app", "--stack", "app", project=project)
    assert made.rest == (Selection(hosts=("lab-app",), stacks=("app",)),)


@pytest.mark.parametrize("plan, code", [(reports.PLAN, 4), (reports.NOTHING, 0)])
def test_plan_exit_code_is_4_when_something_would_change(
    project: Path, flow: Any, plan: Plan, code: int
) -> None:
    flow("planning.make_plan", PlanReport(plan))
    assert opsctl("plan", "lab", "--exit-code", project=project).code == code


def test_a_host_that_could_not_be_looked_at_is_told_on_stderr(project: Path, flow: Any) -> None:
    flow("planning.make_plan", PlanReport(reports.NOTHING, {"lab-vpn": reports.NO_CONNECTION}))
    ended = opsctl("plan", "lab", project=project)
    assert (ended.code, ended.out) == (5, f"{reports.NOTHING}\n")
    assert ended.err == "\nlab-vpn: no connection\n  | 192.0.2.2: timed out\n\nhint: is the machine up?\n"


def test_where_no_host_could_be_looked_at_there_is_no_plan_to_show(project: Path, flow: Any) -> None:
    flow("planning.make_plan", PlanReport(Plan("lab", ()), {"lab-vpn": reports.NO_CONNECTION}))
    assert opsctl("plan", "lab", project=project).out == ""


def test_plan_as_json(project: Path, flow: Any) -> None:
    flow("planning.make_plan", PlanReport(reports.PLAN, {"lab-vpn": reports.NO_CONNECTION}))
    shape = opsctl("plan", "lab", "--json", project=project).envelope
    assert (shape["exit"], shape["data"]["digest"]) == (5, reports.PLAN.digest)
    assert shape["errors"][0]["host"] == "lab-vpn"


# ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "argv, told",
    [
        (["plan", "lba"], "no environment is called lba\n\nhint: did you mean 'lab'?"),
        (["plan", "lab", "apo"], "no service is called apo in lab\n\nhint: did you mean 'api'?"),
        (["plan", "prod", "proxy"], "no service is called proxy in prod\n\nhint: proxy runs in lab"),
        (["plan", "lab", "--host", "web"], "no host is called web in lab"),
        (["plan", "lab", "--stack", "ap"], "no stack is called ap in lab"),
        (["deploy", "--yes"], "name the environment: this command changes it\n\nhint: one of lab, prod"),
        (["restart", "api"], "name the environment: this command changes it"),
        (["why", "api", "-e", "lap"], "no environment is called lap\n\nhint: did you mean 'lab'?"),
    ],
)
def test_a_name_that_nobody_knows_ends_in_2_with_the_nearest(
    project: Path, argv: list[str], told: str
) -> None:
    ended = opsctl(*argv, project=project)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(told)


def test_who_acts_is_known_to_the_flow_without_what_exec_runs(project: Path, flow: Any) -> None:
    made = flow("passthrough.run_inside", 7)
    ended = opsctl(
        "exec", "api", "-e", "lab", "--", "psql", "-c", "alter role x password 'y'", project=project
    )
    assert ended.code == 7
    assert made.world.who.command == "opsctl exec api -e lab -- psql …"
    assert len(made.world.who.run) == 8


# ── deploy ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deploy_with_yes_shows_plan_progress_and_end(project: Path, flow: Any) -> None:
    events = (
        Event("lab-app", "step", "recreate api", seconds=1.0),
        Event("lab-app", "step_done", "recreate api", seconds=1.4),
    )
    made = flow("deploy.deploy", reports.DEPLOYED, plan=reports.PLAN, events=events)
    ended = opsctl("deploy", "lab", "--yes", "--parallel", "3", "--no-wait", project=project)
    assert ended.code == 0
    assert (
        ended.out
        == f"{reports.PLAN}\n\n\nlab-app  done       4.2 s  1 recreated\nlab-vpn  unchanged  0.3 s\n"
    )
    assert ended.err == "lab-app  recreate api … 0.4 s\n"
    assert (made.options["parallel"], made.options["wait"]) == (3, False)


def test_a_deploy_asks_checks_at_its_end_unless_told_not_to(project: Path, flow: Any) -> None:
    made = flow("deploy.deploy", reports.DEPLOYED)
    for words in ((), ("--no-verify",), ("--no-wait",)):
        opsctl("deploy", "lab", "--yes", *words, project=project)
    assert [options["check"] is None for _args, options in made.calls] == [False, True, True]


def test_a_deploy_whose_checks_failed_says_what_and_ends_in_1(project: Path, flow: Any) -> None:
    flow("deploy.deploy", replace(reports.DEPLOYED, checks=FAILED_CHECK))
    ended = opsctl("deploy", "lab", "--yes", project=project)
    assert ended.code == 1
    assert (
        ended.out
        == f"""\
{reports.PLAN}

lab-app  done       4.2 s  1 recreated
lab-vpn  unchanged  0.3 s

      check      host     about  found       time
fail  V-CTR-001  lab-app  api    unhealthy  0.2 s

V-CTR-001  The container is healthy: opsctl why SERVICE, opsctl logs SERVICE

then asked 1 check, 1 failed  0.5 s
"""
    )
    data = opsctl("deploy", "lab", "--yes", "--json", project=project).envelope["data"]["checks"]
    assert data["seconds"] == 0.5
    assert [(one["check"], one["result"]) for one in data["results"]] == [("V-CTR-001", "fail")]


def test_serial_is_one_host_at_a_time(project: Path, flow: Any) -> None:
    made = flow("deploy.deploy", reports.DEPLOYED)
    opsctl("deploy", "lab", "--yes", "--serial", project=project)
    assert made.options["parallel"] == 1


def test_deploy_without_a_terminal_needs_yes_and_says_so_before_any_work(project: Path, flow: Any) -> None:
    made = flow("deploy.deploy", reports.DEPLOYED)
    ended = opsctl("deploy", "lab", project=project)
    assert (ended.code, made.calls) == (2, [])
    assert "--yes" in ended.err
    assert opsctl("deploy", "lab", "--json", project=project, tty=True).code == 2


def test_deploy_asks_on_a_terminal(project: Path, flow: Any) -> None:
    flow("deploy.deploy", reports.DEPLOYED, plan=reports.PLAN)
    ended = opsctl("deploy", "lab", project=project, tty=True, typed="y\n", environ={"NO_COLOR": "1"})
    assert ended.code == 0
    assert "Carry this out? [y/N]" in ended.err
    assert "1 recreated" in ended.out


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yess\n"])
def test_anything_but_yes_is_a_no_and_ends_in_0(project: Path, flow: Any, typed: str) -> None:
    flow("deploy.deploy", reports.DEPLOYED, plan=reports.PLAN)
    ended = opsctl("deploy", "lab", project=project, tty=True, typed=typed, environ={"NO_COLOR": "1"})
    assert ended.code == 0
    assert ended.out.endswith("\nnothing done\n")


def test_a_deploy_that_failed_on_one_host_says_so_last(project: Path, flow: Any) -> None:
    flow("deploy.deploy", reports.HALF_FAILED, plan=reports.PLAN)
    ended = opsctl("deploy", "lab", "--yes", project=project)
    assert ended.code == 1
    assert ended.err.endswith(
        "lab-app: api did not become healthy in 120 s\n  | GET /healthz: 503\n\nhint: opsctl why api\n"
    )


def test_deploy_as_json(project: Path, flow: Any) -> None:
    flow("deploy.deploy", reports.HALF_FAILED, plan=reports.PLAN)
    ended = opsctl("deploy", "lab", "--yes", "--json", project=project)
    shape = ended.envelope
    assert (shape["exit"], shape["data"]["run"], shape["data"]["changed"]) == (1, "0a1b2c3d", True)
    assert shape["data"]["hosts"][0] == {
        "host": "lab-app",
        "exit": 1,
        "changed": True,
        "steps_done": 2,
        "steps": 3,
        "seconds": 121.0,
    }
    assert [(entry["host"], entry["exit"]) for entry in shape["errors"]] == [("lab-app", 1)]


def test_dry_run_is_plan(project: Path, flow: Any) -> None:
    made = flow("planning.make_plan", PlanReport(reports.PLAN))
    assert opsctl("deploy", "lab", "--dry-run", project=project).out == f"{reports.PLAN}\n"
    assert len(made.calls) == 1


def test_a_limit_above_what_the_host_has_speaks_against_its_plan(project: Path, flow: Any) -> None:
    made = flow("deploy.deploy", reports.DEPLOYED)
    opsctl("deploy", "prod", "--yes", project=project)
    refusals, notes = made.options["policy"](made.desired.hosts[0], Observed("web"))
    assert refusals[0].startswith("memory: the limits add up to 1536 MiB")
    assert list(notes) == []


# ── the verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "recreate"])
def test_the_verbs_act_on_the_services_named(project: Path, flow: Any, verb: str) -> None:
    made = flow("verbs.act", reports.DEPLOYED, plan=reports.PLAN)
    ended = opsctl(verb, "api", "db", "-e", "lab", "--host", "lab-app", project=project)
    assert ended.code == 0
    assert made.rest == (verb, ["api", "db"])
    assert (made.options["host"], made.options["wait"]) == ("lab-app", verb != "stop")


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_status_ends_in_the_code_of_its_report(project: Path, flow: Any) -> None:
    flow("status.status", reports.STATUS)
    ended = opsctl("status", "lab", project=project)
    assert ended.code == reports.STATUS.exit == 5
    assert ended.out.startswith("lab-app  memory ")
    assert "lab-vpn: no connection" in ended.err


def test_status_as_json(project: Path, flow: Any) -> None:
    flow("status.status", StatusReport("lab", reports.STATUS.hosts[:1]))
    shape = opsctl("status", "lab", "--json", project=project).envelope
    assert (shape["exit"], shape["data"]["hosts"][0]["services"][0]["service"]) == (4, "api")


def test_why(project: Path, flow: Any) -> None:
    made = flow("why.why", reports.WHY)
    ended = opsctl("why", "api", "-e", "lab", project=project)
    assert (ended.code, made.rest) == (4, ("api",))
    assert ended.out.startswith("api on lab-app: exited 137\n")
    shape = opsctl("why", "api", "-e", "lab", "--json", project=project).envelope
    assert (shape["command"], shape["data"]["oom_killed"]) == ("why", True)


def test_diff(project: Path, flow: Any) -> None:
    changed = DiffReport((HostDiff("lab-app", (FileDiff("compose.yml", ("-a", "+b")),)),))
    flow("diff.diff", changed)
    assert opsctl("diff", "lab", project=project).code == 0
    assert opsctl("diff", "lab", "--exit-code", project=project).code == 4
    assert opsctl("diff", "lab", "--json", project=project).envelope["data"]["changes"] is True


def test_audit(project: Path, flow: Any) -> None:
    made = flow("audit.audit", reports.AUDIT)
    ended = opsctl("audit", "lab", "--tail", "5", project=project)
    assert (ended.code, made.options["limit"]) == (0, 5)
    assert "anna@desk" in ended.out
    assert opsctl("audit", "lab", "--json", project=project).envelope["data"]["entries"][0]["user"] == "anna"
    flow("audit.audit", AuditReport((), {"lab-vpn": reports.NO_CONNECTION}))
    assert opsctl("audit", "lab", project=project).code == 5


def test_hosts_check_says_which_are_ready(project: Path) -> None:
    ended = opsctl("hosts", "check", "lab", project=project)
    assert ended.code == 5
    assert ended.out == "host     state\nlab-app  not ready\nlab-vpn  not ready\n"
    assert ended.err.count("no connection") == 2


def test_logs_are_written_as_they_come_and_redacted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def show(world: World, _desired: Desired, services: list[str], *, write: Any, **options: Any) -> None:
        seen.update(options, services=services)
        write("api", "ready")

    monkeypatch.setattr("opsctl.flows.passthrough.show_logs", show)
    ended = opsctl("logs", "api", "db", "-e", "lab", "--tail", "5", "-f", "--since", "15m", project=project)
    assert (ended.code, ended.out) == (0, "api  ready\n")
    assert (seen["services"], seen["tail"], seen["follow"]) == (["api", "db"], 5, True)


def test_a_reader_of_logs_that_leaves_ends_them_quietly(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(*_: object, **__: object) -> None:
        raise ReaderLeft

    monkeypatch.setattr("opsctl.flows.passthrough.show_logs", show)
    assert opsctl("logs", "api", "-e", "lab", project=project) == Ended(0, "", "")


# ── without a host ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_render_prints_files_without_a_secret_and_makes_none_up(project: Path) -> None:
    ended = opsctl("render", "lab", project=project)
    assert ended.code == 0
    assert "# lab-app/env/db.env\nPOSTGRES_PASSWORD=__secret_db_password__\n" in ended.out
    assert not (project / "secrets").exists()


def test_render_writes_below_a_folder(project: Path, tmp_path: Path) -> None:
    ended = opsctl("render", "lab", "--host", "lab-vpn", "-o", str(tmp_path / "out"), project=project)
    assert ended.out == f"1 file written below {tmp_path / 'out'}\n"
    assert (tmp_path / "out" / "lab-vpn" / "compose.yml").read_text().startswith("# Written by opsctl")


def test_render_where_nothing_can_be_written_is_a_failure(project: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    ended = opsctl("render", "lab", "-o", str(tmp_path / "out"), project=project)
    assert ended.code == 1
    assert "cannot write" in ended.err


def test_memory_and_lint_end_in_4_where_a_deploy_would_be_refused(project: Path) -> None:
    assert opsctl("memory", "lab", project=project).code == 0
    assert opsctl("lint", "lab", project=project).code == 0
    refused = opsctl("lint", "prod", project=project)
    assert refused.code == 4
    assert "error    MEM001  hosts.toml:19\n         web: " in refused.out
    assert (
        opsctl("memory", "prod", "--json", project=project).envelope["data"]["hosts"][0]["verdict"]
        == "refuse"
    )


def test_an_environment_that_requires_pins_refuses_what_has_no_digest(project: Path, flow: Any) -> None:
    hosts, stack = project / "hosts.toml", project / "stacks" / "edge.yml"
    hosts.write_text(
        hosts.read_text().replace("[environments.prod]", "require_pins = true\n[environments.prod]")
    )
    stack.write_text(stack.read_text().replace("caddy:2.10", f"caddy:2.10@sha256:{'0' * 64}"))

    refused = opsctl("lint", "lab", project=project)
    assert refused.code == 4
    assert refused.out.startswith(
        "error    IMG003  stacks/app.yml:3\n"
        "         api: registry.example.org/shop/api:1.4.2: no digest pins it\n"
        "         hint: opsctl pin-images registry.example.org/shop/api:1.4.2\n"
        "error    IMG003  stacks/app.yml:10\n"
    )
    found = opsctl("lint", "lab", "--json", project=project).envelope["data"]["findings"]
    assert [one["service"] for one in found if one["rule"] == "IMG003"] == ["api", "db"]
    for words, name in (
        (("deploy", "lab", "--yes"), "deploy.deploy"),
        (("recreate", "api", "-e", "lab"), "verbs.act"),
    ):
        made = flow(name, reports.DEPLOYED)
        opsctl(*words, project=project)
        app, vpn = made.desired.hosts
        refusals, _notes = made.options["policy"](app, Observed("lab-app"))
        assert [text.partition(":")[0] for text in refusals] == ["api", "db"]
        assert made.options["policy"](vpn, Observed("lab-vpn"))[0] == []


def test_lint_holds_the_rendering_against_the_compose_specification(project: Path) -> None:
    stack = project / "stacks" / "edge.yml"
    stack.write_text(stack.read_text() + "    stop_grace_period: [30]\n")

    ended = opsctl("lint", "lab", project=project)

    assert ended.code == 2
    assert "stacks/edge.yml:2: services.proxy.stop_grace_period: must be text" in ended.err


def test_lint_of_a_wrong_file_ends_in_2_with_its_line(project: Path) -> None:
    (project / "stacks" / "edge.yml").write_text("services:\n  proxy:\n    imge: caddy\n")
    ended = opsctl("lint", "lab", project=project)
    assert ended.code == 2
    assert "stacks/edge.yml:3: " in ended.err


def test_explain_names_file_and_line(project: Path) -> None:
    ended = opsctl("explain", "lab", "api.memory.limit", project=project)
    assert ended.code == 0
    assert "stacks/app.yml:4" in ended.out
    shape = opsctl("explain", "lab", "api.memory.limit", "--json", project=project).envelope
    assert (shape["data"]["holds"]["file"], shape["data"]["holds"]["line"]) == ("stacks/app.yml", 4)


@pytest.mark.parametrize("kind", ["hosts", "stack"])
def test_schema_prints_a_json_schema(kind: str) -> None:
    assert "$schema" in json.loads(opsctl("schema", kind).out)


def test_hosts_list(project: Path) -> None:
    ended = opsctl("hosts", "list", project=project)
    assert ended.out.splitlines()[1].split() == [
        "lab",
        "lab-app",
        "192.0.2.1",
        "2",
        "GiB",
        "known_hosts",
        "app",
    ]
    assert opsctl("hosts", "list", "--json", project=project).envelope["command"] == "hosts list"


def test_hosts_trust_without_a_terminal_needs_yes(project: Path) -> None:
    ended = opsctl("hosts", "trust", "lab-app", project=project)
    assert ended.code == 2
    assert "--yes" in ended.err


def test_unknown_hosts_are_not_trusted(project: Path) -> None:
    ended = opsctl("hosts", "trust", "lab-ap", "--yes", project=project)
    assert ended.err == "no host is called lab-ap\n\nhint: did you mean 'lab-app'?\n"


def test_connections_are_summed_up_and_end_in_4_where_a_deploy_would_be_refused(project: Path) -> None:
    assert opsctl("connections", "lab", project=project).out == "no service has app: postgresql\n"
    stack = project / "stacks" / "app.yml"
    text = stack.read_text()
    user = "  reader: {image: a:1, connections: {pg: {database: shop, pool: POOL, processes: 2}}}\n"
    db = "  pg: {app: postgresql, image: 'postgres:18', databases: {shop: {password: {secret: a}}, idle: {password: {secret: b}}}}\n"
    stack.write_text(text.replace("services:\n", f"services:\n{db}{user.replace('POOL', '48')}", 1))
    fits = opsctl("connections", "lab", project=project)
    assert fits.code == 0
    assert "pg@lab-app  97 usable: 100 without 3 kept for superusers  ok" in fits.out
    assert "reader   shop        48          2           96" in fits.out
    assert "note  idle: nobody states a pool" in fits.out
    stack.write_text(text.replace("services:\n", f"services:\n{db}{user.replace('POOL', '49')}", 1))
    over = opsctl("connections", "lab", "--json", project=project)
    assert over.code == 4
    (server,) = over.envelope["data"]["servers"]
    assert (server["total"], server["usable"], server["fits"], server["silent"]) == (98, 97, False, ["idle"])
