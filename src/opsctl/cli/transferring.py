"""A run of `push-images`: no store is opened, since no image is called after a secret."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.argv import images as argv
from opsctl.cli.answer import answer
from opsctl.cli.arguments import require_known
from opsctl.cli.invocation import Invocation
from opsctl.cli.progress import progress
from opsctl.cli.project import state_folder_of
from opsctl.cli.session import connections, who
from opsctl.cli.views.blocks import BLANK
from opsctl.cli.views.push_images import outcomes_view, plan_view, push_json
from opsctl.edges.clock import SystemClock
from opsctl.edges.local.connection import LocalConnection
from opsctl.edges.ports import Producer
from opsctl.errors import CommandFailed, OpsctlError, UsageError
from opsctl.flows.rendering import SecretSource, rendered
from opsctl.flows.transfer.planning import Engines, Wanted, plan_pushes, wanted_images
from opsctl.flows.transfer.push_images import PushReport, offered, push_images
from opsctl.flows.world import World
from opsctl.inputs.hosts_file import find_root
from opsctl.inputs.project import load
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import Host
from opsctl.render.output import login_placeholder, placeholder
from opsctl.state.desired import DesiredHost

_HERE = "this machine"


@dataclass(frozen=True, slots=True)
class Asked:
    host: str
    names: tuple[str, ...] = ()
    environment: str | None = None
    pull: bool = False
    dry_run: bool = False


def run(invocation: Invocation, asked: Asked) -> int:
    """Raises UsageError, InputError, EngineUnavailable, ConnectFailed."""
    root = find_root(invocation.folder)
    fleet = load(root)
    desired = _host(fleet, asked, invocation)
    images = wanted_images(desired, asked.names)
    here = LocalConnection(_HERE, Host(connection="local"))
    platform = fleet.host(asked.host).platform
    with (
        progress(invocation.side, tell_steps=True) as listen,
        connections(invocation, root, fleet.hosts_file) as connect,
    ):
        world = World(
            connect=connect,
            clock=invocation.clock or SystemClock(),
            redact=invocation.err.clean,
            listen=listen,
            who=who(invocation.argv, invocation.environ),
        )
        fetch = _Fetch(here.shell, platform) if asked.pull and not asked.dry_run else None
        engines = Engines(here.engine, connect(asked.host).engine, fetch)
        plan = plan_pushes(desired, platform, images, engines)
        if not invocation.json:
            listen.pause()
            invocation.data.show(plan_view(plan, dry_run=asked.dry_run))
            listen.resume()
        report = offered(plan) if asked.dry_run else push_images(world, plan, here.shell)
        here.close()
    return _answered(invocation, report, dry_run=asked.dry_run)


def _host(fleet: Fleet, asked: Asked, invocation: Invocation) -> DesiredHost:
    """The host as it would be deployed, with names in place of secrets. Raises UsageError for one that is in no environment."""
    file = fleet.hosts_file
    require_known("environment", [asked.environment] if asked.environment else [], file.environments)
    require_known("host", [asked.host], file.hosts)
    environment = next((name for name, one in file.environments.items() if asked.host in one.hosts), None)
    if environment is None:
        raise UsageError(f"{asked.host} is in no environment", where="hosts.toml")
    if asked.environment not in {None, environment}:
        raise UsageError(f"{asked.host} is in {environment}, not in {asked.environment}")
    invocation.environment = environment
    blank = SecretSource(placeholder, login_placeholder)
    desired = rendered(fleet, environment, blank, state_folder=state_folder_of(fleet, environment))
    return next(one for one in desired.hosts if one.name == asked.host)


class _Fetch:
    """Lets this machine's engine pull what it lacks."""

    def __init__(self, shell: Producer, platform: str) -> None:
        self._shell = shell
        self._platform = platform

    def __call__(self, wanted: Wanted) -> None:
        image = wanted.reference
        tagged = image.pinned(wanted.digest)
        completed = self._shell.run(argv.pull_here(str(tagged), self._platform))
        if not completed.ok:
            raise CommandFailed(
                f"cannot pull {tagged} here", where=wanted.name, evidence=completed.last_lines(3)
            )


def _answered(invocation: Invocation, report: PushReport, *, dry_run: bool) -> int:
    errors: dict[str, OpsctlError] = {one.plan.wanted.name: one.error for one in report.outcomes if one.error}
    blocks = [*outcomes_view(report)] if not dry_run else []
    if not blocks and errors and not invocation.json:
        invocation.side.show([BLANK])
    return answer(invocation, report.exit, blocks=blocks, data=push_json(report), errors=errors)
