"""What an OpenClaw gateway and its host are asked, and what the answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps.asked import about, answered, ask, said
from tests.unit.apps.test_openclaw_rules import CONF, STACK, made
from tests.unit.checks.answers import nobody

from opsctl.apps.openclaw.sandbox_checks import judge
from opsctl.checks.questions import EngineGet, Fetch, Inside, Leaving, OnHost, Question, Ran
from opsctl.checks.throwaway import Claim


def listed(**statuses: str) -> str:
    plugins = [{"id": name, "status": status} for name, status in statuses.items()]
    return f"[plugins] warming up\n{json.dumps({'plugins': plugins})}"


@pytest.mark.parametrize(
    "answer,result,words",
    [
        (said(listed(telegram="loaded", other="disabled")), "pass", "loaded: telegram"),
        (said(listed(telegram="disabled")), "fail", "telegram is disabled"),
        (said(listed(other="loaded")), "fail", "telegram is not there"),
        (said(listed(telegram="loaded", memory="error")), "fail", "memory could not be loaded"),
        (
            said('{"plugins": [{"id": "telegram", "status": "error", "error": "no token"}]}'),
            "fail",
            "telegram is error (no token)",
        ),
        (said("no JSON here"), "inconclusive", "printed no JSON"),
        (said("", 1, "Cannot find module"), "inconclusive", "Cannot find module"),
    ],
)
def test_plugins_that_shall_be_on(answer: Any, result: str, words: str, tmp_path: Path) -> None:
    found, (question,) = ask(made(tmp_path), "V-OCL-001", answer)
    assert (found.result, words in found.message) == (result, True), found
    assert isinstance(question, Inside)
    assert question.words == ("node", "/app/openclaw.mjs", "plugins", "list", "--json")


@pytest.mark.parametrize(
    "answer,result",
    [
        (answered(200), "pass"),
        (answered(503, {"failing": ["telegram"]}), "fail"),
        (answered(0, reason="refused"), "fail"),
    ],
)
def test_channels(answer: Any, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(made(tmp_path), "V-OCL-002", answer)
    assert found.result == result
    assert isinstance(question, Fetch)
    assert question.url == "http://openclaw:18789/readyz"
    assert ("telegram" in found.message) == (found.message.startswith("/readyz: 503"))


def test_a_port_of_its_own_and_a_version_that_cannot_be_asked(tmp_path: Path) -> None:
    root = made(tmp_path / "port", {CONF: [('mode: "local",', 'mode: "local", port: 1234,')]})
    _, (question,) = ask(root, "V-OCL-002", answered(200))
    assert isinstance(question, Fetch)
    assert question.url == "http://openclaw:1234/readyz"
    build = "    app: openclaw\n    build: {context: openclaw/gateway}\n"
    old = "    app: openclaw\n    image: ghcr.io/openclaw/openclaw:2026.2.23\n"
    found, _ = ask(made(tmp_path / "old", {STACK: [(build, old)]}), "V-OCL-002", nobody)
    assert found.result == "skip"


# ── sandboxes ────────────────────────────────────────────────────────────────────────────────────────────────────────
def sandbox_build(root: Path) -> tuple[str, str]:
    """Name and hash of the image that the page builds."""
    host = about(root).hosts["web"].desired
    build = host.services["openclaw-sandbox"].build
    assert build
    return build.image, build.hash


def test_the_image_by_its_label(tmp_path: Path) -> None:
    root = made(tmp_path)
    image, label = sandbox_build(root)

    def verdict(images: dict[str, str], built: dict[str, str]) -> tuple[str, str]:
        found, asked = ask(root, "V-OCL-003", nobody, images=images, built=built)
        assert not asked
        return found.result, found.message

    assert verdict({image: "sha256:5"}, {label: "sha256:5"}) == ("pass", image)
    assert "no image on the host has the label" in verdict({image: "sha256:5"}, {"0": "sha256:5"})[1]
    assert "another image" in verdict({image: "sha256:6"}, {label: "sha256:5"})[1]
    assert "not the name of it" in verdict({}, {label: "sha256:5"})[1]
    assert verdict({}, {})[0] == "fail"


def test_an_image_that_nothing_builds(tmp_path: Path) -> None:
    named = "image: \"{{ services['openclaw-sandbox'].image }}\","
    root = made(tmp_path, {CONF: [(named, 'image: "acme/sandbox:1",')]})
    assert ask(root, "V-OCL-003", nobody, images={"acme/sandbox:1": "sha256:5"})[0].result == "pass"
    found, _ = ask(root, "V-OCL-003", nobody)
    assert found.message == "acme/sandbox:1 is not on the host, and nothing of the host builds it"


WORK = "/opt/openclaw/workspace"


def working(*folders: str, used: tuple[str, ...] = (), sandbox: bytes = b"#") -> Callable[[Question], Any]:
    """What 2026.9.6 says of its agents' workspaces, in `used` of which an AGENTS.md is."""

    def answer(question: Question) -> Any:
        if not isinstance(question, Inside):
            return Ran(0, sandbox, b"")
        if question.words[0] == "test":
            return Ran(0 if question.words[2] in {f"{one}/AGENTS.md" for one in used} else 1, b"", b"")
        assert question.words[2:] == ("agents", "list", "--json")
        return Ran(0, json.dumps([{"id": one[-1], "workspace": one} for one in folders]).encode(), b"")

    return answer


def test_a_sandbox_is_announced_bounded_and_asked_for_one_byte(tmp_path: Path) -> None:
    root = made(tmp_path)
    answer = working(f"{WORK}/main", f"{WORK}/other", used=(f"{WORK}/main",))
    found, (*_inside, claim, first, started) = ask(root, "V-OCL-004", answer)
    assert (found.result, found.message) == ("pass", f"{WORK}/main/AGENTS.md")
    assert claim == Claim("web")
    assert isinstance(first, Leaving)
    assert isinstance(first.question, OnHost)
    assert isinstance(started, OnHost)
    words = started.words
    assert first.question.words[-1] == words[words.index("--name") + 1]
    assert words[-5:] == ("head", sandbox_build(root)[0], "-c", "1", "/workspace/AGENTS.md")
    for pair in (
        ("--label", "opsctl.probe=sandbox"),
        ("--mount", "type=bind,source=/opt/openclaw/workspace/main,target=/workspace,readonly"),
        ("--network", "none"),
        ("--pull", "never"),
    ):
        assert words[words.index(pair[0]) + 1] == pair[1]
    assert {"--rm", "--read-only"} <= set(words)
    assert (started.privilege, first.question.privilege) == ("engine", "engine")


@pytest.mark.parametrize(
    "answer,result,words",
    [
        (Ran(0, b"", b""), "fail", "is empty"),
        (Ran(1, b"", b"head: cannot open: Permission denied"), "fail", "cannot read AGENTS.md in /w: head"),
        (
            Ran(125, b"", b"docker: bind source path does not exist: /w\nSee help."),
            "fail",
            "the host has no /w",
        ),
        (Ran(125, b"", b"docker: No such image.\nSee 'docker run --help'."), "inconclusive", "No such image"),
        (Ran(127, b"", b"exec: head: not found"), "inconclusive", "head: not found"),
        (Ran(-1, b"", b""), "inconclusive", "docker run"),
    ],
)
def test_what_a_sandbox_says(answer: Ran, result: str, words: str) -> None:
    found = judge(answer, "/w")
    assert found
    assert (found.result, words in found.message) == (result, True), found


def test_each_agent_that_has_worked_has_a_workspace(tmp_path: Path) -> None:
    root = made(tmp_path)
    both = (f"{WORK}/main", f"{WORK}/other")
    found, asked = ask(root, "V-OCL-004", working(*both, used=both))
    assert found.message == f"{WORK}/main/AGENTS.md, {WORK}/other/AGENTS.md"
    assert sum(isinstance(one, OnHost) for one in asked) == len(both)
    found, _ = ask(root, "V-OCL-004", working(*both))
    assert (found.result, "no agent has worked yet" in found.message) == ("skip", True)
    no_test = Ran(127, b"", b"no test")
    found, _ = ask(root, "V-OCL-004", lambda one: no_test if "'test'" in str(one) else working(*both)(one))
    assert (found.result, found.message) == ("inconclusive", "test -e in the gateway: no test")
    found, _ = ask(root, "V-OCL-004", working(*both, used=both[:1], sandbox=b""))
    assert (found.result, found.message) == ("fail", f"{WORK}/main/AGENTS.md is empty")


def test_a_workspace_by_the_hosts_own_path(tmp_path: Path) -> None:
    one = working(WORK, used=(WORK,))
    root = made(
        tmp_path / "a", {STACK: [('["/opt/openclaw:/opt/openclaw"]', '["/srv/claw/:/opt/openclaw"]')]}
    )
    assert "source=/srv/claw/workspace," in str(ask(root, "V-OCL-004", one)[1])
    volume = made(
        tmp_path / "b",
        {
            STACK: [
                ('["/opt/openclaw:/opt/openclaw"]', "[claw:/opt/openclaw]"),
                ("\nnetworks:\n", "\nvolumes: {claw: }\nnetworks:\n"),
            ]
        },
    )
    found, _ = ask(volume, "V-OCL-004", one)
    assert (found.result, "OCL009" in found.message) == ("fail", True)


@pytest.mark.parametrize("count,result", [(0, "pass"), (5, "pass"), (6, "fail")])
def test_how_many_run(count: int, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(made(tmp_path), "V-OCL-005", lambda _question: [{}] * count)
    assert (found.result, found.message) == (result, f"{count} run, settings.sandboxes allows 5")
    assert isinstance(question, EngineGet)
    assert question.path == "/containers/json"
    assert json.loads(question.query["filters"]) == {"label": ["openclaw.sandbox=1"]}


@pytest.mark.parametrize("identity", ["V-OCL-003", "V-OCL-004", "V-OCL-005"])
def test_without_sandboxes_there_is_nothing_to_ask(identity: str, tmp_path: Path) -> None:
    def answer(_question: Question) -> Any:
        raise AssertionError

    found, _ = ask(made(tmp_path, {CONF: [('mode: "all"', 'mode: "off"')]}), identity, answer)
    assert (found.result, found.message) == ("skip", "no agent has a sandbox")
