"""What is asked of VictoriaMetrics and of vmalert: whether all targets answer, and whether all rules are loaded and evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.apps.options import listen_port
from opsctl.apps.victoriametrics.server import WORDS, alertings, entries, servers
from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.paths import at, mapping, mappings, told_json
from opsctl.checks.questions import Talk, Verdict, failed, passed, unknown
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation

_METRICS, _ALERTS = 8428, 8880
_UP = "up"


def _scrapes(situation: Situation) -> Iterator[Case]:
    known = {(one.view.host.name, one.view.name): one for one in servers(situation.subject)}

    def talk(now: ServiceNow) -> Talk:
        wanted = [target for _file, _path, target in known[now.host.name, now.name].targets()]
        port = listen_port(now.view.words(*WORDS), "httpListenAddr", _METRICS)
        found = yield from told_json(at(now, port, "/api/v1/targets", query={"state": "active"}))
        return judge_targets(mappings(mapping(mapping(found).get("data")).get("activeTargets")), wanted)

    yield from asked_of_each("victoriametrics", talk)(situation)


def judge_targets(active: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> Verdict:
    """The targets as VictoriaMetrics tells of them, beside those that its scrape config names."""
    wrong: list[str] = []
    asked = {str(mapping(one.get("discoveredLabels")).get("__address__")) for one in active}
    wrong += [
        f"{target} is not scraped: the scrape config was not read anew"
        for target in wanted
        if target not in asked
    ]
    for one in active:
        if one.get("health") != _UP:
            labels = mapping(one.get("labels"))
            why = " ".join(str(one.get("lastError") or "not scraped yet").split())[:120]
            wrong.append(f"{labels.get('job', '?')} {labels.get('instance', '?')} is down: {why}")
    if not active and not wanted:
        return failed("it has no targets")
    return failed("; ".join(wrong)) if wrong else passed(f"{len(active)} targets")


def _alerts(situation: Situation) -> Iterator[Case]:
    known = {(one.view.host.name, one.view.name): one for one in alertings(situation.subject)}

    def talk(now: ServiceNow) -> Talk:
        alerting = known[now.host.name, now.name]
        if alerting.unread or not alerting.files:
            return unknown(
                f"opsctl mounts no {', '.join(alerting.unread) or 'file of rules'} to compare with"
            )
        groups = [group for file in alerting.files for _at, group in entries(file.section(), "groups")]
        port = listen_port(now.view.words(*WORDS), "httpListenAddr", _ALERTS)
        found = yield from told_json(at(now, port, "/api/v1/rules"))
        return judge_rules(mappings(mapping(mapping(found).get("data")).get("groups")), groups)

    yield from asked_of_each("vmalert", talk)(situation)


def judge_rules(loaded: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> Verdict:
    """The groups as vmalert tells of them, beside those of the rendered files."""
    wrong: list[str] = []
    found = {
        str(one.get("name")): [str(rule.get("name")) for rule in mappings(one.get("rules"))] for one in loaded
    }
    for group in wanted:
        name = str(group.get("name"))
        rules = [str(rule.get("alert") or rule.get("record")) for _at, rule in entries(group, "rules")]
        if name not in found:
            wrong.append(f"the group {name} is not loaded")
        elif sorted(found[name]) != sorted(rules):
            wrong.append(f"the group {name} has other rules than the file")
    names = {str(group.get("name")) for group in wanted}
    wrong += [f"the group {name} is in no file" for name in found if name not in names]
    for group in loaded:
        for rule in mappings(group.get("rules")):
            if said := rule.get("lastError"):
                wrong.append(f"{rule.get('name')}: {' '.join(str(said).split())[:120]}")
    return failed("; ".join(wrong)) if wrong else passed(f"{sum(map(len, found.values()))} rules")


SCRAPING = (
    Check(
        id="V-VMT-001",
        title="All that VictoriaMetrics scrapes answers",
        severity="high",
        proves="Every target of the scrape config is known to it, and answered when it was scraped last.",
        mend="opsctl why of the service that is down; kill -HUP, or opsctl deploy, where a target is not scraped",
        source="GET /api/v1/targets of VictoriaMetrics 1.79.5 (run)",
        cases=_scrapes,
        tags=frozenset({"network", "nightly"}),
        patience=Patience(deadline=45.0, interval=5.0),
        timeout=15.0,
        software=True,
    ),
)
ALERTING = (
    Check(
        id="V-VMT-002",
        title="vmalert has loaded every rule, and none fails",
        severity="critical",
        proves="Its groups and their rules are those of the rendered files, and the last evaluation of each went well.",
        mend="opsctl logs SERVICE; a file that it refuses leaves the old rules in force",
        source="GET /api/v1/rules of vmalert 1.79.5 (run)",
        cases=_alerts,
        tags=frozenset({"deploy", "nightly"}),
        patience=Patience(deadline=30.0, interval=3.0),
        timeout=15.0,
        software=True,
    ),
)
