"""A secret whose rotation is open: nobody gives its value to anybody until the rotation has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.plan.model import KEY, Machine, deployed, file, host, owned, service

from opsctl.plan.planner import plan_host
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.render.secret_metrics import PATH
from opsctl.state.desired import DesiredHost

MARK = '{"user": "ann", "machine": "desk", "since": "2026-11-26T02:00:00Z"}'


def shop(value: str = "old", **env: str) -> DesiredHost:
    uses = frozenset({"db_password"})
    return host(
        service("api", env={"PASSWORD": value}, secrets=uses),
        service("worker", files=[file("worker", "/etc/p", value)], secrets=uses),
        service("web", env=env or {"A": "1"}),
    )


def planned(desired: DesiredHost, *, mark: str = "", **request: Any) -> HostPlan:
    observed = replace(
        deployed(shop()).look(desired), key=KEY, rotating={"db_password": mark} if mark else {}
    )
    return plan_host(desired, observed, PlanRequest(**request))


def test_a_plan_that_would_overwrite_it_is_refused_by_the_store_and_by_the_host() -> None:
    for refused in (
        planned(shop("new"), unsettled=frozenset({"db_password"})),
        planned(shop("new"), mark=MARK),
    ):
        (refusal,) = refused.refusals
        assert "db_password is half-rotated" in refusal
        assert "would touch api, worker" in refusal
        assert "`opsctl rotate-secret db_password --resume`, or --abort" in refusal
    assert "(by ann@desk since 2026-11-26T02:00:00Z)" in planned(shop("new"), mark=MARK).refusals[0]


def test_a_key_of_a_merged_file_counts_where_no_container_is_made_anew() -> None:
    def merged(value: str) -> DesiredHost:
        uses = frozenset({"db_password"})
        return host(
            service("api", merges=(owned("/srv/a.yaml", {"password": value}, "restart"),), secrets=uses)
        )

    machine = deployed(merged("old"), Machine(merged={"/srv/a.yaml": b"# theirs\n"}))
    desired = merged("new")
    plan = plan_host(desired, machine.look(desired), PlanRequest(unsettled=frozenset({"db_password"})))
    assert [step.verb for step in plan.steps] == ["merge", "restart", "wait"]
    (refusal,) = plan.refusals
    assert "would touch api" in refusal


def test_a_mark_that_cannot_be_read_refuses_all_the_same() -> None:
    assert planned(shop("new"), mark="{torn").refusals
    assert planned(shop("new"), mark="[]").refusals


def test_a_plan_that_touches_no_consumer_goes_on() -> None:
    assert not planned(shop(), mark=MARK).refusals
    others = planned(shop(A="2"), mark=MARK)
    assert not others.refusals
    assert [step.subject() for step in others.steps if step.verb == "recreate"] == ["web"]


def test_a_narrowed_plan_is_refused_for_what_it_touches_only() -> None:
    assert not planned(shop("new"), mark=MARK, services=frozenset({"web"})).refusals
    (refusal,) = planned(shop("new"), mark=MARK, services=frozenset({"api"})).refusals
    assert "would touch api;" in refusal


def test_the_run_that_rotates_it_is_not_refused() -> None:
    mine = frozenset({"db_password"})
    assert not planned(shop("new"), mark=MARK, unsettled=mine, rotating=mine).refusals


def told(moment: int) -> bytes:
    labels = '{environment="prod",secret="db_password",class="database"}'
    return f"opsctl_secret_changed_timestamp_seconds{labels} {moment}\n".encode()


@pytest.mark.parametrize("here, refused", [(1_700_000_000, False), (1_700_000_001, True)])
def test_a_store_that_is_older_than_the_hosts_value_is_not_deployed(here: int, refused: bool) -> None:
    machine = deployed(replace(shop(), own_files={PATH: told(here)}))
    stale = replace(shop("old, by a checkout that was not pulled"), own_files={PATH: told(1_700_000_000)})
    observed = machine.look(stale)
    plan = plan_host(stale, observed, PlanRequest())
    assert bool(plan.refusals) == refused
    if refused:
        (refusal,) = plan.refusals
        assert "db_password has a value here since 2023-11-14 22:13:21 UTC" in refusal
        assert "would give api, worker an older one; take the newer store first (git pull)" in refusal
    mine = PlanRequest(rotating=frozenset({"db_password"}))
    assert not plan_host(stale, observed, mine).refusals
    untouched = replace(shop(A="2"), own_files={PATH: told(1_700_000_000)})
    assert not plan_host(untouched, machine.look(untouched), PlanRequest()).refusals


def test_what_sleeps_has_nobody_to_give_a_value_to() -> None:
    desired = shop("new")
    observed = replace(
        deployed(shop()).look(desired), rotating={"db_password": MARK}, held=frozenset({"api", "worker"})
    )
    assert not plan_host(desired, observed, PlanRequest()).refusals


def test_files_of_the_host_itself_are_put_and_touch_nobody() -> None:
    desired = replace(shop(), own_files={"metrics/secrets.prom": b"a 1\n"})
    machine = deployed(shop())
    plan = plan_host(desired, machine.look(desired), PlanRequest())
    assert str(plan) == "web  /opt/demo\n  push      1 file\n            new: metrics/secrets.prom"
    machine.run(plan)
    assert "nothing to do" in str(plan_host(desired, machine.look(desired), PlanRequest()))
    assert machine.files["metrics/secrets.prom"] == (b"a 1\n", 0o644)
    later = replace(shop(), own_files={"metrics/secrets.prom": b"a 2\n"})
    assert "changed: metrics/secrets.prom" in str(plan_host(later, machine.look(later), PlanRequest()))
