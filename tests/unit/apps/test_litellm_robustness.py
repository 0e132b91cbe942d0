"""Whatever a configuration holds, the rules end: in findings, or in none."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.render.fleets import fleet_of

from opsctl.apps.litellm.app import LITELLM
from opsctl.render.fleet import render
from opsctl.rules.engine import apply
from opsctl.rules.subject import Subject

_KEYS = st.sampled_from(
    [
        *("model_list", "litellm_settings", "router_settings", "general_settings", "model_name", "model"),
        *("litellm_params", "model_info", "api_base", "max_budget", "budget_duration", "fallbacks", "cache"),
        *("cache_params", "type", "default_fallbacks", "provider_budget_config", "openai", "budget_limit"),
        *("time_period", "master_key", "background_health_checks", "health_check_interval", "x"),
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.sampled_from(["1d", "openai/x", "http://[", "x", ""])
)


def _branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4)


_VALUES = st.recursive(_SCALARS, _branches, max_leaves=12)


def _some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A mapping with some of the keys, each right or anything."""
    return st.fixed_dictionaries({}, optional={key: value | _VALUES for key, value in keys.items()})


_MODEL = st.sampled_from(["openai/x", "gpt-5", "ollama/x", "x"])
_PERIOD = st.sampled_from(["1d", "1w", "often"])
_PARAMS = _some(model=_MODEL, api_base=st.sampled_from(["http://[", "http://x:1", "//"]), max_budget=_SCALARS)
_CAPS = st.dictionaries(_KEYS, _some(budget_limit=st.integers(0, 9), time_period=_PERIOD), max_size=3)
_CHAINS = st.lists(
    st.dictionaries(st.sampled_from(["a", "*"]), st.lists(st.sampled_from(["a", "b"]) | _VALUES))
)
_FILES = _some(
    model_list=st.lists(
        _some(model_name=st.sampled_from(["a", "b"]), litellm_params=_PARAMS), min_size=1, max_size=4
    ),
    litellm_settings=_some(
        max_budget=st.integers(0, 9),
        budget_duration=_PERIOD,
        cache=st.just(value=True),
        cache_params=_some(type=_SCALARS),
    ),
    router_settings=_some(provider_budget_config=_CAPS, fallbacks=_CHAINS, redis_host=_SCALARS),
    general_settings=_some(
        master_key=_SCALARS,
        background_health_checks=st.just(value=True),
        health_check_interval=st.integers(0, 9),
    ),
)


@tries(60)
@given(_FILES | _VALUES)
def test_rules_end_for_every_configuration(config: Any) -> None:
    files = [{"content": json.dumps(config), "target": "/app/config.yaml"}]
    fleet = fleet_of({"app": {"app": "litellm", "files": files}})
    desired = render(fleet, "prod", str)
    report = apply(LITELLM.rules, Subject(fleet, desired), "2026-11-26")
    assert all(one.hit.place.file for one in report.findings)
