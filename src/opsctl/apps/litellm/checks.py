"""What is asked of a LiteLLM proxy: readiness, budgets in force, who calls all models, and one billed call where that is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from opsctl.apps.litellm.health import daily_cost
from opsctl.apps.litellm.key_lists import GENERAL, ROUTER
from opsctl.apps.litellm.proxy import Proxy, proxies
from opsctl.checks.check import Case, Check
from opsctl.checks.paths import OK, REFUSED, mapping
from opsctl.checks.questions import (
    Fetch,
    Fetched,
    Logs,
    Talk,
    Verdict,
    failed,
    fetched,
    log_lines,
    passed,
    skipped,
    unknown,
)
from opsctl.checks.situation import Situation

_PERIOD = 3600.0
_LINES = 5000
# uvicorn's access log: `INFO: 172.18.0.5:51234 - "GET /health HTTP/1.1" 200 OK`
_ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/\S*) HTTP/')
_BARE = re.compile(r"/health/?(\?.*)?")
_ENVIRONMENT = "os.environ/"


def _each(course: Callable[[Proxy, Situation], Talk], situation: Situation) -> Iterator[Case]:
    asked = {(one.host.name, one.name) for one in situation.services("litellm")}
    for proxy in proxies(situation.subject):
        if (proxy.view.host.name, proxy.view.name) in asked:
            yield Case(proxy.view.host.name, proxy.view.name, partial(course, proxy, situation))


def _ready(proxy: Proxy, _situation: Situation) -> Talk:
    answer = yield from fetched(_request(proxy, "/health/readiness"))
    if not answer.status:
        return failed(answer.reason)
    if answer.status != OK:
        return failed(f"{answer.status}: {_said(answer)}")
    database = str(_json(answer).get("db", ""))
    if proxy.view.service.env.get("DATABASE_URL") and database.lower() != "connected":
        return failed(f"its database is {database or 'not told'}", expected="connected")
    return passed(f"database {database.lower()}" if database else "")


def _budgets(proxy: Proxy, _situation: Situation) -> Talk:
    wanted = proxy.section(ROUTER).get("provider_budget_config")
    if not isinstance(wanted, Mapping) or not wanted:
        return skipped("no provider_budget_config under router_settings")
    # 1.81.3 answers anybody, with or without a key (run).
    answer = yield from fetched(_request(proxy, "/provider/budgets", _master_key(proxy)))
    if answer.status in REFUSED:
        return failed("it does not take the master key of its environment")
    if answer.status != OK:
        return failed(f"/provider/budgets: {answer.status or answer.reason} {_said(answer)}".strip())
    return judge_budgets(wanted, _json(answer).get("providers") or {})


def judge_budgets(wanted: Mapping[str, Any], told: Mapping[str, Any]) -> Verdict:
    """The caps of the configuration beside those that the proxy says are in force. Amounts are USD."""
    wrong: list[str] = []
    spent: list[str] = []
    for provider, cap in sorted(wanted.items()):
        limit = cap.get("budget_limit") if isinstance(cap, Mapping) else None
        found = told.get(provider) or {}
        if found.get("budget_limit") is None or float(found["budget_limit"]) != float(limit or 0):
            wrong.append(f"{provider} has {_usd(found.get('budget_limit'))} in place of {_usd(limit)}")
            continue
        share = float(found.get("spend") or 0) / float(found["budget_limit"] or 1)
        (wrong if share >= 1 else spent).append(f"{provider} has spent {share:.0%} of {_usd(limit)}")
    return failed("; ".join(wrong)) if wrong else passed("; ".join(spent))


def _usd(amount: object) -> str:
    return "no cap" if amount is None else f"{amount} USD"


def _unbilled(proxy: Proxy, situation: Situation) -> Talk:
    if proxy.in_background:
        return skipped("background health checks are on: LLM012")
    host, service = proxy.view.host.name, proxy.view.name
    now = situation.hosts[host].observed.now
    lines = yield from log_lines(Logs(host, service, tail=_LINES, since=now - _PERIOD))
    paths = [found["path"] for line in lines if (found := _ACCESS.search(line))]
    if not paths:
        return unknown("its log tells no requests (LITELLM_LOG, json_logs)")
    bare = sum(bool(_BARE.fullmatch(path)) for path in paths)
    if not bare:
        return passed(f"none of {len(paths)} requests")
    cost = daily_cost(proxy, _PERIOD / bare)
    return failed(f"somebody asked bare /health {bare} times within an hour: {cost}")


def _billed(proxy: Proxy, _situation: Situation) -> Talk:
    key = _master_key(proxy)
    groups = sorted({one.group for one in proxy.deployments() if one.group})
    if not key or not groups:
        return unknown("no master key in its environment, or no model in its configuration")
    wrong = []
    for group in groups:
        body = {"model": group, "max_tokens": 1, "messages": [{"role": "user", "content": "1"}]}
        answer = yield from fetched(
            _request(proxy, "/v1/chat/completions", key, json.dumps(body).encode(), seconds=60.0)
        )
        if answer.status != OK:
            wrong.append(f"{group}: {answer.status or answer.reason} {_said(answer)}".strip())
    return failed("; ".join(wrong)) if wrong else passed(f"{len(groups)} model groups answered")


def _request(proxy: Proxy, path: str, key: str = "", body: bytes = b"", *, seconds: float = 10.0) -> Fetch:
    name = proxy.view.name
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if body:
        headers["Content-Type"] = "application/json"
    return Fetch(
        f"http://{name}:{proxy.port}{path}",
        via=proxy.view.host.name,
        method="POST" if body else "GET",
        headers=headers,
        body=body,
        service=name,
        timeout=seconds,
    )


def _master_key(proxy: Proxy) -> str:
    """As the proxy has it: general_settings.master_key wins over the environment (proxy_server.py 1.81.3)."""
    env = proxy.view.service.env
    named = str(proxy.section(GENERAL).get("master_key") or "")
    if named.startswith(_ENVIRONMENT):
        return env.get(named.removeprefix(_ENVIRONMENT), "")
    return named or env.get("LITELLM_MASTER_KEY", "")


def _json(answer: Fetched) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(answer.body))
    except ValueError:
        return {}


def _said(answer: Fetched) -> str:
    """The error of an answer in one line."""
    error = _json(answer).get("error") or _json(answer).get("detail") or ""
    message = error.get("message", "") if isinstance(error, Mapping) else error
    return " ".join(str(message).split())[:200]


CHECKS = (
    Check(
        id="V-LLM-001",
        title="LiteLLM is ready, with its database",
        severity="critical",
        proves="/health/readiness answers 200, and says that the database is connected where one is set. It calls no model.",
        mend="opsctl logs SERVICE",
        source="LiteLLM 1.81.3, health_endpoints (run)",
        cases=partial(_each, _ready),
        tags=frozenset({"deploy"}),
        software=True,
    ),
    Check(
        id="V-LLM-002",
        title="The caps of providers are in force, and none is used up",
        severity="high",
        proves="What the proxy counts against is what the configuration says; a cap in the wrong place is taken in silence.",
        mend="opsctl lint (LLM003 and following); a cap that is used up ends by itself with its period",
        source="GET /provider/budgets of LiteLLM 1.81.3 (run); it is free",
        cases=partial(_each, _budgets),
        software=True,
    ),
    Check(
        id="V-LLM-003",
        title="Nobody asks LiteLLM's bare /health, which calls every model",
        severity="high",
        proves="The access log of the last hour has no such request, from whoever it may come.",
        mend="find who asks (the address stands in opsctl logs SERVICE), and let it ask /health/readiness",
        source="LiteLLM 1.81.3: with background checks off /health calls all models (run); uvicorn's access log",
        cases=partial(_each, _unbilled),
        software=True,
    ),
    Check(
        id="V-LLM-004",
        title="Every group of models answers a call",
        severity="medium",
        proves="One token from each model group. Each call is billed.",
        mend="the provider's message; opsctl rotate-secret where it is the key",
        source="POST /v1/chat/completions (run against stand-ins of providers)",
        cases=partial(_each, _billed),
        tags=frozenset({"nightly"}),
        timeout=600.0,
        metered=True,
        software=True,
    ),
)
