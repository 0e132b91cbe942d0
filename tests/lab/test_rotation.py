"""Rotations of passwords of a real PostgreSQL and a real Redis, with clients that go on working all the while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.lab.machines.processes import until
from tests.lab.site import Site

HOST = "lab-app"
pytestmark = pytest.mark.hosts(HOST)

# Opens a connection every 100 ms and keeps three open, and writes down how each went. One line for each attempt.
CLIENT = """\
import os, sys, threading, time
import psycopg2
out = open(sys.argv[1], "a", buffering=1)
url = os.environ["DATABASE_URL"]
def ask(connection):
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        cursor.fetchall()
def say(kind, error=None):
    words = str(error).strip().splitlines()[-1:] if error else ["ok"]
    print(f"{time.time():.3f} {kind} {' '.join(words)}", file=out)
def keep():
    connection = psycopg2.connect(url, connect_timeout=5)
    connection.autocommit = True
    while True:
        try:
            ask(connection)
            say("kept")
        except psycopg2.Error as error:
            say("kept", error)
            return
        time.sleep(0.1)
for _ in range(3):
    threading.Thread(target=keep, daemon=True).start()
while True:
    try:
        fresh = psycopg2.connect(url, connect_timeout=5)
        ask(fresh)
        fresh.close()
        say("fresh")
    except psycopg2.Error as error:
        say("fresh", error)
    time.sleep(0.1)
"""

HAMMER = """\
echo "$1" >/tmp/name
while :; do
    said=$(redis-cli -h cache incr hits 2>&1)
    case $said in *[!0-9]* | '') echo "failed $said" ;; *) echo ok ;; esac >>"$1"
done
"""

STACK = """
    x-probe: &probe {interval: 300ms, timeout: 5s, retries: 100}
    services:
      db:
        image: "%(postgres)s"
        command: [postgres, -c, log_statement=all, -c, fsync=off]
        env: {POSTGRES_HOST_AUTH_METHOD: scram-sha-256, POSTGRES_PASSWORD: "only for the first start"}
        lint: {ignore: [{rule: SEC001, reason: a password of the test alone, until: "2099-12-31"}]}
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, pg_isready, -h, 127.0.0.1]}
      cache:
        image: "%(redis)s"
        command: [redis-server, /etc/redis/redis.conf]
        files:
          - target: /etc/redis/redis.conf
            content: "requirepass {{ secret('redis_password') }}\\n"
            mount: directory
            on_change: none
        healthcheck: {<<: *probe, interval: 1s, test: [CMD-SHELL, "redis-cli ping | grep -q NOAUTH"]}
      api:
        image: "{{ vars.registry }}/whoami:1.0.0"
        depends_on: {db: {condition: service_healthy}}
        env: {DATABASE_URL: "postgresql://{{ login('app_db') }}:{{ secret('app_db') | urlencode }}@db:5432/postgres"}
        healthcheck: {<<: *probe, test: [CMD, curl, -fsS, "http://127.0.0.1:8000/healthz"]}
        stop_grace_period: 1s
      client:
        image: "{{ vars.registry }}/whoami:1.0.0"
        command: [python3, /client.py, /out/client.log]
        user: "0"
        depends_on: {api: {condition: service_healthy}}
        env: {DATABASE_URL: "postgresql://{{ login('app_db') }}:{{ secret('app_db') | urlencode }}@db:5432/postgres"}
        files: [{template: client.py, target: /client.py}]
        volumes: ["out:/out"]
        wait: {settle: 1s}
        stop_grace_period: 1s
      bystander:
        image: "{{ vars.registry }}/whoami:1.0.0"
        command: [python3, /client.py, /out/bystander.log]
        user: "0"
        depends_on: {db: {condition: service_healthy}}
        env: {DATABASE_URL: "postgresql://other:of-its-own@db:5432/postgres"}
        lint: {ignore: [{rule: SEC001, reason: a password of the test alone, until: "2099-12-31"}]}
        files: [{template: client.py, target: /client.py}]
        volumes: ["out:/out"]
        wait: {settle: 1s}
      hammer:
        image: "%(redis)s"
        command: [sh, /hammer.sh, /out/hammer.log]
        user: "0"
        depends_on: {cache: {condition: service_healthy}}
        env: {REDISCLI_AUTH: {secret: redis_password}}
        files: [{template: hammer.sh, target: /hammer.sh}]
        volumes: ["out:/out"]
        wait: {settle: 1s}
        stop_grace_period: 1s
    volumes: {data: {}, out: {}}
"""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What a client wrote down since a moment."""

    lines: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[str]:
        return [line for line in self.lines if line.split()[1] == kind]

    def failed(self, kind: str) -> list[str]:
        return [line for line in self.of(kind) if not line.endswith(" ok")]


@dataclass(frozen=True, slots=True)
class Running:
    site: Site

    def sql(self, statements: str) -> str:
        words = ["docker", "exec", "-i", self.site.container("db").id, "psql", "-U", "postgres", "-Atq"]
        return self.site.host().run(words, stdin=statements.encode()).stdout.decode().strip()

    def logs_in(self, role: str, password: str) -> bool:
        """From another container, over the network."""
        script = 'exec psql -w -h db -U "$0" -d postgres -Atqc "select 1"'
        network = f"{self.site.project}_default"
        words = ["docker", "run", "--rm", "--network", network, "-e", f"PGPASSWORD={password}"]
        image = self.site.container("db").image
        done = self.site.host().run([*words, "--entrypoint", "sh", image, "-c", script, role], check=False)
        said = done.stderr.decode()
        assert done.returncode == 0 or "authentication failed" in said or "not permitted" in said, said
        return done.returncode == 0

    def file(self, name: str) -> list[str]:
        (volume,) = json.loads(self.site.host().docker("volume", "inspect", f"{self.site.project}_out"))
        done = self.site.host().run(["cat", f"{volume['Mountpoint']}/{name}"], check=False)
        return done.stdout.decode().splitlines(keepends=True)

    def more(self, name: str, count: int) -> None:
        """Wait until so many more lines are written down."""
        began = len(self.file(name))
        until(lambda: len(self.file(name)) >= began + count, f"{count} more lines in {name}", seconds=20)

    @contextmanager
    def attempts(self, name: str) -> Iterator[Attempts]:
        """What is written down inside the block."""
        began, found = len(self.file(name)), Attempts()
        yield found
        found.lines.extend(line.strip() for line in self.file(name)[began:] if line.endswith("\n"))

    def ids(self) -> dict[str, str]:
        return {name: ids[0] for name, ids in self.site.containers().items()}

    def value(self, name: str, version: str = "") -> str:
        return self.site.store.value(name, version)

    def stages(self, name: str) -> dict[str, str]:
        return {one: made.stage for one, made in self.site.store.describe().secrets[name].versions.items()}


@pytest.fixture
def running(site: Site) -> Running:
    site.hosts_toml({HOST: ["apps"]}, secrets="")
    site.keep_store()
    images = {"postgres": site.lab.image("postgres"), "redis": site.lab.image("redis")}
    site.write("stacks/apps.yml", STACK % images)
    site.write("templates/client.py", CLIENT)
    site.write("templates/hammer.sh", HAMMER)
    site.set_secret("app_db", "--class", "database", "--target", "service=db", "--target", "role=app")
    site.set_secret("redis_password", "--class", "database", "--driver", "redis", "--target", "service=cache")
    site.deploy("db")
    made = Running(site)
    made.sql(
        f"create role app login password '{made.value('app_db')}'; create role other login password 'of-its-own';"
    )
    site.deploy()
    until(lambda: bool(made.file("client.log") and made.file("hammer.log")), "the clients' words", seconds=20)
    return made


def test_one_role_is_rotated_under_load_and_only_its_consumers_are_made_anew(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    site, before, old = running.site, running.ids(), running.value("app_db")
    with running.attempts("client.log") as client, running.attempts("bystander.log") as bystander:
        run = site.opsctl("rotate-secret", "app_db", "-e", "lab", "--yes")
        until(
            lambda: len(running.file("client.log")) > len(client.lines) + 20, "some more attempts", seconds=20
        )
    after = running.ids()
    assert {name for name in after if after[name] != before[name]} == {"api", "client"}
    new = running.value("app_db")
    assert new != old
    assert running.logs_in("app", new)
    assert not running.logs_in("app", old)
    assert running.stages("app_db") == {"v2": "current", "v1": "previous"}
    assert len(bystander.of("kept")) > 20
    assert not bystander.failed("kept")
    assert not bystander.failed("fresh")
    assert not client.failed("kept"), "open connections end with their container, and not before"
    refused = client.failed("fresh")
    assert all("password authentication failed" in line for line in refused)
    with capsys.disabled():
        print(
            f"\none role: {len(refused)} of {len(client.of('fresh'))} new connections were refused meanwhile"
        )
    assert "nothing to do" in site.plan("--exit-code").text
    assert old not in run.text
    assert new not in run.text
    log = site.host().run(["docker", "logs", site.container("db").id])
    assert new not in (log.stdout + log.stderr).decode()


def test_two_roles_are_rotated_under_load_without_a_refused_connection(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    site = running.site
    running.sql("create table kept (x int); alter table kept owner to app;")
    site.opsctl(
        *("secrets", "set", "app_db", "-e", "lab", "--policy-only", "--target", "service=db"),
        *("--target", "roles=app_a app_b", "--target", "owner=app", "--target", "role="),
    )
    site.deploy()
    for login, other in (("app_a", "app"), ("app_b", "app_a"), ("app_a", "app_b")):
        old = running.value("app_db")
        with running.attempts("client.log") as client:
            site.opsctl("rotate-secret", "app_db", "-e", "lab", "--yes")
            running.more("client.log", 20)
        assert len(client.of("fresh")) > 20
        assert not client.failed("fresh")
        assert not client.failed("kept")
        with capsys.disabled():
            print(f"\ntwo roles: 0 of {len(client.of('fresh'))} new connections were refused meanwhile")
        assert running.logs_in(login, running.value("app_db"))
        assert not running.logs_in(other, old)
        assert site.container("api").env["DATABASE_URL"].startswith(f"postgresql://{login}:")
    assert running.sql("select tableowner from pg_tables where tablename = 'kept'") == "app"


def test_redis_is_rotated_while_a_client_hammers_it_without_a_failed_command(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    site, before, old = running.site, running.ids(), running.value("redis_password")
    began = len(running.file("hammer.log"))
    site.opsctl("rotate-secret", "redis_password", "-e", "lab", "--yes")
    running.more("hammer.log", 50)
    said = [line.strip() for line in running.file("hammer.log")[began:]]
    assert len(said) > 100
    assert [line for line in said if line != "ok"] == []
    with capsys.disabled():
        print(f"\nredis: 0 of {len(said)} commands failed meanwhile")
    after = running.ids()
    assert {name for name in after if after[name] != before[name]} == {"hammer"}
    cache = site.container("cache").id

    def ping(password: str) -> str:
        words = ["docker", "exec", "-e", f"REDISCLI_AUTH={password}", cache, "redis-cli", "ping"]
        done = site.host().run(words, check=False)  # until it listens again, redis-cli ends with 1
        return (done.stdout + done.stderr).decode()

    new = running.value("redis_password")
    assert ping(new).strip() == "PONG"
    assert "WRONGPASS" in ping(old)
    site.host().docker("restart", cache)
    until(lambda: ping(new).strip() == "PONG", "a Redis that has read its file again", seconds=20)
    assert "nothing to do" in site.plan("--exit-code").text
