"""Each rule of Sure: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps import linted
from tests.unit.apps.linted import NOW, TODAY, marked, places
from tests.unit.apps.pages import page

from opsctl.apps.sure.app import SURE as APP
from opsctl.apps.sure.instance import Process
from opsctl.apps.sure.keys import PUBLISHED
from opsctl.apps.sure.reach import needed
from opsctl.model.secrets import Secret, SecretClass, StoreFile
from opsctl.rules.engine import Finding, apply
from opsctl.rules.subject import Subject

PAGE = page("sure.md")
Edits = list[tuple[str, str]]

OTHERS = """\
  postgresql:
    app: postgresql
    image: postgres:17.6-bookworm
    databases: {sure: {password: {secret: sure_db}}}
    healthcheck: {test: [CMD, "true"]}
  redis:
    image: redis:8.2-bookworm
    healthcheck: {test: [CMD, "true"]}
"""
BASE = "SECRET_KEY_BASE: {secret: sure_secret_key_base}"
(PUBLIC,) = (value for value in PUBLISHED["SECRET_KEY_BASE"] if len(value) == 128)
ALL_THREE = "".join(
    f"      ACTIVE_RECORD_ENCRYPTION_{name}: {{secret: sure_{name.lower()}}}\n"
    for name in ("PRIMARY_KEY", "DETERMINISTIC_KEY", "KEY_DERIVATION_SALT")
)
WORKER_ENV = "env: *sure"
VOLUME = "volumes: [sure:/rails/storage]"
SQL = "      postgresql: {database: sure, pool: 3}\n"
CASES: dict[str, Edits] = {
    "SUR001": [(WORKER_ENV, "env:\n      <<: *sure\n      REDIS_URL: redis://redis:6379/3  # <-")],
    "SUR002": [(f"{VOLUME}\n    memory: {{limit: 512MiB", "volumes: [worker:/rails/storage]  # <-\n    memory: {limit: 512MiB"), ("volumes:\n  sure:", "volumes:\n  worker:\n  sure:")],
    "SUR003": [(BASE, f"SECRET_KEY_BASE: {PUBLIC}  # <-"), (WORKER_ENV, f"env: {{<<: *sure, SECRET_KEY_BASE: {PUBLIC}}}  # <-")],
    "SUR005": [(BASE, f"{BASE}\n      ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY: {{secret: sure_primary}}  # <-")],
    "SUR006": [("sure:0.7.3", "sure:stable  # <-"), ("sure:0.7.3", "sure:latest  # <-")],
    "SUR007": [(BASE, f'{BASE}\n      RAILS_ASSUME_SSL: "false"  # <-')],
    "SUR008": [(SQL, SQL.replace("3}", "2}  # <-"))],
    "SUR009": [("6379/1", "6379/0")],
    "SUR010": [('healthcheck:\n      test: [CMD, pgrep, -f, "^sidekiq "]', "healthcheck:  # <-\n      test: curl -f http://127.0.0.1:3000/up")],
    "SUR011": [("command: bundle exec sidekiq", "command: ./bin/rails console")],
}  # fmt: skip
TOLD = {
    "SUR003": {"sure", "sure-worker"},
    "SUR005": {"sure", "sure-worker"},
    "SUR006": {"sure", "sure-worker"},
    "SUR001": {"sure-worker"},
    "SUR002": {"sure-worker"},
    "SUR009": {"sure", "sure-worker"},
    "SUR010": {"sure-worker"},
}
CACHE = "  cache:\n    image: app:1.2.3\n    env: {CACHE_REDIS_HOST: redis}\n"


def made(root: Path, edits: Edits = [], more: str = "") -> Path:  # noqa: B006 - only read
    return PAGE.project(root, {"stack": [("\nvolumes:\n", f"\n{OTHERS}{more}\nvolumes:\n"), *edits]})


def findings(root: Path, rules: str = "SUR") -> list[Finding]:
    return linted.findings(root, rules)


def ids(root: Path) -> set[str]:
    return {one.rule.id for one in findings(root)}


def messages(root: Path, rule: str) -> list[str]:
    return [one.hit.message for one in findings(root, rule)]


def test_the_pages_example_has_no_finding_of_its_own_nor_about_connections_and_health(tmp_path: Path) -> None:
    root = made(tmp_path)
    found = [one for rules in ("SUR", "DBS001", "DBS002", "DBS009", "HLT") for one in findings(root, rules)]
    assert [one.hit.message for one in found if one.hit.service.startswith("sure")] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, CASES[rule], CACHE if rule == "SUR009" else "")
    found = findings(root)
    assert {one.rule.id for one in found} == {rule}, [one.hit.message for one in found]
    assert {one.hit.service for one in found} == TOLD.get(rule, {"sure"})
    if marks := marked(root):
        assert set(marks) <= set(places(found))


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted([*CASES, "SUR004"])


def test_a_difference_is_told_by_names_alone(tmp_path: Path) -> None:
    env = "env:\n      <<: *sure\n      POSTGRES_PASSWORD: hunter2hunter2\n      SMTP_PORT: '465'"
    base = [(BASE, f"{BASE}\n      APP_MODE: x"), (WORKER_ENV, env)]
    edits = [*base, ("    env: &sure\n", "    env: &sure\n      A_ONE: '1'\n")]
    (message,) = messages(made(tmp_path, edits), "SUR001")
    assert message.endswith("is not that of sure: POSTGRES_PASSWORD differs, SMTP_PORT is only here")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "name,wrong", [("RAILS_MAX_THREADS", False), ("PORT", False), ("MINE", False), ("OTHER", True)]
)
def test_what_may_differ(name: str, wrong: bool, tmp_path: Path) -> None:
    edits = [
        (WORKER_ENV, f"settings: {{own_env: [MINE]}}\n    env: {{<<: *sure, {name}: '3'}}"),
    ]
    assert ("SUR001" in ids(made(tmp_path, edits))) is wrong


def test_two_instances_do_not_have_to_agree(tmp_path: Path) -> None:
    other = [(WORKER_ENV, "settings: {instance: second}\n    env: {<<: *sure, APP_DOMAIN: b.example.org}")]
    assert ids(made(tmp_path, other)) == {"SUR009", "SUR011"}


@pytest.mark.parametrize(
    "volumes,wrong",
    [
        ("volumes: [sure:/rails/storage/]", False),
        ("volumes: [{type: tmpfs, target: /rails/storage}]", True),
        ("volumes: [sure:/storage]", True),
    ],
)
def test_where_uploads_are_kept(volumes: str, wrong: bool, tmp_path: Path) -> None:
    found = messages(made(tmp_path, [(VOLUME, volumes)]), "SUR002")
    assert [one.startswith("sure: no volume at /rails/storage") for one in found] == [True] * wrong


def test_uploads_elsewhere_need_no_volume(tmp_path: Path) -> None:
    edits = [(BASE, f"{BASE}\n      ACTIVE_STORAGE_SERVICE: amazon"), (f"    {VOLUME}\n", "")]
    assert "SUR002" not in ids(made(tmp_path, edits))


@pytest.mark.parametrize(
    "key,said",
    [
        (f"SECRET_KEY_BASE: {PUBLIC}", "SECRET_KEY_BASE is the one of a public example, which everybody knows"),
        ("SECRET_KEY_BASE: secret-value", "SECRET_KEY_BASE is the one of a public example, which everybody knows"),
        ("SECRET_KEY_BASE: abcdefghijkl", "SECRET_KEY_BASE is short enough to be guessed"),
        ("X: y", "SECRET_KEY_BASE is not set"),
        (f"SECRET_KEY_BASE: {'ab' * 64}", ""),
        ("SECRET_KEY_BASE: {secret: k}", ""),
    ],
)  # fmt: skip
def test_secret_key_bases(key: str, said: str, tmp_path: Path) -> None:
    found = messages(made(tmp_path, [(BASE, key)]), "SUR003")
    assert found == ([f"sure: {said}", f"sure-worker: {said}"] if said else [])
    assert not any(PUBLIC in one for one in found)


def test_the_database_password_of_the_example(tmp_path: Path) -> None:
    found = messages(
        made(tmp_path, [("{secret: sure_db}\n      REDIS", "sure_password\n      REDIS")]), "SUR003"
    )
    assert found[0].startswith("sure: POSTGRES_PASSWORD is the one of a public example")


def replaceable(root: Path, **classes: SecretClass) -> list[str]:
    plain = linted.subject(root)
    secrets = {name: Secret.model_validate({"class": one}) for name, one in classes.items()}
    looked = Subject(plain.fleet, plain.desired, StoreFile(secrets=secrets), NOW)
    rules = [rule for rule in APP.rules if rule.id == "SUR004"]
    return [one.hit.message for one in apply(rules, looked, TODAY).findings]


def test_a_key_of_encrypted_data_is_for_migrations_only(tmp_path: Path) -> None:
    root = made(tmp_path)
    assert replaceable(root, sure_secret_key_base="migrate_only") == []
    assert replaceable(root, sure_db="database") == []
    assert replaceable(root, sure_secret_key_base="regenerate")[0] == (
        "sure: SECRET_KEY_BASE: the secret sure_secret_key_base is of the class regenerate, and data is encrypted with it"
    )


def test_with_keys_of_its_own_secret_key_base_is_free(tmp_path: Path) -> None:
    root = made(tmp_path, [(f"      {BASE}\n", f"      {BASE}\n{ALL_THREE}")])
    assert replaceable(root, sure_secret_key_base="regenerate") == []
    found = replaceable(root, sure_primary_key="regenerate", sure_deterministic_key="migrate_only")
    assert found[0].startswith("sure: ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY: the secret sure_primary_key is")
    assert ids(root) == set()


@pytest.mark.parametrize(
    "tag,said",
    [
        ("0.7.3", ""),
        ("0.7.5-hotfix.1", ""),
        ("latest", "is the newest alpha"),
        ("stable", "moves with every release, candidates too"),
        ("nightly", "is built from main every night"),
        ("nightly-mon", "is built from main every night"),
        ("0.7.4-alpha.7", "is a pre-release"),
        ("0.8.0-rc.1", "is a pre-release"),
        (f"sha-{'ab' * 20}", "is a build of main that was never released"),
    ],
)
def test_tags(tag: str, said: str, tmp_path: Path) -> None:
    found = messages(made(tmp_path, [("sure:0.7.3", f"sure:{tag}")]), "SUR006")
    assert found == ([f"sure: the tag {tag} {said}"] if said else [])


@pytest.mark.parametrize(
    "name,value,wrong",
    [
        ("RAILS_FORCE_SSL", "false", True),
        ("RAILS_ASSUME_SSL", "0", True),
        ("RAILS_FORCE_SSL", "", True),
        ("RAILS_FORCE_SSL", "no", False),
        ("RAILS_FORCE_SSL", "true", False),
    ],
)
def test_tls_behind_a_site(name: str, value: str, wrong: bool, tmp_path: Path) -> None:
    edits = [(BASE, f'{BASE}\n      {name}: "{value}"')]
    assert ("SUR007" in ids(made(tmp_path / "a", edits))) is wrong
    plain = [*edits, ("    site: {name: sure, port: 3000, access: vpn}\n", "")]
    assert "SUR007" not in ids(made(tmp_path / "b", plain))


@pytest.mark.parametrize(
    "env,web,worker",
    [
        ("", 3, 3),
        ("RAILS_MAX_THREADS: '5'", 5, 5),
        ("WEB_CONCURRENCY: '2'", 6, 3),
        ("RAILS_MAX_THREADS: '5'\n      WEB_CONCURRENCY: '0'", 5, 5),
    ],
)
def test_what_they_may_open(env: str, web: int, worker: int, tmp_path: Path) -> None:
    looked = linted.subject(made(tmp_path, [(BASE, f"{BASE}\n      {env}")] if env else []))
    assert [needed(Process(view)) for view in looked.services() if view.written.app == "sure"] == [
        web,
        worker,
    ]


def test_a_worker_that_states_no_connections(tmp_path: Path) -> None:
    root = made(tmp_path, [("    env: *sure\n    connections:\n" + SQL, "    env: *sure\n")])
    assert messages(root, "SUR008") == ["sure-worker: may open 3 connections to postgresql, and states none"]
    elsewhere = [("    env: *sure\n    connections:\n" + SQL, "    env: *sure\n"), ("DB_HOST: postgresql", "DB_HOST: db.example.org")]  # fmt: skip
    assert messages(made(tmp_path / "b", elsewhere), "SUR008") == []


@pytest.mark.parametrize(
    "env,wrong",
    [
        ("{CACHE_REDIS_HOST: redis}", False),
        ("{CACHE_REDIS_HOST: redis, CACHE_REDIS_DB: '1'}", True),
        ("{URL: 'redis://redis/1'}", True),
        ("{URL: 'rediss://a:b@redis:6380/1?x=y'}", True),
        ("{URL: 'redis://redis:6379'}", False),
        ("{URL: 'redis://other:6379/1'}", False),
    ],
)
def test_databases_of_redis(env: str, wrong: bool, tmp_path: Path) -> None:
    cache = f"  cache:\n    image: app:1.2.3\n    env: {env}\n"
    assert ("SUR009" in ids(made(tmp_path, [], cache))) is wrong
