"""What a plan does not read when nothing differs: a host's compose.yml of 14 services takes 15 ms to parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.unit.plan.model import deployed, file, host, service

from opsctl.plan.context import context
from opsctl.plan.request import PlanRequest
from opsctl.plan.verdict import judge


def refuse_to_read() -> Mapping[str, Any]:
    raise AssertionError("compose.yml was read")


def test_compose_yml_of_a_host_is_not_parsed_where_nothing_differs() -> None:
    desired = host(
        service("api", env={"GREETING": "hello"}),
        service("web", files=[file("web", "/etc/web.conf", "v1")]),
    )
    prepared = context(desired, deployed(desired).look(desired), PlanRequest())
    prepared = replace(prepared, read_present=refuse_to_read)
    assert {judge(prepared, one).action for one in desired.services.values()} == {"none"}
