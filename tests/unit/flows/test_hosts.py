from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.plan.model import host, service

from opsctl.errors import ConnectFailed, UsageError
from opsctl.flows.hosts import chosen_hosts, chosen_services, host_of, on_each
from opsctl.flows.reports import EVERYTHING, Selection
from opsctl.state.desired import Desired

WEB = replace(host(service("api"), service("proxy")), name="web")
APP = replace(host(service("api"), replace(service("db"), stack="data")), name="app")
PROD = Desired("prod", (WEB, APP))


@pytest.mark.parametrize(
    "selection, names",
    [
        (EVERYTHING, ["app", "web"]),
        (Selection(hosts=("web",)), ["web"]),
        (Selection(services=("db",)), ["app"]),
        (Selection(services=("api",)), ["app", "web"]),
        (Selection(services=("api",), hosts=("web",)), ["web"]),
        (Selection(stacks=("data",)), ["app"]),
    ],
)
def test_chosen_hosts(selection: Selection, names: list[str]) -> None:
    assert [one.name for one in chosen_hosts(PROD, selection)] == names


@pytest.mark.parametrize(
    "selection, said",
    [
        (Selection(hosts=("wbe",)), "no host wbe in prod"),
        (Selection(services=("nope",)), "no service nope in prod"),
        (Selection(services=("db",), hosts=("web",)), "no service db on web"),
        (Selection(stacks=("data",), hosts=("web",)), "no stack data on web"),
        (Selection(stacks=("nope",)), "no stack nope in prod"),
    ],
)
def test_unknown_names(selection: Selection, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen_hosts(PROD, selection)


def test_chosen_services() -> None:
    assert chosen_services(APP, EVERYTHING) is None
    assert chosen_services(APP, Selection(services=("db", "other"))) == frozenset({"db"})
    assert chosen_services(APP, Selection(services=("api",), stacks=("data",))) == frozenset({"api", "db"})


def test_host_of_a_service() -> None:
    assert host_of(PROD, "db").name == "app"
    assert host_of(PROD, "api", "web").name == "web"
    with pytest.raises(UsageError, match="api runs on several hosts: app, web"):
        host_of(PROD, "api")


def test_on_each_keeps_results_and_errors_apart() -> None:
    def work(one: object) -> str:
        if one is WEB:
            raise ConnectFailed("no route")
        return "fine"

    results, errors = on_each(PROD.hosts, work)
    assert results == {"app": "fine"}
    assert list(errors) == ["web"]
    assert on_each([], work) == ({}, {})
