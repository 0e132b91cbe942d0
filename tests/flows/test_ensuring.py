"""Making databases on a pretended host: what is run, what is not sent, and what a refusal becomes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.flows.bench import PSQL, Bench, ended

from opsctl.errors import CommandFailed, CouldNotFindOut
from opsctl.flows.ensuring import ensure
from opsctl.plan.ensure import Ensure
from opsctl.secrets.scram import verifier
from opsctl.state.desired import DesiredDatabase

WORD, SALT = "canary-7e02", bytes(16)
MARK = "mark the databases"


def step(login: str = "app") -> Ensure:
    one = DesiredDatabase("shop", "app", login, WORD, "shop_db", extensions=("vector",), connection_limit=9)
    return Ensure("db", (one,), '{"shop": {}}', ("database shop: new",))


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.lease.release()
    for command in bench.connection.shell.ran:
        assert "canary" not in str(command) + command.stdin.decode()


def keeps(bench: Bench, *, login: bool = True, password: str = "", role: str = "app") -> None:
    kept = {role: [login, verifier(password, SALT) if password else ""]}
    bench.says(PSQL, json.dumps(kept), "")


def test_a_password_that_fits_is_left_as_it_is(bench: Bench) -> None:
    keeps(bench, password=WORD)
    ensure(bench.site, step())
    assert not any("\\set verifier" in text for text in bench.ran(PSQL))
    (mark,) = bench.ran(MARK)
    assert json.loads(mark) == {"container": "c1", "databases": {"shop": {}}}


@pytest.mark.parametrize(
    "kept", [{"password": "another"}, {"password": ""}, {"password": WORD, "login": False}]
)
def test_one_that_does_not_or_cannot_log_in_is_set_as_a_verifier(
    bench: Bench, kept: dict[str, object]
) -> None:
    keeps(bench, **kept)  # type: ignore[arg-type]  # a password and whether it may log in
    ensure(bench.site, step())
    assert "\\set verifier 'SCRAM-SHA-256$4096:" in bench.ran(PSQL)[1]


def test_a_login_that_acts_as_another_role_leaves_that_without_one(bench: Bench) -> None:
    keeps(bench)
    ensure(bench.site, step("app_b"))
    made = bench.ran(PSQL)[1]
    assert "\\set roles '[\"app\"]'" in made
    assert "create role %I nologin" in made
    assert "\\set role 'app_b'\n\\set owner 'app'\n\\set verifier 'SCRAM" in made


def test_a_server_that_restarts_is_asked_again(bench: Bench) -> None:
    refused = ended(2, "psql: error: connection to server on socket failed: No such file or directory")
    bench.says(PSQL, refused, refused, "{}", "")
    ensure(bench.site, step())
    assert bench.clock.slept == [1.0, 2.0]
    assert bench.ran(MARK)


def test_a_server_that_never_answers_ends_it_and_nothing_is_remembered(bench: Bench) -> None:
    bench.says(PSQL, ended(2, "psql: error: fe_sendauth: no password supplied"))
    with pytest.raises(CommandFailed, match="db did not make shop") as caught:
        ensure(bench.site, step())
    assert "pg_hba.conf must trust" in caught.value.hint
    assert bench.clock.slept == [1.0, 2.0, 4.0, 8.0]
    assert not bench.ran(MARK)


def test_what_the_server_refuses_is_told_in_its_words(bench: Bench) -> None:
    bench.says(
        PSQL,
        "{}",
        "",
        ended(3, 'psql:<stdin>:6: ERROR:  extension "vector" is not available (otherwise-known)'),
    )
    with pytest.raises(CommandFailed, match="db did not make what database shop needs") as caught:
        ensure(bench.site, step())
    assert caught.value.evidence == ('psql:<stdin>:6: ERROR:  extension "vector" is not available (***)',)
    assert "take one that has" in caught.value.hint
    assert not bench.ran(MARK)


def test_an_answer_that_cannot_be_read_is_no_answer(bench: Bench) -> None:
    bench.says(PSQL, "what?")
    with pytest.raises(CouldNotFindOut, match="what db says of its roles cannot be read"):
        ensure(bench.site, step())
