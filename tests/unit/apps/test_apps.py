"""`app` and `settings` in a stack file, apps that packages bring, and the pages about apps."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.unit.apps.edits import changed
from tests.unit.apps.proxies import LITELLM, project
from tests.unit.inputs.folder import marked, problems, write

from opsctl.apps.app import App
from opsctl.apps.catalogue import BUILT_IN, GROUP, all_checks, all_rules, apps_of, built_in_apps, find_app
from opsctl.errors import Problem
from opsctl.inputs.project import load
from opsctl.inputs.schemas import json_schema
from opsctl.model.values import Unfit
from opsctl.model.yaml_document import read_yaml
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder

DOCS = Path(__file__).parents[3] / "docs"
_HEAD = "services:\n  api:\n    image: a:1\n"


@pytest.mark.parametrize(
    "lines,message,hint",
    [
        ("app: litelm # <-", "services.api.app: there is no app 'litelm'", "did you mean 'litellm'?"),
        ("settings: {a: 1} # <-", "services.api: settings without an app", "name it: app: litellm"),
        (
            "app: litellm\n    settings:\n      max_budgt: 5 # <-",
            "services.api.settings: unknown key 'max_budgt'",
            "did you mean 'max_budget'?",
        ),
        (
            "app: litellm\n    settings: {max_budget: 5} # <-",
            "services.api.settings: max_budget needs a budget_duration",
            "write budget_duration: 1d beside it",
        ),
        (
            "app: litellm\n    settings:\n      provider_budgets:\n        openai: {limit: 1, period: 1d, perod: 1d} # <-",
            "services.api.settings.provider_budgets.openai: unknown key 'perod'",
            "did you mean 'period'?",
        ),
        (
            "app: litellm\n    settings:\n      budget_duration: often # <-",
            "services.api.settings.budget_duration: 'often' is not a period such as 1d",
            "write a number and one of s, m, h, d, w, mo",
        ),
        (
            "app: litellm\n    settings:\n      provider_budgets:\n        openai: {limit: 0, period: 1d} # <-",
            "services.api.settings.provider_budgets.openai.limit: must be more than 0",
            "",
        ),
        (
            'app: litellm\n    settings:\n      price_per_call: "{{ vars.domain }}" # <-',
            "services.api.settings.price_per_call: must be a number",
            "",
        ),
        (
            'app: litellm\n    settings:\n      allowed_keys: ["{{ vars.nope }}"] # <-',
            "services.api.settings.allowed_keys.0: there is no variable 'nope' on the host 'web'",
            "known: domain",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_line(lines: str, message: str, hint: str, tmp_path: Path) -> None:
    files = {"stacks/apps.yml": f"{_HEAD}    {lines}\n"}
    assert problems(write(tmp_path, dict(files))) == (Problem(*marked(dict(files)), message, hint),)


def test_settings_reach_the_templates_complete_and_rendered(tmp_path: Path) -> None:
    service = changed(
        LITELLM, [("settings:\n", "settings:\n  allowed_keys: ['general_settings.{{ host.name }}']\n")]
    )
    probe = "image: a:1\nenv:\n  A: '{{ services.litellm.settings.price_per_call }} {{ services.probe.settings }}'\n"
    probe += "  B: '{{ services.litellm.settings.allowed_keys | join }}'\n"
    fleet = load(project(tmp_path, service=service, probe=probe))
    env = render(fleet, "prod", placeholder, login=login_placeholder).hosts[1].services["probe"].env
    assert env == {"A": "0.0002 {}", "B": "general_settings.web"}


def test_settings_differ_by_environment(tmp_path: Path) -> None:
    service = LITELLM + "overrides: {prod: {settings: {max_budget: 9}}}\n"
    settings = load(project(tmp_path, service=service)).stacks["prod", "apps"].services["litellm"].settings
    assert (settings["max_budget"], settings["budget_duration"]) == (9.0, "1d")


def test_the_rules_of_an_app_are_among_all(tmp_path: Path) -> None:
    fleet = load(project(tmp_path))
    assert apps_of(fleet) == {"litellm"}
    assert {rule.id for app in built_in_apps() for rule in app.rules} <= {rule.id for rule in all_rules()}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages with a distribution that brings apps from the module `brought`."""
    info = tmp_path / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    names = ("acme", "wrong", "broken", "other", "taken")
    lines = "".join(f"{name} = brought_apps:{name}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
    (tmp_path / "brought_apps.py").write_text(
        "from dataclasses import replace\n"
        "from opsctl.apps.litellm.app import LITELLM\n"
        "rule = replace(LITELLM.rules[0], id='ACM001')\n"
        "check = replace(LITELLM.checks()[0], id='V-ACM-001')\n"
        "acme = replace(LITELLM, name='acme', rules=(rule,), checks=lambda: (check,))\n"
        "wrong = 'no app'\nother = acme\ntaken = replace(LITELLM, name='taken')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("brought_apps", None)


def test_each_name_leads_to_the_app_of_that_name() -> None:
    assert [app.name for app in built_in_apps()] == list(BUILT_IN)


def test_a_package_brings_an_app(package: Path) -> None:
    assert find_app("acme").name == "acme"
    assert "ACM001" in {rule.id for rule in all_rules(["acme", "litellm"])}
    assert "ACM001" not in {rule.id for rule in all_rules()}
    assert "V-ACM-001" in {check.id for check in all_checks(["acme"])}
    assert "V-ACM-001" not in {check.id for check in all_checks()}


@pytest.mark.parametrize(
    "name,message",
    [
        ("broken", "the app 'broken' cannot be loaded: AttributeError: "),
        ("wrong", "the app 'wrong' is not an App of that name"),
        ("other", "the app 'other' is not an App of that name"),
        ("taken", "the app 'taken' uses LLM001, "),
    ],
)
def test_a_package_that_brings_no_usable_app_is_named(name: str, message: str, package: Path) -> None:
    with pytest.raises(Unfit, match=re.escape(message)) as caught:
        find_app(name)
    assert "mend or remove acme, which brings it as brought_apps:" in caught.value.hint


def test_a_name_that_nobody_has(package: Path) -> None:
    with pytest.raises(Unfit) as caught:
        find_app("acne")
    assert caught.value.hint == "did you mean 'acme'?"


@pytest.mark.parametrize(
    "text,good",
    [
        ("app: litellm\n    settings: {max_budget: 5, budget_duration: 1d}", True),
        ("app: litellm\n    settings: {provider_budgets: {openai: {limit: 1, period: 1d}}}", True),
        ("app: of-my-own\n    settings: {anything: 1}", True),
        ("app: litellm\n    settings: {max_budgt: 5}", False),
        ("app: litellm\n    settings: {provider_budgets: {openai: {limit: 1, perod: 1d}}}", False),
        ("settings: {a: 1}", False),
    ],
)
def test_the_schema_knows_the_settings(text: str, good: bool) -> None:
    value = read_yaml("x", f"{_HEAD}    {text}\n".encode()).value
    assert Draft202012Validator(json_schema("stack")).is_valid(value) is good


@pytest.mark.parametrize("app", built_in_apps(), ids=lambda app: app.name)
def test_the_page_of_an_app_has_all_that_the_app_says(app: App) -> None:
    page = (DOCS / app.page).read_text(encoding="utf-8")
    said = [f"| `{name}` |" for name in app.settings.model_fields]
    said += [f"[{rule.id}](../reference/rules.md#{rule.id.lower()})" for rule in app.rules]
    said += [f"[{check.id}](../reference/checks.md#{check.id.lower()})" for check in app.checks()]
    said += [f"| {one.since} | {one.text} |" for one in app.upgrades]
    said += [app.reload, app.probe[-1]]
    assert [one for one in said if one not in page] == []
    row = next(
        line for line in (DOCS / "stacks" / "README.md").read_text().splitlines() if f"`{app.name}`" in line
    )
    assert app.page.removeprefix("stacks/") in row
    assert f"{app.rules[0].id} to {app.rules[-1].id}" in row


def test_pages_link_to_rules_that_exist() -> None:
    linked = {
        anchor
        for page in (DOCS / "stacks").glob("*.md")
        for anchor in re.findall(r"rules\.md#(\w+)", page.read_text(encoding="utf-8"))
    }
    assert linked - {rule.id.lower() for rule in all_rules()} == set()
