"""Databases and roles on a real PostgreSQL: made while it runs, moved to while clients go on, and made whole after a kill."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from tests.lab.canaries import Canaries
from tests.lab.killed import begun, kill
from tests.lab.machines.processes import until
from tests.lab.site import Site

HOST = "lab-app"
pytestmark = pytest.mark.hosts(HOST)

# Opens a connection every 50 ms, writes and reads, and writes down how it went: one line for each attempt.
CLIENT = """\
import os, sys, time
import psycopg2
out = open(sys.argv[1], "a", buffering=1)
while True:
    try:
        fresh = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)
        with fresh, fresh.cursor() as cursor:
            cursor.execute("insert into kept values (1)")
            cursor.execute("select count(*), current_user from kept")
            words = ["ok", cursor.fetchall()[0][1]]
        fresh.close()
    except psycopg2.Error as error:
        words = ["failed", *str(error).split()]
    print(*words, file=out)
    time.sleep(0.05)
"""
DB = """
    x-probe: &probe {interval: 300ms, timeout: 5s, retries: 100}
    services:
      db:
        app: postgresql
        image: "%(postgres)s"
        settings: {max_connections: 60, superuser_reserved_connections: 4, shared_buffers: 24MB}
        command:
          - postgres
          - -clog_statement=all
          - -cfsync=off
          - -cmax_connections={{ service.settings.max_connections }}
          - -csuperuser_reserved_connections={{ service.settings.superuser_reserved_connections }}
          - -cshared_buffers={{ service.settings.shared_buffers }}
        shm_size: 128m
        env: {POSTGRES_HOST_AUTH_METHOD: scram-sha-256, POSTGRES_USER: boss, POSTGRES_PASSWORD: {secret: superuser}}
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, pg_isready, -h, 127.0.0.1]}
        stop_grace_period: 20s
        databases:
          one: {password: {secret: one_db}, extensions: [pgcrypto], connection_limit: 7}
          # more
"""
USER = """\
  {name}:
    image: "{{{{ vars.registry }}}}/sleeper:1.0.0"
    wait: {{settle: 100ms}}
    depends_on: {{db: {{condition: service_healthy}}}}
    env: {{PASSWORD: {{secret: {name}_db}}}}
    connections: {{db: {{database: {name}, pool: 2}}}}
    stop_grace_period: 1s
"""


@dataclass(frozen=True, slots=True)
class Running:
    site: Site

    def sql(self, statements: str, database: str = "postgres") -> str:
        words = ["docker", "exec", "-i", self.site.container("db").id]
        words += ["psql", "-U", "boss", "-d", database, "-Atq", "-v", "ON_ERROR_STOP=1"]
        return self.site.host().run(words, stdin=statements.encode()).stdout.decode().strip()

    def logs_in(self, role: str, password: str, database: str) -> str:
        """What the server says to a login from another container; "" where it takes it."""
        script = 'exec psql -w -h db -U "$0" -d "$1" -Atqc "select 1"'
        words = ["docker", "run", "--rm", "--network", f"{self.site.project}_default", "-e", "PGPASSWORD"]
        words += ["--entrypoint", "sh", self.site.container("db").image, "-c", script, role, database]
        done = self.site.host().run(["env", f"PGPASSWORD={password}", *words], check=False)
        return done.stderr.decode().strip().rpartition("FATAL: ")[2]

    def add(self, name: str, keys: str = "") -> None:
        """A database with a service that uses it."""
        site = self.site
        site.set_secret(
            f"{name}_db", "--class", "database", "--target", "service=db", "--target", f"role={name}"
        )
        text = f"          {name}: {{password: {{secret: {name}_db}}{keys}}}\n"
        file = site.root / "stacks" / "apps.yml"
        before, mark, after = file.read_text().partition("      # more\n")
        file.write_text(f"{before}{text[4:]}{mark}{after}")
        _add_user(site, name)

    def value(self, name: str) -> str:
        return self.site.store.value(f"{name}_db")

    def log(self) -> str:
        done = self.site.host().run(["docker", "logs", self.site.container("db").id])
        return (done.stdout + done.stderr).decode()

    def settled(self) -> None:
        assert "nothing to do" in self.site.plan("--exit-code").text


def _add_user(site: Site, name: str) -> None:
    file = site.root / "stacks" / "users.yml"
    file.write_text(file.read_text() + USER.format(name=name))


@pytest.fixture
def running(site: Site) -> Running:
    site.hosts_toml({HOST: ["apps", "users"]}, secrets="")
    site.keep_store()
    site.write(
        "stacks/apps.yml",
        DB % {"postgres": site.lab.image("postgres")} + "    volumes: {data: {}, out: {}}\n",
    )
    site.write("stacks/users.yml", "services:\n")
    site.set_secret("superuser")
    made = Running(site)
    site.set_secret("one_db", "--class", "database", "--target", "service=db", "--target", "role=one")
    _add_user(site, "one")
    return made


def test_a_first_deploy_makes_them_and_a_second_does_nothing(running: Running) -> None:
    site = running.site
    first = site.deploy().text
    assert "database one: new\n" in first
    running.settled()
    assert running.logs_in("one", running.value("one"), "one") == ""
    assert "password authentication failed" in running.logs_in("one", "wrong", "one")
    assert (
        running.sql("select rolconnlimit, rolsuper, rolcreaterole from pg_roles where rolname = 'one'")
        == "7|f|f"
    )
    assert running.sql("select extname from pg_extension where extname = 'pgcrypto'", "one") == "pgcrypto"
    owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'one'"
    assert running.sql(owner) == "one"
    names = ("max_connections", "superuser_reserved_connections", "shared_buffers")
    assert [running.sql(f"show {name}") for name in names] == ["60", "4", "24MB"]
    assert "DBS" not in site.opsctl("lint", "lab").text
    before = site.snapshot()
    site.deploy()
    assert site.snapshot() == before


def test_a_new_database_joins_a_server_that_runs_on_and_no_password_shows(running: Running) -> None:
    site = running.site
    site.deploy()
    server, one = site.container("db"), site.container("one")
    running.add("two", ", connect: [one]")
    running.add("three")
    canaries = Canaries({name: running.value(name) for name in ("two", "three")})
    with canaries.watching() as watch:
        run = site.deploy()
    assert any("psql" in words for words in watch.argv), "the watch saw nothing"
    assert not watch.leaked
    assert not canaries.leaks(run.text + running.log() + site.read(".opsctl/ensured/db"))
    assert "SCRAM-SHA-256" not in running.log()
    assert (site.container("db").id, site.container("one").id) == (server.id, one.id)
    assert running.logs_in("two", running.value("two"), "two") == ""
    assert "permission denied for database" in running.logs_in("two", running.value("two"), "three")
    assert running.logs_in("one", running.value("one"), "two") == ""
    running.settled()

    site.edit("stacks/apps.yml", "connection_limit: 7", "connection_limit: 9")
    assert "role one: connection limit 7 -> 9" in site.deploy().text
    assert running.sql("select rolconnlimit from pg_roles where rolname = 'one'") == "9"
    assert site.container("db").id == server.id
    running.settled()


def test_a_new_password_reaches_server_and_user_by_a_deploy_and_by_a_rotation(running: Running) -> None:
    site = running.site
    site.deploy()
    server, old = site.container("db").id, running.value("one")
    site.set_secret("one_db", "--only-store")
    run = site.deploy()
    assert "role one: password" in run.text
    new = running.value("one")
    assert new != old
    assert (running.logs_in("one", new, "one"), site.container("one").env["PASSWORD"]) == ("", new)
    assert "password authentication failed" in running.logs_in("one", old, "one")
    running.settled()

    site.opsctl("rotate-secret", "one_db", "-e", "lab", "--yes")
    assert running.logs_in("one", running.value("one"), "one") == ""
    running.settled()

    site.opsctl(
        *("secrets", "set", "one_db", "-e", "lab", "--policy-only", "--target", "service=db"),
        *("--target", "roles=one_a one_b", "--target", "owner=one", "--target", "role="),
    )
    site.edit("stacks/apps.yml", "one: {password", "one: {logins: [one_a, one_b], password")
    running.settled()
    for login, before in (("one_a", "one"), ("one_b", "one_a")):
        old = running.value("one")
        site.opsctl("rotate-secret", "one_db", "-e", "lab", "--yes")
        assert running.logs_in(login, running.value("one"), "one") == ""
        assert "not permitted to log in" in running.logs_in(before, old, "one")
        running.settled()
    assert site.container("db").id == server


def test_a_kill_after_every_step_is_made_whole_by_the_next_deploy(running: Running) -> None:
    site = running.site
    site.deploy()
    server = site.container("db").id
    labels = ["push", "psql", "psql", "psql", "mark the databases", "docker compose up"]
    for number, label in enumerate(labels, start=1):
        name = f"d{number}"
        running.add(name)
        killed = kill(site, "after", number)
        assert killed.code == -9, killed.text
        assert begun(killed)[-1].startswith(label)
        site.deploy()
        assert running.logs_in(name, running.value(name), name) == ""
        running.settled()
    assert site.container("db").id == server


def test_what_the_server_refuses_ends_the_deploy_with_its_words(running: Running) -> None:
    site = running.site
    site.deploy()
    running.add("two", ", extensions: [nosuch]")
    failed = site.deploy(code=1)
    assert "db did not make what database two needs" in failed.text
    assert 'extension "nosuch" is not available' in failed.text
    assert "take one that has" in failed.text
    assert "two" not in site.containers()
    site.edit("stacks/apps.yml", ", extensions: [nosuch]", "")
    site.deploy()
    assert running.logs_in("two", running.value("two"), "two") == ""
    running.settled()


def test_names_with_every_kind_of_quote_are_names(running: Running) -> None:
    site = running.site
    name = "o'd d\"$x \\n=%I:'a'"
    site.edit("stacks/apps.yml", "one: {", f"{json.dumps(name)}: {{role: {json.dumps(name + '%s')}, ")
    site.edit("stacks/users.yml", "database: one", f"database: {json.dumps(name)}")
    site.deploy()
    assert running.logs_in(name + "%s", running.value("one"), f"dbname='{_conninfo(name)}'") == ""
    assert running.sql("select count(*) from pg_database where datname like 'o''d%'") == "1"
    running.settled()


def _conninfo(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'")


@contextmanager
def attempts(running: Running, name: str) -> Iterator[list[str]]:
    """What a client writes down inside the block."""
    began, found = len(_written(running, name)), list[str]()
    yield found
    found.extend(_written(running, name)[began:])


def _written(running: Running, name: str) -> list[str]:
    (volume,) = json.loads(running.site.host().docker("volume", "inspect", f"{running.site.project}_out"))
    done = running.site.host().run(["cat", f"{volume['Mountpoint']}/{name}.log"], check=False)
    return done.stdout.decode().splitlines()


MOVING = """\
  {name}:
    image: "{{{{ vars.registry }}}}/whoami:1.0.0"
    command: [python3, /client.py, /out/{name}.log]
    user: "0"
    depends_on: {{db: {{condition: service_healthy}}}}
    env: {{DATABASE_URL: "postgresql://{role}:{{{{ secret('{secret}') }}}}@db:5432/{name}"}}
    files: [{{template: client.py, target: /client.py}}]
    volumes: ["out:/out"]
    wait: {{settle: 1s}}
    stop_grace_period: 1s
"""
NAMES = ("first", "second", "third")


def test_three_services_move_from_one_role_to_three_without_a_failed_query(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    site = running.site
    shared = secrets.token_hex(12)
    site.set_secret("shared_db", value=shared)
    site.write("templates/client.py", CLIENT)
    site.deploy()
    running.sql(
        f"create role shared login password '{shared}'; "
        + "".join(f"create database {one} owner shared; " for one in NAMES)
    )
    for one in NAMES:
        running.sql("create table kept (x int); alter table kept owner to shared;", one)
    users = site.root / "stacks" / "users.yml"
    together = "services:\n" + "".join(
        MOVING.format(name=one, role="shared", secret="shared_db") for one in NAMES
    )
    bystander = MOVING.format(name="first", role="shared", secret="shared_db").replace(
        "first.log", "bystander.log"
    )
    together += bystander.replace("  first:\n", "  bystander:\n")
    users.write_text(together)
    site.deploy()
    server = site.container("db").id
    _grown(running)

    text = together
    for one in NAMES:
        running.add(one, ", member_of: [shared]")
        text = text.replace(
            f"shared:{{{{ secret('shared_db') }}}}@db:5432/{one}\"",
            f"{one}:{{{{ secret('{one}_db') }}}}@db:5432/{one}\"",
            1,
        )
    users.write_text(text)
    assert text.count("shared_db") == 1, "the bystander stays"
    logs = {}
    blocks = [attempts(running, name) for name in (*NAMES, "bystander")]
    found = [block.__enter__() for block in blocks]
    run = site.deploy()
    _grown(running)
    for block in blocks:
        block.__exit__(None, None, None)
    logs = dict(zip((*NAMES, "bystander"), found, strict=True))
    for name, lines in logs.items():
        assert len(lines) > 20
        assert [line for line in lines if not line.startswith("ok ")] == [], name
    assert {name: lines[-1] for name, lines in logs.items()} == {
        **{name: f"ok {name}" for name in NAMES},
        "bystander": "ok shared",
    }
    assert site.container("db").id == server
    assert "create    bystander" not in run.text
    running.settled()
    with capsys.disabled():
        print(f"\nthree roles: 0 of {sum(map(len, logs.values()))} queries failed")


def _grown(running: Running) -> None:
    """Until each client wrote down some more."""
    for name in (*NAMES, "bystander"):
        wanted = len(_written(running, name)) + 20
        until(partial(_has, running, name, wanted), f"more of {name}", seconds=30)


def _has(running: Running, name: str, count: int) -> bool:
    return len(_written(running, name)) > count
