"""Reports built by hand, for the views and the commands; and a view as plain text."""

from __future__ import annotations

from collections.abc import Iterable

from opsctl.cli.screen import paint
from opsctl.cli.views.blocks import Block, lay_out
from opsctl.errors import ConnectFailed, HealthFailed, Refused
from opsctl.flows.audit import AuditEntry, AuditReport
from opsctl.flows.reports import DeployReport, HostOutcome
from opsctl.flows.status import HostStatus, ServiceStatus, StatusReport
from opsctl.flows.why import WhyReport
from opsctl.plan.plans import HostPlan, Plan
from opsctl.plan.steps import Push, PutFile, Recreate, Wait
from opsctl.state.observed import Resources

MIB = 1024**2
GIB = 1024**3
NOON = 1_795_435_200.0
"""2026-11-23 12:00:00 UTC."""


def text(blocks: Iterable[Block], width: int | None = None) -> str:
    """What a reader without colour sees; each line without blanks at its end."""
    return "".join(paint(one, colour=False) + "\n" for one in lay_out(blocks, width))


APP_PLAN = HostPlan(
    host="lab-app",
    directory="/opt/shop",
    steps=(
        Push(
            (
                PutFile("env/api.env", b"", 0o600, "changed: PORT"),
                PutFile("compose.yml", b"", 0o644, "labels of api"),
            )
        ),
        Recreate("api", 0, ("env PORT changed", "env/api.env was edited on the host")),
        Wait("api", 0, "healthy", 120),
    ),
    notes=("stray: old-worker runs, and no stack names it",),
)
VPN_PLAN = HostPlan(host="lab-vpn", directory="/opt/shop")
PLAN = Plan("lab", (APP_PLAN, VPN_PLAN))
NOTHING = Plan("lab", (VPN_PLAN,))
REFUSED_PLAN = Plan(
    "lab", (HostPlan("lab-app", "/opt/shop", refusals=("port 80 is held by the container blog",)),)
)

NO_CONNECTION = ConnectFailed(
    "no connection", where="lab-vpn", hint="is the machine up?", evidence=["192.0.2.2: timed out"]
)
UNHEALTHY = HealthFailed(
    "api did not become healthy in 120 s",
    where="lab-app",
    hint="opsctl why api",
    evidence=["GET /healthz: 503"],
)

DEPLOYED = DeployReport(
    PLAN,
    (
        HostOutcome("lab-app", APP_PLAN, done=3, changed=True, seconds=4.21),
        HostOutcome("lab-vpn", VPN_PLAN, seconds=0.3),
    ),
    run="0a1b2c3d",
)
HALF_FAILED = DeployReport(
    PLAN,
    (
        HostOutcome("lab-app", APP_PLAN, done=2, changed=True, error=UNHEALTHY, seconds=121.0),
        HostOutcome("lab-vpn", VPN_PLAN, seconds=0.3),
    ),
    run="0a1b2c3d",
)
REFUSED = DeployReport(
    REFUSED_PLAN,
    (HostOutcome("lab-app", REFUSED_PLAN.hosts[0], error=Refused("the plan was refused", where="lab-app")),),
    run="0a1b2c3d",
)

API = ServiceStatus(
    "api",
    state="running",
    health="unhealthy",
    uptime=95.0,
    image="registry.example.org:5000/shop/api:1.4.2@sha256:" + "ab" * 32,
    memory_used=480 * MIB,
    memory_limit=512 * MIB,
    restarts=3,
    drift="env PORT changed",
    bad=True,
)
DB = ServiceStatus(
    "db",
    state="running",
    health="healthy",
    uptime=12 * 86_400 + 4 * 3600,
    image="docker.io/library/postgres:17.2",
    memory_used=256 * MIB,
    memory_limit=GIB,
)
MIGRATE = ServiceStatus("migrate", state="exited", exit_code=0, image="api:1", mark="job done")
SHELL = ServiceStatus("shell", state="missing", image="busybox:1.36", mark="on demand")
STATUS = StatusReport(
    "lab",
    (
        HostStatus(
            "lab-app",
            (API, DB, MIGRATE, SHELL),
            Resources(2 * GIB, GIB // 2, 20 * GIB, GIB),
            notes=("stray: old-worker runs, and no stack names it",),
        ),
        HostStatus("lab-vpn", error=NO_CONNECTION),
    ),
)

DEPLOY_ENTRY = AuditEntry(
    host="lab-app",
    at=NOON,
    run="0a1b2c3d",
    user="anna",
    machine="desk",
    command="opsctl deploy lab --yes",
    what="deploy: 1 to recreate",
    plan="0123456789ab",
    outcome="failed",
    seconds=121.0,
    detail="api did not become healthy",
)
STOP_ENTRY = AuditEntry(
    host="lab-app",
    at=NOON + 300,
    run="ffffffff",
    user="ben",
    machine="laptop",
    command="opsctl stop api -e lab",
    what="stop api",
)
AUDIT = AuditReport((DEPLOY_ENTRY, STOP_ENTRY))

WHY = WhyReport(
    host="lab-app",
    status=ServiceStatus(
        "api", state="exited", exit_code=137, restarts=2, memory_limit=512 * MIB, drift="exited 137", bad=True
    ),
    oom_killed=True,
    finished_at=NOON - 90,
    health_log=("GET /healthz: 200", "GET /healthz: timed out"),
    logs=("loading", "allocating"),
    changes=(DEPLOY_ENTRY,),
    fell_first="db exited 1 at 11:58",
)
