"""The shipped alerts by Prometheus's own unit tests: for each, what makes it fire and what does not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.contract.conftest import debian
from tests.unit.apps.edits import changed
from tests.unit.apps.watches import host, project, text

from opsctl.model.yaml_document import read_yaml

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

DAY = 86400
NAMED = 'host="app",project="demo",service="api",name="demo-api-1"'
HEALTH, LIMIT, USED, SEEN, STARTED = (
    f"container_{name}{{{NAMED}}}"
    for name in (
        *("health_state", "spec_memory_limit_bytes", "memory_working_set_bytes", "last_seen"),
        "start_time_seconds",
    )
)
UP = 'up{job="cadvisor",host="app",instance="cadvisor:8080"}'
PEER = 'up{job="peer-vpn",host="vpn",watch="vmalert"}'
BEATS = 'vmalert_alerting_rules_last_evaluation_samples{job="peer-vpn",host="vpn",watch="vmalert",alertname="Heartbeat",group="watch"}'
POSTGRESQL = 'host="app",instance="postgres-exporter:9187"'
SECRET = 'environment="prod",secret="api_key",class="provider",host="app"'
LEFT = 'litellm_provider_remaining_budget_metric{api_provider="openrouter",host="app"}'
LOST = 'alertmanager_notifications_failed_total{integration="telegram",host="vpn",instance="a"}'
SANDBOX = 'container_last_seen{{container_label_openclaw_sandbox="1",host="app",name="s{}"}}'


def connections(count: int, *, reserved: bool = True) -> dict[str, str]:
    """PostgreSQL 15 has no reserved_connections."""
    series = {
        f'pg_stat_activity_count{{{POSTGRESQL},datname="a",state="idle"}}': f"{count - 10}x60",
        f'pg_stat_activity_count{{{POSTGRESQL},datname="b",state="active"}}': "10x60",
        f"pg_settings_max_connections{{{POSTGRESQL}}}": "100x60",
        f"pg_settings_superuser_reserved_connections{{{POSTGRESQL}}}": "3x60",
    }
    return series | ({f"pg_settings_reserved_connections{{{POSTGRESQL}}}": "0x60"} if reserved else {})


# By alert: series, when they are looked at, how many shall fire. `7x60` is 7 for 60 samples more, one every 15 s
# (of the alert that looks at a week: every 5 minutes).
Case = tuple[str, dict[str, str], str, int]
CASES: list[Case] = [
    ("ContainerUnhealthy", {HEALTH: "1x4 0x60"}, "3m", 1),
    ("ContainerUnhealthy", {HEALTH: "1x4 0x60"}, "2m", 0),
    ("ContainerUnhealthy", {HEALTH: "0x4 1x60"}, "3m", 0),
    ("ContainerUnhealthy", {HEALTH: "-1x60"}, "10m", 0),
    ("HealthUnknown", {UP: "1x60"}, "2m", 1),
    ("HealthUnknown", {'container_health_state{id="/"}': "-1x60"}, "2m", 1),
    ("HealthUnknown", {HEALTH: "0x60"}, "10m", 0),
    ("ContainerGone", {SEEN: "1x4 _x60", UP: "1x60"}, "3m", 1),
    ("ContainerGone", {SEEN: "1x60", UP: "1x60"}, "3m", 0),
    ("ContainerGone", {SEEN: "1x4 _x2 1x60", UP: "1x60"}, "3m", 0),
    ("ContainerGone", {SEEN: "1x4 _x60", UP: "0x60"}, "3m", 0),
    ("ContainerRestarting", {STARTED: "1x8 2x2 3x2 4x2 5x9"}, "5m", 1),
    ("ContainerRestarting", {STARTED: "1x8 2x60"}, "5m", 0),
    ("ContainerMemory", {USED: "81x90", LIMIT: "100x90"}, "11m", 1),
    ("ContainerMemory", {USED: "79x90", LIMIT: "100x90"}, "11m", 0),
    ("ContainerMemory", {USED: "81x90", LIMIT: "0x90"}, "11m", 0),
    ("HostMemory", {'node_memory_MemAvailable_bytes{host="app"}': "19x90", 'node_memory_MemTotal_bytes{host="app"}': "100x90"}, "11m", 1),
    ("HostMemory", {'node_memory_MemAvailable_bytes{host="app"}': "21x90", 'node_memory_MemTotal_bytes{host="app"}': "100x90"}, "11m", 0),
    ("MemoryLimitTooLow", {USED: "79x1900 95x116", LIMIT: "100x2016"}, "7d", 1),
    ("MemoryLimitTooLow", {USED: "79x1930 95x86", LIMIT: "100x2016"}, "7d", 0),
    ("DiskFull", {'node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"}': "14x90", 'node_filesystem_size_bytes{mountpoint="/",fstype="ext4"}': "100x90"}, "11m", 1),
    ("DiskFull", {'node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"}': "16x90", 'node_filesystem_size_bytes{mountpoint="/",fstype="ext4"}': "100x90"}, "11m", 0),
    ("DiskFull", {'node_filesystem_avail_bytes{mountpoint="/a",fstype="overlay"}': "1x90", 'node_filesystem_size_bytes{mountpoint="/a",fstype="overlay"}': "100x90"}, "11m", 0),
    ("ConnectionsExhausted", connections(78), "5m", 1),
    ("ConnectionsExhausted", connections(77), "5m", 0),
    ("ConnectionsExhausted", connections(78, reserved=False), "5m", 1),
    ("ConnectionsExhausted", connections(77, reserved=False), "5m", 0),
    ("PostgresqlDown", {f"pg_up{{{POSTGRESQL}}}": "0x60"}, "2m", 1),
    ("PostgresqlDown", {f"pg_up{{{POSTGRESQL}}}": "1x60"}, "2m", 0),
    ("CertificateEnds", {'probe_ssl_earliest_cert_expiry{site="api"}': f"{13 * DAY}x90"}, "15m", 1),
    ("CertificateEnds", {'probe_ssl_earliest_cert_expiry{site="api"}': f"{15 * DAY}x90"}, "15m", 0),
    ("SiteDown", {'probe_success{site="api"}': "0x60"}, "5m", 1),
    ("SiteDown", {'probe_success{site="api"}': "1x60"}, "5m", 0),
    ("SecretDue", {f"opsctl_secret_due_timestamp_seconds{{{SECRET}}}": "300x60"}, "10m", 1),
    ("SecretDue", {f"opsctl_secret_due_timestamp_seconds{{{SECRET}}}": "900x60"}, "10m", 0),
    ("SecretEnds", {f"opsctl_secret_expires_timestamp_seconds{{{SECRET}}}": f"{13 * DAY}x60"}, "10m", 1),
    ("SecretEnds", {f"opsctl_secret_expires_timestamp_seconds{{{SECRET}}}": f"{15 * DAY}x60"}, "10m", 0),
    ("SecretsUnread", {'node_textfile_scrape_error{host="app"}': "1x120"}, "20m", 1),
    ("SecretsUnread", {'node_textfile_scrape_error{host="app"}': "0x120"}, "20m", 0),
    ("TooManySandboxes", {SANDBOX.format(number): "1x60" for number in range(6)}, "5m", 1),
    ("TooManySandboxes", {SANDBOX.format(number): "1x60" for number in range(5)}, "5m", 0),
    ("ProviderSpend", {LEFT: "0.91x60"}, "5m", 0),
    ("ProviderSpend", {LEFT: "0.89x60"}, "5m", 1),
    ("ProviderSpend", {LEFT: "0.29x60"}, "5m", 2),
    ("ProviderSpend", {LEFT: "-1x60"}, "5m", 2),
    ("Heartbeat", {UP: "1x60"}, "2m", 1),
    ("Heartbeat", {UP: "0x60"}, "2m", 0),
    ("PeerSilent", {PEER: "1x60", BEATS: "1x60"}, "5m", 0),
    ("PeerSilent", {PEER: "0x60"}, "5m", 1),
    ("PeerSilent", {PEER: "1x60", BEATS: "1x4 0x60"}, "5m", 1),
    ("PeerSilent", {PEER: "1x60", BEATS: "1x4 _x60"}, "9m", 1),
    ("ExporterDown", {UP: "0x60"}, "2m", 1),
    ("ExporterDown", {UP: "1x60", PEER: "0x60"}, "2m", 0),
    ("MessagesLost", {LOST: "0x4 1x30"}, "3m", 1),
    ("MessagesLost", {LOST: "7x60"}, "5m", 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def promtool() -> Path:
    return debian("promtool", "prometheus")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules of the page's stack, as they would lie on the host."""
    folder = tmp_path_factory.mktemp("rules")
    file = folder / "alerts.yml"
    file.write_text(text(host(project(folder / "project")).services["vmalert"], "/etc/vmalert/alerts.yml"))
    return file


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_promtool_takes_the_rules(promtool: Path, rules: Path) -> None:
    done = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", rules)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", sorted({case[0] for case in CASES}))
def test_an_alert_fires_when_it_shall(promtool: Path, rules: Path, tmp_path: Path, alert: str) -> None:
    done = outcome(promtool, rules, tmp_path, alert)
    assert done.returncode == 0, done.stdout + done.stderr


def outcome(promtool: Path, rules: Path, folder: Path, alert: str) -> subprocess.CompletedProcess[str]:
    """Promtool's own tests of how many alerts of that name fire when."""
    samples, evaluation = ("5m", "1h") if alert == "MemoryLimitTooLow" else ("15s", "15s")
    # Every service of the host has a ContainerGone of its own, and the cases have one service.
    which = ',service="api"' if alert == "ContainerGone" else ""
    fires = f'count(ALERTS{{alertname="{alert}",alertstate="firing"{which}}}) or vector(0)'
    tests = [
        {
            "interval": samples,
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {"expr": fires, "eval_time": at, "exp_samples": [{"labels": "{}", "value": firing}]}
            ],
        }
        for name, series, at, firing in CASES
        if name == alert
    ]
    file = folder / "test.yml"
    file.write_text(
        json.dumps({"rule_files": [str(rules)], "evaluation_interval": evaluation, "tests": tests})
    )
    return run(promtool, "test", "rules", file)


def test_every_alert_is_seen_firing_and_quiet(rules: Path) -> None:
    groups = read_yaml("", rules.read_bytes()).value["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert {case[0] for case in CASES if case[3]} == alerts
    assert {case[0] for case in CASES if not case[3]} == alerts


@pytest.mark.parametrize(
    "edit,alert",
    [
        (("== 0\n        for: 90s", "< 1\n        for: 90s"), "ContainerUnhealthy"),
        (("container_health_state{name", "container_health_status{name"), "ContainerUnhealthy"),
        (("superuser_reserved_connections\n", "max_connections * 0\n"), "ConnectionsExhausted"),
        (("pg_settings_reserved_connections or 0 * pg_settings_max_connections", "pg_settings_reserved_connections"), "ConnectionsExhausted"),
        ((" and on () max(up", " or on () max(up"), "ContainerGone"),
        (('limit_bytes{name!=""} > 0', 'limit_bytes{name!=""}'), "ContainerMemory"),
        (("unless on (host)", "and on (host)"), "PeerSilent"),
    ],
)  # fmt: skip
def test_the_cases_see_what_is_broken(
    promtool: Path, rules: Path, tmp_path: Path, edit: tuple[str, str], alert: str
) -> None:
    """The traps that the rules of lint are about, and others."""
    broken = tmp_path / "alerts.yml"
    broken.write_text(changed(rules.read_text(), [edit]))
    assert "got:" in outcome(promtool, broken, tmp_path, alert).stderr
