"""The apps by name, and the rules and checks of all of them beside the generic ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from opsctl.apps.app import App
from opsctl.model.fleet import Fleet
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit
from opsctl.render.memory import MemoryRow
from opsctl.rules.catalogue import RULES
from opsctl.rules.rule import Rule
from opsctl.rules.subject import ServiceView
from opsctl.state.desired import DesiredHost

if TYPE_CHECKING:
    from opsctl.checks.check import Check

BUILT_IN = (
    *(
        "alertmanager",
        "alloy",
        "caddy",
        "cadvisor",
        "grafana",
        "headscale",
        "litellm",
        "loki",
        "n8n",
        "nocodb",
    ),
    *("openclaw", "opencut", "palais", "postgresql", "qdrant", "redis", "sure", "victoriametrics", "vmalert"),
)
"""The names of opsctl's own. Each is imported when it is asked for: all of them together take longer than a plan."""
_PACKAGES = {"vmalert": "victoriametrics"}
GROUP = "opsctl.apps"
"""The entry points under which packages bring apps of their own."""


def find_app(name: str) -> App:
    """The app of that name. Only a name that is not built in is looked for among the installed packages (10 to 20 ms).

    Raises Unfit for a name that nobody has, and for a package that brings no usable App.
    """
    if name in BUILT_IN:
        return _built_in(name)
    brought = {point.name: point for point in entry_points(group=GROUP)}
    if name not in brought:
        known = {*BUILT_IN, *brought}
        raise Unfit(f"there is no app {name!r}", nearest(name, known))
    return _brought(brought[name])


@cache
def _built_in(name: str) -> App:
    found = getattr(import_module(f"opsctl.apps.{_PACKAGES.get(name, name)}.app"), name.upper())
    if not isinstance(found, App):
        raise TypeError(f"{name} is no App")
    return found


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
    if taken := sorted({check.id for check in app.checks()} & {check.id for check in all_checks()}):
        raise Unfit(f"the app {point.name!r} uses {', '.join(taken)}, which is a check of opsctl", hint)
    return app


def rules_of(apps: Iterable[str]) -> tuple[Rule, ...]:
    """The generic rules, and those of these apps. Raises Unfit as find_app."""
    return (*RULES, *(rule for app in _sorted(apps) for rule in app.rules))


def checks_of(apps: Iterable[str]) -> tuple[Check, ...]:
    """The generic checks, and those of these apps. Raises Unfit as find_app."""
    from opsctl.checks.catalogue import CHECKS  # 35 ms that only verify and a deploy's end need

    return (*CHECKS, *(check for app in _sorted(apps) for check in app.checks()))


def all_rules(more: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The generic rules, those of all built-in apps, and those of the apps named in `more`. Raises Unfit as find_app."""
    return rules_of({*BUILT_IN, *more})


def all_checks(more: Iterable[str] = ()) -> tuple[Check, ...]:
    """The same of checks."""
    return checks_of({*BUILT_IN, *more})


def built_in_apps() -> tuple[App, ...]:
    return tuple(map(_built_in, BUILT_IN))


def _sorted(apps: Iterable[str]) -> list[App]:
    """Ours first, then those that packages bring."""
    return [find_app(name) for name in sorted(set(apps), key=lambda name: (name not in BUILT_IN, name))]


def apps_of(fleet: Fleet) -> frozenset[str]:
    """The names of the apps that any service of any environment is."""
    services = (service for stack in fleet.stacks.values() for service in stack.services.values())
    return frozenset(service.app for service in services if service.app)


def memory_rows(fleet: Fleet, environment: str, host: DesiredHost) -> tuple[MemoryRow, ...]:
    """What the services of a host add to its memory budget beside themselves. Raises Unfit as find_app."""
    views = (ServiceView(fleet, environment, host, service) for service in host.services.values())
    return tuple(row for view in views if view.written.app for row in find_app(view.written.app).memory(view))
