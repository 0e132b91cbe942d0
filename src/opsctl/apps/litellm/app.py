"""LiteLLM as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.litellm import access, budgets, caps, health, keys
from opsctl.apps.litellm.settings import Settings
from opsctl.apps.litellm.trial import takes_its_config
from opsctl.checks.gates import Gate

# The image has python, and neither curl nor wget.
_ASK = "import urllib.request as u;u.urlopen('http://127.0.0.1:4000/health/readiness',timeout=5)"

LITELLM = App(
    name="litellm",
    settings=Settings,
    rules=tuple(
        sorted(
            (*keys.RULES, *budgets.RULES, *caps.RULES, *access.RULES, *health.RULES), key=lambda rule: rule.id
        )
    ),
    gate=Gate("its migrations of the database (prisma) have no way back", trial=takes_its_config),
    page="stacks/litellm.md",
    probe=("CMD", "python", "-c", _ASK),
    checks=partial(resolve_name, "opsctl.apps.litellm.checks:CHECKS"),
    reload="read at the start only: a changed config.yaml is a recreate, the default of on_change",
    upgrades=(
        Upgrade(
            "1.81.3",
            "health_check_interval under router_settings ends the proxy; before, it was ignored (LLM002).",
        ),
        Upgrade(
            "1.82.7",
            "1.82.7 and 1.82.8 are malicious: go from 1.82.6 or earlier straight to 1.83.0 or later (LLM011).",
        ),
        Upgrade("1.89.1", "Tags are plain (v1.89.1); until about 1.83.14 they end in -stable."),
        Upgrade(
            "1.109.1",
            "A master key that is not set, or the sk-1234 of the documentation, ends the proxy at its start; which release after "
            "1.89.1 began with it is not known (LLM010).",
        ),
        Upgrade("1.109.1", "/health/readiness answers status and db only; details moved behind a key."),
    ),
)
