"""Two changes of one host never overlap, and a dead or silent run blocks nobody for long."""

from __future__ import annotations

import getpass
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.lab.journal import journal
from tests.lab.killed import begun, effects, kill, plan_of
from tests.lab.site import Site

VPN, SPARE = "lab-vpn", "lab-spare"
HEARD_WITHIN = 60.0
"""Seconds within which the lease of a run that is not heard of must be free."""

GATE = """
    services:
      gate:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        healthcheck: {test: [CMD, test, -e, /tmp/open], interval: 300ms, timeout: 5s, retries: 1000}
      later:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 100ms}
        depends_on: {gate: {condition: service_healthy}}
"""
OTHER = """
    services:
      other:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        healthcheck: {test: [CMD, test, -e, /tmp/open], interval: 300ms, timeout: 5s, retries: 1000}
"""


def until(true: Callable[[], bool], what: str, seconds: float) -> float:
    """Look until it is so; gives the seconds that it took."""
    begin = time.monotonic()
    while not true():
        assert time.monotonic() - begin < seconds, f"{what} did not come within {seconds:g} s"
        time.sleep(0.1)
    return time.monotonic() - begin


def free(site: Site, host: str) -> bool:
    """Whether somebody on the host itself could lock the lease; asks without the network."""
    words = ["flock", "--nonblock", f"{site.directory}/.opsctl/lease", "true"]
    return site.host(host).run(words, check=False).returncode == 0


def up(site: Site, service: str, host: str) -> bool:
    return any(one.running for one in site.inspected(host) if one.service == service)


def opens(site: Site, service: str, host: str) -> None:
    """Let a service become healthy."""
    site.host(host).docker("exec", site.container(service, host).id, "touch", "/tmp/open")


@contextmanager
def waiting(site: Site, service: str, host: str) -> Iterator[subprocess.Popen[str]]:
    """A deploy of one host that waits for a service to become healthy, and holds the lease meanwhile."""
    run = site.start("deploy", "lab", "--host", host, "--yes")
    try:
        until(lambda: run.poll() is not None or up(site, service, host), f"the container of {service}", 30)
        assert run.poll() is None, "".join(run.communicate())
        yield run
    finally:
        run.kill()
        run.communicate()


def audit(site: Site, host: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in site.read(".opsctl/audit.jsonl", host).splitlines()]


@pytest.fixture
def gated(site: Site) -> Site:
    """Services that wait to be opened: gate and later on lab-vpn, other on lab-spare where that is there too."""
    site.hosts_toml({name: ["gate" if name == VPN else "other"] for name in site.hosts})
    site.write("stacks/gate.yml", GATE)
    if SPARE in site.hosts:
        site.write("stacks/other.yml", OTHER)
    return site


@pytest.mark.hosts(VPN, SPARE)
def test_the_second_run_hears_who_holds_the_lease_of_one_host_and_does_nothing_on_any(gated: Site) -> None:
    site = gated
    with waiting(site, "gate", VPN) as first:
        before = site.snapshot()
        second = site.deploy(code=6)
        holder = re.escape(f"{getpass.getuser()}@{socket.gethostname()} holds the lease since ")
        assert re.search(rf"lab-vpn: {holder}\d+ s: .*deploy lab --host lab-vpn --yes", second.text)
        assert "nothing was done" in second.text
        assert site.snapshot() == before
        assert not site.containers(SPARE)
        assert free(site, SPARE)
        assert not site.host(SPARE).path(f"{site.directory}/compose.yml").exists()
        assert not site.host(SPARE).path(f"{site.directory}/.opsctl/audit.jsonl").exists()
        site.plan()  # takes no lease
        opens(site, "gate", VPN)
        out, err = first.communicate(timeout=60)
        assert first.returncode == 0, out + err
    assert free(site, VPN)
    assert [one["event"] for one in audit(site, VPN)] == ["start", "end"]


@pytest.mark.hosts(VPN)
def test_an_interrupted_wait_ends_in_130_with_the_lease_free_and_the_end_on_record(gated: Site) -> None:
    with waiting(gated, "gate", VPN) as run:
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=20)
        assert run.returncode == 130, out + err
        assert "interrupted" in err
    assert free(gated, VPN)
    start, end = audit(gated, VPN)
    assert (start["run"], end["event"], end["outcome"]) == (end["run"], "end", "interrupted")
    assert "later" not in gated.containers()


@pytest.mark.hosts(VPN)
def test_a_killed_run_frees_the_lease_at_once_and_the_next_one_records_it_as_interrupted(gated: Site) -> None:
    with waiting(gated, "gate", VPN) as run:
        assert not free(gated, VPN)
        run.kill()
        assert until(lambda: free(gated, VPN), "the lease", 5) < 5
    (start,) = audit(gated, VPN)
    assert start["event"] == "start"
    opens(gated, "gate", VPN)
    gated.deploy()
    _, mark, second, end = audit(gated, VPN)
    assert (mark["event"], mark["run"], mark["found_by"]) == ("interrupted", start["run"], second["run"])
    assert (second["event"], end["event"], end["outcome"]) == ("start", "end", "ok")
    entries = gated.opsctl("audit", "lab", "--json").json()["data"]["entries"]
    assert [one["outcome"] for one in entries] == ["interrupted", "ok"]
    assert re.search(r"interrupted .*\n.* ok ", gated.opsctl("audit", "lab").text)


@pytest.mark.hosts(VPN, SPARE)
def test_a_run_that_is_not_heard_of_loses_the_lease_and_touches_nothing_more(gated: Site) -> None:
    """The cable of lab-spare is cut; the run at lab-vpn is stopped in its sleep, with a whole connection."""
    site = gated
    with waiting(site, "other", SPARE) as cut, waiting(site, "gate", VPN) as stopped:
        assert not free(site, SPARE)
        assert not free(site, VPN)
        stopped.send_signal(signal.SIGSTOP)
        with site.host(SPARE).link_down(), ThreadPoolExecutor(2) as both:
            freed = {
                host: both.submit(until, partial(free, site, host), f"the lease of {host}", HEARD_WITHIN)
                for host in (VPN, SPARE)
            }
            assert all(one.result() < HEARD_WITHIN for one in freed.values())
            out, err = cut.communicate(timeout=60)
            assert cut.returncode == 1, out + err
            assert "lease" in err or "connection" in err, err
        opens(site, "gate", VPN)
        site.deploy("--host", VPN)
        before = site.snapshot()
        stopped.send_signal(signal.SIGCONT)
        out, err = stopped.communicate(timeout=60)
        assert stopped.returncode == 1, out + err
        assert "lease" in err, err
        assert site.snapshot() == before
    assert [one["event"] for one in audit(site, VPN)] == ["start", "interrupted", "start", "end"]


SLOW = """
    services:
      slow:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        command: [sh, -c, "trap : TERM; while :; do sleep 1; done"]
        stop_grace_period: 5s
        wait: {settle: 100ms}
        env: {VERSION: 1}
      loaded:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 100ms}
        files:
          - target: /etc/loaded/conf
            content: "version 1"
            mount: directory
            on_change: {reload: [sh, -c, "mkdir /tmp/busy && { test -e /tmp/conf || sleep 5; } && cp /etc/loaded/conf /tmp && rmdir /tmp/busy"]}
"""


UP, RELOAD = "docker compose up slow", "docker exec"


@pytest.mark.hosts(VPN)
@pytest.mark.parametrize("effect", [UP, RELOAD])
def test_a_command_that_outlived_its_run_is_waited_for(site: Site, tmp_path: Path, effect: str) -> None:
    site.hosts_toml({VPN: ["slow"]})
    site.write("stacks/slow.yml", SLOW)
    site.deploy()
    site.edit(
        "stacks/slow.yml", *(("VERSION: 1", "VERSION: 2") if effect == UP else ("version 1", "version 2"))
    )
    (plan,) = plan_of(site.root).hosts
    with journal(site.host(), site.project, tmp_path / "events") as log:
        run = kill(site, "during", effects(plan).index(effect) + 1)
        assert run.code == -signal.SIGKILL
        assert begun(run)[-1] == effect
        assert not idle(site)
        assert "an earlier command still runs on the host" in site.deploy().text
        made = [one.service for one in log.entries() if one.action == "create"]
    assert made == (["slow"] if effect == UP else [])
    assert site.container("slow").env["VERSION"] == ("2" if effect == UP else "1")
    if effect == RELOAD:
        assert site.inner("loaded", "/tmp/conf") == "version 2"
    assert not plan_of(site.root).changes


def idle(site: Site) -> bool:
    """Whether no guarded command runs on the host."""
    words = ["flock", "--nonblock", f"{site.directory}/.opsctl/running", "true"]
    return site.host().run(words, check=False).returncode == 0


JOB = """
    services:
      migrate:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        kind: job
        command: [sh, -c, "while ! test -e /tmp/open; do sleep 0.1; done"]
      app:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 100ms}
        depends_on: {migrate: {condition: service_completed_successfully}}
"""


@pytest.mark.hosts(VPN)
def test_a_job_that_outlived_its_run_is_waited_for(site: Site) -> None:
    site.hosts_toml({VPN: ["job"]})
    site.write("stacks/job.yml", JOB)
    (plan,) = plan_of(site.root).hosts
    kill(site, "after", effects(plan).index("docker compose up migrate") + 1)
    job = site.container("migrate")
    assert job.running
    following = site.start("deploy", "lab", "--yes")
    until(lambda: len(audit(site, VPN)) == 3, "the start of the second run", 20)
    assert "app" not in site.containers()
    opens(site, "migrate", VPN)
    out, err = following.communicate(timeout=60)
    assert following.returncode == 0, out + err
    assert "wait      migrate  its exit 0" in out
    assert site.container("migrate").started == job.started
    assert site.container("app").running
