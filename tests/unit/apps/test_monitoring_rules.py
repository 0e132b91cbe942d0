"""Each rule about monitoring: what it finds and where, and that the page's own stacks have no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import marked, places
from tests.unit.apps.watches import Edits, findings, project, subject

from opsctl.apps.alertmanager.app import ALERTMANAGER
from opsctl.apps.alloy.app import ALLOY
from opsctl.apps.cadvisor.app import CADVISOR
from opsctl.apps.grafana.app import GRAFANA
from opsctl.apps.loki.app import LOKI
from opsctl.apps.victoriametrics.alerting import WITHIN, announced
from opsctl.apps.victoriametrics.app import VICTORIAMETRICS, VMALERT
from opsctl.apps.victoriametrics.server import alertings
from opsctl.rules.engine import Finding

APPS = (VICTORIAMETRICS, VMALERT, ALERTMANAGER, GRAFANA, LOKI, ALLOY, CADVISOR)
PREFIXES = ("VMT", "ALM", "GRF", "LOK", "ALY", "CAD")
MARK = "{{ '' if '<-' }}"
ALERTS, CHAT, LOKI_FILE = "alerts.yml.j2", "alertmanager.yml.j2", "loki.yml.j2"
HEALTHY = 'expr: container_health_state{name!=""} == 0'
TOKEN = "content: \"{{ secret('telegram_token') }}\", target"

# Grafana with alerts of its own, as services.md has them.
SOURCE = "datasources/opsctl.yml}"
OWN = "      - {source: monitoring/own.yml, target: /etc/grafana/provisioning/alerting/own.yml}"
GRAFANA_ALERTS = """\
apiVersion: 1
contactPoints:
  - orgId: 1
    name: telegram
    receivers:
      - uid: tg
        type: telegram
        settings: {bottoken: $TG_TOKEN, chatid: "-1001234", parse_mode: HTML}
policies:
  - orgId: 1
    receiver: telegram
groups:
  - orgId: 1
    name: containers
    folder: ops
    interval: 30s
    rules:
      - uid: unhealthy
        title: Container unhealthy
        condition: C
        for: 4m
        data:
          - refId: A
            datasourceUid: metrics
            model: {refId: A, expr: 'container_health_state{name!=""} == bool 0', instant: true}
          - refId: C
            datasourceUid: __expr__
            model: {refId: C, type: threshold, expression: A}
        annotations: {summary: "{{ $$labels.name }} unhealthy"}
"""
EXPRESSION = "expr: 'container_health_state{name!=\"\"} == bool 0', instant: true}"

# By rule: edits of the stacks, edits of templates by their name, edits of Grafana's alerts.
CASES: dict[str, tuple[Edits, dict[str, Edits], Edits]] = {
    "VMT001": ([("command:\n      - -storageDataPath", "command: # <-\n      - -storageDataPath"), ("{{ service.settings.retention }}", "30")], {}, []),
    "VMT002": ([("command:\n      - -storageDataPath", "command: # <-\n      - -memory.allowedBytes=300MB\n      - -storageDataPath")], {}, []),
    "VMT003": ([("volumes: [metrics:/victoria-metrics-data]", "volumes: [metrics:/data] # <-")], {}, []),
    "VMT004": ([("node: [node-exporter:9100]", "node: [node-exportr:9100]")], {"scrape.yml.j2": [("to_json }}\n        labels", "to_json }} # <-\n        labels")]}, []),
    "VMT011": ([], {ALERTS: [("groups:\n", "groups: } {# <- #}\n")]}, []),
    "VMT012": ([("    command:\n      - -rule", "    command: # <-\n      - -rule"), ("      - -notifier.url=http://alertmanager:9093\n", "")], {}, []),
    "VMT013": ([], {ALERTS: [('changes(container_start_time_seconds{name!=""}[10m])', f'changes(container_restart_count{{name!=""}}[10m]){MARK}')]}, []),
    "VMT014": ([], {ALERTS: [(HEALTHY, HEALTHY.replace("== 0", f"< 1{MARK}"))]}, []),
    "VMT015": ([], {ALERTS: [(HEALTHY, f"{HEALTHY}{MARK}"), ('absent(container_health_state{name!=""})', "absent(up)")]}, []),
    "VMT016": ([("settings: {sandboxes: 5}", "settings: {sandboxes: 5, unhealthy_for: 4m}")], {ALERTS: [("unhealthy_for | int }}s", f"unhealthy_for | int }}}}s{MARK}")]}, []),
    "VMT017": ([("start_period: 60s}\n\n  alloy", "start_period: 2m}\n\n  alloy")], {ALERTS: [("unhealthy_for | int }}s", f"unhealthy_for | int }}}}s{MARK}")]}, []),
    "ALM001": ([], {CHAT: [("route:\n", "route: } {# <- #}\n")]}, []),
    "ALM002": ([("settings: {chat_id: -1001234567890}", "settings: {}")], {CHAT: [("settings.chat_id }}", f"settings.chat_id }}}}{MARK}")]}, []),
    "ALM003": ([("alertmanager:v0.34.0", "alertmanager:v0.25.0")], {CHAT: [("/etc/telegram/token", f"/etc/telegram/token{MARK}")]}, []),
    "ALM004": ([(f"- {{{TOKEN}: /etc/telegram/token, mount: directory, on_change: none}}", f'- {{{TOKEN}: /etc/telegram/token, mode: "0600", mount: directory, on_change: none}} # <-')], {}, []),
    "ALM005": ([("volumes: [alertmanager:/alertmanager]", "volumes: [alertmanager:/data] # <-")], {}, []),
    "GRF001": ([], {}, [('chatid: "-1001234"', "chatid: -1001234"), ("HTML}", "HTML} # <-")]),
    "GRF002": ([], {}, [("$$labels", "$labels"), ('unhealthy"}', 'unhealthy"} # <-')]),
    "GRF003": ([], {}, [("datasourceUid: metrics", "datasourceUid: vm # <-")]),
    "GRF004": ([], {}, [("    receiver: telegram\n", "    receiver: telegram\n  - orgId: 1 # <-\n    receiver: telegram\n")]),
    "GRF005": ([], {}, [(EXPRESSION, f"{EXPRESSION.replace('state', 'status')} # <-")]),
    "GRF006": ([], {}, [(EXPRESSION, f"{EXPRESSION.replace('bool ', '')} # <-")]),
    "GRF007": ([("    env:\n      GF_SECURITY_ADMIN_PASSWORD: {secret: grafana_admin}\n", ""), ("  grafana:\n    app", "  grafana: # <-\n    app")], {}, []),
    "GRF008": ([], {}, [("datasourceUid: metrics", "datasourceUid: } # <-")]),
    "LOK001": ([], {LOKI_FILE: [("server: {http_listen_port: 3100}", "server: } {# <- #}")]}, []),
    "LOK002": ([], {LOKI_FILE: [("true, delete_request_store: filesystem}", "true} # <-")]}, []),
    "LOK003": ([], {LOKI_FILE: [("retention_enabled: true", "retention_enabled: false"), ("settings.retention }}}", f"settings.retention }}}}}}{MARK}")]}, []),
    "LOK004": ([("grafana/loki:3.7.6", "grafana/loki:3.6.3"), ("healthcheck: {test: [CMD, /usr/bin/loki, -health], interval: 30s, start_period: 60s}", "healthcheck: {test: [CMD, /usr/bin/loki, -health], interval: 30s, start_period: 60s} # <-")], {}, []),
    "LOK005": ([("volumes: [loki:/loki]", "volumes: [loki:/tmp/loki] # <-")], {}, []),
    "ALY001": ([(', "--server.http.listen-addr=0.0.0.0:12345"]', ']\n    ports: ["127.0.0.1:12345:12345"] # <-')], {}, []),
    "ALY002": ([], {"config.alloy.j2": [('loki.write "here"', 'prometheus.exporter.cadvisor "c" {} // <-\nloki.write "here"')]}, []),
    "ALY003": ([("alloy:/var/lib/alloy/data]", "alloy:/data] # <-")], {}, []),
    "CAD001": ([("cadvisor:0.60.5", "cadvisor:0.54.1 # <-")], {}, []),
    "CAD002": ([("cadvisor:0.60.5", "cadvisor:0.56.2 # <-")], {}, []),
    "CAD003": ([("cadvisor:0.60.5", "cadvisor:v0.60.5 # <-")], {}, []),
    "CAD004": ([('volumes: ["/:/rootfs:ro", "/var/run:/var/run:ro", "/sys:/sys:ro", "/var/lib/docker:/var/lib/docker:ro"]', 'volumes: ["/:/rootfs:ro", "/sys:/sys:ro"] # <-')], {}, []),
    "CAD005": ([("com.docker.compose.project,com.docker.compose.service,openclaw.sandbox", "openclaw.sandbox"), ("command:\n      - --docker_only", "command: # <-\n      - --docker_only")], {}, []),
}  # fmt: skip


def made(root: Path, stack: Edits = (), templates: dict[str, Edits] | None = None, own: Edits = ()) -> Path:
    """With Grafana's own alerts, as the page does not advise."""
    root = project(root, [*stack, (SOURCE, f"{SOURCE}\n{OWN}")], templates)
    (root / "templates" / "monitoring" / "own.yml").write_text(changed(GRAFANA_ALERTS, own))
    return root


def found(root: Path) -> list[Finding]:
    return [one for one in findings(root, "") if one.rule.id.startswith(PREFIXES)]


def test_the_pages_stacks_have_no_finding(tmp_path: Path) -> None:
    assert [one.hit.message for one in found(project(tmp_path))] == []


def test_neither_have_alerts_of_grafana(tmp_path: Path) -> None:
    assert [one.hit.message for one in found(made(tmp_path))] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, *CASES[rule])
    seen = found(root)
    assert [one.rule.id for one in seen] == [rule], [one.hit.message for one in seen]
    assert places(seen) == marked(root, "<-"), [one.hit.message for one in seen]


def test_every_rule_has_an_example() -> None:
    assert sorted(rule.id for app in APPS for rule in app.rules) == sorted(CASES)


def test_the_shipped_spans_sum_to_less_than_five_minutes(tmp_path: Path) -> None:
    """From the files of the page's stack: cAdvisor, scrape, VictoriaMetrics, evaluation, for, and the groups of Alertmanager."""
    looked = subject(project(tmp_path))
    (alerting,) = alertings(looked)
    group = [alert for alert in alerting.alerts() if alert.path[1] == 0]
    assert {alert.name for alert in group} == {
        "ContainerUnhealthy",
        "HealthUnknown",
        "ContainerGone",
        "ContainerRestarting",
    }
    ways = {alert.name: announced(looked, alerting, alert) for alert in group}
    assert str(ways["ContainerUnhealthy"]) == (
        "225 s (looked at 15, scraped 15, visible 30, evaluated 15, held 90, grouped 60)"
    )
    # Gone is noticed by a window in the expression, which is over one span later.
    assert ways["ContainerGone"].total + 60 < WITHIN
    assert max(way.total for way in ways.values()) < WITHIN


@pytest.mark.parametrize(
    "flags,looked",
    [
        ("      - --housekeeping_interval=15s\n      - --max_housekeeping_interval=40s\n", 40.0),
        ("      - --housekeeping_interval=15s\n", 60.0),
        ("      - --housekeeping_interval=90s\n", 90.0),
        ("      - --housekeeping_interval=20s\n      - --allow_dynamic_housekeeping=false\n", 20.0),
        ("", 60.0),
    ],
)
def test_how_old_what_cadvisor_says_can_be(flags: str, looked: float, tmp_path: Path) -> None:
    """It looks less often at what is quiet, up to its largest interval (v0.60.5 lib/manager/container.go)."""
    shipped = "      - --housekeeping_interval=15s\n      - --max_housekeeping_interval=15s\n"
    seen = subject(project(tmp_path, [(shipped, flags)]))
    (alerting,) = alertings(seen)
    assert announced(seen, alerting, next(alerting.alerts())).looked_at == looked
