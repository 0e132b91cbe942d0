"""The day verbs on a real host: a person's terminal in a container, logs that follow, services held down and brought back."""

from __future__ import annotations

import subprocess

import pytest

from tests.lab.evidence import lease_is_free
from tests.lab.site import Site
from tests.lab.terminal import CTRL_C, terminal

pytestmark = pytest.mark.hosts("lab-spare")

STACK = """
    services:
      app:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        command: [sh, -c, "trap 'exit 0' TERM; echo began; while :; do sleep 0.2; echo tick; done"]
        env: {GREETING: hello}
        wait: {settle: 0s}
      other:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 0s}
      tool:
        start: on_demand
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 0s}
"""


@pytest.fixture
def running(site: Site) -> Site:
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.deploy()
    return site


def audited(site: Site) -> list[tuple[str, str]]:
    entries = site.opsctl("audit", "lab", "--json").json()["data"]["entries"]
    return [(entry["what"], entry["outcome"]) for entry in entries]


def test_exec_passes_through(running: Site) -> None:
    for code in (0, 3):
        run = running.opsctl(
            "exec", "app", "-e", "lab", "--", "sh", "-c", f"echo out; echo err >&2; exit {code}", code=code
        )
        assert (run.stdout, run.stderr) == ("out\n", "err\n")
    piped = subprocess.run(
        running.argv("exec", "app", "-e", "lab", "--", "sh", "-c", "tr a-z A-Z; ! test -t 0"),
        input="Grüße\n" * 10_000,
        capture_output=True,
        text=True,
        env=running.environ,
        check=True,
        timeout=60,
    )
    assert piped.stdout == "GRüßE\n" * 10_000
    assert audited(running)[-1] == ("exec sh in app", "ok")
    # The Docker client's own code for what cannot be started (20.10).
    assert (
        "no-such-program"
        in running.opsctl("exec", "app", "-e", "lab", "--", "no-such-program", code=126).text
    )


def test_exec_gives_the_container_this_terminal(running: Site) -> None:
    # docker 20.10 tells the container the size only once the command runs.
    size = 'until size=$(stty size 2>/dev/null); test "$size"; do sleep 0.1; done; echo $size'
    script = f"trap 'exit 7' INT; {size}; tty; read typed; sleep 0.5; stty size; echo got $typed; sleep 100"
    argv = running.argv("exec", "app", "-e", "lab", "--", "sh", "-c", script)
    with terminal(argv, running.environ, rows=31, columns=97) as person:
        person.expect("31 97")
        person.expect("/dev/pts/")
        person.resize(40, 120)
        person.type("a line\n")
        person.expect("40 120")
        person.expect("got a line")
        person.type(CTRL_C)
        assert person.end() == 7


def test_logs_follow_until_a_person_ends_them(running: Site) -> None:
    with terminal(running.argv("logs", "app", "-e", "lab", "-f", "--tail", "5"), running.environ) as person:
        for _ in range(10):
            person.expect("tick")
        person.type(CTRL_C)
        assert person.end(seconds=5) == 130
    assert "Traceback" not in person.shown
    assert "began" in running.opsctl("logs", "app", "-e", "lab", "--tail", "1000").stdout


def test_a_stop_survives_a_deploy_and_a_typed_up_until_start(running: Site) -> None:
    running.opsctl("stop", "app", "-e", "lab")
    assert not running.container("app").running
    assert running.container("app").exit_code == 0
    stopped = running.container("app").id
    assert "nothing to do" in running.deploy().stdout
    running.typed("up", "-d")
    assert (running.container("app").id, running.container("app").running) == (stopped, False)
    assert running.container("other").running
    status = running.opsctl("status", "lab")
    assert any("app" in line and "held" in line for line in status.stdout.splitlines()), status.stdout
    running.edit("stacks/apps.yml", "hello", "bonjour")
    running.deploy()
    assert not running.container("app").running
    running.opsctl("start", "app", "-e", "lab")
    assert running.container("app").running
    assert running.container("app").env["GREETING"] == "bonjour"
    running.typed("up", "-d")
    assert running.container("app").running
    running.plan("--exit-code")
    assert [what for what in audited(running) if what[0].split()[0] in {"start", "stop"}] == [
        ("stop app", "ok"),
        ("start app", "ok"),
    ]


def test_a_service_on_demand_runs_when_it_is_asked_for(running: Site) -> None:
    assert "tool" not in running.containers()
    running.opsctl("start", "tool", "-e", "lab")
    tool = running.container("tool")
    assert tool.running
    running.deploy()
    running.typed("up", "-d")
    assert running.container("tool").started == tool.started
    running.opsctl("stop", "tool", "-e", "lab")
    assert not running.container("tool").running
    running.deploy()
    assert not running.container("tool").running
    running.opsctl("status", "lab")


def test_restart_keeps_the_container_and_recreate_makes_it_anew(running: Site) -> None:
    before, other = running.container("app"), running.container("other")
    running.edit("stacks/apps.yml", "hello", "bonjour")
    running.opsctl("restart", "app", "-e", "lab")
    restarted = running.container("app")
    assert restarted.id == before.id
    assert restarted.started > before.started
    assert restarted.env["GREETING"] == "hello"
    running.opsctl("recreate", "app", "-e", "lab")
    recreated = running.container("app")
    assert recreated.id != before.id
    assert recreated.env["GREETING"] == "bonjour"
    assert running.container("other").facts == other.facts
    running.plan("--exit-code")
    assert [what for what, _ in audited(running)][-2:] == ["restart app", "recreate app"]
    assert lease_is_free(running)
    running.opsctl("restart", "tool", "-e", "lab", code=4)
