"""The names that the shipped alerts ask for, from the exporters themselves, as far as they can be had."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.contract.conftest import debian
from tests.contract.ports import free_port
from tests.contract.watch import answers, wait
from tests.fakes.certificates import Authority
from tests.unit.apps.watches import TEMPLATES, host, project, text

from opsctl.inputs.project import load
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.render.secret_metrics import PATH, with_secret_metrics

# LiteLLM may have to be installed first.
pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

# cAdvisor cannot be had; these were read (v0.60.5 lib/metrics/prometheus.go).
READ = {
    "container_health_state",
    "container_last_seen",
    "container_start_time_seconds",
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
}
# VictoriaMetrics, vmalert and Alertmanager: test_alerts.py.
SEEN_ELSEWHERE = {
    "up",
    "vmalert_alerting_rules_last_evaluation_samples",
    "alertmanager_notifications_failed_total",
}
NODE = {
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_textfile_scrape_error",
    "opsctl_secret_due_timestamp_seconds",
    "opsctl_secret_expires_timestamp_seconds",
}
# reserved_connections is there from PostgreSQL 16 on.
POSTGRESQL = {
    "pg_up",
    "pg_stat_activity_count",
    "pg_settings_max_connections",
    "pg_settings_superuser_reserved_connections",
}
NEWER = {"pg_settings_reserved_connections"}
SITES = {"probe_success", "probe_ssl_earliest_cert_expiry"}
SPEND = {"litellm_provider_remaining_budget_metric"}


@contextmanager
def running(folder: Path, words: Sequence[str | Path], url: str, **env: str) -> Iterator[str]:
    """What it says at the URL, once it answers."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=env or None)
    try:
        wait(lambda: answers(url), (folder / "log").read_text)
        with urlopen(url, timeout=20) as answer:  # noqa: S310 - of a test
            yield answer.read().decode()
    finally:
        process.terminate()
        process.wait(30)


def names(told: str) -> set[str]:
    return set(re.findall(r"^([a-zA-Z_]\w*)[{ ]", told, re.MULTILINE))


def test_every_name_of_the_alerts_is_one_that_somebody_tells(tmp_path: Path) -> None:
    alerts = text(host(project(tmp_path / "project")).services["vmalert"], "/etc/vmalert/alerts.yml")
    expressions = re.sub(r"annotations:.*|#.*|labels:.*", "", alerts)
    asked = set(
        re.findall(
            r"\b(?:up|(?:container|node|pg|probe|opsctl|litellm|vmalert|alertmanager)_\w+)\b", expressions
        )
    )
    asked -= {name for name in asked if name.startswith("container_label_")}
    assert asked == READ | SEEN_ELSEWHERE | NODE | POSTGRESQL | NEWER | SITES | SPEND


def test_node_exporter_reads_the_dates_that_a_deploy_leaves(tmp_path: Path) -> None:
    program = debian("prometheus-node-exporter", "prometheus-node-exporter")
    made = project(tmp_path / "project")
    desired = _with_secret(made)
    (tmp_path / "metrics").mkdir()
    (tmp_path / PATH).write_bytes(desired)
    port = free_port()
    words = [
        str(program),
        f"--web.listen-address=127.0.0.1:{port}",
        f"--collector.textfile.directory={tmp_path}/metrics",
    ]
    with running(tmp_path, words, f"http://127.0.0.1:{port}/metrics") as told:
        assert names(told) >= NODE
        assert "node_textfile_scrape_error 0" in told
        labels = 'class="regenerate",environment="prod",secret="telegram_token"'
        assert f"opsctl_secret_due_timestamp_seconds{{{labels}}} 1.75e+09" in told


def _with_secret(root: Path) -> bytes:
    """metrics/secrets.prom of a host with one secret that is due and ends."""
    desired = render(load(root), "prod", placeholder, login=login_placeholder)
    made = Version(stage="current", created=1_740_000_000, by="ann")
    secret = Secret(versions={"v1": made}, expires=1_760_000_000)
    told = with_secret_metrics(
        desired, StoreFile(secrets={"telegram_token": secret}), lambda _: 1_750_000_000
    )
    return told.hosts[0].own_files[PATH]


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the socket of a PostgreSQL of its own, as the user that it needs."""
    debian("pg_lsclusters", "postgresql")
    (programs,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    shutil.chown(folder, "postgres")
    as_postgres = ["runuser", "-u", "postgres", "--"]
    subprocess.run(
        [*as_postgres, str(programs / "initdb"), "-D", str(folder / "data"), "-A", "trust"],
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        [*as_postgres, str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-h", ""],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ready = [str(programs / "pg_isready"), "-h", str(folder)]
    try:
        wait(
            lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0,
            lambda: "PostgreSQL",
        )
        yield folder
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


def test_postgres_exporter_tells_connections_and_what_is_reserved(tmp_path: Path, postgresql: Path) -> None:
    program = debian("prometheus-postgres-exporter", "prometheus-postgres-exporter")
    port = free_port()
    name = f"host={postgresql} user=postgres dbname=postgres sslmode=disable"
    words = [str(program), f"--web.listen-address=127.0.0.1:{port}"]
    with running(tmp_path, words, f"http://127.0.0.1:{port}/metrics", DATA_SOURCE_NAME=name) as told:
        assert names(told) >= POSTGRESQL
        values = dict(
            re.findall(
                r"^(pg_settings_(?:max|superuser_reserved)_connections)\{.*\} (\S+)$", told, re.MULTILINE
            )
        )
        assert (
            float(values["pg_settings_max_connections"])
            - float(values["pg_settings_superuser_reserved_connections"])
            == 97
        )


def test_blackbox_exporter_sees_when_a_certificate_ends_that_nobody_signed_for_it(tmp_path: Path) -> None:
    program = debian("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
    context = Authority(tmp_path).leaf("localhost").context()
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = free_port()
        words = [
            str(program),
            f"--web.listen-address=127.0.0.1:{port}",
            f"--config.file={TEMPLATES}/blackbox.yml",
        ]
        url = f"http://127.0.0.1:{port}/probe?module=tls&target=127.0.0.1:{server.server_address[1]}"
        with running(tmp_path, words, url) as told:
            assert names(told) >= SITES
            assert "probe_success 1" in told
        server.shutdown()


def test_litellm_tells_what_is_left_of_a_providers_budget(litellm: Path) -> None:
    python = litellm.parent / "python"
    asked = (
        "from litellm.integrations.prometheus import PrometheusLogger\n"
        "from prometheus_client import generate_latest\n"
        "PrometheusLogger().track_provider_remaining_budget('openrouter', 2.1, 3.0)\n"
        "print(generate_latest().decode())\n"
    )
    said = subprocess.run(
        [python, "-c", asked],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    (left,) = re.findall(
        r'^litellm_provider_remaining_budget_metric\{api_provider="openrouter"\} (\S+)$',
        said.stdout,
        re.MULTILINE,
    )
    assert float(left) == pytest.approx(0.9)
