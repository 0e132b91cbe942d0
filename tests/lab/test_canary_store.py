"""Secrets that live in a store, age and rotate: no value of them is anywhere but in the store, encrypted, and where it lives."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.lab.canaries import Canaries
from tests.lab.site import Run, Site

HOST = "lab-app"
pytestmark = pytest.mark.hosts(HOST)

SECRETS = {
    "app_db": """c4n4ry-db pa$$ "w"'r #1/2 ${HOME} \\n %41+&=""",
    "redis_password": "r3d1s-c4n4ry+/=&%41",
    "api_key": "pr0v1d3r-c4n4ry+/=first$",
    "api_key_next": "pr0v1d3r-c4n4ry+/=next'\"",
    "plain_token": "pl41n-c4n4ry-$(id)",
}
CANARIES = Canaries(SECRETS)

STACK = """
    x-probe: &probe {interval: 300ms, timeout: 5s, retries: 100}
    services:
      db:
        image: "%(postgres)s"
        command: [postgres, -c, log_statement=all, -c, log_min_messages=debug1, -c, fsync=off]
        env: {POSTGRES_PASSWORD: "only for the first start"}
        lint: {ignore: [{rule: SEC001, reason: a password of the test alone, until: "2099-12-31"}]}
        files:
          - target: /docker-entrypoint-initdb.d/role.sql
            content: "create role app login password '{{ secret('app_db') | replace(\\"'\\", \\"''\\") }}';"
            mount: directory
            on_change: none
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, pg_isready, -h, 127.0.0.1]}
      cache:
        image: "%(redis)s"
        command: [redis-server, /etc/redis/redis.conf]
        files:
          - target: /etc/redis/redis.conf
            content: "requirepass {{ secret('redis_password') }}\\nslowlog-log-slower-than 0\\n"
            mount: directory
            on_change: none
        healthcheck: {<<: *probe, interval: 1s, test: [CMD-SHELL, "redis-cli ping | grep -q NOAUTH"]}
      api:
        image: "{{ vars.registry }}/whoami:1.0.0"
        depends_on: {db: {condition: service_healthy}}
        env:
          DATABASE_URL: "postgresql://{{ login('app_db') }}:{{ secret('app_db') | urlencode }}@db:5432/postgres"
          KEY: {secret: api_key}
          REDIS: "redis://:{{ secret('redis_password') | urlencode }}@cache"
          TOKEN: {secret: plain_token}
        files:
          - {target: /run/secrets/token, content: "{{ secret('plain_token') }}"}
        healthcheck:
          <<: *probe
          retries: 15
          # With GOOD, only that value of the token is taken.
          test: [CMD-SHELL, 'curl -fsS http://127.0.0.1:8000/healthz && { [ -z "$GOOD" ] || sha256sum /run/secrets/token | grep -q "$GOOD"; }']
        stop_grace_period: 1s
        wait: {timeout: 15s}
    volumes: {data: {}}
"""


@dataclass
class Provider:
    """Takes the keys that it gave out, and nobody else's; it writes down nothing."""

    keys: set[str] = field(default_factory=set)
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server
        return f"http://127.0.0.1:{self.server.server_port}/v1/me"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider({SECRETS["api_key"], SECRETS["api_key_next"]})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"].removeprefix("Bearer ") in made.keys
            self.send_response(200 if known else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    made.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@dataclass
class Told:
    """Everything that opsctl said, each answer without a value of those that are known."""

    site: Site
    texts: list[str] = field(default_factory=list)

    def __call__(self, *words: str, code: int | None = 0, stdin: str = "") -> Run:
        run = self.site.opsctl(*words, code=None, stdin=stdin)
        assert not CANARIES.leaks(run.text), (words, CANARIES.leaks(run.text))
        assert code is None or run.code == code, (words, run.text)
        self.texts.append(run.text)
        return run


def keep(site: Site, told: Told, provider: Provider) -> None:
    site.hosts_toml({HOST: ["apps"]}, secrets="")
    images = {"postgres": site.lab.image("postgres"), "redis": site.lab.image("redis")}
    site.write("stacks/apps.yml", STACK % images)
    site.keep_store()
    named = ("secrets", "set")
    database = ("--class", "database", "--target", "service=db", "--target", "role=app")
    cache = ("--class", "database", "--driver", "redis", "--target", "service=cache")
    header = ("--target", "header=Authorization: Bearer {value}")
    bought = ("--class", "provider", "--target", f"url={provider.url}", *header)
    for name, options in (
        ("app_db", database),
        ("redis_password", cache),
        ("api_key", bought),
        ("plain_token", ("--rotate-every", "1s")),
    ):
        told(*named, name, "-e", "lab", *options, stdin=SECRETS[name])


def test_no_value_is_anywhere_but_where_it_lives(site: Site, provider: Provider) -> None:
    told = Told(site)
    rotate = ("rotate-secret", "-e", "lab", "--yes")
    with CANARIES.watching() as watch:
        keep(site, told, provider)
        told("deploy", "lab", "--yes")
        for words in (("list", "lab"), ("doctor", "lab"), ("history", "app_db", "-e", "lab"), ("log", "lab")):
            told("secrets", *words, code=None)
            told("secrets", *words, "--json", code=None)
        told(*rotate, "app_db", "redis_password", "--dry-run")
        told(*rotate, "app_db")
        told(*rotate, "redis_password", "--json")
        told(*rotate, "api_key", "--revoked", stdin=SECRETS["api_key_next"])
        told(*rotate, "--due")
        told(*rotate, "app_db", "--rollback")
        refused = told(*rotate, "api_key", "--revoked", stdin=f"{SECRETS['api_key']}-not-known", code=1)
        failed = _failing(site, told)
        told("audit", "lab", "--json")
    assert "v2 was put back everywhere, v3 is kept as failed" in failed.stderr
    assert "does not take" in refused.stderr
    assert not watch.leaked
    values = _every_value(site)
    assert len(values) >= 9
    later = Canaries(values)
    everything = "\n".join([*told.texts, *watch.argv])
    assert not later.leaks(everything)
    for seen in ("docker exec --interactive", "docker run --rm", "psql", "redis-cli", "-m opsctl"):
        assert seen in everything, f"the watch did not see {seen}"
    _arrived(site)
    _kept_to_their_places(site, later)


def _failing(site: Site, told: Told) -> Run:
    """The consumer does not become healthy with another token than it has now."""
    good = hashlib.sha256(site.store.value("plain_token").encode()).hexdigest()
    site.edit(
        "stacks/apps.yml",
        "    env:\n      DATABASE_URL",
        f"    env:\n      GOOD: '{good}'\n      DATABASE_URL",
    )
    told("deploy", "lab", "--yes")
    return told("rotate-secret", "plain_token", "-e", "lab", "--yes", code=1)


def _every_value(site: Site) -> dict[str, str]:
    """Of every version that the store keeps; the check of the store itself reads them by another road."""
    store = site.store
    return {
        f"{name} {version}": store.value(name, version)
        for name, secret in store.describe().secrets.items()
        for version in secret.versions
    }


def _arrived(site: Site) -> None:
    env = site.container("api").env
    assert env["KEY"] == SECRETS["api_key_next"]
    assert env["TOKEN"] == site.inner("api", "/run/secrets/token") == site.store.value("plain_token")
    assert site.store.value("app_db") == SECRETS["app_db"]


def _kept_to_their_places(site: Site, all_values: Canaries) -> None:
    host = site.host()
    for service in ("db", "cache", "api"):
        container = site.container(service)
        facts = json.loads(json.dumps(container.facts))
        facts["Config"].pop("Env")
        assert not all_values.leaks(json.dumps(facts, ensure_ascii=False)), service
        logs = host.run(["docker", "logs", container.id])
        assert not all_values.leaks((logs.stdout + logs.stderr).decode(errors="replace")), service
    password = site.store.value("redis_password")
    for words in (("slowlog", "get", "-1"), ("acl", "log"), ("acl", "list")):
        argv = [
            "docker",
            "exec",
            "-e",
            f"REDISCLI_AUTH={password}",
            site.container("cache").id,
            "redis-cli",
            *words,
        ]
        assert not all_values.leaks(host.run(argv).stdout.decode()), words
    listed = host.run(["find", site.directory, "-type", "f"]).stdout.decode().splitlines()
    holds = {
        path.removeprefix(f"{site.directory}/")
        for path in listed
        if all_values.leaks(host.run(["cat", path]).stdout.decode(errors="replace"))
    }
    assert holds == {
        "env/api.env",
        "files/api/run/secrets/token",
        "files/cache/etc/redis/redis.conf",
        "files/db/docker-entrypoint-initdb.d/role.sql",
    }
    for path in [*site.root.rglob("*"), *site.key_file.parent.rglob("*")]:
        if path.is_file():
            assert not all_values.leaks(path.read_text(errors="replace")), path
    metrics = site.read("metrics/secrets.prom")
    assert (
        'opsctl_secret_due_timestamp_seconds{environment="lab",secret="plain_token",class="regenerate"}'
        in metrics
    )
    assert not host.docker("ps", "-aq", "--filter", "label=opsctl.probe")
