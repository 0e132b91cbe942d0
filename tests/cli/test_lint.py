"""`opsctl lint` in all its forms: text, JSON, SARIF, GitHub's commands, and what it explains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsctl.apps.catalogue import all_rules, rules_of
from tests.cli.shop import Shop
from tests.cli.terminal import Ended, opsctl

SOCKET = "    volumes: [/var/run/docker.sock:/var/run/docker.sock]\n"
MEANT = "    lint:\n      ignore:\n        - {rule: DKR001, reason: 'meant, 100 %', until: '2099-01-01'}\n"


@pytest.fixture
def broken(project: Path) -> Path:
    stack = project / "stacks" / "edge.yml"
    stack.write_text(stack.read_text() + SOCKET)
    return project


def lint(project: Path, *argv: str) -> Ended:
    return opsctl("lint", "lab", *argv, project=project)


def test_an_error_ends_in_4_and_is_shown_first_with_place_and_hint(broken: Path) -> None:
    ended = lint(broken)
    assert ended.code == 4
    assert ended.out.startswith(
        "error    DKR001  stacks/edge.yml:5\n"
        "         proxy: /var/run/docker.sock gives it the engine's socket\n"
        "         hint: give it a socket proxy"
    )
    assert "3 services on 2 hosts, files fine, rules 1 error, " in ended.out


def test_a_suppressed_one_is_shown_and_ends_in_0(broken: Path) -> None:
    stack = broken / "stacks" / "edge.yml"
    stack.write_text(stack.read_text() + MEANT)
    ended = lint(broken)
    assert ended.code == 0
    assert "suppressed until 2099-01-01: meant, 100 %" in ended.out
    assert ", 1 suppressed" in ended.out
    assert "DKR001" not in lint(broken, "--github").out


def test_strict_counts_warnings_too(project: Path) -> None:
    assert lint(project).code == 0
    assert lint(project, "--strict").code == 4


def test_a_service_narrows_what_is_shown(broken: Path) -> None:
    assert {one["service"] for one in lint(broken, "api", "--json").envelope["data"]["findings"]} == {"api"}
    assert lint(broken, "api").code == 0


def test_json_holds_every_finding_with_file_and_line(broken: Path) -> None:
    (one,) = [
        found for found in lint(broken, "--json").envelope["data"]["findings"] if found["rule"] == "DKR001"
    ]
    assert (one["severity"], one["file"], one["line"], one["service"]) == (
        "error",
        "stacks/edge.yml",
        5,
        "proxy",
    )
    assert one["suppressed"] is None


def test_sarif_has_rules_results_and_suppressions(broken: Path) -> None:
    stack = broken / "stacks" / "edge.yml"
    stack.write_text(stack.read_text() + MEANT)
    (run,) = json.loads(lint(broken, "--sarif").out)["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {rule.id for rule in rules_of(())}
    (result,) = [one for one in run["results"] if one["ruleId"] == "DKR001"]
    location = result["locations"][0]["physicalLocation"]
    assert (location["artifactLocation"]["uri"], location["region"]["startLine"]) == ("stacks/edge.yml", 5)
    assert result["suppressions"] == [{"kind": "inSource", "justification": "meant, 100 %"}]
    assert {one["level"] for one in run["results"]} <= {"error", "warning", "note"}


def test_github_commands_are_escaped(broken: Path) -> None:
    stack = broken / "stacks" / "edge.yml"
    stack.write_text(stack.read_text().replace("caddy:2.10", "caddy:2.10"))
    lines = lint(broken, "--github").out.splitlines()
    assert lines[0].startswith(
        "::error file=stacks/edge.yml,line=5,title=DKR001::proxy: /var/run/docker.sock gives"
    )
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)


def test_formats_exclude_each_other(project: Path) -> None:
    ended = lint(project, "--sarif", "--github")
    assert ended.code == 2
    assert "exclude each other" in ended.err


def test_a_rule_is_explained(project: Path) -> None:
    ended = opsctl("lint", "--explain", "dkr001", project=project)
    assert ended.code == 0
    assert ended.out.startswith(
        "DKR001  the engine's socket in a container  error\nwhy     Who can write to it"
    )
    assert "\nsource  audit: docker socket" in ended.out
    everything = opsctl("lint", "--explain", "all", "--json", project=project).envelope["data"]["rules"]
    assert [one["id"] for one in everything] == [rule.id for rule in all_rules()]
    wrong = opsctl("lint", "--explain", "DKR01", project=project)
    assert wrong.code == 2
    assert "DKR001" in wrong.err


def test_the_store_is_read_without_a_key(empty_shop: Shop) -> None:
    empty_shop.done("init", "prod", "--yes")
    ended = opsctl(
        "lint", "prod", project=empty_shop.root, environ={"HOME": "/nowhere"}, clock=empty_shop.clock
    )
    assert ended.code == 4
    assert "error    SEC002  stacks/app.yml:5\n         api: there is no secret api_token\n" in ended.out
    assert "skipped" not in ended.out
