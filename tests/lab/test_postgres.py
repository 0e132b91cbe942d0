"""A PostgreSQL that is made anew: who said `restart: true` follows once it is healthy, and nobody else."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.journal import Entry, Journal, journal
from tests.lab.killed import When, begun, kill
from tests.lab.site import Site

HOST = "lab-vpn"

STACK = """
    x-probe: &probe {interval: 500ms, timeout: 5s, retries: 60}
    services:
      db:
        image: "%(postgres)s"
        command: [postgres, -c, work_mem=4MB]
        env: {POSTGRES_PASSWORD: {secret: db_password}, TZ: UTC}
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {<<: *probe, test: [CMD, pg_isready, -h, 127.0.0.1, -U, postgres]}
        stop_grace_period: 20s
      api:
        image: "{{ vars.registry }}/whoami:1.0.0"
        depends_on: {db: {condition: service_healthy, restart: true}}
        env: {DATABASE_URL: "postgresql://postgres:{{ secret('db_password') }}@db:5432/postgres"}
        healthcheck: {<<: *probe, test: [CMD, curl, -fsS, "http://127.0.0.1:8000/healthz"]}
      reader:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 100ms}
        depends_on: {db: {condition: service_healthy}}
    volumes: {data: {}}
"""


@dataclass(frozen=True, slots=True)
class Running:
    site: Site
    log: Journal

    def sql(self, statement: str) -> str:
        words = ["psql", "-U", "postgres", "-Atqc", statement]
        return self.site.host().docker("exec", self.site.container("db").id, *words).strip()

    def followed(self, since: int) -> None:
        """Since an entry of the journal: db was made once and became healthy; only then, and once, api restarted."""
        entries = self.log.entries(until=self.site.container("api").id)[since:]
        (made,) = _of(entries, "db", "create")
        healthy = next(one for one in _of(entries, "db", "health_status: healthy") if one.at > made.at)
        (left,) = _of(entries, "api", "die")
        (started,) = _of(entries, "api", "start")
        assert made.at < healthy.at < left.at < started.at
        assert not _of(entries, "api", "create")
        assert not [one for one in entries if one.service == "reader"]
        assert "nothing to do" in self.site.plan("--exit-code").text


def _of(entries: list[Entry], service: str, action: str) -> list[Entry]:
    return [one for one in entries if (one.service, one.action) == (service, action)]


@pytest.fixture
def running(site: Site, tmp_path: Path) -> Iterator[Running]:
    site.hosts_toml({HOST: ["apps"]})
    site.write("stacks/apps.yml", STACK % {"postgres": site.lab.image("postgres")})
    with journal(site.host(), site.project, tmp_path / "events") as log:
        site.deploy()
        yield Running(site, log)


@pytest.mark.hosts(HOST)
def test_dependents_restart_once_a_new_postgres_is_healthy_also_after_a_kill(running: Running) -> None:
    site = running.site
    running.sql("create table kept as select 42 as answer")
    edits: list[tuple[str, str, When | None, str]] = [
        ("work_mem=4MB", "work_mem=8MB", None, "definition: command"),
        ("TZ: UTC", "TZ: CET", "after", "env: TZ changed"),
        ("work_mem=8MB", "work_mem=16MB", "before", "definition: command"),
    ]
    for old, new, when, cause in edits:
        site.edit("stacks/apps.yml", old, new)
        since = len(running.log.entries(until=site.container("api").id))
        told = site.plan().text
        assert cause in told
        assert "db is made anew" in told
        if when is not None:
            number = 2 if when == "after" else 3
            run = kill(site, when, number)
            assert run.code == -signal.SIGKILL
            assert begun(run)[-1] == "docker compose up db"
            site.typed("up", "-d")
            assert "db was made anew after it started" in site.plan().text
        site.deploy()
        running.followed(since)
        assert running.sql("select answer from kept") == "42"
    assert running.sql("show work_mem") == "16MB"
    assert site.container("db").env["TZ"] == "CET"
