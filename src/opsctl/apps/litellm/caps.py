"""Rules about what providers may cost: caps, their periods, and what happens above one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.apps.config_file import ConfigFile
from opsctl.apps.litellm.key_lists import LITELLM, ROUTER
from opsctl.apps.litellm.proxy import Proxy, configured, is_on
from opsctl.apps.litellm.settings import period_seconds
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

CAPS = "provider_budget_config"
_LIMITER = "router_strategy/budget_limiter.py (1.81.3, 1.109.1)"


def caps_of(proxy: Proxy) -> Mapping[str, Any]:
    """What is said of providers where it counts, by provider."""
    found = proxy.section(ROUTER).get(CAPS)
    return found if isinstance(found, Mapping) else {}


def limits_of(proxy: Proxy) -> Iterator[tuple[str, float, str]]:
    """Provider, USD and period of the caps that are ones."""
    for name, cap in caps_of(proxy).items():
        limit = number(cap.get("budget_limit")) if isinstance(cap, Mapping) else None
        if limit is not None and period_seconds(cap.get("time_period")):
            yield name, limit, cap["time_period"]


def number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _uncapped(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        caps = caps_of(proxy)
        told: set[str] = set()
        for one in proxy.deployments():
            if one.provider and one.billed and not one.capped and one.provider not in {*caps, *told}:
                told.add(one.provider)
                message = f"{one.provider} has no cap of its own"
                hint = (
                    f"router_settings: {{{CAPS}: {{{one.provider}: {{budget_limit: 1, time_period: 1d}}}}}}"
                )
                yield config.hit(message, hint, "model_list", one.at)


def _mixed(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        periods = {f"the cap of {name}": period for name, _limit, period in limits_of(proxy)}
        whole = config.section(LITELLM)
        if number(whole.get("max_budget")) and period_seconds(whole.get("budget_duration")):
            periods["max_budget"] = str(whole["budget_duration"])
        if len({period_seconds(period) for period in periods.values()}) > 1:
            said = ", ".join(f"{name} {period}" for name, period in periods.items())
            yield config.hit(f"budgets of different periods: {said}", "use one period", ROUTER, CAPS)


def _above(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        whole = config.section(LITELLM)
        budget, period = number(whole.get("max_budget")), period_seconds(whole.get("budget_duration"))
        if not budget or not period:
            continue
        total = sum(
            limit * period / (period_seconds(own) or period) for _name, limit, own in limits_of(proxy)
        )
        if total > budget + 1e-9:
            message = (
                f"the caps come to {total:g} USD in {whole['budget_duration']}, max_budget is {budget:g}"
            )
            yield config.hit(message, "lower caps, or raise max_budget", ROUTER, CAPS)


def _forgotten(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        capped = next((one for one in proxy.deployments() if one.capped), None)
        if not (caps_of(proxy) or capped) or _has_redis(config):
            continue
        message = "what was spent is forgotten at every restart: the router has no Redis"
        hint = "router_settings: {redis_host: os.environ/REDIS_HOST, redis_port: …, redis_password: …}"
        path = (ROUTER, CAPS) if caps_of(proxy) else ("model_list", capped.at if capped else 0)
        yield config.hit(message, hint, *path)


def _has_redis(config: ConfigFile) -> bool:
    """The router's own, or the cache's, which the proxy lends it (router.py _update_redis_cache, 1.81.3)."""
    if any(config.section(ROUTER).get(key) for key in ("redis_host", "redis_url")):
        return True
    kind = config.section(LITELLM, "cache_params").get("type", "redis")
    return is_on(config.section(LITELLM).get("cache")) and kind in ("redis", "redis-semantic")


def _stuck(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        providers: dict[str, set[str]] = {}
        first: dict[str, int] = {}
        for one in proxy.deployments():
            providers.setdefault(one.group, set()).add(one.provider)
            first.setdefault(one.group, one.at)
        ways = _fallbacks(config)
        targets = {name for names in ways.values() for name in names}
        for group, own in providers.items():
            if len(own) > 1 or not own & caps_of(proxy).keys() or group in targets:
                continue
            reached = {
                one for name in ways.get(group, ways.get("*", [])) for one in providers.get(name, set())
            }
            if not reached - own:
                provider = next(iter(own))
                message = f"{group}: over the cap of {provider} every call fails: no fallback leads to another provider"
                hint = f"router_settings: {{fallbacks: [{{{group}: [MODEL_OF_ANOTHER_PROVIDER]}}]}}"
                yield config.hit(message, hint, "model_list", first[group])


def _fallbacks(config: ConfigFile) -> dict[str, list[str]]:
    """Groups and the groups that follow them; "*" has the default ones. Those of litellm_settings count too."""
    ways: dict[str, list[str]] = {}
    for section in (LITELLM, ROUTER):
        entries = config.section(section).get("fallbacks")
        for entry in entries if isinstance(entries, list) else ():
            for group, names in entry.items() if isinstance(entry, Mapping) else ():
                ways[group] = [*ways.get(group, []), *_names(names)]
        ways["*"] = [*ways.get("*", []), *_names(config.section(section).get("default_fallbacks"))]
    return ways


def _names(value: Any) -> list[str]:
    """An entry is a group, or a mapping with `model`."""
    entries = value if isinstance(value, list) else []
    return [str(one.get("model", "")) if isinstance(one, Mapping) else str(one) for one in entries]


RULES = (
    Rule(
        "LLM005",
        "apps",
        "warning",
        "LiteLLM: a provider without a cap",
        "One loop that runs away at one provider takes the whole budget, and the others with it.",
        "Give every provider of model_list an entry in router_settings.provider_budget_config, or every deployment of it "
        "max_budget and budget_duration in litellm_params. Endpoints on your own network and `:free` models need none.",
        f"{_LIMITER}; audit: provider budget, cost blowouts",
        _uncapped,
    ),
    Rule(
        "LLM006",
        "apps",
        "warning",
        "LiteLLM: budgets of different periods",
        "A cap by day and a budget by month cannot be compared, and are reset at different hours.",
        "Use one period for all.",
        f"{_LIMITER}; audit: shares of a daily budget",
        _mixed,
    ),
    Rule(
        "LLM007",
        "apps",
        "warning",
        "LiteLLM: caps that come to more than the budget",
        "When several providers spend what they may, the budget of the whole proxy stops all of them, those too that have "
        "something left.",
        "The sum of the caps, taken to the period of max_budget, within max_budget.",
        "audit: caps as shares of the budget",
        _above,
    ),
    Rule(
        "LLM008",
        "apps",
        "warning",
        "LiteLLM: spend that a restart forgets",
        "What counts against caps is kept in the process, unless the router has a Redis: every deploy gives every provider its "
        "whole cap again, and so does every worker.",
        "redis_host, redis_port and redis_password under router_settings.",
        f"{_LIMITER}, dual_cache; docs.litellm.ai/docs/proxy/provider_budget_routing",
        _forgotten,
    ),
    Rule(
        "LLM009",
        "apps",
        "warning",
        "LiteLLM: a capped provider without a fallback to another",
        "Above a cap the deployment is left out before routing. Without a fallback the caller gets `No deployments available - "
        "crossed budget`; nothing falls back by itself.",
        "router_settings.fallbacks from each group to one of another provider.",
        f"{_LIMITER}, run 1.81.3; audit: the model falls back to the next in the chain",
        _stuck,
    ),
)
