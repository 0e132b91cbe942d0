"""What the operator states of a LiteLLM proxy: for the template of its config.yaml, and for the rules."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.frozen import Frozen
from opsctl.model.values import Unfit

PRICE_PER_CALL = 0.0002
"""USD for one health check of one model: the audit's bill, 11.64 USD in 16 h for 38 models every 38 s, is 57,600 calls."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 30 * 86400}
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "1w", "monthly": "1mo"}
_PERIOD = re.compile(r"([1-9]\d*)(s|mo|m|h|d|w)")


def period_seconds(text: object) -> int | None:
    """Seconds of a period of LiteLLM; None for what is none. The words are known to 1.109.1, not to 1.89.1."""
    match = _PERIOD.fullmatch(_WORDS.get(text, text)) if isinstance(text, str) else None
    return int(match[1]) * _SECONDS[match[2]] if match else None


def check_period(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or value in _WORDS or period_seconds(value) is None:
        raise Unfit(f"{value!r} is not a period such as 1d", "write a number and one of s, m, h, d, w, mo")
    return value


Period = Annotated[
    str,
    BeforeValidator(check_period),
    WithJsonSchema({"type": "string", "pattern": f"^{_PERIOD.pattern}$", "examples": ["1d", "1mo"]}),
]
Dollars = Annotated[float, Field(gt=0)]
"""More than nothing: LiteLLM takes a limit of 0 for no limit (budget_limiter.py, proxy_server.py 767; 1.81.3)."""


class ProviderBudget(Frozen):
    """A cap in USD for one provider in one period."""

    limit: Dollars
    period: Period


class Settings(Frozen):
    """`price_per_call` is what one health check of one model is taken to cost, in USD. `allowed_keys` are keys of config.yaml
    that the rules shall take although no list has them, as `general_settings.name`.
    """

    max_budget: Dollars | None = None
    budget_duration: Period | None = None
    provider_budgets: dict[str, ProviderBudget] = Field(default_factory=dict)
    price_per_call: Annotated[float, Field(ge=0)] = PRICE_PER_CALL
    allowed_keys: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _budget_has_a_period(self) -> Self:
        if self.max_budget is not None and self.budget_duration is None:
            raise Unfit("max_budget needs a budget_duration", "write budget_duration: 1d beside it")
        return self
