"""The views as whole texts, from reports built by hand."""

from __future__ import annotations

import time

import pytest

from opsctl.cli.views.audit import audit_view
from opsctl.cli.views.deploy import deploy_view, failures_view
from opsctl.cli.views.diff import diff_view
from opsctl.cli.views.hosts import checked_view
from opsctl.cli.views.memory import memory_view
from opsctl.cli.views.plan import fold, plan_view
from opsctl.cli.views.status import short_image, status_view
from opsctl.cli.views.why import why_view
from opsctl.errors import Interrupted, OpsctlError, Refused
from opsctl.flows.audit import AuditReport
from opsctl.flows.diff import DiffReport, FileDiff, HostDiff, KeyChange
from opsctl.flows.reports import DeployReport, HostOutcome
from opsctl.plan.plans import Plan
from opsctl.render.memory import MemoryBudget, MemoryRow
from opsctl.state.observed import Observed, Resources
from tests.cli import reports
from tests.cli.reports import GIB, MIB, text


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize("plan", [reports.PLAN, reports.NOTHING, reports.REFUSED_PLAN])
def test_the_plan_without_a_terminal_is_word_for_word_its_own_text(plan: Plan) -> None:
    assert text(plan_view(plan)) == f"{plan}\n"


def test_on_a_terminal_a_long_reason_goes_on_under_its_column() -> None:
    folded = fold("  push      2 files  env/api.env (changed: PORT), compose.yml (labels of api)", 60)
    assert folded == [
        "  push      2 files  env/api.env (changed: PORT),",
        "                     compose.yml (labels of api)",
    ]
    assert "".join(folded).replace(" ", "") == "push2filesenv/api.env(changed:PORT),compose.yml(labelsofapi)"


def test_where_the_reason_has_no_room_it_goes_on_further_left() -> None:
    folded = fold("  pull      registry.example.org/shop/api:1.4.2  not on the host, for api", 60)
    assert folded == [
        "  pull      registry.example.org/shop/api:1.4.2  not on the",
        "            host, for api",
    ]


def test_a_deploy_ends_with_a_line_for_each_host() -> None:
    assert text(deploy_view(reports.DEPLOYED, shown=True)) == (
        "\n"
        "lab-app  done       4.2 s  1 recreated\n"
        "lab-vpn  unchanged  0.3 s\n"
    )  # fmt: skip


def test_the_host_that_failed_comes_last_and_says_how_far_it_came() -> None:
    assert text(deploy_view(reports.HALF_FAILED, shown=True)) == (
        "\n"
        "lab-vpn  unchanged      0.3 s\n"
        "lab-app  FAILED     2 min 1 s  2 of 3 steps done\n"
    )  # fmt: skip
    assert text(failures_view(reports.HALF_FAILED)) == (
        "\n"
        "lab-app: api did not become healthy in 120 s\n"
        "  | GET /healthz: 503\n"
        "\n"
        "hint: opsctl why api\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "error, verdict",
    [(Refused("no"), "refused"), (Interrupted("^C"), "stopped"), (reports.NO_CONNECTION, "not done")],
)
def test_a_host_where_nothing_failed_is_not_called_failed(error: OpsctlError, verdict: str) -> None:
    report = DeployReport(reports.PLAN, (HostOutcome("lab-app", error=error),))
    assert text(deploy_view(report, shown=True)).split()[1:-2] == verdict.split()


def test_a_plan_that_was_not_asked_about_is_shown_with_the_end() -> None:
    nothing = DeployReport(reports.NOTHING, ())
    assert text(deploy_view(nothing, shown=False)) == f"{reports.NOTHING}\n"
    assert text(deploy_view(reports.REFUSED, shown=False)) == f"{reports.REFUSED_PLAN}\n"


def test_a_no_at_the_prompt_is_said() -> None:
    assert text(deploy_view(DeployReport(reports.PLAN, (), confirmed=False), shown=True)) == "nothing done\n"


def test_status_in_80_columns() -> None:
    assert (
        text(status_view(reports.STATUS), 80)
        == """\
lab-app  memory ████░░ 1.5 GiB of 2 GiB  disk ██████ 19 GiB of 20 GiB
  service  state          up  memory                   remarks
  api      unhealthy      1m  ██████  94 % of 512 MiB  3 restarts, drift: env P…
  db       healthy    12d 4h  ██░░░░    25 % of 1 GiB
  migrate  exited 0        -  -                        job done
  shell    missing         -  -                        on demand
  note  stray: old-worker runs, and no stack names it

lab-vpn  could not be looked at
"""
    )


def test_status_in_a_pipe_is_not_cut() -> None:
    shown = text(status_view(reports.STATUS))
    assert "3 restarts, drift: env PORT changed" in shown
    assert "shop/api:1.4.2@abababab" in shown


@pytest.mark.parametrize(
    "image, short",
    [
        ("caddy:2.10", "caddy:2.10"),
        ("docker.io/library/caddy:2.10", "library/caddy:2.10"),
        ("localhost:5000/a/b:1@sha256:" + "0f" * 32, "a/b:1@0f0f0f0f"),
    ],
)
def test_images_without_registry_and_with_a_short_digest(image: str, short: str) -> None:
    assert short_image(image) == short


def test_why_begins_with_the_likeliest_reason() -> None:
    assert (
        text(why_view(reports.WHY, reports.NOON))
        == """\
api on lab-app: exited 137
  fell first: db exited 1 at 11:58
  killed for want of memory (limit 512 MiB)
  ended with code 137, 1m ago
  restarted 2 times by the engine
  a deploy would touch it: exited 137

health probes, newest last
  | GET /healthz: 200
  | GET /healthz: timed out

last lines
  | loading
  | allocating

changes of the last 24 h
  when                 host     who        outcome       took  what
  2026-11-23 12:00:00  lab-app  anna@desk  failed   2 min 1 s  deploy: 1 to recreate (api did not become healthy)
"""
    )


def test_diff_of_lines_and_keys() -> None:
    report = DiffReport(
        (
            HostDiff(
                "lab-app",
                (
                    FileDiff("compose.yml", lines=("@@ -1 +1 @@", "-a: 1", "+a: 2")),
                    FileDiff(
                        "env/api.env",
                        keys=(
                            KeyChange("PORT", "changed", "80", "8000"),
                            KeyChange("TOKEN", "added", "", "***"),
                        ),
                    ),
                ),
            ),
        )
    )
    assert (
        text(diff_view(report))
        == """\
lab-app  compose.yml
  @@ -1 +1 @@
  -a: 1
  +a: 2

lab-app  env/api.env
  ~  PORT   80 -> 8000
  +  TOKEN  ***
"""
    )
    assert text(diff_view(DiffReport(()))) == "no difference\n"


def test_audit() -> None:
    assert (
        text(audit_view(reports.AUDIT))
        == """\
when                 host     who         outcome       took  what
2026-11-23 12:00:00  lab-app  anna@desk   failed   2 min 1 s  deploy: 1 to recreate (api did not become healthy)
2026-11-23 12:05:00  lab-app  ben@laptop  running          -  stop api
"""
    )
    assert text(audit_view(AuditReport(()))) == "nothing was changed yet\n"


def test_memory() -> None:
    rows = (MemoryRow("api", 512 * MIB, 128 * MIB, 600 * MIB), MemoryRow("db", GIB, None, None))
    budget = MemoryBudget("web", rows, 2 * GIB, 256 * MIB, 1.5, "warn", ("something",))
    assert (
        text(memory_view([budget]), 80)
        == """\
web  2 GiB, 256 MiB kept free, overcommit 1.5  warn
  service    limit  share of RAM        reservation     peak
  api      512 MiB  ███░░░░░░░░░  25 %      128 MiB  600 MiB
  db         1 GiB  ██████░░░░░░  50 %
  sum      1.5 GiB  █████████░░░  75 %      128 MiB  600 MiB
  warn  something
"""
    )


def test_memory_of_a_host_whose_ram_nobody_said_has_a_hint() -> None:
    budget = MemoryBudget(
        "web", (MemoryRow("api", None, None, None),), 0, 0, 1, "warn", ("RAM is not known",)
    )
    assert (
        text(memory_view([budget]))
        == """\
web  RAM not known, 0 B kept free, overcommit 1  warn
  service     limit
  api      no limit
  sum           0 B
  warn  RAM is not known
  hint: write memory = "8GiB" (or what it has) in [hosts.web]
"""
    )


def test_hosts_that_were_checked() -> None:
    looks = {"lab-app": Observed("lab-app", resources=Resources(2 * GIB, GIB, 20 * GIB, 5 * GIB))}
    assert (
        text(checked_view(looks, {"lab-vpn": reports.NO_CONNECTION}))
        == """\
host     state      containers     memory free        disk free
lab-app  ready               0  1 GiB of 2 GiB  5 GiB of 20 GiB
lab-vpn  not ready
"""
    )
