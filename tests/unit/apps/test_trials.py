"""What Caddy and OpenClaw are asked before they are replaced by another version, and how their answers are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.unit.apps.crossed import crossing, said, tried
from tests.unit.apps.crossed import listed as listed_names

from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Inside, Ran, UnansweredError
from opsctl.checks.throwaway import Throwaway

CADDY_STACK = """\
services:
  caddy:
    app: caddy
    image: caddy:2.8.4
    env: {WORD: one}
    files:
      - {template: Caddyfile, target: /etc/caddy/Caddyfile, mount: directory}
"""
OPENCLAW_STACK = """\
services:
  openclaw:
    app: openclaw
    image: lab/openclaw:2026.3.13
    env: {WORD: one}
    files:
      - {template: openclaw.json, target: /home/node/.openclaw/openclaw.json}
"""


TEMPLATES = {"Caddyfile": "example.org\n", "more": "more\n", "openclaw.json": '{"gateway": {}}\n'}


def caddy(root: Path, stack: str = CADDY_STACK) -> Crossing:
    return crossing(root, stack, "caddy:2.8.1", TEMPLATES)


def test_a_new_caddy_is_shown_its_caddyfile(tmp_path: Path) -> None:
    verdict, (asked,) = tried(caddy(tmp_path), said())
    assert verdict.result == "pass"
    assert isinstance(asked, Throwaway)
    assert (asked.image, asked.stdin, asked.env) == ("caddy:2.8.4", b"example.org\n", {"WORD": "one"})
    assert asked.words == ("caddy", "validate", "--config", "-", "--adapter", "caddyfile")


def test_a_caddy_that_does_not_take_it_says_why(tmp_path: Path) -> None:
    refused = said("info\nError: unrecognized directive: rate_limit", 1)
    verdict, _ = tried(caddy(tmp_path), refused)
    assert verdict.result == "fail"
    assert verdict.message.endswith("Error: unrecognized directive: rate_limit")


def test_the_check_of_the_file_is_asked_where_there_is_one(tmp_path: Path) -> None:
    own = "on_change: {reload: [caddy, reload], check: [caddy, adapt]}"
    stack = CADDY_STACK.replace("mount: directory", f"mount: directory, {own}")
    _, (asked,) = tried(caddy(tmp_path, stack), said())
    assert isinstance(asked, Throwaway)
    assert asked.words == ("caddy", "adapt")


def test_what_cannot_be_shown_is_not_asked_about(tmp_path: Path) -> None:
    more = CADDY_STACK + "      - {template: more, target: /etc/caddy/more}\n"
    verdict, asked = tried(caddy(tmp_path, more))
    assert (verdict.result, asked) == ("skip", [])
    assert "/etc/caddy/more" in verdict.message


def plugin(name: str, status: str = "loaded", **more: str) -> dict[str, str]:
    return {"id": name, "status": status, "origin": "bundled", **more}


def listed(*plugins: Mapping[str, str]) -> Ran:
    return said("[info] a line of a log\n" + json.dumps({"plugins": plugins, "diagnostics": []}))


def openclaw(root: Path, **more: str) -> Crossing:
    return crossing(root, OPENCLAW_STACK, "lab/openclaw:2026.2.15", TEMPLATES, **more)


def test_a_new_openclaw_must_load_what_the_old_one_has(tmp_path: Path) -> None:
    now = listed(plugin("telegram"), plugin("memory-core"), plugin("talk", "disabled"))
    verdict, (asked, tries) = tried(openclaw(tmp_path), now, now)
    assert verdict.result == "pass"
    assert isinstance(asked, Inside)
    assert isinstance(tries, Throwaway)
    assert (tries.image, tries.stdin) == ("lab/openclaw:2026.3.13", b'{"gateway": {}}\n')
    assert tries.words[-3:] == ("plugins", "list", "--json")


@pytest.mark.parametrize(
    "after,why",
    [
        ([plugin("telegram", "disabled", error="bundled (disabled by default)")], "bundled (disabled by"),
        ([plugin("telegram", "error", error="cannot find module")], "cannot find module"),
        ([], "not in the new image"),
    ],
)
def test_one_that_would_lose_a_plugin_is_refused_with_its_own_words(
    tmp_path: Path, after: list[Mapping[str, str]], why: str
) -> None:
    verdict, _ = tried(openclaw(tmp_path), listed(plugin("telegram")), listed(*after))
    assert verdict.result == "fail"
    assert verdict.message.startswith("it would not load telegram (")
    assert why in verdict.message


def test_plugins_of_the_volume_are_not_asked_of_an_image(tmp_path: Path) -> None:
    verdict, _ = tried(openclaw(tmp_path), listed(plugin("discord", origin="global")), listed())
    assert verdict.result == "pass"


def test_a_configuration_that_it_does_not_take_is_a_no(tmp_path: Path) -> None:
    verdict, _ = tried(openclaw(tmp_path), listed(), said("Unrecognized key: agents.entries", 1))
    assert (verdict.result, "Unrecognized key" in verdict.message) == ("fail", True)


def test_what_nobody_could_tell_is_no_pass(tmp_path: Path) -> None:
    crossed = openclaw(tmp_path)
    assert tried(crossed, said("no json"))[0].result == "inconclusive"
    assert tried(crossed, said("{}"))[0].result == "inconclusive"
    assert tried(crossed, said("no", 1))[0].result == "inconclusive"
    assert tried(crossed, listed(), said("no json"))[0].result == "inconclusive"


def test_nothing_is_compared_with_what_does_not_run(tmp_path: Path) -> None:
    assert tried(openclaw(tmp_path, state="exited"))[0].result == "skip"


def roster(crossed: Crossing, what: str, answer: Ran) -> frozenset[str]:
    return listed_names(crossed, what, answer)[0]


def test_its_lists(tmp_path: Path) -> None:
    crossed = openclaw(tmp_path)
    plugins = listed(plugin("a"), plugin("b", "error"), plugin("c", origin="global"))
    assert roster(crossed, "loaded plugins", plugins) == {"a", "c"}
    assert roster(crossed, "agents", said('[{"id": "main"}, {"id": "other"}]')) == {"main", "other"}
    assert roster(crossed, "agents", said('{"agents": [{"id": "main"}]}')) == {"main"}
    with pytest.raises(UnansweredError):
        roster(crossed, "agents", said("", 1))


def test_its_channels_are_those_that_run(tmp_path: Path) -> None:
    crossed = openclaw(tmp_path)
    accounts = {
        "telegram": [{"accountId": "default", "running": True}, {"accountId": "two", "running": False}],
        "signal": [],
    }
    told = said("a line of a log\n" + json.dumps({"channels": {}, "channelAccounts": accounts}))
    assert roster(crossed, "running channels", told) == {"telegram (default)"}
    silent = said('{"gatewayReachable": false, "configOnly": true, "configuredChannels": ["telegram"]}')
    for wrong in (silent, said("Gateway not reachable"), said("broken", 1)):
        with pytest.raises(UnansweredError):
            roster(crossed, "running channels", wrong)
