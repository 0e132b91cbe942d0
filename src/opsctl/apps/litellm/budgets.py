"""Rules about budgets: LiteLLM takes one in the wrong place without a word, and enforces nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.apps.config_file import ConfigFile
from opsctl.apps.litellm.caps import CAPS, caps_of, number
from opsctl.apps.litellm.key_lists import GENERAL, LITELLM, ROUTER, TOP
from opsctl.apps.litellm.proxy import configured
from opsctl.apps.litellm.settings import period_seconds
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

MISPLACED: Mapping[tuple[str, str], str] = {
    **{
        (section, key): f"{LITELLM}.{key}"
        for section in (GENERAL, ROUTER, TOP)
        for key in ("max_budget", "budget_duration")
    },
    **{(section, CAPS): f"{ROUTER}.{CAPS}" for section in (GENERAL, LITELLM, TOP)},
}
"""Budgets by section and key, where nothing reads them, with the place where they count."""


def _without_effect(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        for (section, key), right in MISPLACED.items():
            path = (section, key) if section else (key,)
            if key in config.section(*path[:-1]):
                yield config.hit(f"{'.'.join(path)} has no effect there", f"write it as {right}", *path)
        for provider, cap in caps_of(proxy).items():
            yield from _cap(config, provider, cap)


def _cap(config: ConfigFile, provider: str, cap: Any) -> Iterator[Hit]:
    at = (ROUTER, CAPS, provider)
    hint = "write {budget_limit: 3, time_period: 1d}"
    if not isinstance(cap, Mapping):
        yield config.hit(f"{provider}: a cap is a mapping; LiteLLM does not start with this", hint, *at)
        return
    for key in cap:
        if key not in {"budget_limit", "time_period"}:
            yield config.hit(f"{provider}: {key} has no effect in a cap", hint, *at, str(key))
    absent = [key for key in ("budget_limit", "time_period") if cap.get(key) is None]
    if absent:
        yield config.hit(f"{provider}: without {' and '.join(absent)} there is no cap", hint, *at)
    elif not number(cap["budget_limit"]):
        said = "a limit of 0 is no limit: LiteLLM lets everything through"
        yield config.hit(f"{provider}: {said}", "take the provider out of model_list", *at, "budget_limit")
    elif period_seconds(cap["time_period"]) is None:
        yield config.hit(f"{provider}: {cap['time_period']!r} is no period", hint, *at, "time_period")


def _uncounted(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        settings, at = config.section(LITELLM), (LITELLM, "max_budget")
        if settings.get("max_budget") is None:
            continue
        if not number(settings["max_budget"]):
            yield config.hit("a max_budget of 0 is no budget: LiteLLM lets everything through", "", *at)
        if settings.get("budget_duration") is None:
            hint = "write budget_duration: 1d beside it"
            yield config.hit("max_budget without budget_duration: LiteLLM ends when it reads it", hint, *at)
        if not (proxy.view.service.env.get("DATABASE_URL") or config.section(GENERAL).get("database_url")):
            hint = "give it DATABASE_URL, or cap the providers under router_settings"
            yield config.hit("max_budget without a database: nothing is counted against it", hint, *at)


def _unused(subject: Subject) -> Iterator[Hit]:
    for proxy, config in configured(subject):
        settings = proxy.settings
        whole = config.section(LITELLM)
        for key in ("max_budget", "budget_duration"):
            value = getattr(settings, key)
            if value is not None and (number(whole.get(key)) or whole.get(key)) != value:
                message = f"settings.{key} is {value}, and config.yaml says {whole.get(key, 'nothing')}"
                yield proxy.hit(
                    message, f"in the template: {key}: {{{{ service.settings.{key} }}}}", "settings", key
                )
        for provider, budget in settings.provider_budgets.items():
            cap = config.section(ROUTER, CAPS, provider)
            if (number(cap.get("budget_limit")), cap.get("time_period")) != (budget.limit, budget.period):
                message = f"settings.provider_budgets.{provider} is not what config.yaml says"
                hint = "make provider_budget_config of service.settings.provider_budgets (docs/stacks/litellm.md)"
                yield proxy.hit(message, hint, "settings", "provider_budgets", provider)


RULES = (
    Rule(
        "LLM003",
        "apps",
        "error",
        "LiteLLM: a budget where it has no effect",
        "general_settings and litellm_settings take any key, and a cap reads only budget_limit and time_period: the proxy starts, "
        "and nothing is limited.",
        "litellm_settings.max_budget and budget_duration for the whole; router_settings.provider_budget_config for providers.",
        "budget_limiter.py _init_provider_budgets (1.81.3, 1.109.1); run 1.81.3; audit: LiteLLM provider budget",
        _without_effect,
    ),
    Rule(
        "LLM004",
        "apps",
        "error",
        "LiteLLM: a budget that nothing counts",
        "The budget of the whole proxy lives in its database, as a user with a period: without a database it is not enforced, "
        "without a period the proxy fails.",
        "budget_duration beside max_budget, and a DATABASE_URL.",
        "1.81.3 proxy_server.py 767 and 4631",
        _uncounted,
    ),
    Rule(
        "LLM015",
        "apps",
        "error",
        "LiteLLM: a budget of the settings that the configuration does not have",
        "Settings feed the template; what the template does not take does nothing.",
        "Use service.settings in the template of config.yaml.",
        "docs/stacks/litellm.md",
        _unused,
    ),
)
