"""The reference stacks on three hosts, under their real names through the lab's registry.

PostgreSQL, Redis and Caddy are those of the lab; VictoriaMetrics, vmalert, Alertmanager and the exporters Debian's, in older versions
than the stacks name; n8n, NocoDB and OpenClaw npm's, LiteLLM PyPI's, 1.81.3 and without its database, since Prisma's engine is in no
index. Everything else is a stand-in that answers 200, which proves the placing, the order, the limits and the probes' words, and
nothing of the software: `verify` says `unproved`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.contract.watch import Telegram
from tests.lab.machines import Lab
from tests.lab.machines.layout import MACHINE_ADDRESS
from tests.lab.machines.processes import until
from tests.lab.prod import HEADSCALE, HOSTS, lay_out
from tests.lab.site import Site, empty_site
from tests.lab.software import docker_cli, litellm, monitoring, n8n, nocodb, openclaw
from tests.unit.test_prod import PLACED

pytestmark = pytest.mark.timeout(1800)

ASLEEP = {"opencut", "opencut-postgresql", "opencut-redis-http", "opencut-redis", "openclaw-sandbox"}
REAL = {
    *("postgresql", "redis", "caddy", "vpn-caddy", "opencut-caddy"),
    *("n8n", "nocodb", "openclaw", "openclaw-reaper", "litellm"),
    *("victoriametrics", "vmalert", "alertmanager", "node-exporter", "blackbox", "postgres-exporter"),
}
PROVED = {
    *(
        "V-PGS-001",
        "V-PGS-002",
        "V-RDS-001",
        "V-SIT-001",
        "V-SIT-002",
        "V-VMT-001",
        "V-VMT-002",
        "V-ALM-001",
        "V-ALM-002",
    ),
    *("V-NEN-001", "V-NCO-001", "V-LLM-001", "V-LLM-002", "V-LLM-003", "V-OCL-001", "V-OCL-002", "V-OCL-003"),
}
SENT_WITHIN = 75.0
"""Seconds from the alert to the chat: group_interval of the stack, where another alert of the host was told before."""
STAND_INS = {"headscale", "qdrant", "sure", "sure-worker", "palais", "loki", "alloy", "grafana", "cadvisor"}
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
        made = lay_out(
            site, [*monitoring(), n8n(), nocodb(), openclaw(), docker_cli(), litellm()], telegram.url
        )
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
    passed = {one["check"] for one in about if one["result"] == "pass"}
    assert passed >= PROVED


def test_what_a_stand_in_answered_is_unproved(results: list[dict[str, Any]]) -> None:
    assert {one["service"] for one in results if one["result"] == "unproved"} == STAND_INS


def test_litellm_is_in_redis_as_its_own_user(prod: Site) -> None:
    made_up = json.loads((prod.root / "secrets/prod.generated.json").read_text())
    host = prod.host("lab-app")
    ask = ["docker", "exec", "-i", prod.container("redis", "lab-app").id, "redis-cli"]
    said = host.run(ask, stdin=f"auth default {made_up['redis_password']}\nclient list\n".encode())
    assert " user=litellm " in said.stdout.decode()
    log = host.run(["docker", "logs", prod.container("litellm", "lab-app").id])
    assert b"invalid username-password" not in log.stdout + log.stderr


def verdicts(site: Site, *words: str) -> dict[str, tuple[str, str]]:
    """What verify says of each case; the message too."""
    told = site.opsctl("verify", "prod", *words, "--json", code=None, seconds=600).json()
    return {key(one): (one["result"], one["message"]) for one in told["data"]["results"]}


def test_an_unhealthy_container_is_announced_to_the_chat(prod: Site, telegram: Telegram) -> None:
    """Docker, VictoriaMetrics, vmalert and Alertmanager are real; what cAdvisor tells, its stand-in does."""
    found = verdicts(prod, "alertmanager", "--tag", "nightly")
    heard = {one: found[f"V-ALM-003 {one}/alertmanager"] for one in ("prod-app", "prod-vpn")}
    assert {result for result, _message in heard.values()} == {"pass"}, heard
    for host in heard:
        announced = partial(telegram.told, "FIRING", "ContainerUnhealthy", "opsctl-canary-", f"on {host}")
        until(lambda: announced() is not None, f"the message about {host}", seconds=SENT_WITHIN)  # noqa: B023 - called at once
        assert not prod.host(HOSTS[host]).docker("ps", "-aq", "--filter", "name=opsctl-canary").split()


def test_a_sandbox_reads_what_the_gateway_made(prod: Site) -> None:
    """An agent has worked, though no model answered it; its workspace is then at a path that the engine has too."""
    host, check = prod.host("lab-app"), "V-OCL-004 prod-app/openclaw"
    asked = ["openclaw", "--tag", "nightly"]
    assert verdicts(prod, *asked)[check][0] == "skip"
    turn = ["node", "openclaw.mjs", "agent", "--agent", "messenger", "--message", "hello"]
    host.run(["docker", "exec", prod.container("openclaw", "lab-app").id, *turn], check=False)
    work = "/opt/openclaw/workspace/messenger"
    assert verdicts(prod, *asked)[check] == ("pass", f"{work}/AGENTS.md")
    host.run(["mv", "/opt/openclaw", "/opt/elsewhere"])
    try:
        result, message = verdicts(prod, *asked)[check]
    finally:
        host.run(["mv", "/opt/elsewhere", "/opt/openclaw"])
    assert (result, f"the host has no {work}" in message) == ("fail", True)


def test_a_plugin_that_somebody_switched_off_is_told(prod: Site) -> None:
    path = "files/openclaw/etc/openclaw/openclaw.json"
    rendered = prod.read(path, "lab-app")
    off = rendered.replace('"telegram": {enabled: true}', '"telegram": {enabled: false}')
    assert off != rendered
    prod.put(path, off, "lab-app")
    try:
        found = verdicts(prod, "openclaw", "--tag", "deploy")
    finally:
        prod.put(path, rendered, "lab-app")
    result, message = found["V-OCL-001 prod-app/openclaw"]
    assert (result, "telegram is disabled" in message) == ("fail", True), message
    assert found["V-FIL-001 prod-app/openclaw"][0] == "fail"
    # Its health says nothing of it: well, or just starting, since the gateway begins anew when its file changes.
    assert found["V-CTR-001 prod-app/openclaw"][0] in {"pass", "inconclusive"}


def test_a_second_deploy_changes_nothing(prod: Site) -> None:
    report = prod.opsctl("deploy", "prod", "--yes", "--json", seconds=300).json()
    assert report["data"]["plan"]["changes"] is False
