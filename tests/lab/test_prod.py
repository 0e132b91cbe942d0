"""The reference stacks on three hosts, under their real names through the lab's registry.

PostgreSQL, Redis and Caddy are those of the lab; VictoriaMetrics, vmalert, Alertmanager and the exporters Debian's, in older versions
than the stacks name. Everything else is a stand-in that answers 200, which proves the placing, the order, the limits and the probes'
words, and nothing of the software: `verify` says `unproved`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.watch import Telegram
from tests.lab.machines import Lab
from tests.lab.machines.layout import MACHINE_ADDRESS
from tests.lab.prod import HEADSCALE, HOSTS, lay_out
from tests.lab.site import Site, empty_site
from tests.lab.software import monitoring
from tests.unit.test_prod import PLACED

pytestmark = pytest.mark.timeout(1800)

ASLEEP = {"opencut", "opencut-postgresql", "opencut-redis-http", "opencut-redis", "openclaw-sandbox"}
REAL = {
    *("postgresql", "redis", "caddy", "vpn-caddy", "opencut-caddy"),
    *("victoriametrics", "vmalert", "alertmanager", "node-exporter", "blackbox", "postgres-exporter"),
}
STAND_INS = {
    "headscale",
    "qdrant",
    "sure",
    "sure-worker",
    "palais",
    "loki",
    "alloy",
    "grafana",
    "cadvisor",
    "n8n",
    "litellm",
    "openclaw",
    "nocodb",
}
"""Those that an app asks something of while they run: OpenCut sleeps, and has a stand-in too."""


def key(result: dict[str, Any]) -> str:
    return f"{result['check']} {result['host']}/{result['service']}"


@pytest.fixture(scope="module")
def telegram() -> Iterator[Telegram]:
    with Telegram(MACHINE_ADDRESS) as server:
        yield server


@pytest.fixture(scope="module")
def prod(lab: Lab, telegram: Telegram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Deployed."""
    folder = tmp_path_factory.mktemp("prod") / "project"
    with empty_site(lab, folder, "prod", *HOSTS.values()) as site:
        made = lay_out(site, list(monitoring()), telegram.url)
        made.opsctl("deploy", "prod", "--yes", "--no-verify", seconds=900)
        yield made


@pytest.fixture(scope="module")
def results(prod: Site) -> list[dict[str, Any]]:
    """What verify finds, but what is on request."""
    told = prod.opsctl("verify", "prod", "--json", code=None, seconds=600).json()
    found: list[dict[str, Any]] = told["data"]["results"]
    return found


def test_everything_runs_where_it_belongs(prod: Site) -> None:
    for name, lab in HOSTS.items():
        running = prod.host(lab).docker("ps", "--format", '{{.Label "com.docker.compose.service"}}').split()
        assert set(running) == PLACED[name] - ASLEEP
    config = prod.host("lab-vpn").run(["cat", f"{HEADSCALE}/config.yaml"]).stdout.decode()
    assert "override_local_dns: true" in config
    assert "  level: info # stays" in config


def test_what_is_real_is_proved(results: list[dict[str, Any]]) -> None:
    about = [one for one in results if one["service"] in REAL]
    wrong = {key(one): one["message"] for one in about if one["result"] not in {"pass", "skip"}}
    assert wrong == {}
    healthy = {one["service"] for one in about if (one["check"], one["result"]) == ("V-CTR-001", "pass")}
    assert healthy == REAL
    asked = {one["check"] for one in about if one["result"] == "pass"}
    assert asked >= {"V-PGS-001", "V-RDS-001", "V-VMT-001", "V-VMT-002", "V-ALM-001", "V-ALM-002"}


def test_what_a_stand_in_answered_is_unproved(results: list[dict[str, Any]]) -> None:
    assert {one["service"] for one in results if one["result"] == "unproved"} == STAND_INS


def test_a_second_deploy_changes_nothing(prod: Site) -> None:
    report = prod.opsctl("deploy", "prod", "--yes", "--json", seconds=300).json()
    assert report["data"]["plan"]["changes"] is False
