"""Drivers of passwords against a real PostgreSQL and a real Redis: each verb once and again, right values and wrong ones."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from opsctl.cli.invocation import Invocation
from opsctl.cli.request import Request
from opsctl.cli.session import online
from opsctl.errors import CouldNotFindOut, Refused, UsageError
from opsctl.flows import site as flows
from opsctl.flows.leases import leases
from opsctl.flows.rotation.drivers import registry
from opsctl.flows.rotation.drivers.contract import Driver, Means
from opsctl.model.secrets import Secret, Version
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.scram import verifier
from tests.fakes.edges import FakeClock
from tests.lab.machines import Lab
from tests.lab.site import Site

HOST = "lab-spare"

FIRST = "canary-first-4c1d"
WRONG = Candidate("v9", "canary-wrong-77aa")
PROJECT = """
    x-probe: &probe {interval: 300ms, timeout: 5s, retries: 60}
    services:
      db:
        image: "%(postgres)s"
        command: [postgres, -c, log_statement=all, -c, fsync=off]
        env: {POSTGRES_USER: root, POSTGRES_PASSWORD: unused-by-anybody}
        lint: {ignore: [{rule: SEC001, reason: a password of the test alone, until: "2099-12-31"}]}
        volumes: ["data:/var/lib/postgresql/data"]
        networks: [back]
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, pg_isready, -h, 127.0.0.1]}
      cache:
        image: "%(redis)s"
        command: [redis-server, /etc/redis/redis.conf]
        networks: [back]
        files:
          - {target: /etc/redis/redis.conf, content: "requirepass canary-first-4c1d\\n", mount: directory, on_change: none}
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, redis-cli, ping]}
      alone:
        image: "%(redis)s"
        network_mode: host
        command: [redis-server, --port, "7001"]
        wait: {settle: 0s}
    networks: {back: {}}
    volumes: {data: {}}
"""


@dataclass
class Bench:
    """The host under its lease, as a flow has it, and ways around it that share no code with the drivers."""

    lab: Site
    site: flows.Site
    known: list[Candidate] = field(default_factory=list)

    def driver(self, name: str, **target: str) -> Driver:
        secret = Secret.model_validate({"class": "database", "driver": name, "target": target})
        registry.check("db_password", secret)
        return registry.make(self.means(target), registry.driver_name(secret))

    def means(self, target: Mapping[str, str]) -> Means:
        return Means(
            name="db_password",
            target=target,
            world=self.site.world,
            site=self.site,
            chance=os.urandom,
            paste=lambda _what: pytest.fail("nobody was to be asked"),
            known=lambda: list(self.known),
        )

    def impatient(self) -> Bench:
        """Without waiting between attempts."""
        world = replace(self.site.world, clock=FakeClock())
        return Bench(self.lab, replace(self.site, world=world), self.known)

    def inside(self, service: str, *words: str, stdin: str = "") -> str:
        container = self.lab.container(service).id
        argv = ["docker", "exec", "-i", container, *words]
        return self.lab.host().run(argv, stdin=stdin.encode()).stdout.decode().strip()

    def sql(self, statements: str, *options: str) -> str:
        return self.inside(
            "db",
            "psql",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "root",
            "-d",
            "postgres",
            "-Atq",
            *options,
            stdin=statements,
        )

    def as_consumer(self, role: str, password: str, statements: str, *, background: bool = False) -> str:
        """SQL over the container's address on the network, which pg_hba.conf does not trust."""
        words = ["docker", "exec", "-i", *(["-d"] if background else []), "-e", f"PGPASSWORD={password}"]
        script = 'exec psql -v ON_ERROR_STOP=1 -h "$(hostname -i)" -U "$1" -d postgres -Atq -c "$2"'
        words += [self.lab.container("db").id, "sh", "-c", script, "consumer", role, statements]
        return self.lab.host().run(words).stdout.decode().strip()

    def redis(self, password: str, *words: str) -> str:
        container = self.lab.container("cache").id
        argv = ["docker", "exec", "-e", f"REDISCLI_AUTH={password}", container, "redis-cli", *words]
        done = self.lab.host().run(argv)
        return (done.stdout + done.stderr).decode().strip()

    def ready(self) -> list[str]:
        words = ["pg_isready", "-q", "-h", "127.0.0.1"]
        return ["docker", "exec", self.lab.container("db").id, *words]

    def logs(self, service: str) -> str:
        done = self.lab.host().run(["docker", "logs", self.lab.container(service).id])
        return (done.stdout + done.stderr).decode()

    def probes(self) -> list[str]:
        return self.lab.host().docker("ps", "-aq", "--filter", "label=opsctl.probe").split()

    def volumes(self) -> list[str]:
        return sorted(self.lab.host().docker("volume", "ls", "-q").split())


@contextmanager
def lease_of(lab: Site) -> Iterator[flows.Site]:
    invocation = Invocation.of_this_process()
    invocation.folder = lab.root
    with online(invocation, Request.about(["lab"]), lambda _event: None) as session:
        world, desired, _ = session.parts
        (host,) = desired.hosts
        with leases(world, desired.hosts, 0.0) as taken:
            yield flows.Site(world, host, world.connect(host.name), taken[host.name])


@pytest.fixture(scope="module")
def deployed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The project on its host, once for all tests; `bench` makes it for each as if nobody had been there."""
    host = lab.host(HOST)
    site = Site(tmp_path_factory.mktemp("project"), lab, "drivers", {HOST: host})
    with host.reserved():
        host.wipe()
        site.hosts_toml({HOST: ["apps"]})
        images = {"postgres": lab.image("postgres"), "redis": lab.image("redis")}
        site.write("stacks/apps.yml", PROJECT % images)
        site.deploy()
        yield site
        host.wipe()


CLEAN = """
drop table if exists seen;
do $$ declare one text; begin
  for one in select rolname from pg_roles where rolname !~ '^pg_' and rolname <> 'root' loop
    execute format('drop owned by %I cascade', one);
  end loop;
  for one in select rolname from pg_roles where rolname !~ '^pg_' and rolname <> 'root' loop
    execute format('drop role %I', one);
  end loop;
end $$;
"""


@pytest.fixture
def bench(deployed: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", deployed.environ["XDG_STATE_HOME"])
    with lease_of(deployed) as held:
        bench = Bench(deployed, held)
        before = bench.volumes()
        yield bench
        assert not bench.probes(), "a probe outlived its question"
        assert bench.volumes() == before, "a probe left the volume of its image"
        bench.lab.host().docker("start", bench.lab.container("db").id)
        until("PostgreSQL is up", lambda: bench.lab.host().run(bench.ready(), check=False).returncode == 0)
        restore_pg_hba(bench)
        bench.sql(CLEAN)
        bench.lab.host().docker("restart", bench.lab.container("cache").id)


def until(what: str, true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, f"not within 30 s: {what}"
        time.sleep(0.1)


def current(login: str = "") -> Secret:
    """A secret whose current value belongs to a login."""
    version = Version(stage="current", created=0, by="test", login=login)
    return Secret.model_validate({"class": "database", "versions": {"v1": version}})


def rows(bench: Bench, count: int) -> None:
    """Wait for those that a session in the background writes."""
    until(f"{count} rows", lambda: bench.sql("select count(*) from seen") == str(count))


SESSION = ("insert into seen values (1)", "select pg_sleep(3)", "insert into seen values (2)")
"""A session that goes on for seconds; -c with several statements would be one transaction."""


def begin_session(bench: Bench, role: str, password: str) -> None:
    bench.sql("create table if not exists seen (n int); delete from seen; grant all on seen to public")
    script = 'printf "%s;\\n" "$2" "$3" "$4" | psql -h "$(hostname -i)" -U "$1" -d postgres -q'
    words = ["docker", "exec", "-d", "-e", f"PGPASSWORD={password}", bench.lab.container("db").id]
    bench.lab.host().run([*words, "sh", "-c", script, "session", role, *SESSION])
    rows(bench, 1)


def test_one_role_of_postgresql(bench: Bench) -> None:
    old = Candidate("v1", FIRST)
    bench.sql(f"create role app login password '{FIRST}'")
    driver = bench.driver("postgresql", service="db", role="app")
    driver.check()
    assert driver.system == "role app on db (lab-spare)"
    new = driver.create(current(), "v2")
    assert new.login == ""
    assert len(new.value) == 32

    assert [driver.test(one) for one in (old, new, WRONG)] == [True, False, False]
    begin_session(bench, "app", FIRST)
    for _ in range(2):
        driver.set(new)
        assert [driver.test(one) for one in (old, new, WRONG)] == [False, True, False]
    driver.finish(new, old)
    assert bench.as_consumer("app", new.value, "select current_user") == "app"
    rows(bench, 2)

    driver.set(old)
    driver.finish(old, new)
    assert [driver.test(one) for one in (old, new)] == [True, False]

    log = bench.logs("db")
    assert 'alter role "app" login password \'SCRAM-SHA-256$4096:' in log, "the log shows no statements"
    assert new.value not in log
    assert WRONG.value not in log


def test_postgresql_keeps_the_very_verifier_that_it_would_have_made(bench: Bench) -> None:
    bench.sql("create role app login password 'pa$$ \"w''o'")
    kept = bench.sql("select rolpassword from pg_authid where rolname = 'app'")
    _, salt, _ = kept.split("$")
    assert kept == verifier("pa$$ \"w'o", base64.b64decode(salt.partition(":")[2]))


@pytest.mark.parametrize("role", ["we\"ird 'role\\", ":role", "-x", "Ünicode"])
def test_any_name_of_a_role(bench: Bench, role: str) -> None:
    quoted = '"' + role.replace('"', '""') + '"'
    bench.sql(f"create role {quoted} login")
    driver = bench.driver("postgresql", service="db", role=role)
    value = Candidate("v1", "plain")
    driver.set(value)
    assert [driver.test(one) for one in (value, WRONG)] == [True, False]


@pytest.mark.parametrize("value", [r"colon:back\slash", "spaces and 'quotes\" $HOME `x` #{}%&;"])
def test_any_password_of_postgresql(bench: Bench, value: str) -> None:
    bench.sql("create role app login")
    driver = bench.driver("postgresql", service="db", role="app")
    driver.set(Candidate("v1", value))
    assert bench.as_consumer("app", value, "select 1") == "1"
    assert [driver.test(Candidate("v1", one)) for one in (value, value + "x")] == [True, False]


def test_a_role_that_is_not_there_and_a_service_that_cannot_be_asked(bench: Bench) -> None:
    new = Candidate("v2", "canary-new-11")
    missing = bench.driver("postgresql", service="db", role="nobody")
    for verb in (missing.check, lambda: missing.set(new)):
        with pytest.raises(Refused, match="db has no role nobody"):
            verb()
    assert not missing.test(new)
    with pytest.raises(Refused, match="alone is on no network"):
        bench.driver("redis", service="alone", port="7001").test(new)
    bench.sql("create role shut")
    with pytest.raises(Refused, match="may not log in"):
        bench.driver("postgresql", service="db", role="shut").check()
    bench.lab.host().docker("stop", bench.lab.container("db").id)
    with pytest.raises(Refused, match="db is not running"):
        missing.test(new)


def trusting(bench: Bench, *lines: str) -> None:
    """Put lines before all others of pg_hba.conf."""
    script = (
        'f=$PGDATA/pg_hba.conf; [ -e "$f.0" ] || cp "$f" "$f.0"; { printf "%s\\n" "$@"; cat "$f.0"; } >"$f"'
    )
    bench.inside("db", "sh", "-c", script, "hba", *lines)
    reload(bench)


def restore_pg_hba(bench: Bench) -> None:
    bench.inside("db", "sh", "-c", 'f=$PGDATA/pg_hba.conf; [ ! -e "$f.0" ] || cat "$f.0" >"$f"')
    reload(bench)


def reload(bench: Bench) -> None:
    before = bench.sql("select pg_conf_load_time()")
    bench.sql("select pg_reload_conf()")
    until("pg_hba.conf is read", lambda: bench.sql("select pg_conf_load_time()") != before)


def test_a_trusted_network_shows_in_a_wrong_password_and_loopback_is_never_asked(bench: Bench) -> None:
    bench.sql(f"create role app login password '{FIRST}'")
    driver = bench.driver("postgresql", service="db", role="app")

    trusting(bench, "host all all 127.0.0.1/32 trust", "host all all ::1/128 trust")
    assert (
        bench.inside("db", "psql", "-w", "-h", "127.0.0.1", "-U", "app", "-d", "postgres", "-Atc", "select 7")
        == "7"
    )
    assert not driver.test(WRONG)
    trusting(bench, "host all all all trust")
    assert driver.test(WRONG)


def test_no_answer_is_no_refusal(bench: Bench) -> None:
    bench.sql(f"create role app login password '{FIRST}'")
    bench = bench.impatient()
    trusting(bench, "host all app all reject")
    with pytest.raises(CouldNotFindOut, match="cannot tell whether db lets app in") as caught:
        bench.driver("postgresql", service="db", role="app").test(Candidate("v1", FIRST))
    assert "pg_hba.conf" in str(caught.value)
    assert FIRST not in str(caught.value)
    with pytest.raises(CouldNotFindOut, match="Connection refused"):
        bench.driver("postgresql", service="db", role="app", port="5433").test(Candidate("v1", FIRST))


def test_two_roles_take_turns_and_their_tables_stay_the_owners(bench: Bench) -> None:
    bench.sql("create role app nologin; grant create, usage on schema public to app")
    driver = bench.driver("postgresql", service="db", roles="app_a app_b", owner="app")
    driver.check()
    a = driver.create(Secret(), "v1")
    assert a.login == "app_a"
    for _ in range(2):
        driver.set(a)
        assert driver.test(a)
    driver.finish(a, None)
    bench.as_consumer("app_a", a.value, "create table first (n int)")

    b = driver.create(current("app_a"), "v2")
    assert b.login == "app_b"
    for _ in range(2):
        driver.set(b)
        assert [driver.test(one) for one in (a, b)] == [True, True]
    bench.as_consumer("app_b", b.value, "insert into first values (1); create table second (n int)")
    assert (
        bench.sql("select distinct tableowner from pg_tables where tablename in ('first', 'second')") == "app"
    )
    begin_session(bench, "app_a", a.value)
    for _ in range(2):
        driver.finish(b, a)
        assert [driver.test(one) for one in (a, b)] == [False, True]
    assert not driver.test(Candidate("v2", WRONG.value, "app_b"))
    rows(bench, 2)

    driver.set(a)
    driver.finish(a, b)
    assert [driver.test(one) for one in (a, b)] == [True, False]
    assert driver.create(current("app_b"), "v3").login == "app_a"
    with pytest.raises(UsageError, match="belongs to app_c"):
        driver.create(current("app_c"), "v3")
    log = bench.logs("db")
    assert "SCRAM-SHA-256$4096:" in log
    assert a.value not in log
    assert b.value not in log


def test_one_role_becomes_two_with_the_old_one_as_their_owner(bench: Bench) -> None:
    old = Candidate("v1", FIRST)
    bench.sql(f"create role app login password '{FIRST}'; grant create on schema public to app")
    bench.as_consumer("app", FIRST, "create table kept as select 42 as answer")
    driver = bench.driver("postgresql", service="db", roles="app_a app_b", owner="app")
    new = driver.create(current(), "v2")
    driver.set(new)
    assert [driver.test(one) for one in (old, new)] == [True, True]
    assert bench.as_consumer("app_a", new.value, "select answer from kept; drop table kept") == "42"
    driver.finish(new, old)
    assert [driver.test(one) for one in (old, new)] == [False, True]

    driver.set(old)
    driver.finish(old, new)
    assert [driver.test(one) for one in (old, new)] == [True, False]
    with pytest.raises(Refused, match="root is a superuser"):
        bench.driver("postgresql", service="db", roles="a b", owner="root").check()


def test_redis_takes_two_passwords_then_one(bench: Bench) -> None:
    old = Candidate("v1", FIRST)
    driver = bench.driver("redis", service="cache")
    bench.known = [old]
    driver.check()
    new = driver.create(current(), "v2")
    bench.known = [new, old]
    assert [driver.test(one) for one in (old, new, WRONG)] == [True, False, False]
    for _ in range(2):
        driver.set(new)
        assert [driver.test(one) for one in (old, new, WRONG)] == [True, True, False]
    for _ in range(2):
        driver.finish(new, old)
        assert [driver.test(one) for one in (old, new, WRONG)] == [False, True, False]
    assert bench.redis(new.value, "ping") == "PONG"

    driver.set(old)
    driver.finish(old, new)
    assert [driver.test(one) for one in (old, new)] == [True, False]
    assert new.value not in bench.logs("cache")
    bench.known = [new, WRONG]
    with pytest.raises(Refused, match="cache takes none of the passwords") as caught:
        driver.set(new)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", ["a \"b\\ c'", "Ünïcode", "\\x41 #{} $HOME"])
def test_redis_reads_any_password_as_it_was_meant(bench: Bench, value: str) -> None:
    bench.known = [Candidate("v1", FIRST)]
    driver = bench.driver("redis", service="cache")
    driver.set(Candidate("v2", value))
    assert driver.test(Candidate("v2", value))
    assert bench.redis(value, "ping") == "PONG"


def test_redis_without_a_password_shows_in_a_wrong_one_and_locks_nobody_out(bench: Bench) -> None:
    old, new = Candidate("v1", FIRST), Candidate("v2", "canary-new-0d0d")
    bench.redis(FIRST, "ACL", "SETUSER", "default", "nopass")
    driver = bench.driver("redis", service="cache")
    bench.known = [old]
    assert driver.test(WRONG)
    driver.set(new)
    assert [driver.test(one) for one in (old, new, WRONG)] == [True, True, False]


def test_a_user_of_redis_that_may_not_change_itself(bench: Bench) -> None:
    bench.redis(FIRST, "ACL", "SETUSER", "app", "on", f">{FIRST}", "~*", "+@read")
    bench.known = [Candidate("v1", FIRST)]
    driver = bench.driver("redis", service="cache", user="app")
    assert driver.test(bench.known[0])
    with pytest.raises(Exception, match=r"\+acl") as caught:
        driver.set(Candidate("v2", "canary-new-0d0d"))
    assert "canary" not in str(caught.value)


def test_a_new_password_in_redis_conf_recreates_nothing_and_outlives_a_restart(bench: Bench) -> None:
    old = Candidate("v1", FIRST)
    driver = bench.driver("redis", service="cache")
    bench.known = [old]
    new = driver.create(current(), "v2")
    driver.set(new)
    before = bench.lab.container("cache")
    bench.site.lease.release()
    bench.lab.edit("stacks/apps.yml", FIRST, new.value)
    bench.lab.deploy()
    assert (bench.lab.container("cache").id, bench.lab.container("cache").started) == (
        before.id,
        before.started,
    )
    bench.lab.host().docker("restart", before.id)
    until("Redis takes the new password", lambda: bench.redis(new.value, "ping") == "PONG")
    assert "WRONGPASS" in bench.redis(FIRST, "ping")
    bench.lab.edit("stacks/apps.yml", new.value, FIRST)
    bench.lab.deploy()
