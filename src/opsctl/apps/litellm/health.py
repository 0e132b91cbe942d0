"""Rules about health checks that cost money: bare /health calls every model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from opsctl.apps.config_file import place_of
from opsctl.apps.litellm.key_lists import GENERAL
from opsctl.apps.litellm.proxy import Proxy, configured, is_on, proxies
from opsctl.model.fleet import Place
from opsctl.model.values import Unfit, parse_duration, split_address
from opsctl.render.ports import read_port
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

# A path that ends there: /health, /health/, /health?model=…; not /health/readiness, /healthz.
_PATH = r"/health/?(?=$|[^\w/.-]|[.](?:\s|$))"
_BARE = re.compile(_PATH)
_EVERY = 30.0
"""Seconds between two health checks where nothing says otherwise (moby daemon/health.go)."""
_DAY = 86400
# constants.py DEFAULT_HEALTH_CHECK_INTERVAL (1.81.3).
_BACKGROUND = 300
_HINT = "ask /health/readiness or /health/liveliness: they call no model and need no key"
_URL = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d+)" + _PATH)


def daily_cost(proxy: Proxy, seconds: float, *, background: bool = False) -> str:
    """What a check of all billed models every so many seconds comes to, with the figures it is made of."""
    price = proxy.settings.price_per_call
    models = sum(
        one.billed and not (background and is_on(one.info.get("disable_background_health_check")))
        for one in proxy.deployments()
    )
    cost = models * price * _DAY / seconds
    return f"{cost:.2f} USD a day ({models} billed models, {price:g} USD a call, every {seconds:g} s)"


@dataclass(frozen=True, slots=True)
class _Text:
    """Something that a service asks with. `seconds` is how often, None where nothing says."""

    text: str
    place: Place
    seconds: float | None = None
    probe: bool = False


def _probes(subject: Subject) -> Iterator[Hit]:
    for proxy in proxies(subject):
        for view in subject.services():
            own = (view.host.name, view.name) == (proxy.view.host.name, proxy.view.name)
            addresses = _addresses(subject, proxy, view)
            for one in _texts(view):
                asks = _BARE.search(one.text) if own and one.probe else _asks(one.text, addresses)
                if asks:
                    yield _hit(proxy, view, one)


def _asks(text: str, addresses: AbstractSet[tuple[str, str]]) -> bool:
    return any((found["host"].strip("[]"), found["port"]) in addresses for found in _URL.finditer(text))


def _hit(proxy: Proxy, view: ServiceView, one: _Text) -> Hit:
    if proxy.in_background:
        cost = "it needs the master key, and tells what the background checks found"
    else:
        cost = daily_cost(proxy, one.seconds or _EVERY)
        cost += "" if one.seconds else ", if it asks that often"
    whose = "its own /health" if view.name == proxy.view.name else f"/health of {proxy.view.name}"
    what = whose if proxy.in_background else f"{whose}, which calls every model"
    return about(view, one.place, f"asks {what}: {cost}", _HINT)


def _addresses(subject: Subject, proxy: Proxy, asking: ServiceView) -> AbstractSet[tuple[str, str]]:
    """Host and port that lead to the proxy, as a service sees it."""
    view, port = proxy.view, proxy.port
    found = set()
    for entry in view.definition.get("ports") or ():
        published = read_port(entry).as_view()
        if published["published"] and str(published["target"]) == port:
            reached = {split_address(one)[0] for one in subject.host(view.host.name).addresses}
            reached |= {str(published["address"] or ""), view.host.name}
            found |= {(name, str(published["published"])) for name in reached if name}
    if asking.host.name == view.host.name:
        found |= {(name, port) for name in _names(view) if name}
        if asking.name == view.name or asking.definition.get("network_mode") == f"service:{view.name}":
            found |= {(name, port) for name in ("localhost", "127.0.0.1", "::1", "0.0.0.0")}  # noqa: S104 - compared
    return found


def _names(view: ServiceView) -> Iterator[str]:
    yield from (view.name, view.service.container_name, str(view.definition.get("hostname") or ""))
    networks = view.definition.get("networks")
    for entry in networks.values() if isinstance(networks, Mapping) else ():
        if isinstance(entry, Mapping):
            yield from map(str, entry.get("aliases") or ())


def _texts(view: ServiceView) -> Iterator[_Text]:
    if view.probe:
        every = _seconds(view.definition["healthcheck"].get("interval"))
        yield _Text(view.probe, view.place("healthcheck"), every, probe=True)
    yield _Text(" ".join(view.words("entrypoint", "command")), view.place("command"))
    for key, value in view.service.env.items():
        yield _Text(value, view.place("env", key))
    yield from _own_checks(view)
    for file in view.service.files:
        for number, line in enumerate(file.content.decode(errors="replace").splitlines(), start=1):
            if "/health" in line:
                yield _Text(line, place_of(view.fleet, file, number))


def _own_checks(view: ServiceView) -> Iterator[_Text]:
    """Those of the stack file that are asked without --allow-metered."""
    for index, check in enumerate(view.service.checks):
        place = view.place("checks", index, check.kind)
        if check.metered:
            continue
        if check.http:
            own = f"{view.name}:{check.http.port}{check.http.path}"
            yield _Text(check.http.url or own, place)
        if check.command:
            yield _Text(" ".join((*check.command.argv, check.command.stdin)), place)


def _seconds(interval: object) -> float:
    try:
        return float(parse_duration(interval)) or _EVERY
    except Unfit:
        return _EVERY


def _in_background(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        interval = proxy.section(GENERAL).get("health_check_interval", _BACKGROUND)
        if proxy.in_background and isinstance(interval, int) and interval > 0:
            message = (
                f"background health checks call every model: {daily_cost(proxy, interval, background=True)}"
            )
            hint = "leave background_health_checks out, or name what is not to be called: model_info: {disable_background_health_check: true}"
            yield config.hit(message, hint, GENERAL, "background_health_checks")


RULES = (
    Rule(
        "LLM012",
        "apps",
        "warning",
        "LiteLLM: background health checks that cost money",
        "They are off by default. Where they are on, every model is called every health_check_interval seconds (300), and a "
        "call of a model is billed.",
        "Leave background_health_checks out; with it, a long interval, and disable_background_health_check for dear models.",
        "1.81.3 proxy_server.py 1688, constants.py 1214; docs.litellm.ai/docs/proxy/health",
        _in_background,
    ),
    Rule(
        "LLM013",
        "apps",
        "error",
        "LiteLLM: a probe that calls every model",
        "Without background checks GET /health calls every model of the list, and each call is billed: this, and no key of the "
        "configuration, was what the audit's 11.64 USD in 16 hours paid for.",
        "Ask /health/readiness, or /health/liveliness. The image has python and neither curl nor wget. A check of a stack file that is "
        "meant to call models says metered: true.",
        "1.81.3 health_endpoints/_health_endpoints.py 718; run; audit: default health checks",
        _probes,
    ),
)
