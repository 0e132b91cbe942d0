"""The real LiteLLM beside our rules: what it does with our configuration, and what it lets pass that we refuse."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from tests.contract.alone import alone
from tests.contract.asking import put, situation
from tests.contract.models import Models
from tests.contract.ports import free_port
from tests.unit.apps.edits import changed
from tests.unit.apps.proxies import LITELLM, findings, project
from tests.unit.checks.answers import hold

from opsctl.apps.litellm.app import LITELLM as APP
from opsctl.apps.litellm.key_lists import GENERAL, LISTS, ROUTER
from opsctl.apps.litellm.key_lists import LITELLM as MODULE
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Question, Ran
from opsctl.checks.throwaway import Throwaway
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

PAGE = Path(__file__).parents[2] / "docs" / "stacks" / "litellm.md"
KEY = "sk-0123456789abcdef0123456789abcdef"
MAIN, SPARE = "openai/gpt-5-mini", "claude-haiku-4-5"
STARTING = 90.0
"""Seconds; 8 on a quiet machine."""


def template() -> str:
    """The one that the page tells people to copy."""
    found = re.search(r"```jinja\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@dataclass(frozen=True)
class Running:
    url: str
    log: Path

    def ask(self, path: str) -> requests.Response:
        return requests.get(self.url + path, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)

    def complete(self, model: str) -> int:
        """The status of one call of a model."""
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"Authorization": f"Bearer {KEY}"}
        return requests.post(
            self.url + "/v1/chat/completions", json=body, headers=headers, timeout=30
        ).status_code


class Site:
    """A project with the page's template, and the real program to start with what it renders to."""

    def __init__(self, program: Path, folder: Path, models: Models) -> None:
        self._program, self._folder, self._models = program, folder, models

    def made(self, *edits: tuple[str, str], service: tuple[tuple[str, str], ...] = ()) -> Path:
        root = self._folder / str(len(list(self._folder.iterdir())))
        text = changed(LITELLM, service)
        return project(root, service=text, config=changed(template(), edits))

    @contextmanager
    def process(self, root: Path) -> Iterator[tuple[subprocess.Popen[bytes], Running]]:
        """The proxy on what the project renders to, with nothing of our own environment."""
        fleet = load(root)
        hosts = render(fleet, "prod", lambda _name: KEY, login=login_placeholder).hosts
        service = next(host.services["litellm"] for host in hosts if "litellm" in host.services)
        config, log, port = root / "config.yaml", root / "log", free_port()
        config.write_bytes(service.files[0].content)
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(root),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": service.env["LITELLM_MASTER_KEY"],
            "OPENROUTER_API_KEY": "x",
            "OPENROUTER_API_BASE": f"{self._models.url}/v1",
            "ANTHROPIC_API_KEY": "x",
            "ANTHROPIC_API_BASE": self._models.url,
        }
        command: list[str | Path] = [
            self._program,
            "--config",
            config,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--num_workers",
            "1",
        ]
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=environ, cwd=root, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield process, Running(f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    @contextmanager
    def running(self, root: Path) -> Iterator[Running]:
        with self.process(root) as (process, running):
            wait(lambda: process.poll() is not None or ready(running), running)
            assert process.poll() is None, running.log.read_text()[-2000:]
            yield running


def ready(running: Running) -> bool:
    try:
        return requests.get(f"{running.url}/health/readiness", timeout=5).ok
    except requests.ConnectionError:
        return False


def wait(done: Callable[[], bool], running: Running) -> None:
    end = time.monotonic() + STARTING
    while not done():
        assert time.monotonic() < end, running.log.read_text()[-2000:]
        time.sleep(0.25)


@pytest.fixture
def models() -> Iterator[Models]:
    with Models() as models:
        yield models


@pytest.fixture
def site(litellm: Path, tmp_path: Path, models: Models) -> Site:
    (tmp_path / "sites").mkdir()
    return Site(litellm, tmp_path / "sites", models)


def test_our_configuration_starts_and_only_bare_health_calls_models(site: Site, models: Models) -> None:
    root = site.made()
    assert [one.rule.id for one in findings(root)] == ["LLM008"]  # this project has no Redis
    with site.running(root) as proxy:
        assert [proxy.ask("/health/readiness").status_code for _ in range(10)] == [200] * 10
        assert proxy.ask("/health/liveliness").status_code == 200
        assert models.asked == {}
        assert proxy.ask("/health").json()["healthy_count"] == 2
        assert set(models.asked) == {MAIN, SPARE}


def test_a_health_checks_key_under_router_settings_ends_it_and_we_say_so_first(site: Site) -> None:
    root = site.made(("router_settings:\n", "router_settings:\n  health_check_interval: 0\n"))
    assert "LLM002" in {one.rule.id for one in findings(root) if one.refuses}
    with site.process(root) as (process, running):
        wait(lambda: process.poll() is not None, running)
        assert process.returncode != 0
        assert (
            "'health_check_interval' is NOT a valid router_settings parameter. Please move it to 'general_settings'."
            in running.log.read_text()
        )


def test_budgets_in_our_place_are_enforced(site: Site, models: Models) -> None:
    """A cap that the first call goes over: what follows goes to the fallback at another provider."""
    root = site.made(service=(("openrouter: {limit: 3", "openrouter: {limit: 0.000001"),))
    with site.running(root) as proxy:
        assert proxy.complete("main") == 200
        assert models.asked == {MAIN: 1}
        time.sleep(1)  # what a call cost is booked after its answer
        assert proxy.complete("main") == 200
        assert models.asked == {MAIN: 1, SPARE: 1}


def test_the_same_budget_in_a_wrong_place_is_taken_silently_and_refused_by_us(
    site: Site, models: Models
) -> None:
    caps = "  provider_budget_config: {openrouter: {budget_limit: 0.000001, time_period: 1d}}\n"
    wrong = (
        ("  provider_budget_config:\n", "  num_retrys: 3\n  x_old:\n"),
        ("litellm_settings:\n", f"litellm_settings:\n{caps}"),
        ("general_settings:\n", "general_settings:\n  max_budget: 0.000001\n  budget_duration: 1d\n"),
    )
    root = site.made(*wrong)
    refused = [one.hit.message for one in findings(root, "LLM003") if one.refuses]
    assert len(refused) == 3
    assert any("num_retrys" in one.hit.message for one in findings(root, "LLM001"))
    with site.running(root) as proxy:
        assert proxy.complete("main") == 200
        time.sleep(1)
        assert [proxy.complete("main") for _ in range(3)] == [200] * 3
        assert models.asked == {MAIN: 4}
        log = proxy.log.read_text()
    assert "Key 'num_retrys' is not a valid argument for Router.__init__(). Ignoring this key." in log
    assert not re.search(r"provider_budget_config|max_budget", log)


# What the proxy sets itself; given twice, it ends with a TypeError (proxy_server.py 2760).
MANAGED = {
    "self",
    "model_list",
    "search_tools",
    "assistants_config",
    "router_general_settings",
    "ignore_invalid_deployments",
}
ASKED = """
import inspect, json, litellm
from litellm.proxy._types import ConfigGeneralSettings
print(json.dumps([
    inspect.getfullargspec(litellm.Router).args,
    list(ConfigGeneralSettings.model_fields),
    [name for name, value in vars(litellm).items() if isinstance(value, bool) and name[0].islower()],
]))
"""


def test_our_lists_have_what_the_package_itself_says(litellm: Path) -> None:
    python = litellm.with_name("python")
    environ = {"PATH": "/usr/bin:/bin", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [python, "-c", ASKED], env=environ, capture_output=True, text=True, timeout=STARTING, check=True
    )
    router, general, switches = (set(names) for names in json.loads(done.stdout.splitlines()[-1]))
    listed = LISTS[0].keys
    assert listed[ROUTER] == router - MANAGED
    assert general <= listed[GENERAL]
    assert switches <= listed[MODULE]


def test_what_the_proxy_sets_itself_ends_it_under_router_settings(site: Site) -> None:
    root = site.made(("router_settings:\n", "router_settings:\n  assistants_config: {}\n"))
    assert [one.refuses for one in findings(root, "LLM001")] == [True]
    with site.process(root) as (process, running):
        wait(lambda: process.poll() is not None, running)
        assert "got multiple values for keyword argument 'assistants_config'" in running.log.read_text()


def test_what_verify_asks_it_tells_and_no_model_is_called(site: Site, models: Models) -> None:
    root = site.made()
    about = situation(root, lambda _name: KEY, time.time())
    with site.running(root) as proxy:
        port = int(proxy.url.rpartition(":")[2])
        # It has no database here, which is what the check says.
        ready = put(about, "V-LLM-001", port=port)
        assert (ready.result, ready.message) == ("fail", "its database is Not connected")
        budgets = put(about, "V-LLM-002", port=port)
        assert budgets.result == "pass", budgets
        assert "openrouter has spent 0% of 3" in budgets.message
        lines = proxy.log.read_text().splitlines()
        assert put(about, "V-LLM-003", lines=lines).result == "pass"
        assert models.asked == {}
        proxy.ask("/health")
        caught = put(about, "V-LLM-003", lines=proxy.log.read_text().splitlines())
        assert caught.result == "fail"
        assert "bare /health 1 times" in caught.message


ROUTED = "router_settings:\n"
CACHED = """\
litellm_settings:
  cache: true
  cache_params: {type: redis, host: redis, port: 6379, password: os.environ/REDIS_PASSWORD}
"""


@pytest.mark.parametrize(
    "edits,result,words",
    [
        (
            ((ROUTED, f"{ROUTED}  redis_host: redis\n  redis_port: 6379\n"),),
            "pass",
            "it takes its config.yaml",
        ),
        ((("litellm_settings:\n", CACHED),), "pass", "it takes its config.yaml"),
        (
            ((ROUTED, f"{ROUTED}  health_check_interval: 300\n"),),
            "fail",
            "ValueError: 'health_check_interval' is NOT a valid router_settings parameter.",
        ),
        (
            ((ROUTED, f"{ROUTED}  assistants_config: {{}}\n"),),
            "fail",
            "got multiple values for keyword argument 'assistants_config'",
        ),
        (
            ((ROUTED, f"{ROUTED}  routing_strategy: least-bussy\n"),),
            "fail",
            "Invalid routing_strategy",
        ),
    ],
    ids=["a Redis that is not there", "a cache in it", "a key of elsewhere", "a key twice", "no strategy"],
)
def test_a_new_version_says_what_it_does_not_take(
    site: Site, litellm: Path, edits: tuple[tuple[str, str], ...], result: str, words: str
) -> None:
    root = site.made(*edits)
    (now,) = situation(root, lambda _name: KEY, time.time()).services("litellm")

    def answer(question: Question) -> Ran:
        assert isinstance(question, Throwaway)
        program, *rest = question.words
        done = subprocess.run(
            [*alone(), litellm.with_name(program), *rest],
            input=question.stdin,
            env={"PATH": "/usr/bin:/bin", "HOME": str(root), **question.env, "OPENROUTER_API_KEY": "x"},
            cwd=root,
            capture_output=True,
            timeout=question.timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    assert APP.gate
    assert APP.gate.trial
    crossing = Crossing(now, "v1.81.0", "v1.81.3", (1, 81, 0), (1, 81, 3))
    found = hold(APP.gate.trial(crossing), answer)[0]
    assert (found.result, words in found.message) == (result, True), found


def test_verify_tells_a_cap_that_is_used_up(site: Site) -> None:
    root = site.made(service=(("openrouter: {limit: 3", "openrouter: {limit: 0.000001"),))
    with site.running(root) as proxy:
        assert proxy.complete("main") == 200
        time.sleep(1)  # what a call cost is booked after its answer
        port = int(proxy.url.rpartition(":")[2])
        spent = put(situation(root, lambda _name: KEY, time.time()), "V-LLM-002", port=port)
        assert spent.result == "fail"
        assert "openrouter has spent" in spent.message
        # Whoever reaches the port reads what was spent.
        assert requests.get(f"{proxy.url}/provider/budgets", timeout=30).status_code == 200


def test_a_billed_call_of_each_group_is_one_call_of_a_model(site: Site, models: Models) -> None:
    root = site.made()
    about = situation(root, lambda _name: KEY, time.time())
    with site.running(root) as proxy:
        found = put(about, "V-LLM-004", port=int(proxy.url.rpartition(":")[2]))
        assert found.result == "pass", found
        assert sum(models.asked.values()) == 2
