"""Every rule of LiteLLM: the smallest broken example is found in its file, at its line, and the right one is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import marked, places
from tests.unit.apps.proxies import CONFIG, LITELLM, findings, project

from opsctl.apps.litellm.app import LITELLM as APP

GENERAL = "general_settings:\n"
ROUTER = "router_settings:\n"
WHOLE = "litellm_settings:\n"
# By rule: edits of the service, edits of the template; `# <-` is the line where it is found.
CASES: Mapping[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "LLM001": ([], [(GENERAL, GENERAL + "  store_model_in_dbs: true  # <-\n")]),
    "LLM002": ([], [(ROUTER, ROUTER + "  health_check_interval: 0  # <-\n")]),
    "LLM003": ([], [(GENERAL, GENERAL + "  max_budget: 5  # <-\n")]),
    "LLM004": (
        [("  DATABASE_URL: \"postgresql://litellm:{{ secret('litellm_db') }}@db/litellm\"\n", "")],
        [("max_budget }}", "max_budget }} # <-")],
    ),
    "LLM005": (
        [],
        [
            (
                "  - model_name: local",
                "  - model_name: new  # <-\n    litellm_params: {model: openai/gpt-5}\n  - model_name: local",
            )
        ],
    ),
    "LLM006": (
        [("anthropic: {limit: 1, period: 1d}", "anthropic: {limit: 1, period: 1w}")],
        [("provider_budget_config:", "provider_budget_config: # <-")],
    ),
    "LLM007": (
        [("openrouter: {limit: 3", "openrouter: {limit: 4.5")],
        [("provider_budget_config:", "provider_budget_config: # <-")],
    ),
    "LLM008": (
        [],
        [("  redis_host: redis\n", ""), ("provider_budget_config:", "provider_budget_config: # <-")],
    ),
    "LLM009": ([], [("{main: [spare]}, ", ""), ("  - model_name: main", "  - model_name: main  # <-")]),
    "LLM010": ([("{secret: litellm_master_key}", "sk-1234  # <-")], []),
    "LLM011": ([("v1.89.1", "v1.82.7-stable  # <-")], []),
    "LLM012": ([], [(GENERAL, GENERAL + "  background_health_checks: true  # <-\n")]),
    "LLM013": ([("healthcheck:", "healthcheck:  # <-"), ("/health/readiness", "/health")], []),
    "LLM014": ([("v1.89.1", "main-stable  # <-")], []),
    "LLM015": ([("max_budget: 5", "max_budget: 5  # <-")], [("{{ service.settings.max_budget }}", "6")]),
}


def test_the_right_one_has_no_finding(tmp_path: Path) -> None:
    assert [one.hit.message for one in findings(project(tmp_path))] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    """One mistake is told once, by the rule that knows most of it."""
    service, config = CASES[rule]
    root = project(tmp_path, service=changed(LITELLM, service), config=changed(CONFIG, config))
    found = findings(root)
    assert places(found) == marked(root)
    assert [(one.rule.id, one.hit.service) for one in found] == [(rule, "litellm")]


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "edit,hint",
    [
        (
            (GENERAL, GENERAL + "  num_retries: 3 # <-\n"),
            "write it under litellm_settings or router_settings",
        ),
        ((WHOLE, WHOLE + "  background_health_checks: false # <-\n"), "write it under general_settings"),
        ((WHOLE, WHOLE + "  drop_parms: true # <-\n"), "did you mean 'drop_params'?"),
        ((GENERAL, GENERAL + "  guardrail_list: [] # <-\n"), "write it under router_settings"),
        ((GENERAL, "model_lists: [] # <-\n" + GENERAL), "did you mean 'model_list'?"),
        ((GENERAL, GENERAL + "  prompts: [] # <-\n"), "write it at the top of the file"),
    ],
)
def test_an_unknown_key_says_where_it_belongs(edit: tuple[str, str], hint: str, tmp_path: Path) -> None:
    root = project(tmp_path, config=changed(CONFIG, [edit]))
    (found,) = findings(root, "LLM001")
    assert (found.hit.place.file, found.hit.place.line) == marked(root)[0]
    assert hint in found.hit.hint


@pytest.mark.parametrize(
    "tag,wrong",
    [
        ("v1.81.3-stable", True),
        ("v1.89.1", True),
        ("v1.95.0", False),
        ("v1.109.1", False),
        ("v1.120.0", False),
        ("main-latest", False),
    ],
)
def test_keys_are_those_of_the_version(tag: str, wrong: bool, tmp_path: Path) -> None:
    """`apply_user_budget_to_team_keys` came between 1.89.1 and 1.109.1: between two lists nobody can say, so it is taken."""
    config = changed(CONFIG, [(GENERAL, GENERAL + "  apply_user_budget_to_team_keys: x\n")])
    root = project(tmp_path, service=changed(LITELLM, [("v1.89.1", tag)]), config=config)
    assert bool(findings(root, "LLM001")) is wrong


def test_a_key_that_the_settings_allow_is_taken(tmp_path: Path) -> None:
    service = changed(LITELLM, [("settings:\n", "settings:\n  allowed_keys: [general_settings.brand_new]\n")])
    root = project(
        tmp_path, service=service, config=changed(CONFIG, [(GENERAL, GENERAL + "  brand_new: 1\n")])
    )
    assert findings(root) == []


@pytest.mark.parametrize(
    "command,target",
    [
        ("", "/app/config.yaml"),
        ("command: --config=/etc/llm.yaml --port=4000\n", "/etc/llm.yaml"),
        ("command: [-c, /etc/llm.yaml]\n", "/etc/llm.yaml"),
    ],
)
def test_the_configuration_is_found_however_it_is_named(command: str, target: str, tmp_path: Path) -> None:
    """Without a name it is the one at /app/config.yaml."""
    named = ('command: [--config, /app/config.yaml, --port, "4000"]\n', command)
    service = changed(LITELLM, [named, ("target: /app/config.yaml", f"target: {target}")])
    root = project(
        tmp_path, service=service, config=changed(CONFIG, [(GENERAL, "generl: 1 # <-\n" + GENERAL)])
    )
    assert places(findings(root)) == marked(root)


@pytest.mark.parametrize("tag,known", [("v1.109.9", True), ("v1.81.3-stable", True), ("v1.110.0", False)])
def test_a_version_above_the_newest_list_is_named(tag: str, known: bool, tmp_path: Path) -> None:
    root = project(tmp_path, service=changed(LITELLM, [("v1.89.1", tag)]))
    assert [one.rule.id for one in findings(root)] == ([] if known else ["LLM014"])


def test_a_configuration_that_opsctl_does_not_mount_is_no_pass(tmp_path: Path) -> None:
    service = changed(LITELLM, [("/app/config.yaml, --port", "/data/config.yaml, --port")])
    (found,) = findings(project(tmp_path, service=service), "LLM001")
    assert found.hit.unknown


@pytest.mark.parametrize(
    "edit,message",
    [
        ((GENERAL, "router_settings: {}  # <-\n" + GENERAL), "'router_settings' is given twice"),
        ((GENERAL, "general_settings: [a]\nx:\n"), "general_settings is a mapping"),
        ((GENERAL, "\tgeneral_settings: # <-\n"), "not YAML"),
    ],
)
def test_a_configuration_that_cannot_be_meant(edit: tuple[str, str], message: str, tmp_path: Path) -> None:
    root = project(tmp_path, config=changed(CONFIG, [edit]))
    assert any(message in one.hit.message and one.refuses for one in findings(root, "LLM001"))


@pytest.mark.parametrize(
    "cap",
    [
        "{max_budget: 1, budget_duration: 1d}",
        "{budget_limit: 1, time_period: 1d, max_budget: 1}",
        "{budget_limit: 1}",
        "{budget_limit: 0, time_period: 1d}",
        "{budget_limit: 1, time_period: often}",
        "null",
    ],
)
def test_a_cap_that_is_none(cap: str, tmp_path: Path) -> None:
    root = project(
        tmp_path, config=changed(CONFIG, [("{% endfor %}", "{% endfor %}\n    openai: " + cap + " # <-")])
    )
    found = findings(root, "LLM003")
    assert found
    assert set(places(found)) == set(marked(root))


@pytest.mark.parametrize(
    "section,key",
    [
        (WHOLE, "provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}"),
        (GENERAL, "provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}"),
        (GENERAL, "budget_duration: 1d"),
        (ROUTER, "max_budget: 5"),
    ],
)
def test_budgets_where_they_have_no_effect(section: str, key: str, tmp_path: Path) -> None:
    root = project(tmp_path, config=changed(CONFIG, [(section, f"{section}  {key} # <-\n")]))
    assert places(findings(root, "LLM003")) == marked(root)
    assert findings(root, "LLM001") == []


def test_a_budget_without_a_period_ends_the_proxy(tmp_path: Path) -> None:
    config = changed(CONFIG, [("  budget_duration: {{ service.settings.budget_duration }}\n", "")])
    assert "without budget_duration" in findings(project(tmp_path, config=config), "LLM004")[0].hit.message


def test_a_budget_of_nothing_is_none(tmp_path: Path) -> None:
    root = project(tmp_path, config=changed(CONFIG, [("{{ service.settings.max_budget }}", "0 # <-")]))
    assert places(findings(root, "LLM004")) == marked(root)


def test_what_sends_no_bill_needs_no_cap(tmp_path: Path) -> None:
    models = (
        "  - model_name: own\n    litellm_params: {model: openai/x, api_base: 'http://vllm:8000/v1'}\n"
        "  - model_name: near\n    litellm_params: {model: openai/x, api_base: 'http://10.0.0.9/v1'}\n"
        "  - model_name: free\n    litellm_params: {model: 'groq/x:free'}\n"
        "  - model_name: own-cap\n    litellm_params: {model: mistral/x, max_budget: 1, budget_duration: 1d}\n"
    )
    root = project(tmp_path, config=changed(CONFIG, [(WHOLE, models + WHOLE)]))
    assert findings(root, "LLM005") == []


def test_caps_are_taken_to_the_period_of_the_whole(tmp_path: Path) -> None:
    """3 USD in 12 hours and 1 in a day are 7 in a day."""
    service = changed(
        LITELLM, [("openrouter: {limit: 3, period: 1d}", "openrouter: {limit: 3, period: 12h}")]
    )
    (found,) = findings(project(tmp_path, service=service), "LLM007")
    assert "the caps come to 7 USD in 1d, max_budget is 5" in found.hit.message


def test_a_cache_lends_its_redis_to_the_router(tmp_path: Path) -> None:
    cached = changed(CONFIG, [("  redis_host: redis\n", ""), (WHOLE, WHOLE + "  cache: true\n")])
    assert findings(project(tmp_path / "a", config=cached), "LLM008") == []
    local = changed(cached, [("  cache: true\n", "  cache: true\n  cache_params: {type: local}\n")])
    assert len(findings(project(tmp_path / "b", config=local), "LLM008")) == 1


@pytest.mark.parametrize("fallbacks", ["default_fallbacks: [spare]", "fallbacks: [{'*': [spare]}]"])
def test_a_default_fallback_is_one(fallbacks: str, tmp_path: Path) -> None:
    config = changed(CONFIG, [("fallbacks: [{main: [spare]}, {spare: [local]}]", fallbacks)])
    assert findings(project(tmp_path, config=config), "LLM009") == []


def test_a_fallback_to_the_same_provider_is_none(tmp_path: Path) -> None:
    more = "  - model_name: again\n    litellm_params: {model: openrouter/z}\n"
    config = changed(CONFIG, [(WHOLE, more + WHOLE), ("{main: [spare]}", "{main: [again]}")])
    assert "main" in findings(project(tmp_path, config=config), "LLM009")[0].hit.message


@pytest.mark.parametrize(
    "key,message",
    [
        ('""', "is not set"),
        ("sk-1234", "is the one of LiteLLM's documentation"),
        ("hunter2-hunter2-hunter2", "does not begin with sk-"),
        ("sk-short", "short enough to be guessed"),
        ("sk-0123456789abcdef0123456789abcdef", ""),
    ],
)
def test_master_keys(key: str, message: str, tmp_path: Path) -> None:
    root = project(tmp_path, service=changed(LITELLM, [("{secret: litellm_master_key}", key)]))
    found = findings(root, "LLM010")
    assert [message in one.hit.message for one in found] == ([True] if message else [])
    assert not any(key.strip('"') in one.hit.message for one in found if key != '""')


def test_the_master_key_of_the_file_wins(tmp_path: Path) -> None:
    root = project(
        tmp_path / "a", config=changed(CONFIG, [(GENERAL, GENERAL + "  master_key: sk-1234 # <-\n")])
    )
    assert places(findings(root, "LLM010")) == marked(root)
    named = changed(CONFIG, [(GENERAL, GENERAL + "  master_key: os.environ/LITELLM_MASTER_KEY\n")])
    assert findings(project(tmp_path / "b", config=named), "LLM010") == []


def test_a_malicious_release_is_found_without_an_app(tmp_path: Path) -> None:
    box = "image: ghcr.io/berriai/litellm:v1.82.8-stable  # <-\n"
    tool = "image: python:3.12\ncommand: [sh, -c, 'pip install litellm[proxy]==1.82.7']  # <-\n"
    fine = "image: ghcr.io/berriai/litellm:v1.83.0-stable\ncommand: pip install litellm==1.82.70\n"
    root = project(tmp_path, box=box, tool=tool, fine=fine)
    (root / "templates" / "Dockerfile").write_text("FROM python:3\nRUN pip install 'litellm==1.82.8' # <-\n")
    assert sorted(places(findings(root, "LLM011"))) == sorted(marked(root))
