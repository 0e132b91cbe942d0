"""The shipped alerts end to end: real VictoriaMetrics, vmalert and Alertmanager, and who hears of what within how long."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from tests.contract.asking import put, situation
from tests.contract.conftest import debian
from tests.contract.watch import CHAT, SHORT, TOKEN, Exporter, Files, Telegram, Watch, files, wait, watching
from tests.unit.apps.edits import changed

from opsctl.apps.alloy.app import ALLOY
from opsctl.apps.victoriametrics.spans import road, seconds
from opsctl.checks.questions import OnHost, Ran, Verdict
from opsctl.edges.clock import SystemClock
from opsctl.render.output import placeholder

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

HEALTH = 'container_health_state{name="demo-api-1"}'
STARTED = 'container_start_time_seconds{name="demo-api-1"}'


def seen(service: str) -> str:
    label = "container_label_com_docker_compose"
    return (
        f'container_last_seen{{name="demo-{service}-1",{label}_project="demo",{label}_service="{service}"}}'
    )


BEATS = "vmalert_alerting_rules_last_evaluation_samples"
LOAD = 15.0
"""Seconds for a machine with two cores that does much else. On a quiet one a message is there before the sum is over."""


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    for program, package in (
        ("victoria-metrics", "victoria-metrics"),
        ("vmalert", "victoria-metrics"),
        ("prometheus-alertmanager", "prometheus-alertmanager"),
        ("amtool", "prometheus-alertmanager"),
    ):
        debian(program, package)


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as server:
        yield server


@pytest.fixture
def addresses() -> tuple[str, str]:
    """Of this process alone, so that several may run at once."""
    pid = os.getpid()
    return (
        f"127.{64 + pid // 65536 % 64}.{pid // 256 % 256}.{pid % 256}",
        f"127.{128 + pid // 65536 % 64}.{pid // 256 % 256}.{pid % 256}",
    )


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """Says that all is well, once `made` has told it which services the host has."""
    with Exporter({HEALTH: 1, STARTED: 1}) as server:
        yield server


def made(folder: Path, telegram: Telegram, exporter: Exporter, name: str = "app", **peers: str) -> Files:
    folder.mkdir(exist_ok=True)
    targets = {"cadvisor": f'["127.0.0.1:{exporter.port}"]'}
    here = files(folder, name=name, telegram=telegram, targets=targets, peers=peers)
    for service in re.findall(r'service="([^"]+)"}\[', here.alerts.read_text()):
        exporter.says[seen(service)] = 1
    return here


def checked(words: list[str], stdin: bytes) -> int:
    return subprocess.run(words, input=stdin, capture_output=True, timeout=60, check=False).returncode


def test_each_program_checks_its_file_from_standard_input(
    tmp_path: Path, telegram: Telegram, exporter: Exporter
) -> None:
    """As `check` of the page's stack asks, before a file on the host is replaced."""
    here = made(tmp_path / "a", telegram, exporter)
    scrape = ["victoria-metrics", "-promscrape.config=/dev/stdin", "-promscrape.config.dryRun"]
    for words, file, old, new in (
        (["vmalert", "-rule=/dev/stdin", "-dryRun"], here.alerts, b"== 0", b"== (0"),
        ([*scrape, f"-storageDataPath={tmp_path}/data"], here.scrape, b"job_name", b"jobname"),
        (["amtool", "check-config", "/dev/stdin"], here.alertmanager, b"chat_id: -", b"chat_id: '-' #"),
    ):
        good = file.read_bytes()
        assert old in good
        assert (checked(words, good), checked(words, good.replace(old, new)) != 0) == (0, True), words[0]


def test_what_happens_to_a_container_is_announced_in_time(
    tmp_path: Path, telegram: Telegram, exporter: Exporter, addresses: tuple[str, str]
) -> None:
    watch = Watch(addresses[0], made(tmp_path / "a", telegram, exporter))
    with watching(watch):
        wait(lambda: sees(watch, HEALTH), watch.told)
        assert not telegram.told("demo-api-1")
        assert asked_as_alloy_is(f"{watch.address}/9093") == 0
        assert asked_as_alloy_is(f"{watch.address}/1") != 0

        exporter.says[HEALTH] = 0
        took = wait(lambda: telegram.told("FIRING", "ContainerUnhealthy", "demo-api-1 on app"), watch.told)
        assert seconds(SHORT["unhealthy_for"]) < took < within(SHORT["unhealthy_for"]), f"{took:.1f} s"
        exporter.says[HEALTH] = 1
        wait(lambda: telegram.told("RESOLVED", "ContainerUnhealthy"), watch.told)

        del exporter.says[seen("api")]
        took = wait(lambda: telegram.told("FIRING", "ContainerGone", "api on app does not run"), watch.told)
        assert took < within(SHORT["gone_for"]), f"{took:.1f} s"

        for start in range(2, 5):
            exporter.says[STARTED] = start
            wait(lambda start=start: sees(watch, STARTED) == start, watch.told)  # type: ignore[misc]
        wait(lambda: telegram.told("FIRING", "ContainerRestarting", "demo-api-1"), watch.told)
    assert {one.chat for one in telegram.messages} == {str(CHAT)}
    assert telegram.paths == {f"/bot{TOKEN}/sendMessage"}
    assert not telegram.told("Heartbeat")


def test_what_verify_asks_of_the_watch(
    tmp_path: Path, telegram: Telegram, exporter: Exporter, addresses: tuple[str, str]
) -> None:
    watch = Watch(addresses[0], made(tmp_path / "a", telegram, exporter))
    root = tmp_path / "a" / "project"
    # As `files` does for Debian's Alertmanager, so that what it reads is what is rendered.
    edit(root, "alertmanager.yml.j2", "bot_token_file: /etc/telegram/token", f"bot_token: '{TOKEN}'")

    def asked(identity: str, port: int, **more: Any) -> Verdict:
        about = situation(root, placeholder, time.time())
        return put(about, identity, port=port, address=watch.address, clock=SystemClock(), **more)

    def canary(question: OnHost) -> Ran:
        """A cAdvisor, a scrape after Docker has looked at the container for the first time."""
        if question.words[:2] == ("docker", "run"):
            name = question.words[question.words.index("--name") + 1]
            exporter.says[f'container_health_state{{name="{name}"}}'] = 0
        else:
            del exporter.says[f'container_health_state{{name="{question.words[-1]}"}}']
        return Ran(0, b"", b"")

    with watching(watch):
        wait(lambda: sees(watch, HEALTH), watch.told)
        wait(lambda: asked("V-VMT-002", 8880).result == "pass", watch.told)
        found = {
            identity: asked(identity, port)
            for identity, port in {"V-VMT-001": 8428, "V-ALM-001": 9093, "V-ALM-002": 9093}.items()
        }
        assert {one.result for one in found.values()} == {"pass"}, found

        heard = asked("V-ALM-003", 9093, on_host=canary)
        assert heard.result == "pass", heard
        assert set(exporter.says) & {HEALTH} == {name for name in exporter.says if "health_state" in name}

        edit(root, "alertmanager.yml.j2", "name: nobody", "name: nobody # another")
        assert "was not read anew" in asked("V-ALM-002", 9093).message
        edit(root, "alerts.yml.j2", "- name: memory of a week", "- name: memory of a month")
        said = asked("V-VMT-002", 8880).message
        assert said == "the group memory of a month is not loaded; the group memory of a week is in no file"
        exporter.shutdown()
        exporter.server_close()
        wait(lambda: asked("V-VMT-001", 8428).result == "fail", watch.told)
        assert "cadvisor" in asked("V-VMT-001", 8428).message


def edit(root: Path, name: str, old: str, new: str) -> None:
    file = root / "templates" / "monitoring" / name
    file.write_text(changed(file.read_text(), [(old, new)]))


def asked_as_alloy_is(address: str) -> int:
    """Alloy's probe, put to Alertmanager, which has the same path and the same HTTP server of Go."""
    *bash, script = ALLOY.probe[1:]
    script = script.replace("127.0.0.1/12345", address)
    return subprocess.run([*bash, script], capture_output=True, timeout=20, check=False).returncode


def within(held: str) -> float:
    """The sum of the page with this test's spans."""
    way = road(
        looked_at=0, scrape=1, visible=1, evaluation=1, held=seconds(held), group_wait=1, group_interval=1
    )
    return way.total + LOAD


def sees(watch: Watch, series: str) -> float | None:
    """The value that VictoriaMetrics has by now."""
    query = urlencode({"query": f"max({series})"})
    with urlopen(f"http://{watch.address}:8428/api/v1/query?{query}", timeout=5) as answer:
        found = json.load(answer)["data"]["result"]
    return float(found[0]["value"][1]) if found else None


@pytest.mark.parametrize("dies", ["all of it", "victoria-metrics", "vmalert"])
def test_a_watch_that_dies_is_announced_by_the_other(
    dies: str, tmp_path: Path, telegram: Telegram, exporter: Exporter, addresses: tuple[str, str]
) -> None:
    app, vpn = addresses
    one, other = (
        Watch(address, made(tmp_path / name, telegram, exporter, name, app=app, vpn=vpn))
        for name, address in (("app", app), ("vpn", vpn))
    )
    with watching(one, other):
        wait(lambda: sees(other, f'{BEATS}{{alertname="Heartbeat"}}'), other.told)
        if telegram.told("FIRING", "PeerSilent", "heard of app"):
            wait(lambda: telegram.told("RESOLVED", "PeerSilent", "heard of app"), other.told)
        # The name that MessagesLost asks for.
        wait(lambda: sees(other, 'alertmanager_notifications_failed_total{host="app"}') == 0, other.told)
        before = time.monotonic()
        one.kill(*(() if dies == "all of it" else (dies,)))
        took = wait(lambda: telegram.told("FIRING", "PeerSilent", "heard of app", since=before), other.told)
        assert took < within(SHORT["silent_for"]), f"{took:.1f} s"
