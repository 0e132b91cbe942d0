"""Drivers on a pretended host: what they run, what they make of the answers, what they refuse before anything is run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from tests.flows.bench import OLD, PSQL, Bench, counting, ended, nobody, secret

from opsctl.argv.guard import LEASE_LOST
from opsctl.errors import CommandFailed, ConnectFailed, CouldNotFindOut, LeaseLost, Refused, UsageError
from opsctl.flows.rotation.drivers import registry
from opsctl.flows.rotation.drivers.contract import Means
from opsctl.flows.rotation.drivers.generated import letters_and_digits
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

NEW = Candidate("v2", "canary-new-90aa")
PROBE, CLI = "docker run (probe)", "redis-cli"
FATAL = 'psql: error: connection to server at "db", port 5432 failed: FATAL:  '
FACTS = json.dumps({"roles": {"app": [True, False]}, "databases": None})
OWNER = json.dumps({"roles": {"app": [False, False]}, "databases": ["app"]})


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.lease.release()
    for command in bench.connection.shell.ran:
        assert "canary" not in str(command)
        assert "flock -s" in command.words[2], "it changes a host without the guard"


POSTGRESQL = {"service": "db", "role": "app"}
TURNS = {"service": "db", "roles": "app_a app_b", "owner": "app"}


class TestPostgresql:
    def test_the_password_itself_is_never_sent_to_be_set(self, bench: Bench) -> None:
        bench.says(PSQL, FACTS)
        bench.driver("postgresql", **POSTGRESQL).set(NEW)
        assert "SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$" in bench.ran(PSQL)[-1]
        assert not [text for text in bench.ran(PSQL) if NEW.value in text]

    def test_a_server_that_is_starting_is_asked_again(self, bench: Bench) -> None:
        bench.says(PROBE, ended(2, FATAL + "the database system is starting up"), "1\n")
        bench.says(PSQL, FACTS)
        assert bench.driver("postgresql", **POSTGRESQL).test(NEW)
        assert bench.clock.slept == [1.0]

    def test_no_answer_is_not_a_refusal_and_its_evidence_holds_no_secret(self, bench: Bench) -> None:
        bench.says(PSQL, FACTS)
        bench.says(PROBE, ended(2, f"{FATAL}sorry, too many clients ({NEW.value}, otherwise-known)"))
        with pytest.raises(CouldNotFindOut, match="cannot tell whether db lets app in") as caught:
            bench.driver("postgresql", **POSTGRESQL).test(NEW)
        assert bench.clock.slept == [1.0, 2.0, 4.0]
        assert caught.value.evidence == (f"{FATAL}sorry, too many clients (***, ***)",)

    def test_the_login_is_tried_in_the_roles_own_database_where_there_is_one(self, bench: Bench) -> None:
        bench.says(PROBE, "1\n")
        bench.says(PSQL, OWNER)
        bench.driver("postgresql", **TURNS).test(Candidate("v1", "x", "app_b"))
        bench.says(PSQL, FACTS)
        bench.driver("postgresql", **POSTGRESQL).test(OLD)
        bench.driver("postgresql", **POSTGRESQL, database="other").test(OLD)
        probes = [one.words for one in bench.connection.shell.ran if one.label == PROBE]
        assert [words[-2:] for words in probes] == [("app_b", "app"), ("app", "postgres"), ("app", "other")]

    @pytest.mark.parametrize(
        "said, hint",
        [
            ('FATAL:  Peer authentication failed for user "postgres"', "local all all trust"),
            ("fe_sendauth: no password supplied", "local all all trust"),
            ('FATAL:  role "postgres" does not exist', "target.administrator"),
        ],
    )
    def test_an_administrator_who_is_not_let_in(self, bench: Bench, said: str, hint: str) -> None:
        bench.says(PSQL, ended(2, said))
        with pytest.raises(CommandFailed, match="psql on db failed") as caught:
            bench.driver("postgresql", **POSTGRESQL).set(NEW)
        assert hint in caught.value.hint
        assert caught.value.evidence == (said,)

    @pytest.mark.parametrize(
        "networks", [{}, {"host": {"Aliases": None}}, {"bridge": None}, {"back": {"Aliases": ["other"]}}]
    )
    def test_without_a_network_of_its_name_nothing_is_asked(
        self, bench: Bench, networks: Mapping[str, object]
    ) -> None:
        bench.contains(networks)
        driver = bench.driver("postgresql", **POSTGRESQL)
        for verb in (driver.check, lambda: driver.set(NEW), lambda: driver.test(NEW)):
            with pytest.raises(Refused, match="db is on no network"):
                verb()
        assert not bench.connection.shell.ran

    def test_a_service_that_is_down_is_not_asked(self, bench: Bench) -> None:
        bench.contains({"demo_back": {"Aliases": ["db"]}}, running=False)
        with pytest.raises(Refused, match="db is not running") as caught:
            bench.driver("postgresql", **POSTGRESQL).test(NEW)
        assert caught.value.hint == "opsctl start db"

    def test_a_lost_lease_and_a_lost_connection_are_what_they_are(self, bench: Bench) -> None:
        driver = bench.driver("postgresql", **POSTGRESQL)
        bench.says(PSQL, ended(LEASE_LOST, "opsctl: the lease was lost"))
        with pytest.raises(LeaseLost):
            driver.set(NEW)
        bench.connection.shell.on(PSQL, error=ConnectFailed("gone"))
        with pytest.raises(ConnectFailed):
            driver.set(NEW)

    def test_one_role_has_nothing_to_finish(self, bench: Bench) -> None:
        bench.driver("postgresql", **POSTGRESQL).finish(NEW, OLD)
        assert not bench.connection.shell.ran

    @pytest.mark.parametrize(
        "keep, drop, gone",
        [
            ("app_b", "app_a", '["app_a"]'),
            ("app_a", "app_b", '["app_b"]'),
            ("app_a", None, '["app_b"]'),
            ("app_a", "", '["app", "app_b"]'),
            ("", "app_a", '["app_a", "app_b"]'),
        ],
    )
    def test_whoever_is_not_kept_is_shut_out(
        self, bench: Bench, keep: str, drop: str | None, gone: str
    ) -> None:
        dropped = None if drop is None else Candidate("v1", "x", drop)
        bench.driver("postgresql", **TURNS).finish(Candidate("v2", "y", keep), dropped)
        assert bench.ran(PSQL)[-1].startswith(f"\\set roles '{gone}'\n")

    def test_turns_end_with_the_old_login_and_one_role_with_the_old_password(self, bench: Bench) -> None:
        turns, single = bench.driver("postgresql", **TURNS), bench.driver("postgresql", **POSTGRESQL)
        assert (turns.overlaps, single.overlaps) == (True, False)
        assert turns.system == "roles app_a and app_b on db (web)"
        assert [bool(step) for step in single.steps] == [True, True, False]


class TestRedis:
    def test_the_old_password_opens_the_session_that_lets_the_new_one_in(self, bench: Bench) -> None:
        bench.known = (NEW, OLD)
        bench.says(CLI, "OK\nOK\n")
        bench.driver("redis", service="cache").set(NEW)
        opening, change = bench.ran(CLI)
        assert opening == f'"AUTH" "default" "{OLD.value}"\n'
        assert change.startswith(opening)
        assert NEW.value not in change

    def test_values_that_are_not_taken_are_passed_over(self, bench: Bench) -> None:
        bench.known = (NEW, OLD)
        bench.says(CLI, "WRONGPASS no\n\n", "OK\n", "OK\nOK\n")
        bench.driver("redis", service="cache").finish(NEW, OLD)
        assert [text.split()[2] for text in bench.ran(CLI)] == [f'"{one.value}"' for one in (NEW, OLD, OLD)]

    def test_an_error_that_repeats_the_password_is_told_without_it(self, bench: Bench) -> None:
        bench.says(CLI, f"ERR unknown command 'AUTH', with args beginning with: 'default' '{OLD.value}'\n\n")
        with pytest.raises(CouldNotFindOut) as caught:
            bench.driver("redis", service="cache").check()
        assert "with args beginning with: 'default' '***'" in str(caught.value)
        assert "canary" not in str(caught.value)

    def test_what_was_not_changed_is_an_error_whatever_the_exit_code(self, bench: Bench) -> None:
        bench.says(CLI, "OK\n", "OK\nNOPERM User app has no permissions to run the 'acl|setuser' command\n\n")
        with pytest.raises(CommandFailed, match="did not change") as caught:
            bench.driver("redis", service="cache").set(NEW)
        assert "+acl" in caught.value.hint

    def test_a_redis_without_users(self, bench: Bench) -> None:
        bench.says(CLI, "ERR wrong number of arguments for 'auth' command\n\n")
        with pytest.raises(CouldNotFindOut) as caught:
            bench.driver("redis", service="cache").check()
        assert "Redis 6" in caught.value.hint


class TestRegenerate:
    def test_makes_a_value_and_tells_nobody(self, bench: Bench) -> None:
        driver = bench.driver("regenerate", length="40")
        value = driver.create(Secret(), "v2")
        driver.check()
        driver.set(value)
        driver.finish(value, None)
        assert len(value.value) == 40
        assert (driver.system, driver.steps) == ("", ("", "", ""))
        assert not bench.connection.shell.ran

    def test_every_sign_is_as_likely_as_any_other(self) -> None:
        text = letters_and_digits(62 * 4, lambda count: bytes(range(256))[:count])
        assert text.isalnum()
        assert set(Counter(text).values()) == {4}

    def test_bytes_that_would_favour_the_first_letters_are_thrown_away(self) -> None:
        chunks = iter([bytes([255] * 16), bytes(range(16))])
        assert letters_and_digits(16, lambda _count: next(chunks)) == "abcdefghijklmnop"


@pytest.mark.parametrize(
    "driver, target, message",
    [
        ("postgresql", {"role": "app"}, "target.service: is missing"),
        ("postgresql", {"service": "db"}, "target.role: is missing"),
        ("postgresql", {"service": "db", "role": "a", "roll": "b"}, "target.roll: .* no such key"),
        (
            "postgresql",
            {"service": "db", "role": "a", "roles": "b c", "owner": "o"},
            "target.role: stands beside",
        ),
        ("postgresql", {"service": "db", "roles": "b c"}, "target.owner: is missing"),
        ("postgresql", {"service": "db", "roles": "b", "owner": "o"}, "target.roles: are two names"),
        ("postgresql", {"service": "db", "roles": "b b", "owner": "o"}, "target.roles: are two names"),
        ("postgresql", {"service": "db", "roles": "b o", "owner": "o"}, "target.roles: are two names"),
        ("postgresql", {"service": "db", "role": "a", "owner": "o"}, "target.owner: is for two"),
        ("postgresql", {"service": "db", "role": "é" * 32}, "target.role: .* longer than the 63 bytes"),
        ("postgresql", {"service": "db", "role": "a", "port": "0"}, "target.port: '0' is not a number"),
        ("postgresql", {"service": "db", "role": "a", "length": "15"}, "target.length: '15' is not a number"),
        ("redis", {"user": "app"}, "target.service: is missing"),
        ("redis", {"service": "cache", "user": "a b"}, "target.user: 'a b' is not"),
        ("redis", {"service": "cache", "role": "a"}, "target.role: .* no such key"),
        ("regenerate", {"length": "sixteen"}, "target.length"),
        ("regenerate", {"service": "x"}, "target.service: .* no such key"),
        ("provider", {}, "target.url: is missing"),
        ("provider", {"api": "opnai"}, "target.api: 'opnai' is not known"),
        ("provider", {"api": "openai", "url": "https://x/"}, "target.api: stands beside"),
        ("provider", {"url": "http://example.org/{value}"}, "target.url: is not https"),
        ("provider", {"url": "https://{value}.example.org/"}, "target.url: names no host"),
        ("provider", {"url": "https://me:{value}@example.org/"}, "target.url: names no host"),
        ("provider", {"url": "https://example.org/"}, "target.url: {value} stands once"),
        ("provider", {"url": "https://[x/{value}"}, "target.url: is not a URL"),
        (
            "provider",
            {"url": "https://example.org/{value}", "header": "X: {value}"},
            "target.url: {value} stands",
        ),
        ("provider", {"url": "https://example.org/", "header": "X: y"}, "target.header: does not say"),
        ("pg", {}, "there is no driver 'pg'"),
    ],
)
def test_targets_that_cannot_be_meant(driver: str, target: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=f"^secret key: {message}"):
        registry.check("key", secret("database", driver, **target))


@pytest.mark.parametrize(
    "class_, driver, name, system",
    [
        ("database", "", "postgresql", "db"),
        ("database", "redis", "redis", "db"),
        ("regenerate", "", "regenerate", ""),
        ("regenerate", "redis", "redis", "db"),
        ("provider", "", "provider", ""),
        ("app_admin", "", "", ""),
    ],
)
def test_the_driver_of_a_class(class_: str, driver: str, name: str, system: str) -> None:
    one = secret(class_, driver, service="db")
    assert (registry.driver_name(one), registry.system_service(one)) == (name, system)


@pytest.mark.parametrize("class_", ["app_admin", "expiring"])
def test_a_class_without_a_driver_is_refused_with_the_way_out(class_: str) -> None:
    with pytest.raises(Refused) as caught:
        registry.check("grafana_admin", secret(class_))
    assert "opsctl secrets set grafana_admin" in caught.value.hint


def test_what_encrypts_data_is_refused_with_its_runbook_whatever_its_class() -> None:
    for one in (secret("migrate_only"), secret("regenerate"), secret("migrate_only", "regenerate")):
        with pytest.raises(Refused) as caught:
            registry.check("n8n_encryption_key", one)
        assert "\n  1. " in caught.value.hint
        assert "export:credentials" in caught.value.hint
    with pytest.raises(Refused, match="a key that encrypts stored data"):
        registry.check("something", secret("migrate_only"))
    with pytest.raises(Refused):
        registry.check("x", secret("regenerate"), env_keys=["LITELLM_MASTER_KEY"])
    registry.check("x", secret("regenerate"), env_keys=["LITELLM_MASTER_KEY"], beside=["LITELLM_SALT_KEY"])


def test_a_service_that_no_host_runs() -> None:
    bench = Bench()
    means = Means("key", POSTGRESQL, bench.world, None, counting, nobody)
    with pytest.raises(UsageError, match="no host of this environment runs db"):
        registry.make(means, "postgresql").check()
    bench.lease.release()
