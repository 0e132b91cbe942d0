"""The real n8n beside our rules: how it reads its environment, what it holds at PostgreSQL, and what ends it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from tests.contract.alone import alone
from tests.contract.asking import put, situation, taken
from tests.contract.node_package import NodePackage
from tests.contract.ports import free_port
from tests.contract.postgres import Postgres, postgres
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import subject
from tests.unit.apps.n8ns import REGULAR, findings, project
from tests.unit.checks.answers import hold

from opsctl.apps.n8n.app import N8N
from opsctl.apps.n8n.instance import DEFAULTS, KEY, Instance, instances
from opsctl.apps.n8n.naming import RULES
from opsctl.apps.n8n.serving import PROBE
from opsctl.apps.n8n.variables import NEWEST
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Inside, Question, Ran, UnansweredError, Verdict
from opsctl.checks.throwaway import Throwaway
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

STARTING = 300.0
"""Seconds; a first start, which migrates the database, takes 15 on a quiet machine and 60 on a busy one."""
POOL = 3
DATABASE = "n8n"
MADE_UP = {
    "N8N_DB_CONNECTION_MAX_POOL_SIZE": "1",
    "N8N_DB_POSTGRESDB_HOST": "192.0.2.1",
    "N8N_DB_TYPE": "sqlite",
}
"""What the audit wanted, and the like."""
OWNER = {"email": "a@example.org", "firstName": "A", "lastName": "B", "password": "Canary-4c1d"}
ELSEWHERE = (
    "DB_TYPE: postgresdb",
    "DB_TYPE: postgresdb\n      EXECUTIONS_MODE: queue\n      N8N_USER_FOLDER: /proc/none",
)
WORKER = ('    volumes: ["n8n:', '    command: [worker]\n    volumes: ["n8n:')
LIMIT = 'N8N_CONCURRENCY_PRODUCTION_LIMIT: "{{ service.settings.concurrency }}"'


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes] = field(repr=False)
    url: str
    log: Path

    def status(self, path: str) -> int:
        """0 without an answer."""
        try:
            return requests.get(self.url + path, timeout=30).status_code
        except (requests.ConnectionError, requests.Timeout):
            return 0

    def wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + STARTING
        while not done():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < end, self.log.read_text()[-2000:]
            time.sleep(0.1)


class Site:
    """n8n processes on loopback with what the page's project renders to, and nothing of our own environment."""

    def __init__(self, package: NodePackage, database: Postgres, folder: Path) -> None:
        self.package, self.database, self._folder = package, database, folder

    def folder(self) -> Path:
        made = self._folder / str(len(list(self._folder.iterdir())))
        made.mkdir()
        return made

    def environ(self, root: Path, home: Path, port: int) -> dict[str, str]:
        """Of the page's service, where the test's places and ports are not the container's."""
        hosts = render(load(root), "prod", lambda name: f"canary-{name}-4c1d", login=login_placeholder).hosts
        closed = "http://127.0.0.1:9"
        return {
            **hosts[0].services["n8n"].env,
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "N8N_USER_FOLDER": str(home),
            "N8N_PORT": str(port),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_RUNNERS_BROKER_PORT": str(free_port()),
            "DB_POSTGRESDB_HOST": "127.0.0.1",
            "DB_POSTGRESDB_PORT": str(self.database.port),
            "DB_POSTGRESDB_USER": "postgres",
            # It asks nobody outside: neither for versions, templates and banners nor for its licence.
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "N8N_PERSONALIZATION_ENABLED": "false",
            "N8N_DYNAMIC_BANNERS_ENABLED": "false",
            "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
            "HTTP_PROXY": closed,
            "HTTPS_PROXY": closed,
            "NO_PROXY": "127.0.0.1",
        }

    @contextmanager
    def process(
        self, root: Path, words: Sequence[str] = ("start",), home: Path | None = None, **more: str
    ) -> Iterator[Running]:
        home, port = home or self.folder(), free_port()
        environ = {**self.environ(root, home, port), **more}
        log = self.folder() / "log"
        command = [*self.package.words("bin/n8n"), *words]
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=environ, cwd=home, stdout=out, stderr=out)
        try:
            yield Running(process, f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)


@pytest.fixture(scope="module")
def site(
    n8n: NodePackage, postgres_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with postgres(postgres_programs) as database:
        database.ask(f"create database {DATABASE}")
        yield Site(n8n, database, tmp_path_factory.mktemp("n8n"))


@pytest.fixture(scope="module")
def small(site: Site) -> Path:
    """The page's project with a small pool."""
    return project(site.folder() / "project", changed(REGULAR, [("pool: 10, con", f"pool: {POOL}, con")]))


@pytest.fixture(scope="module")
def home(site: Site) -> Path:
    return site.folder()


@pytest.fixture(scope="module")
def running(site: Site, small: Path, home: Path) -> Iterator[Running]:
    with site.process(small, home=home, **MADE_UP) as running:
        running.wait(lambda: running.status("/healthz/readiness") == 200)
        yield running


def probe(busybox: Path, running: Running) -> int:
    """The exit code of our probe, asked with BusyBox as in the image."""
    words = [word.replace("http://127.0.0.1:5678", running.url) for word in PROBE[1:]]
    return subprocess.run([busybox, *words], capture_output=True, timeout=60, check=False).returncode


def test_it_starts_on_the_database_that_we_say(site: Site, running: Running, busybox: Path) -> None:
    tables = "select count(*) from information_schema.tables where table_schema = 'public'"
    assert int(site.database.ask(tables, DATABASE)) > 30
    assert (running.status("/healthz"), probe(busybox, running)) == (200, 0)


def test_it_reads_no_variable_that_we_call_made_up_and_does_not_say_so(
    running: Running, tmp_path: Path
) -> None:
    assert "N8N_DB_" not in running.log.read_text()
    lines = "".join(f"\n      {name}: {value}" for name, value in MADE_UP.items())
    edits = [("DB_TYPE: postgresdb", f"DB_TYPE: postgresdb{lines}")]
    found = findings(project(tmp_path / "project", changed(REGULAR, edits)))
    assert [one.rule for one in found] == [RULES[0]] * len(MADE_UP)


def test_it_never_holds_more_than_its_pool(site: Site, running: Running) -> None:
    owner = signed_in(running)

    def ask() -> set[int]:
        path = f"{running.url}/rest/workflows"
        return {requests.get(path, headers=owner, timeout=60).status_code for _ in range(4)}

    seen = []
    with ThreadPoolExecutor(24) as callers:
        asked = [callers.submit(ask) for _ in range(24)]
        while wait(asked, timeout=0).not_done:
            seen.append(site.database.sessions(DATABASE))
    assert max(seen) == POOL
    assert 200 in set().union(*(one.result() for one in asked))


def test_without_its_database_only_readiness_says_so(
    site: Site, running: Running, small: Path, busybox: Path
) -> None:
    def verdict() -> str:
        about = situation(small, placeholder, time.time())
        return put(about, "V-NEN-001", port=int(running.url.rpartition(":")[2])).result

    assert verdict() == "pass"
    site.database.stop()
    try:
        running.wait(lambda: running.status("/healthz/readiness") == 503)
        assert (running.status("/healthz"), probe(busybox, running)) == (200, 1)
        assert verdict() == "fail"
    finally:
        site.database.start()
    running.wait(lambda: running.status("/healthz/readiness") == 200)
    assert probe(busybox, running) == 0


@dataclass(frozen=True)
class Broken:
    """`text` is what its log says; `at_home`: in the home folder of the one that runs."""

    words: tuple[str, ...]
    text: str
    more: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[tuple[str, str], ...] = ()
    at_home: bool = False


BROKEN = {
    "a limit of 0": Broken(
        ("start",),
        "Concurrency limit set to invalid value",
        edits=((", concurrency: 20", ""), (LIMIT, "N8N_CONCURRENCY_PRODUCTION_LIMIT: 0")),
    ),
    "another key": Broken(
        ("start",), "Mismatching encryption keys", {"N8N_ENCRYPTION_KEY": "another"}, at_home=True
    ),
    "a worker without a key": Broken(("worker",), "N8N_ENCRYPTION_KEY", {"N8N_ENCRYPTION_KEY": ""}),
    "a webhook processor without the queue": Broken(
        ("webhook",), "Webhook processes can only run with execution mode as queue"
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_we_say_does_not_start_does_not(
    site: Site, running: Running, home: Path, tmp_path: Path, broken: Broken
) -> None:
    root = project(tmp_path / "project", changed(REGULAR, broken.edits))
    assert [one.rule.id for one in findings(root)] == (["N8N003"] if broken.edits else [])
    with site.process(root, broken.words, home if broken.at_home else None, **broken.more) as ended:
        assert ended.process.wait(STARTING) != 0
        assert broken.text in ended.log.read_text()


# A trigger alone, so that it can be active.
WORKFLOW = {
    "connections": {},
    "settings": {},
    "nodes": [
        {
            "id": "t",
            "name": "Every day",
            "type": "n8n-nodes-base.scheduleTrigger",
            "typeVersion": 1.2,
            "position": [0, 0],
            "parameters": {"rule": {"interval": [{"field": "days"}]}},
        }
    ],
}


def signed_in(running: Running) -> dict[str, str]:
    """Headers of its owner, whom the first who asks makes. The cookie is for https alone, so nothing sends it by itself."""
    browser = {"browser-id": "test"}
    answer = requests.post(f"{running.url}/rest/owner/setup", json=OWNER, headers=browser, timeout=60)
    if answer.status_code != 200:
        login = {"emailOrLdapLoginId": OWNER["email"], "password": OWNER["password"]}
        answer = requests.post(f"{running.url}/rest/login", json=login, headers=browser, timeout=60)
    assert answer.status_code == 200, answer.text[:500]
    return {**browser, "cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}


def asked(running: Running, path: str, body: object) -> dict[str, Any]:
    """What its owner is answered to a POST."""
    answer = requests.post(f"{running.url}/rest/{path}", json=body, headers=signed_in(running), timeout=60)
    assert answer.status_code == 200, answer.text[:500]
    data: dict[str, Any] = answer.json()["data"]
    return data


def inside(site: Site, environ: Mapping[str, str], folder: Path) -> Callable[[Inside], Ran]:
    """Runs the words of a list beside the n8n, which has its program and its node as the image has them."""
    (folder / "node").symlink_to(site.package.node)
    (folder / "n8n").symlink_to(site.package.folder / "bin" / "n8n")

    def answer(question: Inside) -> Ran:
        done = subprocess.run(
            question.words,
            env={**environ, "PATH": f"{folder}:/usr/bin:/bin"},
            cwd=folder,
            capture_output=True,
            timeout=question.timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return answer


def test_an_upgrade_counts_its_workflows(
    site: Site, running: Running, small: Path, home: Path, tmp_path: Path
) -> None:
    plain = asked(running, "workflows", {**WORKFLOW, "name": 'Bills "of" a\'s'})
    live = asked(running, "workflows", {**WORKFLOW, "name": "Orders"})
    asked(running, f"workflows/{live['id']}/activate", {"versionId": live["versionId"]})

    about, ask = (
        situation(small, placeholder, time.time()),
        inside(site, site.environ(small, home, 0), tmp_path),
    )
    active = {f"Orders ({live['id']})"}
    assert taken(about, N8N, "active workflows", ask) == active
    assert taken(about, N8N, "workflows", ask) == active | {f'Bills "of" a\'s ({plain["id"]})'}


def test_a_database_that_does_not_answer_is_told(site: Site, small: Path, tmp_path: Path) -> None:
    about = situation(small, placeholder, time.time())
    environ = site.environ(small, tmp_path, 0)
    away = inside(site, {**environ, "DB_POSTGRESDB_PORT": str(free_port())}, site.folder())
    with pytest.raises(UnansweredError, match=r"its database: .*ECONNREFUSED"):
        taken(about, N8N, "workflows", away)
    nobody = inside(site, {**environ, "DB_POSTGRESDB_USER": "nobody"}, site.folder())
    with pytest.raises(UnansweredError, match='its database: role "nobody" does not exist'):
        taken(about, N8N, "workflows", nobody)


def test_workflows_of_sqlite_are_read_beside_who_writes(site: Site, small: Path, tmp_path: Path) -> None:
    """The table is made here: the real one's SQLite is a binary that is built in the image."""
    (tmp_path / ".n8n").mkdir()
    with closing(sqlite3.connect(tmp_path / ".n8n" / "database.sqlite")) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table x_workflow_entity (id text, name text, active boolean)")
        writer.execute("insert into x_workflow_entity values ('a', 'Orders', 1), ('b', 'Bills', 0)")
        writer.commit()
        environ = {**site.environ(small, tmp_path, 0), "DB_TYPE": "sqlite", "DB_TABLE_PREFIX": "x_"}
        ask = inside(site, environ, site.folder())
        about = situation(small, placeholder, time.time())
        assert taken(about, N8N, "workflows", ask) == {"Orders (a)", "Bills (b)"}
        assert taken(about, N8N, "active workflows", ask) == {"Orders (a)"}


@pytest.fixture
def trial(site: Site, tmp_path: Path) -> Callable[..., Verdict]:
    """Of the n8n of the package as the next version, without any network: with edits of the stack file, and with other variables."""

    def put_to(edits: Sequence[tuple[str, str]], more: Mapping[str, str]) -> Verdict:
        about = situation(project(tmp_path / "project", changed(REGULAR, edits)), placeholder, time.time())
        (now,) = about.services("n8n")
        assert N8N.gate
        assert N8N.gate.trial

        def answer(question: Question) -> Ran:
            assert isinstance(question, Throwaway)
            home = site.folder()
            program, *words = question.words
            own = question.env["N8N_USER_FOLDER"].removeprefix("/tmp")
            assert (program, own) == ("n8n", "/n8n")
            done = subprocess.run(
                [*alone(), *site.package.words("bin/n8n"), *words],
                env={
                    **question.env,
                    **more,
                    "PATH": "/usr/bin:/bin",
                    "HOME": str(home),
                    "N8N_USER_FOLDER": f"{home}{own}",
                },
                cwd=home,
                capture_output=True,
                timeout=STARTING,
                check=False,
            )
            return Ran(done.returncode, done.stdout, done.stderr)

        return hold(N8N.gate.trial(Crossing(now, "2.40.0", "2.41.1", (2, 40, 0), (2, 41, 1))), answer)[0]

    return put_to


@pytest.mark.parametrize(
    "edits,more,result,words",
    [
        ((), {}, "pass", "it takes its variables"),
        (
            (("DB_TYPE: postgresdb", "DB_TYPE: mysqldb"),),
            {},
            "fail",
            "Invalid value for DB_TYPE - Invalid enum",
        ),
        (
            (('N8N_PROXY_HOPS: "1"', "N8N_PROXY_HOPS: one"),),
            {},
            "fail",
            "Invalid number value for N8N_PROXY_HOPS",
        ),
        ((WORKER,), {}, "pass", "it takes its variables"),
        ((ELSEWHERE,), {}, "pass", "it takes its variables"),
        ((WORKER,), {KEY: ""}, "fail", "because of missing encryption key"),
    ],
    ids=["main", "another database", "no number", "worker", "elsewhere", "worker without a key"],
)
def test_a_new_version_says_what_it_does_not_take(
    trial: Callable[..., Verdict],
    edits: Sequence[tuple[str, str]],
    more: Mapping[str, str],
    result: str,
    words: str,
) -> None:
    found = trial(edits, more)
    assert (found.result, words in found.message) == (result, True), found


READ = """
const { Container } = require('@n8n/di');
const { GlobalConfig } = require('@n8n/config');
const kept = { ...process.env };
const answers = JSON.parse(process.argv[1]).map((more) => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, kept, more);
  Container.reset();
  const { database, executions, queue, endpoints, proxy_hops } = Container.get(GlobalConfig);
  const { postgresdb } = database;
  const { redis, prefix } = queue.bull;
  return {
    DB_TYPE: database.type,
    DB_TABLE_PREFIX: database.tablePrefix,
    DB_POSTGRESDB_HOST: postgresdb.host,
    DB_POSTGRESDB_PORT: postgresdb.port,
    DB_POSTGRESDB_DATABASE: postgresdb.database,
    DB_POSTGRESDB_SCHEMA: postgresdb.schema,
    DB_POSTGRESDB_POOL_SIZE: postgresdb.poolSize,
    EXECUTIONS_MODE: executions.mode,
    N8N_CONCURRENCY_PRODUCTION_LIMIT: executions.concurrency.productionLimit,
    N8N_CONCURRENCY_EVALUATION_LIMIT: executions.concurrency.evaluationLimit,
    N8N_ENDPOINT_HEALTH: endpoints.health,
    N8N_PROXY_HOPS: proxy_hops,
    QUEUE_BULL_PREFIX: prefix,
    QUEUE_BULL_REDIS_HOST: redis.host,
    QUEUE_BULL_REDIS_PORT: redis.port,
    QUEUE_BULL_REDIS_DB: redis.db,
    QUEUE_BULL_REDIS_CLUSTER_NODES: redis.clusterNodes,
    QUEUE_HEALTH_CHECK_ACTIVE: queue.health.active,
  };
});
console.log('\\n' + JSON.stringify(answers));
"""
NUMBERS = (
    "DB_POSTGRESDB_POOL_SIZE",
    "N8N_CONCURRENCY_PRODUCTION_LIMIT",
    "N8N_CONCURRENCY_EVALUATION_LIMIT",
    "N8N_PROXY_HOPS",
)


@pytest.fixture(scope="module")
def read(n8n: NodePackage) -> Callable[[Sequence[Mapping[str, str]]], list[dict[str, Any]]]:
    """What the real @n8n/config makes of environments."""

    def asked(environs: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        done = subprocess.run(
            [n8n.node, "-e", READ, json.dumps(environs)],
            cwd=n8n.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=STARTING,
            check=True,
        )
        answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return answers

    return asked


def ours(env: Mapping[str, str]) -> Instance:
    view: Any = SimpleNamespace(service=SimpleNamespace(env=env, files=()))
    return Instance(view, "main")


def test_our_defaults_are_its_defaults(read: Callable[..., list[dict[str, Any]]]) -> None:
    (theirs,) = read([{}])
    assert {name: str(theirs[name]).lower() for name in DEFAULTS} == DEFAULTS
    assert {name: theirs[name] for name in NUMBERS} == {name: ours({}).number(name) for name in NUMBERS}


@pytest.mark.parametrize(
    "name", ["DB_POSTGRESDB_POOL_SIZE", "N8N_CONCURRENCY_PRODUCTION_LIMIT", "N8N_PROXY_HOPS"]
)
def test_numbers_are_read_as_it_reads_them(name: str, read: Callable[..., list[dict[str, Any]]]) -> None:
    texts = [
        "0",
        " 0 ",
        "7",
        "1e1",
        "0x10",
        "-1",
        "-7",
        "+3",
        "",
        "  ",
        "''",
        "'4'",
        "x",
        "1_0",
        "00",
        "-0",
        "none",
    ]
    theirs = [answer[name] for answer in read([{name: text} for text in texts])]
    assert dict(zip(texts, theirs, strict=True)) == {text: ours({name: text}).number(name) for text in texts}


def test_switches_are_read_as_it_reads_them(read: Callable[..., list[dict[str, Any]]]) -> None:
    name, texts = (
        "QUEUE_HEALTH_CHECK_ACTIVE",
        ["true", "True", "1", "yes", "'true'", " true", "false", "0", ""],
    )
    theirs = [answer[name] for answer in read([{name: text} for text in texts])]
    assert theirs == [ours({name: text}).is_on(name) for text in texts]


@pytest.mark.parametrize(
    "name,texts",
    [
        ("DB_POSTGRESDB_HOST", ["db", " db ", "'db'", '"db"', "'db\"", ""]),
        ("DB_TYPE", ["postgresdb", " 'postgresdb' ", "sqlite"]),
        ("EXECUTIONS_MODE", ["queue", '"queue"', "regular"]),
    ],
)
def test_text_is_read_as_it_reads_it(
    name: str, texts: list[str], read: Callable[..., list[dict[str, Any]]]
) -> None:
    theirs = [answer[name] for answer in read([{name: text} for text in texts])]
    assert theirs == [ours({name: text}).value(name) for text in texts]


def test_a_database_that_it_does_not_know_is_sqlite(read: Callable[..., list[dict[str, Any]]]) -> None:
    unknown = [{"DB_TYPE": text} for text in ("postgres", "postgresql", "PostgresDB", "mysqldb", "mariadb")]
    assert {answer["DB_TYPE"] for answer in read(unknown)} == {"sqlite"}


def test_a_file_is_read_where_nothing_else_is_given(
    tmp_path: Path, read: Callable[..., list[dict[str, Any]]]
) -> None:
    (tmp_path / "pool").write_text(" 12\n")
    form = {"DB_POSTGRESDB_POOL_SIZE_FILE": str(tmp_path / "pool")}
    both = {**form, "DB_POSTGRESDB_POOL_SIZE": "4"}
    assert [answer["DB_POSTGRESDB_POOL_SIZE"] for answer in read([form, both])] == [12, 4]
    files = f"    files: [{{content: ' 12 ', target: {tmp_path}/pool}}]\n    volumes: [\"n8n:"
    edits = [
        (
            'DB_POSTGRESDB_POOL_SIZE: "{{ service.settings.pool }}"',
            f"DB_POSTGRESDB_POOL_SIZE_FILE: {tmp_path}/pool",
        ),
        ('    volumes: ["n8n:', files),
    ]
    (mine,) = instances(subject(project(tmp_path / "project", changed(REGULAR, edits))))
    assert mine.pool == 12


def test_our_list_has_what_the_package_names(n8n: NodePackage) -> None:
    folder = n8n.folder.parent / "@n8n" / "config" / "dist"
    sources = [file.read_text(encoding="utf-8") for file in folder.rglob("*.js")]
    named = {
        name for text in sources for name in re.findall(r"\.Env\)\(\s*['\"]([A-Z][A-Z0-9_]+)['\"]", text)
    }
    prefixes = ("N8N_", "DB_", "EXECUTIONS_", "QUEUE_", "CREDENTIALS_OVERWRITE_", "NODES_")
    ours = {name for name in named if name.startswith(prefixes)}
    assert len(ours) > 400
    assert ours - NEWEST.configured == set()
