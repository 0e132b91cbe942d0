"""A container that is unhealthy on purpose, and whether its alert arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.apps.alertmanager.where import port_of
from opsctl.checks.paths import at, mapping, mappings, told_json
from opsctl.checks.questions import (
    Talk,
    UnansweredError,
    Verdict,
    failed,
    own_time,
    passed,
    pause,
    skipped,
    unknown,
)
from opsctl.checks.short_lived import LIFE, name_of, short_lived, why
from opsctl.checks.situation import ServiceNow
from opsctl.rules.subject import ServiceView
from opsctl.state.desired import DesiredService

ALERT = "ContainerUnhealthy"
WITHIN = 300.0
"""Seconds from the start of the container to its alert."""
_BETWEEN = 5.0
# Where the image has no shell the healthcheck fails too, since it cannot be started.
_UNHEALTHY = ("--detach", "--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1")


def heard(one: ServiceNow) -> Talk:
    """Starts it of Alertmanager's own image, which has sleep, and asks until its alert is there."""
    if not any(_app(one, service) == "cadvisor" for service in one.host.desired.services.values()):
        return skipped("no cAdvisor looks at this host")
    if one.container is None:
        return unknown("it does not run")
    image = one.container.image_id
    began = yield from own_time()
    started = yield from short_lived(one.host, "canary", image, ("sleep", f"{LIFE:g}"), *_UNHEALTHY)
    if started.code:
        return unknown(f"the canary did not start: {why(started)}")
    name = name_of(one.host, "canary", image)
    return (yield from _awaited(one, name, began))


def _awaited(one: ServiceNow, name: str, began: float) -> Talk:
    said = "Alertmanager knows nothing of it"
    request = at(one, port_of(one), "/api/v2/alerts", query={"filter": f'name="{name}"'})
    while True:
        passed_by = (yield from own_time()) - began
        try:
            found = yield from told_json(request)
        except UnansweredError as error:
            said = str(error)
        else:
            if verdict := judge(mappings(found), passed_by):
                return verdict
        if passed_by >= WITHIN:
            return failed(f"no alert within {WITHIN:g} s: {said}")
        yield from pause(_BETWEEN)


def judge(alerts: Sequence[Mapping[str, Any]], seconds: float) -> Verdict | None:
    """What Alertmanager has about the container after so many seconds; None: nothing yet."""
    for one in alerts:
        status = mapping(one.get("status"))
        if mapping(one.get("labels")).get("alertname") != ALERT:
            continue
        if status.get("state") == "suppressed":
            return failed(
                "its alert came and is silenced or inhibited: nobody is told", observed="suppressed"
            )
        if status.get("state") == "active":
            return passed(f"its alert fired after {seconds:.0f} s")
    return None


def _app(one: ServiceNow, service: DesiredService) -> str | None:
    return ServiceView(one.view.fleet, one.view.environment, one.host.desired, service).written.app
