"""Checks of stack files: what they ask, how an answer is judged, and that they are no part of a container."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from tests.unit.checks.answers import hold, nobody
from tests.unit.checks.situations import NOW, cases_of, container, inspected, situation
from tests.unit.plan.model import Machine, host, plan, service
from tests.unit.render.fleets import fleet_of

from opsctl.checks.check import Check, Patience
from opsctl.checks.own.catalogue import CHECKS, own_checks
from opsctl.checks.questions import (
    HERE,
    EngineGet,
    Fetch,
    Fetched,
    Inside,
    Logs,
    Question,
    Ran,
    Reach,
    Reached,
    Verdict,
    unknown,
)
from opsctl.checks.situation import Situation
from opsctl.errors import InputError
from opsctl.model.checks import OwnCheck
from opsctl.render.compose import compose_document, compose_text
from opsctl.render.fleet import render
from opsctl.render.secret_uses import secret_uses
from opsctl.state.desired import DesiredDatabase

API = container("api", seen=inspected(started_at=NOW - 60))


def about(check: dict[str, Any], *, runs: bool = True, **more: Any) -> tuple[Check, Situation]:
    own = OwnCheck.model_validate({"name": "mine", **check})
    made = situation(
        service("api", checks=(own,), **more), containers=[API if runs else replace(API, state="exited")]
    )
    (found,) = own_checks(made.subject)
    return found, made


def ask(check: dict[str, Any], answer: Any, **more: Any) -> tuple[Verdict, list[Question]]:
    """`answer` is the answer to everything that is asked."""
    found, made = about(check, **more)
    (case,) = cases_of(found, made)
    assert case.subject == "mine"
    return hold(case.talk(), lambda _question: answer)


def result(check: dict[str, Any], answer: Any, **more: Any) -> str:
    return ask(check, answer, **more)[0].result


def page(status: int = 200, body: Any = b"", **headers: str) -> Fetched:
    return Fetched(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_what_is_written_becomes_a_check_of_its_kind() -> None:
    found, _ = about(
        {
            "severity": "critical",
            "tags": ["deploy"],
            "metered": True,
            "deadline": 30.0,
            "interval": 5.0,
            "successes": 3,
            "timeout": 7.0,
            "tcp": {"port": 80},
        }
    )
    assert (found.id, found.severity, sorted(found.tags)) == ("V-OWN-002", "critical", ["deploy", "own"])
    assert (found.patience, found.metered) == (Patience(30.0, 5.0, 3), True)
    assert found.software
    assert "opsctl why api" in found.mend


def test_the_kinds_themselves_have_no_case() -> None:
    assert [one.id for one in CHECKS] == [f"V-OWN-00{number}" for number in range(1, 6)]
    assert not [case for one in CHECKS for case in one.cases(situation(service("api")))]


def test_a_service_that_is_not_asked_about_is_not_asked() -> None:
    found, made = about({"tcp": {"port": 80}})
    narrowed = Situation(made.subject, {"web": replace(made.hosts["web"], chosen=())})
    assert cases_of(found, narrowed) == []


class TestHttp:
    def test_the_own_container_is_asked_through_its_host(self) -> None:
        check = {
            "http": {
                "port": 8000,
                "path": "/a?b=1",
                "method": "POST",
                "headers": {"Authorization": "Bearer x"},
                "body": "{}",
            },
            "timeout": 3,
        }
        verdict, (asked,) = ask(check, page())
        assert verdict == Verdict("pass", "200")
        assert asked == Fetch(
            "http://api:8000/a?b=1",
            via="web",
            method="POST",
            headers={"Authorization": "Bearer x"},
            body=b"{}",
            service="api",
            timeout=3.0,
        )
        assert "Bearer" not in repr(asked)

    @pytest.mark.parametrize("word, via", [("here", HERE), ("host", "web"), ("vpn", "vpn")])
    def test_a_url_is_asked_from_where_the_file_says(self, word: str, via: str) -> None:
        url = {"url": "https://shop.example.org/", "address": "192.0.2.7", "from": word}
        _, (asked,) = ask({"http": url}, page(), runs=False)
        assert asked == Fetch("https://shop.example.org/", via=via, address="192.0.2.7")

    @pytest.mark.parametrize(
        "expect, answer, good",
        [
            ({}, page(204), True),
            ({}, page(301), False),
            ({}, Fetched(0, reason="no answer within 10 s"), False),
            ({"status": [301, 302]}, page(302), True),
            ({"status": [301]}, page(200), False),
            ({"headers": {"Server": "^Cad"}}, page(server="Caddy"), True),
            ({"headers": {"Server": "^Cad"}}, page(server="nginx"), False),
            ({"headers": {"Server": "."}}, page(), False),
            ({"body": "o+k"}, page(body=b"it is ook"), True),
            ({"body": "^k"}, page(body=b"ok"), False),
            ({"json": {"a.0.b": "x"}}, page(body={"a": [{"b": "x"}]}), True),
            ({"json": {"a.1.b": "x"}}, page(body={"a": [{"b": "x"}]}), False),
            ({"json": {"n": 1}}, page(body={"n": 1.0}), True),
            ({"json": {"n": 1}}, page(body={"n": True}), False),
            ({"json": {"n": "1"}}, page(body={"n": 1}), False),
            ({"json": {"n": None}}, page(body={"n": None}), True),
            ({"json": {"n": None}}, page(body={}), False),
            ({"json": {"n": 1}}, page(body=b"<html>"), False),
            ({"json_contains": {"tags": "b"}}, page(body={"tags": ["a", "b"]}), True),
            ({"json_contains": {"tags": "c"}}, page(body={"tags": ["a", "b"]}), False),
            ({"json_contains": {"text": "ell"}}, page(body={"text": "hello"}), True),
            ({"json_contains": {"text": "x"}}, page(body={"text": 5}), False),
        ],
    )
    def test_expectations(self, expect: dict[str, Any], answer: Fetched, good: bool) -> None:
        assert result({"http": {"port": 1, "expect": expect}}, answer) == ("pass" if good else "fail")

    def test_long_values_are_not_cut_but_counted(self) -> None:
        check = {"http": {"port": 1, "expect": {"json": {"a": 1}}}}
        assert ask(check, page(body={"a": "x" * 500}))[0].observed == "502 signs"


class TestTcp:
    def test_the_own_container_by_its_address(self) -> None:
        found, made = about({"tcp": {"port": 5432}, "timeout": 2})
        (case,) = cases_of(found, made)

        def answer(question: Question) -> Any:
            if isinstance(question, EngineGet):
                assert question.path == "/containers/api-1/json"
                return {"NetworkSettings": {"Networks": {"demo": {"IPAddress": "172.18.0.5"}}}}
            assert question == Reach("172.18.0.5", 5432, "web", 2.0)
            return Reached(open=True)

        assert hold(case.talk(), answer)[0].result == "pass"

    @pytest.mark.parametrize(
        "expect, is_open, good",
        [("open", True, True), ("open", False, False), ("closed", True, False), ("closed", False, True)],
    )
    def test_open_and_closed(self, expect: str, is_open: bool, good: bool) -> None:
        check = {"tcp": {"port": 22, "address": "192.0.2.1", "from": "here", "expect": expect}}
        verdict, (asked,) = ask(check, Reached(is_open, "" if is_open else "refused"))
        assert verdict.result == ("pass" if good else "fail")
        assert asked == Reach("192.0.2.1", 22, HERE, 10.0)


class TestCommand:
    def test_words_stdin_and_user(self) -> None:
        check = {"command": {"argv": ["cat", "-"], "stdin": "secret", "user": "app"}}
        verdict, (asked,) = ask(check, Ran(0, b"x", b""))
        assert verdict.result == "pass"
        assert asked == Inside("web", "api", ("cat", "-"), stdin=b"secret", timeout=10.0, user="app")

    @pytest.mark.parametrize(
        "expect, answer, told",
        [
            ({"code": 3}, Ran(3, b"", b""), "pass"),
            ({}, Ran(3, b"", b"no"), "fail"),
            ({"stdout": "^ok$"}, Ran(0, b"ok\n", b""), "pass"),
            ({"stdout": "^ok$"}, Ran(0, b"not ok\n", b""), "fail"),
            ({}, Ran(-1, b"", b""), "inconclusive"),
        ],
    )
    def test_expectations(self, expect: dict[str, Any], answer: Ran, told: str) -> None:
        assert result({"command": {"argv": ["x"], "expect": expect}}, answer) == told


SHOP = DesiredDatabase("shop", "shop", "shop_a", "pass:word", "shop_db")


class TestSql:
    CHECK: ClassVar[dict[str, Any]] = {
        "sql": {"database": "shop", "query": "select 1;", "expect": {"value": "1", "rows": 1}}
    }

    def test_the_declared_role_asks_and_neither_password_nor_query_is_a_word(self) -> None:
        verdict, (asked,) = ask(self.CHECK, Ran(0, b"1\n", b""), databases=(SHOP,))
        assert verdict == Verdict("pass", "1 row")
        assert isinstance(asked, Inside)
        assert asked.words[3:] == ("opsctl", "shop_a", "shop", "10000")
        assert asked.stdin == b"pass:word\nselect 1;\n"
        assert "default_transaction_read_only=on" in asked.words[2]

    @pytest.mark.parametrize(
        "answer, told",
        [
            (Ran(0, b"2\n", b""), "fail"),
            (Ran(0, b"1\n1\n", b""), "fail"),
            (Ran(0, b"", b""), "fail"),
            (Ran(0, b'"a ""b""\nc",x\n', b""), "fail"),
            (Ran(3, b"", b"ERROR: no table"), "fail"),
            (Ran(2, b"", b"no connection"), "inconclusive"),
            (Ran(2, b"", b"psql: error: FATAL:  sorry, too many clients already"), "fail"),
            (Ran(127, b"", b"psql: not found"), "inconclusive"),
        ],
    )
    def test_answers(self, answer: Ran, told: str) -> None:
        assert result(self.CHECK, answer, databases=(SHOP,)) == told

    def test_a_value_of_several_lines_is_one_value(self) -> None:
        check = {"sql": {"database": "shop", "query": "x", "expect": {"value": 'a "b"\nc', "rows": 1}}}
        assert result(check, Ran(0, b'"a ""b""\nc",x\n', b""), databases=(SHOP,)) == "pass"

    def test_the_keeper_is_found_by_the_connections(self) -> None:
        own = OwnCheck.model_validate({"name": "mine", **self.CHECK})
        made = situation(
            service("api", checks=(own,), uses={"db": "shop"}),
            service("db", databases=(SHOP,)),
            containers=[API, container("db")],
        )
        (found,) = own_checks(made.subject)
        (case,) = cases_of(found, made)
        _, (asked,) = hold(case.talk(), lambda _question: Ran(0, b"1\n", b""))
        assert isinstance(asked, Inside)
        assert asked.service == "db"

    def test_a_password_that_is_being_rotated_is_not_tried(self) -> None:
        found, made = about(self.CHECK, databases=(SHOP,))
        desired = replace(made.subject.desired, unsettled=frozenset({"shop_db"}))
        made = Situation(replace(made.subject, desired=desired), made.hosts)
        (case,) = cases_of(found, made)
        assert hold(case.talk(), nobody)[0] == Verdict("skip", "shop_db is being rotated")

    def test_a_keeper_that_was_not_looked_at_is_no_pass(self) -> None:
        assert ask(self.CHECK, None)[0] == unknown("the host that keeps the database could not be looked at")


class TestLog:
    @pytest.mark.parametrize(
        "check, told",
        [
            ({"present": "read+y"}, "pass"),
            ({"present": "nope"}, "fail"),
            ({"absent": "panic"}, "fail"),
            ({"absent": "nope"}, "pass"),
        ],
    )
    def test_lines_since_the_start(self, check: dict[str, str], told: str) -> None:
        verdict, (asked,) = ask({"log": {**check, "lines": 50}}, ["it is ready", "panic: no"])
        assert verdict.result == told
        assert asked == Logs("web", "api", 50, NOW - 60)


@pytest.mark.parametrize(
    "kind",
    [{"http": {"port": 1}}, {"tcp": {"port": 1}}, {"command": {"argv": ["x"]}}, {"log": {"absent": "x"}}],
)
def test_what_does_not_run_fails_and_what_is_held_is_skipped(kind: dict[str, Any]) -> None:
    assert ask(kind, None, runs=False) == (Verdict("fail", "it does not run"), [])
    own = OwnCheck.model_validate({"name": "mine", **kind})
    held = situation(service("api", checks=(own,)), held=frozenset({"api"}))
    (found,) = own_checks(held.subject)
    assert hold(cases_of(found, held)[0].talk(), nobody)[0] == Verdict("skip", "held")


WRITTEN = [
    {
        "name": "login",
        "http": {
            "port": 80,
            "headers": {"Authorization": "Bearer {{ secret('api_key') }}"},
            "expect": {"body": "{{ vars.word }}"},
        },
    },
]


class TestRendered:
    def test_texts_are_rendered_and_a_secret_is_in_no_repr_and_no_container(self) -> None:
        plain = fleet_of({"api": {"image": "x", "env": {"A": "1"}}}, variables={"word": "hello"})
        with_checks = fleet_of(
            {"api": {"image": "x", "env": {"A": "1"}, "checks": WRITTEN}}, variables={"word": "hello"}
        )
        before, after = (
            render(one, "prod", lambda name: f"value of {name}").hosts[0] for one in (plain, with_checks)
        )
        made = after.services["api"]
        (check,) = made.checks
        assert check.http is not None
        assert check.http.headers == {"Authorization": "Bearer value of api_key"}
        assert check.http.expect.body == "hello"
        assert "value of" not in repr(made)
        assert "value of" not in repr(check)
        assert made.secrets == made.known_secrets == frozenset()
        key = bytes(32)
        texts = [compose_text(compose_document(one, key, held=frozenset())) for one in (before, after)]
        assert texts[0] == texts[1]
        assert replace(made, checks=()) == before.services["api"]

    def test_a_pattern_that_is_none_once_it_is_rendered_is_a_problem(self) -> None:
        fleet = fleet_of({"api": {"image": "x", "checks": WRITTEN}}, variables={"word": "("})
        with pytest.raises(InputError, match=r"once it is rendered, http\.expect\.body"):
            render(fleet, "prod", lambda name: name)

    def test_the_secret_of_a_check_is_used_by_its_service(self) -> None:
        fleet = fleet_of({"api": {"image": "x", "checks": WRITTEN}}, variables={"word": "x"})
        (use,) = secret_uses(fleet, "prod")["api_key"]
        assert (use.service, use.check) == ("api", "login")


def test_a_new_check_is_nothing_to_deploy() -> None:
    machine = Machine()
    machine.run(plan(machine, host(service("api"))))
    own = OwnCheck.model_validate({"name": "mine", "tcp": {"port": 80}})
    assert plan(machine, host(service("api"))).steps == ()
    assert plan(machine, host(service("api", checks=(own,)))).steps == ()
