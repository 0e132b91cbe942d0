"""Rules about the alerts of vmalert: that they can fire, fire for what they say, and soon enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.config_file import config_file
from opsctl.apps.health_state import METRIC, asks_absence, below_healthy, invented
from opsctl.apps.options import flag, option
from opsctl.apps.victoriametrics.server import WORDS, Alert, Alerting, alertings, servers
from opsctl.apps.victoriametrics.spans import LOOKED_AT, Road, road, seconds
from opsctl.model.values import Unfit, parse_duration
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import ServiceView, Subject

WITHIN = 300.0
"""Seconds from an unhealthy container to the message: the audit asks for five minutes."""
# Defaults: VictoriaMetrics lib/promscrape/config.go, vmalert main.go, Alertmanager dispatch/route.go.
_SCRAPE, _EVALUATION, _GROUP_WAIT, _GROUP_INTERVAL = 60.0, 60.0, 30.0, 300.0
# Of a file that says nothing, which ALM001 tells.
_UNREAD = {"group_wait": "0s", "group_interval": "0s"}


def _unread(subject: Subject) -> Iterator[Hit]:
    for one in alertings(subject):
        for path in one.unread:
            message = f"it reads {path}, which is no file that opsctl mounts: nothing of it was looked at"
            yield one.hit(message, "mount it with files", "command", unknown=True)
        if not one.files and not one.unread:
            yield one.hit("it has no rules", "command: [-rule=/etc/vmalert/alerts.yml, …]", "command")
        for file in one.files:
            yield from file.broken()


def _mute(subject: Subject) -> Iterator[Hit]:
    for one in alertings(subject):
        words = one.view.words(*WORDS)
        if not any(word.lstrip("-").startswith(("notifier.url", "notifier.config")) for word in words):
            yield one.hit(
                "it has no -notifier.url: nobody is told",
                "-notifier.url=http://alertmanager:9093",
                "command",
            )


def _invented(subject: Subject) -> Iterator[Hit]:
    for alert in _alerts(subject):
        if name := invented(alert.expression):
            hint = f"{METRIC}: 1 healthy, 0 starting or unhealthy, -1 without a healthcheck"
            yield alert.hit(f"cAdvisor has no metric {name}: it never fires", hint)


def _below(subject: Subject) -> Iterator[Hit]:
    for alert in _alerts(subject):
        if said := below_healthy(alert.expression):
            message = f"{METRIC} {said} fires for every container without a healthcheck, which is -1"
            yield alert.hit(message, f"{METRIC} == 0")


def _blind(subject: Subject) -> Iterator[Hit]:
    for one in alertings(subject):
        asked = [alert for alert in one.alerts() if METRIC in alert.expression]
        if asked and not any(asks_absence(alert.expression) for alert in asked):
            message = f"no alert for {METRIC} being absent: without cAdvisor all looks well"
            yield asked[0].hit(message, f'another one: absent({METRIC}{{name!=""}})')


def _late(subject: Subject) -> Iterator[Hit]:
    for one in alertings(subject):
        for alert in _of_health(one):
            way = announced(subject, one, alert)
            if way.total > WITHIN:
                yield alert.hit(
                    f"announced after up to {way}",
                    "shorten the largest; five minutes is what people notice",
                    "for",
                )


def announced(subject: Subject, alerting: Alerting, alert: Alert) -> Road:
    """What stands between an unhealthy container and the message, from the files and commands of its host."""
    host = alerting.view.host.name
    scrape = next(
        (
            seconds(server.scrape.section("global").get("scrape_interval"), _SCRAPE)
            for server in servers(subject)
            if server.view.host.name == host and server.scrape
        ),
        _SCRAPE,
    )
    evaluation = seconds(alert.interval) or seconds(alerting.flag("evaluationInterval"), _EVALUATION)
    route = _route(subject, host)
    return road(
        looked_at=_looked_at(subject, host),
        scrape=scrape,
        evaluation=evaluation,
        held=seconds(alert.held),
        group_wait=seconds(route.get("group_wait"), _GROUP_WAIT),
        group_interval=seconds(route.get("group_interval"), _GROUP_INTERVAL),
    )


def _looked_at(subject: Subject, host: str) -> float:
    """How old what cAdvisor says can be: it looks less often at what is quiet, up to its largest interval."""
    for view in _apps(subject, host, "cadvisor"):
        words = view.words(*WORDS)
        usual = seconds(option(words, "--housekeeping_interval", "-housekeeping_interval"), 1.0)
        if flag(words, "allow_dynamic_housekeeping") == "false":
            return usual
        return max(usual, seconds(flag(words, "max_housekeeping_interval"), LOOKED_AT))
    return LOOKED_AT


def _route(subject: Subject, host: str) -> Mapping[str, object]:
    for view in _apps(subject, host, "alertmanager"):
        named = flag(view.words(*WORDS), "config.file") or "/etc/alertmanager/alertmanager.yml"
        if found := config_file(view, named):
            return found.section("route") or _UNREAD
    return {}


def _apps(subject: Subject, host: str, app: str) -> Iterator[ServiceView]:
    for view in subject.services():
        if view.written.app == app and view.host.name == host:
            yield view


def _hasty(subject: Subject) -> Iterator[Hit]:
    for one in alertings(subject):
        for alert in _of_health(one):
            for service in one.view.host.services.values():
                check = service.definition.get("healthcheck")
                starting = _start_period(check) if service.has_healthcheck else 0.0
                if starting > seconds(alert.held):
                    message = f"fires at every start of {service.name}, which may take {starting:g} s: 0 is starting too"
                    yield alert.hit(message, "a longer for, or a shorter start_period", "for")


def _start_period(check: object) -> float:
    try:
        return float(parse_duration(check.get("start_period"))) if isinstance(check, Mapping) else 0.0
    except Unfit:
        return 0.0


def _of_health(one: Alerting) -> Iterator[Alert]:
    """Those that fire for an unhealthy container."""
    for alert in one.alerts():
        if METRIC in alert.expression and not asks_absence(alert.expression):
            yield alert


def _alerts(subject: Subject) -> Iterator[Alert]:
    for one in alertings(subject):
        yield from one.alerts()


_CADVISOR = "cadvisor v0.60.5 lib/metrics/prometheus.go 138, 2465; services 9.1"
RULES = (
    Rule(
        "VMT011",
        "apps",
        "error",
        "vmalert: rules that cannot be read",
        "vmalert ends at its start for a file that is no YAML, and without any rules.",
        "Mend the line. Files that the command names are mounted with `files`, so that the rules see them.",
        "vmalert v1.150.0 app/vmalert/config/config.go; run (1.79.5)",
        _unread,
    ),
    Rule(
        "VMT012",
        "apps",
        "error",
        "vmalert: alerts that nobody hears",
        "Alerts are evaluated and sent to nobody; 1.79 does not start like this.",
        "-notifier.url of an Alertmanager.",
        "run (1.79.5)",
        _mute,
    ),
    Rule(
        "VMT013",
        "apps",
        "error",
        "vmalert: a metric that nobody has",
        "An expression without series never fires, and looks as if all were well.",
        f"{METRIC}, and container_start_time_seconds for restarts.",
        _CADVISOR,
        _invented,
    ),
    Rule(
        "VMT014",
        "apps",
        "error",
        "vmalert: containers without a healthcheck count as unhealthy",
        "Since cAdvisor 0.55 a container without a healthcheck is -1.",
        "Compare with == 0.",
        _CADVISOR,
        _below,
    ),
    Rule(
        "VMT015",
        "apps",
        "warning",
        "vmalert: nobody notices that health is not told",
        "Where cAdvisor is gone, has no engine's socket or is older than 0.55, the series is not there, and == 0 finds nothing.",
        "An alert on its absence.",
        _CADVISOR,
        _blind,
    ),
    Rule(
        "VMT016",
        "apps",
        "warning",
        "vmalert: an unhealthy container is announced too late",
        "What is down for longer than five minutes is noticed by people first. The way is cAdvisor's look, the scrape, 30 s until "
        "VictoriaMetrics shows it, the evaluation, `for`, and Alertmanager's group_interval where the group was announced before.",
        "Shorten the largest part.",
        "audit: detect an unhealthy container within 5 minutes; VictoriaMetrics -search.latencyOffset; Alertmanager, route",
        _late,
    ),
    Rule(
        "VMT017",
        "apps",
        "note",
        "vmalert: a start that looks like a failure",
        "0 means starting as well as unhealthy. A service that starts for longer than `for` is announced at every deploy.",
        "`for` beyond the longest start_period.",
        _CADVISOR,
        _hasty,
    ),
)
