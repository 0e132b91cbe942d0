"""The apps by name, and the rules and checks of all of them beside the generic ones."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from opsctl.apps.alertmanager.app import ALERTMANAGER
from opsctl.apps.alloy.app import ALLOY
from opsctl.apps.app import App
from opsctl.apps.caddy.app import CADDY
from opsctl.apps.cadvisor.app import CADVISOR
from opsctl.apps.grafana.app import GRAFANA
from opsctl.apps.headscale.app import HEADSCALE
from opsctl.apps.litellm.app import LITELLM
from opsctl.apps.loki.app import LOKI
from opsctl.apps.n8n.app import N8N
from opsctl.apps.nocodb.app import NOCODB
from opsctl.apps.openclaw.app import OPENCLAW
from opsctl.apps.opencut.app import OPENCUT
from opsctl.apps.palais.app import PALAIS
from opsctl.apps.postgresql.app import POSTGRESQL
from opsctl.apps.qdrant.app import QDRANT
from opsctl.apps.redis.app import REDIS
from opsctl.apps.sure.app import SURE
from opsctl.apps.victoriametrics.app import VICTORIAMETRICS, VMALERT
from opsctl.checks.catalogue import CHECKS
from opsctl.checks.check import Check
from opsctl.model.fleet import Fleet
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit
from opsctl.render.memory import MemoryRow
from opsctl.rules.catalogue import RULES
from opsctl.rules.rule import Rule
from opsctl.rules.subject import ServiceView
from opsctl.state.desired import DesiredHost

BUILT_IN: tuple[App, ...] = (
    ALERTMANAGER,
    ALLOY,
    CADDY,
    CADVISOR,
    GRAFANA,
    HEADSCALE,
    LITELLM,
    LOKI,
    N8N,
    NOCODB,
    OPENCLAW,
    OPENCUT,
    PALAIS,
    POSTGRESQL,
    QDRANT,
    REDIS,
    SURE,
    VICTORIAMETRICS,
    VMALERT,
)
GROUP = "opsctl.apps"
"""The entry points under which packages bring apps of their own."""


def find_app(name: str) -> App:
    """The app of that name. Only a name that is not built in is looked for among the installed packages (10 to 20 ms).

    Raises Unfit for a name that nobody has, and for a package that brings no usable App.
    """
    for app in BUILT_IN:
        if app.name == name:
            return app
    brought = {point.name: point for point in entry_points(group=GROUP)}
    if name not in brought:
        known = {app.name for app in BUILT_IN} | brought.keys()
        raise Unfit(f"there is no app {name!r}", nearest(name, known))
    return _brought(brought[name])


def _brought(point: EntryPoint) -> App:
    package = point.dist.name if point.dist else "a package"
    hint = f"mend or remove {package}, which brings it as {point.value}"
    try:
        app = point.load()
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        raise Unfit(
            f"the app {point.name!r} cannot be loaded: {type(error).__name__}: {error}", hint
        ) from None
    if not isinstance(app, App) or app.name != point.name:
        raise Unfit(f"the app {point.name!r} is not an App of that name", hint)
    if taken := sorted({rule.id for rule in app.rules} & {rule.id for rule in all_rules()}):
        raise Unfit(f"the app {point.name!r} uses {', '.join(taken)}, which is a rule of opsctl", hint)
    if taken := sorted({check.id for check in app.checks} & {check.id for check in all_checks()}):
        raise Unfit(f"the app {point.name!r} uses {', '.join(taken)}, which is a check of opsctl", hint)
    return app


def all_rules(more: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The generic rules, those of the built-in apps, and those of the apps named in `more`. Raises Unfit as find_app."""
    return (*RULES, *(rule for app in _with(more) for rule in app.rules))


def all_checks(more: Iterable[str] = ()) -> tuple[Check, ...]:
    """The generic checks, those of the built-in apps, and those of the apps named in `more`. Raises Unfit as find_app."""
    return (*CHECKS, *(check for app in _with(more) for check in app.checks))


def _with(more: Iterable[str]) -> tuple[App, ...]:
    built_in = {app.name for app in BUILT_IN}
    return (*BUILT_IN, *(find_app(name) for name in sorted(set(more) - built_in)))


def apps_of(fleet: Fleet) -> frozenset[str]:
    """The names of the apps that any service of any environment is."""
    services = (service for stack in fleet.stacks.values() for service in stack.services.values())
    return frozenset(service.app for service in services if service.app)


def memory_rows(fleet: Fleet, environment: str, host: DesiredHost) -> tuple[MemoryRow, ...]:
    """What the services of a host add to its memory budget beside themselves. Raises Unfit as find_app."""
    views = (ServiceView(fleet, environment, host, service) for service in host.services.values())
    return tuple(row for view in views if view.written.app for row in find_app(view.written.app).memory(view))
