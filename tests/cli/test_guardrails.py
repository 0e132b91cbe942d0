"""What a plan is refused for before any host is changed: errors of rules, where they stand, on the hosts that they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.cli.guardrails import policy
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import placeholder
from opsctl.state.observed import Observed, Resources

HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["one", "two"]
[hosts.one]
addresses = ["192.0.2.1"]
stacks = ["apps"]
[hosts.two]
addresses = ["192.0.2.2"]
stacks = ["apps", "more"]
"""
APPS = """\
services:
  app:
    image: app:1.2.3
    memory: 512MiB
"""
SOCKET = "    volumes: [/var/run/docker.sock:/var/run/docker.sock]\n"
MEANT = "    lint: {ignore: [{rule: DKR001, reason: the proxy needs it, until: '2026-11-26'}]}\n"
DAY = 86400.0
TODAY = 1_795_694_400.0
"""2026-11-26, noon."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "hosts.toml").write_text(HOSTS)
    (tmp_path / "stacks" / "apps.yml").write_text(APPS)
    (tmp_path / "stacks" / "more.yml").write_text(APPS.replace("app:\n", "other:\n"))
    return tmp_path


def refused(root: Path, now: float = TODAY, memory: int = 0) -> dict[str, list[str]]:
    fleet = load(root)
    desired = render(fleet, "prod", placeholder)
    judge = policy(fleet, desired, now)
    seen = Resources(memory_total=memory)
    return {host.name: list(judge(host, Observed(host.name, resources=seen))[0]) for host in desired.hosts}


def test_nothing_stands_against_what_breaks_no_rule(root: Path) -> None:
    assert refused(root) == {"one": [], "two": []}


def test_an_error_refuses_every_host_that_has_the_service_with_rule_place_and_hint(root: Path) -> None:
    with (root / "stacks" / "apps.yml").open("a") as file:
        file.write(SOCKET)
    found = refused(root)
    assert found["one"] == found["two"]
    assert found["one"][0].startswith(
        "app: /var/run/docker.sock gives it the engine's socket (DKR001, stacks/apps.yml:5); give it a socket proxy"
    )


def test_the_rules_of_an_app_refuse_too(root: Path) -> None:
    with (root / "stacks" / "more.yml").open("a") as file:
        file.write("    app: litellm\n    env: {LITELLM_MASTER_KEY: sk-1234}\n")
    found = refused(root)
    assert found["one"] == []
    assert any("(LLM010, stacks/more.yml:" in reason for reason in found["two"])


def test_hosts_without_it_go_on(root: Path) -> None:
    with (root / "stacks" / "more.yml").open("a") as file:
        file.write(SOCKET)
    assert [len(texts) for texts in refused(root).values()] == [0, 1]


def test_what_is_suppressed_goes_through_until_its_end(root: Path) -> None:
    with (root / "stacks" / "apps.yml").open("a") as file:
        file.write(SOCKET + MEANT)
    assert refused(root)["one"] == []
    assert len(refused(root, TODAY + DAY)["one"]) == 1


def test_memory_is_judged_by_what_the_look_found(root: Path) -> None:
    assert [text.partition(":")[0] for text in refused(root, memory=2**28)["one"]] == ["memory"]
