"""Each rule of n8n: what it finds and where, and that the page's own examples have no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import findings as linted
from tests.unit.apps.linted import marked, places, subject
from tests.unit.apps.n8ns import QUEUE, REGULAR, findings, project

from opsctl.apps.n8n.app import N8N as APP
from opsctl.apps.n8n.instance import instances, normal, number
from opsctl.apps.n8n.load import least_pool
from opsctl.apps.n8n.variables import LISTS, NEWEST, PREFIXES, variables_of
from opsctl.model.secrets import Secret, StoreFile
from opsctl.rules.engine import apply
from opsctl.rules.subject import Subject

Edits = list[tuple[str, str]]

POOL = 'DB_POSTGRESDB_POOL_SIZE: "{{ service.settings.pool }}"'
LIMIT = 'N8N_CONCURRENCY_PRODUCTION_LIMIT: "{{ service.settings.concurrency }}"'
KEY = "N8N_ENCRYPTION_KEY: {secret: n8n_encryption_key}"
STATED = "connections: {postgresql: {database: n8n, pool: 10}}"
PROBE = "    healthcheck:\n      test: [CMD, wget"
CASES: dict[str, tuple[str, Edits]] = {
    "N8N001": (REGULAR, [(POOL, POOL + "\n      N8N_DB_CONNECTION_MAX_POOL_SIZE: 20 # <-")]),
    "N8N002": (REGULAR, [(":2.41.3", ":2.99.0"), (POOL, POOL + "\n      N8N_SOMETHING_NEW: 1 # <-")]),
    "N8N003": (REGULAR, [(", concurrency: 20", ""), (LIMIT, "N8N_CONCURRENCY_PRODUCTION_LIMIT: 0 # <-")]),
    "N8N004": (REGULAR, [("concurrency: 20", "concurrency: 60"), (POOL, POOL + " # <-")]),
    "N8N005": (REGULAR, [(STATED, "connections:\n      postgresql:\n        database: n8n\n        pool: 9 # <-")]),
    "N8N006": (QUEUE, [("QUEUE_BULL_REDIS_HOST: redis", "X_A: b")] * 2 + [
        ("EXECUTIONS_MODE: queue\n      N8N", "EXECUTIONS_MODE: queue # <-\n      N8N"),
        ("EXECUTIONS_MODE: queue\n      X_A", "EXECUTIONS_MODE: queue # <-\n      X_A")]),
    "N8N007": (QUEUE, [("EXECUTIONS_MODE: queue\n      QUEUE_BULL_REDIS_HOST: redis", "EXECUTIONS_MODE: queue\n      QUEUE_BULL_REDIS_HOST: other # <-")]),
    "N8N008": (REGULAR, [(", concurrency: 20", ""), (LIMIT, "QUEUE_BULL_REDIS_HOST: redis\n      EXECUTIONS_MODE: queue # <-")]),
    "N8N009": (REGULAR, [(KEY, "N8N_ENCRYPTION_KEY: '{{ host.name }}' # <-")]),
    "N8N011": (REGULAR, [(PROBE, PROBE.replace(":\n", ": # <-\n", 1)), ("healthz/readiness", "healthz")]),
    "N8N012": (REGULAR, [('N8N_PROXY_HOPS: "1"', 'N8N_PROXY_HOPS: "0" # <-')]),
    "N8N013": (REGULAR, [("settings: {pool: 10, concurrency: 20}", ""), ("DB_TYPE: postgresdb", "DB_TYPE: postgres # <-"),
                         (POOL, "X_A: b"), (LIMIT, "X_B: b")]),
    "N8N014": (REGULAR, [(POOL, POOL + '\n      N8N_RUNNERS_ENABLED: "true" # <-')]),
    "N8N015": (REGULAR, [("settings: {pool: 10, concurrency: 20}", "settings:\n      pool: 11 # <-\n      concurrency: 20"), (POOL, "DB_POSTGRESDB_POOL_SIZE: 10")]),
}  # fmt: skip


def made(root: Path, edits: Edits, stack: str = REGULAR) -> Path:
    return project(root, changed(stack, edits))


def ids(root: Path) -> list[str]:
    return [one.rule.id for one in findings(root)]


@pytest.mark.parametrize("stack", [REGULAR, QUEUE], ids=["regular", "queue"])
def test_the_pages_examples_have_no_finding(stack: str, tmp_path: Path) -> None:
    root = project(tmp_path, stack)
    assert [
        one.hit.message for one in [*findings(root), *linted(root, "DBS001"), *linted(root, "DBS002")]
    ] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    stack, edits = CASES[rule]
    root = made(tmp_path, edits, stack)
    found = findings(root)
    assert places(found) == marked(root, "<-"), [one.hit.message for one in found]
    assert {one.rule.id for one in found} == {rule}


def stored(root: Path, class_: str) -> Subject:
    seen = subject(root)
    secret = Secret.model_validate({"class": class_, "versions": {}})
    return Subject(seen.fleet, seen.desired, StoreFile(secrets={"n8n_encryption_key": secret}), seen.now)


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules if rule.id != "N8N010"] == sorted(CASES)


@pytest.mark.parametrize(
    "given,hint",
    [
        ("N8N_DB_CONNECTION_MAX_POOL_SIZE", "the connections of a process are DB_POSTGRESDB_POOL_SIZE"),
        ("N8N_DB_HOST", "did you mean 'DB_POSTGRESDB_HOST'?"),
        ("N8N_DB_POSTGRESDB_USER", "did you mean 'DB_POSTGRESDB_USER'?"),
        ("N8N_ENCRYPTION_KY", "did you mean 'N8N_ENCRYPTION_KEY'?"),
        ("EXECUTION_MODE", None),
        ("EXECUTIONS_MOD", "did you mean 'EXECUTIONS_MODE'?"),
        ("DB_POSTGRESDB_POOLSIZE", "did you mean 'DB_POSTGRESDB_POOL_SIZE'?"),
        ("N8N_USER_FOLDER_FILE", "N8N_USER_FOLDER has no form with _FILE"),
        ("DB_POSTGRESDB_SSL_CA_FILE", None),
        ("MY_OWN", None),
    ],
)
def test_the_nearest_name_is_told(given: str, hint: str | None, tmp_path: Path) -> None:
    found = findings(made(tmp_path, [(POOL, f"{POOL}\n      {given}: x")]))
    assert [one.hit.hint for one in found] == ([] if hint is None else [hint])


@pytest.mark.parametrize(
    "image,name,rules",
    [
        ("2.7.5", "N8N_WEBHOOK_URL", ["N8N001"]),
        ("2.8.0", "N8N_WEBHOOK_URL", []),
        ("2.6.0", "DB_MYSQLDB_HOST", []),
        ("2.7.5", "DB_MYSQLDB_HOST", ["N8N001"]),
        ("1.123.81", "DB_MYSQLDB_HOST", []),
        ("1.99.0", "DB_MYSQLDB_HOST", []),
        ("1.123.81", "N8N_RUNNERS_ENABLED", []),
        ("2.7.5", "N8N_RUNNERS_ENABLED", ["N8N014"]),
        ("2.99.0", "N8N_WRONG", ["N8N002"]),
        ("latest", "N8N_WRONG", ["N8N002"]),
        ("2.42.6", "N8N_WRONG", ["N8N002"]),
    ],
)
def test_names_go_by_the_version(image: str, name: str, rules: list[str], tmp_path: Path) -> None:
    edits = [("n8n:2.41.3", f"n8n:{image}"), ("N8N_WEBHOOK_URL", "X_A"), (POOL, f"{POOL}\n      {name}: x")]
    assert ids(made(tmp_path, edits)) == rules


def test_a_name_can_be_allowed(tmp_path: Path) -> None:
    edits = [
        (POOL, f"{POOL}\n      N8N_OURS: x"),
        ("concurrency: 20}", "concurrency: 20, allowed_variables: [N8N_OURS]}"),
    ]
    assert ids(made(tmp_path, edits)) == []


def test_the_lists_hold_what_the_page_and_the_rules_name() -> None:
    assert [len(one.configured) for one in LISTS] == [307, 305, 602]
    for name in (
        "DB_POSTGRESDB_POOL_SIZE",
        "N8N_CONCURRENCY_PRODUCTION_LIMIT",
        "N8N_ENCRYPTION_KEY",
        "N8N_PROXY_HOPS",
    ):
        assert all(name in one.configured for one in LISTS)
    assert [name for name in NEWEST.all if name.startswith("N8N_DB_")] == ["N8N_DB_PING_TIMEOUT"]
    assert all(one.plain.isdisjoint(one.configured) for one in LISTS)
    assert variables_of((2, 0)).knows("DB_MYSQLDB_HOST")
    assert variables_of((3, 0)) is NEWEST
    assert PREFIXES


@pytest.mark.parametrize(
    "value,wrong",
    [
        ("0", True),
        ("'0.0'", True),
        ("' 0 '", True),
        ("'0x0'", True),
        ("-1", False),
        ("-7", False),
        ("''", False),
        ("none", False),
        ("\"'0'\"", False),
        ("20", False),
    ],
)  # fmt: skip
def test_zero_is_what_javascript_takes_for_it(value: str, wrong: bool, tmp_path: Path) -> None:
    edits = [(", concurrency: 20", ""), (LIMIT, f"N8N_CONCURRENCY_PRODUCTION_LIMIT: {value}")]
    assert ("N8N003" in ids(made(tmp_path, edits))) is wrong


def test_a_worker_that_takes_nothing(tmp_path: Path) -> None:
    edits = [
        ("command: [worker]", "command: [worker, --concurrency=0]"),
        ("concurrency: 10}", "}"),
        (LIMIT, "X_A: b"),
    ]
    found = findings(made(tmp_path, edits, QUEUE))
    assert [one.hit.message for one in found] == ["n8n-worker: --concurrency=0: it takes no execution"]


@pytest.mark.parametrize(
    "pool,limit,starved",
    [("5", "20", False), ("4", "20", True), ("4", "16", False), ("2", "8", False), ("2", "9", True), ("4", "-1", True), ("5", "-1", False)],
)  # fmt: skip
def test_a_pool_is_held_against_what_runs_at_once(
    pool: str, limit: str, starved: bool, tmp_path: Path
) -> None:
    edits = [("    settings: {pool: 10, concurrency: 20}\n", ""), (POOL, f"DB_POSTGRESDB_POOL_SIZE: {pool}")]
    edits += [(LIMIT, f"N8N_CONCURRENCY_PRODUCTION_LIMIT: {limit}")]
    assert ids(made(tmp_path, edits)) == (["N8N004"] if starved else [])
    assert least_pool(int(limit)) > int(pool) or not starved


def test_the_default_pool_is_told(tmp_path: Path) -> None:
    edits = [
        ("    settings: {pool: 10, concurrency: 20}\n", ""),
        (f"      {POOL}\n", ""),
        (f"      {LIMIT}\n", ""),
    ]
    (found,) = findings(made(tmp_path, edits))
    assert found.hit.message == (
        "n8n: any number of executions at once share 2 connections, the default of DB_POSTGRESDB_POOL_SIZE"
    )
    assert found.hit.place.line == 15


def test_connections_of_a_kept_database_are_stated(tmp_path: Path) -> None:
    (found,) = findings(made(tmp_path, [(f"    {STATED}\n", "")]))
    assert (found.rule.id, found.hit.hint) == (
        "N8N005",
        "connections: {postgresql: {database: n8n, pool: 10}}",
    )


@pytest.mark.parametrize(
    "edits",
    [
        [(f"    {STATED}\n", ""), ("HOST: postgresql", "HOST: elsewhere")],
        [(STATED, STATED.replace("10", "12"))],
    ],
)
def test_connections_that_are_nobodys_or_enough(edits: Edits, tmp_path: Path) -> None:
    assert ids(made(tmp_path, edits)) == []


def test_a_database_that_is_meant_and_not_used(tmp_path: Path) -> None:
    edits = [("      DB_TYPE: postgresdb\n", ""), (STATED, STATED)]
    messages = [one.hit.message for one in findings(made(tmp_path, edits)) if one.rule.id == "N8N013"]
    assert messages == [
        "n8n: connections name postgresql, and n8n keeps its data in SQLite, the default of DB_TYPE"
    ]


@pytest.mark.parametrize(
    "image,kind,wrong",
    [
        ("1.123.81", "mysqldb", False),
        ("2.0.0", "mysqldb", True),
        ("2.41.3", "postgresdb", False),
        ("2.41.3", "' \"postgresdb\" '", False),
        ("2.41.3", "PostgresDB", True),
    ],
)
def test_a_type_of_database_is_one_that_the_version_knows(
    image: str, kind: str, wrong: bool, tmp_path: Path
) -> None:
    root = made(tmp_path, [("n8n:2.41.3", f"n8n:{image}"), ("DB_TYPE: postgresdb", f"DB_TYPE: {kind}")])
    assert ("N8N013" in ids(root)) is wrong


@pytest.mark.parametrize(
    "edits,message",
    [
        ([(KEY, "X_A: b")], "N8N_ENCRYPTION_KEY is not set: n8n makes one up, and a worker does not start"),
        ([(KEY, "N8N_ENCRYPTION_KEY: ''")], "N8N_ENCRYPTION_KEY is not set: n8n makes one up, and a worker does not start"),
        ([(KEY, "N8N_ENCRYPTION_KEY: canary-77")], "N8N_ENCRYPTION_KEY comes from no secret"),
        ([(KEY, "N8N_ENCRYPTION_KEY: \"{{ secret('n8n_encryption_key') }}\"")], ""),
        ([(KEY, "N8N_ENCRYPTION_KEY_FILE: /run/secrets/key")], ""),
    ],
)  # fmt: skip
def test_a_key_comes_from_the_store(edits: Edits, message: str, tmp_path: Path) -> None:
    found = [one.hit.message for one in findings(made(tmp_path, edits))]
    assert found == ([f"n8n: {message}"] if message else [])
    assert "canary" not in "".join(found)


@pytest.mark.parametrize(
    "class_,found", [("migrate_only", []), ("regenerate", ["N8N010"]), ("database", ["N8N010"])]
)
def test_a_key_that_may_be_replaced(class_: str, found: list[str], tmp_path: Path) -> None:
    hits = list(apply(APP.rules, stored(project(tmp_path), class_), "2026-11-26").findings)
    assert [one.rule.id for one in hits] == found
    assert [one.hit.place.line for one in hits] == [24] * len(found)


@pytest.mark.parametrize(
    "edits,message",
    [
        ([("EXECUTIONS_MODE: queue\n", "X_A: b\n")], "n8n-worker: carries out what is in the queue, and n8n puts nothing there"),
        ([("command: [worker]", "command: [webhook]"), ("concurrency: 10}", "}")], "n8n: puts executions into a queue, and no worker of this environment takes them"),
        ([("n8n_encryption_key}\n      EXEC", "other_encryption_key}\n      EXEC")], "n8n-worker: has another N8N_ENCRYPTION_KEY than n8n: it cannot read its credentials"),
        ([("EXECUTIONS_MODE: queue\n      QUEUE_BULL_REDIS_HOST", "EXECUTIONS_MODE: queue\n      QUEUE_BULL_PREFIX: x\n      QUEUE_BULL_REDIS_HOST")], "n8n-worker: QUEUE_BULL_PREFIX is 'x', and 'bull' at n8n"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(edits: Edits, message: str, tmp_path: Path) -> None:
    assert message in [one.hit.message for one in findings(made(tmp_path, edits, QUEUE))]


def test_a_webhook_processor_needs_the_queue_said(tmp_path: Path) -> None:
    edits = [
        ("command: [worker]", "command: [webhook]"),
        (
            "      EXECUTIONS_MODE: queue\n      QUEUE_BULL_REDIS_HOST: redis\n      QUEUE_BULL_REDIS_P",
            "      QUEUE_BULL_REDIS_HOST: redis\n      QUEUE_BULL_REDIS_P",
        ),
    ]
    found = [one.hit.message for one in findings(made(tmp_path, edits, QUEUE))]
    assert "n8n-worker: a webhook processor ends at its start without EXECUTIONS_MODE: queue" in found


def test_a_worker_that_listens_nowhere(tmp_path: Path) -> None:
    (found,) = findings(made(tmp_path, [('QUEUE_HEALTH_CHECK_ACTIVE: "true"', "X_A: b")], QUEUE))
    assert found.hit.message == (
        "n8n-worker: its probe asks a worker that listens nowhere: QUEUE_HEALTH_CHECK_ACTIVE is not on"
    )


@pytest.mark.parametrize(
    "edits",
    [
        [("EXECUTIONS_MODE: queue\n", "EXECUTIONS_MODE_FILE: /run/mode\n"), ("      QUEUE_BULL_REDIS_HOST: redis\n", "")],
        [("QUEUE_BULL_REDIS_HOST: redis", "QUEUE_BULL_REDIS_HOST_FILE: /run/redis")],
        [("QUEUE_BULL_REDIS_HOST: redis", "QUEUE_BULL_REDIS_HOST_FILE: /run/redis")] * 2,
        [("N8N_ENCRYPTION_KEY: {secret: n8n_encryption_key}", "N8N_ENCRYPTION_KEY_FILE: /run/key")],
    ],
)  # fmt: skip
def test_what_stands_in_a_file_that_nobody_sees_is_not_judged(edits: Edits, tmp_path: Path) -> None:
    assert ids(made(tmp_path, edits, QUEUE)) == []


def test_neither_is_a_type_of_database_in_such_a_file(tmp_path: Path) -> None:
    edits = [("      DB_TYPE: postgresdb\n", "      DB_TYPE_FILE: /run/type\n")]
    assert "N8N013" not in ids(made(tmp_path, edits))


def test_concurrency_of_the_settings_is_the_one_that_runs(tmp_path: Path) -> None:
    (found,) = findings(made(tmp_path, [(LIMIT, "N8N_CONCURRENCY_PRODUCTION_LIMIT: 25")]))
    assert (found.rule.id, found.hit.message) == (
        "N8N015",
        "n8n: settings.concurrency is 20, and n8n takes 25",
    )


@pytest.mark.parametrize(
    "command,limit,concurrency",
    [
        ("", "", 10),
        (", --concurrency=40", "", 40),
        (", --concurrency=40", "30", 30),
        (", --concurrency=40", "-1", 40),
    ],
)
def test_a_workers_limit_wins_over_its_option(
    command: str, limit: str, concurrency: int, tmp_path: Path
) -> None:
    edits = [("command: [worker]", f"command: [worker{command}]"), ("concurrency: 10}", "}")]
    edits += [(LIMIT, f"N8N_CONCURRENCY_PRODUCTION_LIMIT: '{limit}'" if limit else "X_A: b")]
    main, worker = instances(subject(made(tmp_path, edits, QUEUE)))
    assert (main.concurrency, worker.concurrency) == (None, concurrency)


def test_no_site_no_proxy(tmp_path: Path) -> None:
    edits = [("    site: {name: n8n, port: 5678}\n", ""), ('N8N_PROXY_HOPS: "1"', "X_A: b")]
    assert ids(made(tmp_path, edits)) == []


@pytest.mark.parametrize(
    "command,role",
    [
        ("", "main"),
        ("command: [start]", "main"),
        ("command: n8n start", "main"),
        ("command: [worker, --concurrency=5]", "worker"),
        ("command: n8n worker --concurrency 5", "worker"),
        ("command: [webhook]", "webhook"),
        ("command: ['import:workflow', --all]", "command"),
    ],
)
def test_what_a_process_is(command: str, role: str, tmp_path: Path) -> None:
    root = made(
        tmp_path, [("    app: n8n\n", f"    app: n8n\n    {command}\n" if command else "    app: n8n\n")]
    )
    (instance,) = instances(subject(root))
    assert instance.role == role
    assert instance.flag == (5 if "5" in command else 10)


@pytest.mark.parametrize(
    "text,value",
    [("1e1", 10), ("0x10", 16), (" 7 ", 7), ("", None), ("1_0", None), ("1.5", None), ("x", None)],
)
def test_numbers_are_those_of_javascript(text: str, value: int | None) -> None:
    assert number(text) == value


def test_text_is_taken_without_blanks_and_quotes() -> None:
    assert [normal(one) for one in (" a ", "'a'", '"a"', "'a\"")] == ["a", "a", "a", "'a\""]


def test_a_value_is_read_from_a_mounted_file(tmp_path: Path) -> None:
    files = "    files: [{content: ' 12 ', target: /run/pool}]\n    volumes: ["
    edits = [(POOL, "DB_POSTGRESDB_POOL_SIZE_FILE: /run/pool"), ('    volumes: ["n8n:', files + '"n8n:')]
    (instance,) = instances(subject(made(tmp_path, edits)))
    assert instance.pool == 12
