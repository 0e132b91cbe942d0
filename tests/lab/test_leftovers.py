"""What checks make on a host: gone after a good end, after ^C, and with the next run after kill -9; never a live run's.

The check is V-ALM-003, whose container the real engine makes unhealthy; Alertmanager is a stand-in that knows of it once told to.
"""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.lab.machines import engine_api
from tests.lab.machines.processes import until
from tests.lab.site import Run, Site

HOST = "lab-spare"
pytestmark = pytest.mark.hosts(HOST)

SERVER = """\
import http.server, json, os, sys, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        alert = {"labels": {"alertname": "ContainerUnhealthy"}, "status": {"state": "active"}}
        body = json.dumps([alert] if os.path.exists("/tmp/heard") else []).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 9093), Handler).serve_forever()
"""
STACK = f"""\
    services:
      alertmanager:
        app: alertmanager
        image: "{{{{ vars.registry }}}}/whoami:1.0.0"
        entrypoint: [python3, -c, {json.dumps(SERVER)}]
        settings: {{chat_id: -100}}
        init: true
        wait: {{settle: 0s}}
      cadvisor:
        app: cadvisor
        image: "{{{{ vars.registry }}}}/sleeper:1.0.0"
        volumes: ["/var/run:/var/run:ro"]
        lint: {{ignore: [{{rule: DKR001, reason: it sleeps, until: 2027-12-31}}]}}
        wait: {{settle: 0s}}
      other:
        image: "{{{{ vars.registry }}}}/sleeper:1.0.0"
        env: {{WORD: one}}
        wait: {{settle: 0s}}
"""
CLAIMS = "/dev/shm/opsctl-check.* /run/lock/opsctl-check.* /tmp/opsctl-check.*"
NIGHTLY = ("verify", "lab", "--tag", "nightly", "--json")


@pytest.fixture
def watched(site: Site) -> Site:
    site.host().run(["sh", "-c", f"rm -f {CLAIMS}"])  # of a test that failed
    site.hosts_toml({HOST: ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.deploy("--no-verify")
    return site


def canaries(site: Site) -> dict[str, str]:
    """Those that are on the host, with their health as the engine lists it."""
    listed = engine_api.containers(site.host().docker_socket, "opsctl.probe=canary")
    return {one["Names"][0].lstrip("/"): one["Status"] for one in listed}


def claims(site: Site) -> list[str]:
    return site.host().run(["sh", "-c", f"ls -d {CLAIMS} 2>/dev/null || true"]).stdout.decode().split()


def under_way(site: Site) -> tuple[subprocess.Popen[str], str]:
    """A verify that waits for the alert of its canary."""
    before = canaries(site)
    process = site.start(*NIGHTLY)
    until(
        lambda: any("unhealthy" in status for name, status in canaries(site).items() if name not in before),
        "an unhealthy canary",
        seconds=60,
    )
    (name,) = canaries(site).keys() - before.keys()
    return process, name


def ended(process: subprocess.Popen[str]) -> Run:
    stdout, stderr = process.communicate(timeout=60)
    return Run(process.returncode, stdout, stderr)


def leftovers(site: Site) -> list[dict[str, Any]]:
    """By a verify that asks next to nothing."""
    run = site.opsctl("verify", "lab", "--tag", "secrets", "--json", code=None)
    found: list[dict[str, Any]] = run.json()["data"]["leftovers"]
    return found


def test_after_a_good_end_and_after_an_interruption_nothing_is_left(watched: Site) -> None:
    process, _name = under_way(watched)
    watched.host().docker("exec", watched.container("alertmanager").id, "touch", "/tmp/heard")
    told = {one["check"]: one for one in ended(process).json()["data"]["results"]}
    assert told["V-ALM-003"]["result"] == "pass", told["V-ALM-003"]
    assert (canaries(watched), claims(watched)) == ({}, [])

    watched.host().docker("exec", watched.container("alertmanager").id, "rm", "/tmp/heard")
    process, _name = under_way(watched)
    assert len(claims(watched)) == 1
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    assert (canaries(watched), claims(watched)) == ({}, [])


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_of_one_that_is_alive(watched: Site) -> None:
    dead, left = under_way(watched)
    assert leftovers(watched) == [{"host": HOST, "container": left, "fate": "used", "reason": None}]
    alive, used = under_way(watched)
    dead.kill()
    assert ended(dead).code == -signal.SIGKILL
    assert set(canaries(watched)) == {left, used}

    shown = watched.opsctl("verify", "lab", "--tag", "secrets", code=None).stdout
    assert f"removed  {left} on {HOST}: a run that was killed had left it" in shown
    assert used not in shown
    assert set(canaries(watched)) == {used}
    assert len(claims(watched)) == 1
    alive.send_signal(signal.SIGINT)
    assert ended(alive).code == 130
    assert (canaries(watched), claims(watched), leftovers(watched)) == ({}, [], [])


def test_the_checks_at_the_end_of_a_deploy_remove_it_too(watched: Site) -> None:
    dead, left = under_way(watched)
    dead.kill()
    ended(dead)
    watched.edit("stacks/apps.yml", "WORD: one", "WORD: two")
    run = watched.deploy("other", "--json").json()
    assert run["data"]["checks"]["leftovers"] == [
        {"host": HOST, "container": left, "fate": "removed", "reason": None}
    ]
    assert (canaries(watched), claims(watched)) == ({}, [])
