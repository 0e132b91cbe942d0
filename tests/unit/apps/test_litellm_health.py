"""Probes that cost money: found wherever they stand, with what a day of them costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import marked, places
from tests.unit.apps.proxies import CONFIG, LITELLM, findings, project

HEALTHCHECK = "  test: [CMD, python, -c, \"import urllib.request as u;u.urlopen('http://127.0.0.1:4000/health/readiness',timeout=5)\"]\n"
GENERAL = "general_settings:\n"


def checked(tmp_path: Path, test: str, *more: str) -> Path:
    lines = "".join(f"  {line}\n" for line in (f"test: {test}", *more))
    return project(tmp_path, service=changed(LITELLM, [(HEALTHCHECK, lines)]))


@pytest.mark.parametrize(
    "test",
    [
        '[CMD, curl, -f, "http://localhost:4000/health"]',
        '[CMD-SHELL, "curl -fsS http://127.0.0.1:4000/health || exit 1"]',
        "curl -f http://0.0.0.0:4000/health -H x",
        '[CMD, wget, -qO-, "http://litellm:4000/health/"]',
        "[CMD, python, -c, \"import http.client as h;c=h.HTTPConnection('localhost',4000);c.request('GET','/health')\"]",
        '[CMD, curl, "http://localhost:4000/health?model=main"]',
    ],
)
def test_a_healthcheck_on_bare_health_is_found(test: str, tmp_path: Path) -> None:
    (found,) = findings(checked(tmp_path, test), "LLM013")
    assert found.refuses


@pytest.mark.parametrize(
    "path", ["/health/readiness", "/health/liveliness", "/health/liveness", "/healthz", "/"]
)
def test_a_healthcheck_that_calls_no_model_is_not(path: str, tmp_path: Path) -> None:
    assert findings(checked(tmp_path, f'[CMD, curl, "http://localhost:4000{path}"]'), "LLM013") == []


OWN = (
    "http: {port: 4000, path: /health}",
    'http: {url: "http://192.0.2.1:4100/health", from: here}',
    "command: {argv: [python, -c, \"x('http://127.0.0.1:4000/health')\"]}",
)


def with_check(tmp_path: Path, text: str) -> Path:
    return project(tmp_path, service=LITELLM + f"checks:\n  - {{name: a, {text}}}\n")


@pytest.mark.parametrize("text", OWN)
def test_a_check_of_the_stack_file_on_bare_health_is_found_in_its_line(text: str, tmp_path: Path) -> None:
    root = with_check(tmp_path, text)
    (found,) = findings(root, "LLM013")
    stack = (root / "stacks" / "apps.yml").read_text().splitlines()
    assert "name: a" in stack[found.hit.place.line - 1]
    assert found.refuses


@pytest.mark.parametrize(
    "text",
    [
        *(f"{one}, metered: true" for one in OWN),
        "http: {port: 4000, path: /health/readiness}",
        "http: {port: 4001, path: /health}",
    ],
)
def test_one_that_says_that_it_costs_money_or_calls_no_model_is_not(text: str, tmp_path: Path) -> None:
    assert findings(with_check(tmp_path, text), "LLM013") == []


def test_the_daily_cost_is_models_by_price_by_checks_a_day(tmp_path: Path) -> None:
    """Two billed models of three, every 30 s: 2 * 0.0002 * 2880."""
    (found,) = findings(
        checked(tmp_path, '[CMD, curl, "http://localhost:4000/health"]', "interval: 30s"), "LLM013"
    )
    assert "1.15 USD a day (2 billed models, 0.0002 USD a call, every 30 s)" in found.hit.message


def test_price_and_interval_are_those_that_are_said(tmp_path: Path) -> None:
    root = checked(tmp_path, '[CMD, curl, "http://localhost:4000/health"]', "interval: 1m")
    stack = root / "stacks" / "apps.yml"
    stack.write_text(changed(stack.read_text(), [("settings:\n", "settings:\n      price_per_call: 0.01\n")]))
    (found,) = findings(root, "LLM013")
    assert "28.80 USD a day (2 billed models, 0.01 USD a call, every 60 s)" in found.hit.message


def test_the_bill_of_the_audit(tmp_path: Path) -> None:
    """38 models every 38 s were 11.64 USD in 16 h: 17.46 USD a day."""
    models = "".join(
        f"  - model_name: m{at}\n    litellm_params: {{model: openrouter/m{at}}}\n" for at in range(36)
    )
    config = changed(CONFIG, [("litellm_settings:\n", models + "litellm_settings:\n")])
    test = '  test: [CMD, curl, "http://localhost:4000/health"]\n  interval: 38s\n'
    root = project(tmp_path, service=changed(LITELLM, [(HEALTHCHECK, test)]), config=config)
    cost = float(findings(root, "LLM013")[0].hit.message.split(" USD a day")[0].rpartition(" ")[2])
    assert cost == pytest.approx(11.64 / 16 * 24, rel=0.02)


@pytest.mark.parametrize(
    "service",
    [
        'image: a:1\nenv:\n  TARGET: "http://litellm:4000/health"  # <-\n',
        'image: a:1\ncommand: [probe, "litellm:4000/health"]  # <-\n',
        'image: a:1\nhealthcheck:  # <-\n  test: [CMD, curl, "http://litellm:4000/health"]\n',
        'image: a:1\nenv:\n  TARGET: "http://192.0.2.1:4100/health"  # <-\n',
        'image: a:1\nnetwork_mode: "service:litellm"\nenv:\n  TARGET: "http://localhost:4000/health"  # <-\n',
    ],
)
def test_services_beside_it_that_ask(service: str, tmp_path: Path) -> None:
    root = project(tmp_path, probe=service)
    found = findings(root, "LLM013")
    assert places(found) == marked(root)
    assert [one.hit.service for one in found] == ["probe"]


def test_a_file_of_a_service_that_asks(tmp_path: Path) -> None:
    probe = "image: a:1\nfiles:\n  - {template: gatus.yaml.j2, target: /config/config.yaml}\n"
    root = project(tmp_path, probe=probe)
    (root / "templates" / "gatus.yaml.j2").write_text(
        "{% for name in ['a', 'b'] %}\n# {{ name }}\n{% endfor %}\nendpoints:\n  - name: llm\n"
        "    url: http://{{ services.litellm.name }}:4000/health  # <-\n  - name: fine\n"
        "    url: http://litellm:4000/health/readiness\n"
    )
    assert places(findings(root, "LLM013")) == marked(root)


def test_a_bare_health_calls_those_too_that_the_background_leaves_out(tmp_path: Path) -> None:
    root = checked(tmp_path, '[CMD, curl, "http://localhost:4000/health"]')
    dear = "    model_info: {disable_background_health_check: true}\n  - model_name: spare"
    (root / "templates/litellm/config.yaml.j2").write_text(changed(CONFIG, [("  - model_name: spare", dear)]))
    assert "(2 billed models" in findings(root, "LLM013")[0].hit.message


def test_another_port_of_the_host_is_another_service(tmp_path: Path) -> None:
    metrics = changed(LITELLM, [('ports: ["192.0.2.1:4100:4000"]', 'ports: ["192.0.2.1:4200:9090"]')])
    far = 'image: a:1\nenv:\n  A: "http://192.0.2.1:4200/health"\n'
    assert findings(project(tmp_path, service=metrics, watch=far), "LLM013") == []


def test_from_another_host_only_the_published_port_leads_there(tmp_path: Path) -> None:
    far = 'image: a:1\nenv:\n  A: "http://192.0.2.1:4100/health"  # <-\n  B: "http://litellm:4000/health"\n'
    root = project(tmp_path, watch=far)
    assert places(findings(root, "LLM013")) == marked(root)


@pytest.mark.parametrize(
    "target",
    [
        "http://other:4000/health",
        "http://litellm:4001/health",
        "http://litellm:4000/healthz",
        "http://localhost:4000/health",
    ],
)
def test_what_asks_something_else_is_not_found(target: str, tmp_path: Path) -> None:
    root = project(tmp_path, probe=f'image: a:1\nenv:\n  TARGET: "{target}"\n')
    assert findings(root, "LLM013") == []


def test_background_checks_cost_by_their_interval(tmp_path: Path) -> None:
    on = GENERAL + "  background_health_checks: yes\n  health_check_interval: 3600\n"
    root = project(tmp_path / "a", config=changed(CONFIG, [(GENERAL, on)]))
    assert "0.01 USD a day (2 billed models" in findings(root, "LLM012")[0].hit.message
    off = changed(CONFIG, [(GENERAL, on.replace("3600", "0"))])
    assert findings(project(tmp_path / "b", config=off), "LLM012") == []


def test_models_that_are_left_out_cost_nothing_in_the_background(tmp_path: Path) -> None:
    on = GENERAL + "  background_health_checks: true\n"
    dear = "    model_info: {disable_background_health_check: true}\n  - model_name: spare"
    config = changed(CONFIG, [(GENERAL, on), ("  - model_name: spare", dear)])
    assert "(1 billed models" in findings(project(tmp_path, config=config), "LLM012")[0].hit.message


def test_with_background_checks_bare_health_costs_nothing_and_is_still_refused(tmp_path: Path) -> None:
    root = checked(tmp_path, '[CMD, curl, "http://localhost:4000/health"]')
    template = root / "templates" / "litellm" / "config.yaml.j2"
    template.write_text(changed(CONFIG, [(GENERAL, GENERAL + "  background_health_checks: true\n")]))
    (found,) = findings(root, "LLM013")
    assert "USD" not in found.hit.message
    assert found.refuses
