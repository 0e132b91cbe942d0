"""rotate-secret stopped after every line of its journal, and in the middle of its commands, on a real PostgreSQL: gone on
with, it ends with the new password alone; given up, with the old one alone.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from tests.lab.evidence import await_lease
from tests.lab.killed import begun, kill_words
from tests.lab.rotated import stop, written
from tests.lab.site import Run, Site

HOST = "lab-vpn"
pytestmark = [pytest.mark.hosts(HOST), pytest.mark.timeout(600)]

STACK = """
    x-probe: &probe {interval: 200ms, timeout: 5s, retries: 100}
    services:
      db:
        image: "%(postgres)s"
        command: [postgres, -c, fsync=off]
        env: {POSTGRES_HOST_AUTH_METHOD: scram-sha-256, POSTGRES_PASSWORD: "only for the first start"}
        lint: {ignore: [{rule: SEC001, reason: a password of the test alone, until: "2099-12-31"}]}
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, pg_isready, -h, 127.0.0.1]}
      api:
        image: "{{ vars.registry }}/whoami:1.0.0"
        depends_on: {db: {condition: service_healthy}}
        env: {DATABASE_URL: "postgresql://{{ login('app_db') }}:{{ secret('app_db') }}@db:5432/postgres"}
        healthcheck: {<<: *probe, test: [CMD, curl, -fsS, "http://127.0.0.1:8000/healthz"]}
        stop_grace_period: 1s
    volumes: {data: {}}
"""
LINES = ("begin", "create", "mark", "set", "test", "deliver", "finish", "retire")
"""The journal of a whole rotation. The test enumerates what a whole one writes and fails where this list is not that."""


@dataclass(frozen=True, slots=True)
class Running:
    site: Site

    def works(self, password: str) -> bool:
        """Over the network, from the container that is there for it."""
        words = ["docker", "exec", "-e", f"PGPASSWORD={password}", self.site.container("db").id, "sh", "-c"]
        script = 'exec psql -w -h "$(hostname -i)" -U app -d postgres -Atqc "select 1"'
        done = self.site.host().run([*words, script], check=False)
        said = done.stderr.decode()
        assert done.returncode == 0 or "authentication failed" in said, said
        return done.returncode == 0

    def settled(self) -> str:
        """The version in force, after checking that its value is the only one that works, everywhere."""
        store = self.site.store
        secret = store.describe().secrets["app_db"]
        assert not secret.pending
        working = [one for one in secret.versions if self.works(store.value("app_db", one))]
        assert working == [secret.current]
        url = self.site.container("api").env["DATABASE_URL"]
        assert url == f"postgresql://app:{store.value('app_db')}@db:5432/postgres"
        assert not list((self.site.root / "secrets" / "rotations").rglob("*.jsonl"))
        marks = self.site.host().run(
            ["sh", "-c", 'ls "$1"/.opsctl/rotating 2>/dev/null', "ls", self.site.directory], check=False
        )
        assert marks.stdout == b""
        assert "nothing to do" in self.site.plan("--exit-code").text
        return secret.current

    def end(self, way: str) -> Run:
        """Once the lease is free, as a person would who comes back after a while."""
        await_lease(self.site, seconds=60)
        return self.site.opsctl("rotate-secret", "app_db", "-e", "lab", f"--{way}", "--yes")


@pytest.fixture
def running(site: Site) -> Running:
    site.hosts_toml({HOST: ["apps"]}, secrets="")
    site.keep_store()
    site.write("stacks/apps.yml", STACK % {"postgres": site.lab.image("postgres")})
    site.set_secret(
        "app_db", "--class", "database", "--target", "service=db", "--target", "role=app", "--keep", "1"
    )
    site.deploy("db")
    words = ["docker", "exec", "-i", site.container("db").id, "psql", "-U", "postgres", "-q"]
    password = site.store.value("app_db")
    site.host().run(words, stdin=f"create role app login password '{password}';".encode())
    site.deploy()
    return Running(site)


@pytest.mark.parametrize("way", ["resume", "abort"])
def test_killed_after_every_line_it_ends_either_way(running: Running, way: str) -> None:
    before = running.settled()
    for number, line in enumerate(LINES, start=1):
        run = stop(running.site, "kill", number, "app_db")
        assert run.code == -signal.SIGKILL, run.text
        assert written(run) == list(LINES[:number])
        if line == "set":
            running.site.edit("stacks/apps.yml", "retries: 100", "retries: 101")
            told = running.site.deploy(code=4).text
            running.site.edit("stacks/apps.yml", "retries: 101", "retries: 100")
            assert "app_db is half-rotated" in told
            assert "would touch api;" in told
        running.end(way)
        after = running.settled()
        assert (after == before) == (way == "abort" or line == "begin"), line
        before = after


def test_cut_off_after_every_line_it_ends_either_way(running: Running) -> None:
    before = running.settled()
    for number, line in enumerate(LINES[:-1], start=1):
        way = "resume" if number % 2 else "abort"
        run = stop(running.site, "cut", number, "app_db")
        assert run.code in {1, 5}, run.text
        assert "--resume goes on, --abort puts the old value back" in run.stderr, run.text
        running.end(way)
        after = running.settled()
        assert (after == before) == (way == "abort"), line
        before = after


def test_killed_in_the_middle_of_its_commands_it_is_gone_on_with(running: Running) -> None:
    """Of the first of each kind: marks, what the server is told, what a login tries, files, containers."""
    words = ("rotate-secret", "app_db", "-e", "lab", "--yes")
    whole = begun(kill_words(running.site, "during", 99, *words))
    first = {label: number for number, label in reversed(list(enumerate(whole, start=1)))}
    assert {"mark the rotation", "push", "docker compose up api"} <= first.keys()
    for label, number in first.items():
        run = kill_words(running.site, "during", number, *words)
        assert run.code == -signal.SIGKILL, run.text
        assert begun(run)[-1] == label
        running.end("resume" if number % 2 else "abort")
        running.settled()


def test_the_journal_of_a_whole_rotation_has_the_lines_that_are_enumerated(running: Running) -> None:
    run = stop(running.site, "kill", 99, "app_db")
    assert run.code == 0, run.text
    assert written(run) == [*LINES, "end"]


def test_a_cable_pulled_in_the_middle_is_survived(running: Running) -> None:
    site = running.site
    with site.start("rotate-secret", "app_db", "-e", "lab", "--yes") as process:
        assert process.stderr
        for text in process.stderr:
            if "test" in text:
                break
        with site.host().link_down():
            assert process.wait(timeout=150) in {1, 5}
    running.end("resume")
    assert running.settled() == "v2"
