"""A small project with one LiteLLM service whose configuration is a template."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from tests.unit.apps import linted

from opsctl.rules.engine import Finding

HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web", "other"]
[hosts.web]
addresses = ["192.0.2.1"]
stacks = ["apps"]
[hosts.other]
addresses = ["192.0.2.2"]
stacks = ["watch"]
"""
LITELLM = """\
app: litellm
image: ghcr.io/berriai/litellm:v1.89.1
command: [--config, /app/config.yaml, --port, "4000"]
ports: ["192.0.2.1:4100:4000"]
env:
  LITELLM_MASTER_KEY: {secret: litellm_master_key}
  DATABASE_URL: "postgresql://litellm:{{ secret('litellm_db') }}@db/litellm"
settings:
  max_budget: 5
  budget_duration: 1d
  provider_budgets:
    openrouter: {limit: 3, period: 1d}
    anthropic: {limit: 1, period: 1d}
healthcheck:
  test: [CMD, python, -c, "import urllib.request as u;u.urlopen('http://127.0.0.1:4000/health/readiness',timeout=5)"]
files:
  - {template: litellm/config.yaml.j2, target: /app/config.yaml}
"""
CONFIG = """\
# {{ service.name }}
model_list:
  - model_name: main
    litellm_params: {model: openrouter/x/y, api_key: os.environ/OPENROUTER_API_KEY}
  - model_name: spare
    litellm_params: {model: anthropic/claude, api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: local
    litellm_params: {model: ollama/llama, api_base: "http://ollama:11434"}
litellm_settings:
  max_budget: {{ service.settings.max_budget }}
  budget_duration: {{ service.settings.budget_duration }}
router_settings:
  redis_host: redis
  fallbacks: [{main: [spare]}, {spare: [local]}]
  provider_budget_config:
{% for name, budget in service.settings.provider_budgets.items() %}
    {{ name }}: {budget_limit: {{ budget.limit }}, time_period: {{ budget.period }}}
{% endfor %}
general_settings:
  store_model_in_db: false
"""


def project(
    root: Path, *, service: str = LITELLM, config: str = CONFIG, watch: str = "", **more: str
) -> Path:
    """`more` are services beside it, `watch` one of another host."""
    for folder in ("stacks", "templates/litellm"):
        (root / folder).mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS)
    (root / "templates" / "litellm" / "config.yaml.j2").write_text(config)
    (root / "stacks" / "apps.yml").write_text(_stack({"litellm": service, **more}))
    (root / "stacks" / "watch.yml").write_text(_stack({"watch": watch} if watch else {}))
    return root


def _stack(services: Mapping[str, str]) -> str:
    texts = (f"  {name}:\n{textwrap.indent(text, '    ')}" for name, text in services.items())
    return "services:\n" + "".join(texts) if services else ""


def findings(root: Path, rule: str = "LLM") -> list[Finding]:
    """Of one rule, or of all those of LiteLLM."""
    return linted.findings(root, rule)
