"""docs/runbook.md, troubleshooting.md and audit.md: what they name is there, and what must be told is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.unit.test_reference import COMMANDS
from typer.exceptions import TyperException

from opsctl.apps.catalogue import all_checks, all_rules
from opsctl.checks.catalogue import CHECKS
from opsctl.cli.app import build
from opsctl.errors import Exit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = ("runbook.md", "troubleshooting.md", "audit.md")
AUDIT = (
    "Docker Compose Handler",
    "Sure Container",
    "OpenCut",
    "LiteLLM Health Check Interval Config Mistake Risk",
    "Headscale DNS Override Not Idempotent",
    "OpenClaw Plugin Enabling Not Versioned",
    "OpenClaw Sandbox Image Build Not Cached",
    "Ansible Vault Secrets Not Rotated",
    "Docker Socket Access in OpenClaw Not Rate-Limited",
    "No Rate Limiting on Admin UIs",
    "LiteLLM Default Health Checks",
    "PostgreSQL 18.1",
    "Qdrant Vector DB",
    "VPS 8GB Memory",
    "OpenClaw Version Upgrade Path Unclear",
    "LiteLLM Provider Budget",
    "Docker-in-Docker (DooD) Sandbox Path Mounting",
    "Handler Idempotence",
    "Headscale Config Not Version Controlled",
    "Container Healthcheck Failures Not Alerted",
    "Docker Compose Phase A/B Split",
)
"""The concerns of the audit, by their headings and in its order; its summary repeats eleven of them."""
MESSAGES = (
    "It cannot get to a host",
    "The engine and the host's disk",
    "Problems of the files",
    "The plan says what I did not expect",
    "The plan is refused",
    "A deploy failed",
    "Secrets and their store",
    "A rotation",
    "Images and registries",
)
"""The sections of troubleshooting.md whose tables begin with what opsctl itself prints."""
_GLOBAL = {flag for parameter in build().params for flag in parameter.opts} | {"--help"}


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def code(text: str) -> Iterator[str]:
    """Lines of fenced blocks, and spans of code outside them."""
    parts = re.split(r"^ *```.*$", text, flags=re.MULTILINE)
    for number, part in enumerate(parts):
        yield from part.splitlines() if number % 2 else re.findall(r"`([^`\n]+)`", part)


def calls(text: str) -> Iterator[str]:
    """What stands after `opsctl` in code, up to a pipe, a comment or the next command."""
    for line in code(text):
        for found in re.findall(r"(?<![\w/.-])opsctl ([a-z-][^#|;&<>]*)", line):
            yield found.strip()


def wrong(call: str) -> str:
    """What is wrong with a call of opsctl, "" where nothing is. Words in capitals stand for values."""
    words = re.sub(r"^--project \S+", "", call).split()
    words = [word for word in words if word not in _GLOBAL]
    name = next((" ".join(words[:many]) for many in (3, 2, 1) if " ".join(words[:many]) in COMMANDS), "")
    if not name:
        return f"there is no command: opsctl {call}"
    command = COMMANDS[name]
    context = typer.Context(command, info_name=name)
    try:
        command.make_parser(context).parse_args(words[len(name.split()) :])
    except TyperException as error:
        return f"opsctl {call}: {error}"
    return ""


def anchors(name: str) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page(name), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "call", ["deploi prod", "deploy prod --fast", "why api --host", "secrets", "stop api --yes"]
)
def test_a_call_that_cannot_be_made_is_seen(call: str) -> None:
    assert list(calls(f"`opsctl {call}`")) == [call]
    assert wrong(call)


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_of_a_guide_exists_with_its_options(name: str) -> None:
    told = list(calls(page(name)))
    assert told
    assert [problem for call in told if (problem := wrong(call))] == []


@pytest.mark.parametrize("name", GUIDES)
def test_an_option_that_stands_alone_is_one_of_some_command(name: str) -> None:
    known = _GLOBAL | {flag for command in COMMANDS.values() for one in command.params for flag in one.opts}
    spans = re.findall(r"`([^`\n]+)`", page(name))
    alone = {flag for span in spans if span.startswith("--") for flag in re.findall(r"--[a-z][\w-]*", span)}
    assert alone - known == set()


@pytest.mark.parametrize("name", GUIDES)
def test_rules_and_checks_that_a_guide_names_exist(name: str) -> None:
    known = {rule.id for rule in all_rules()} | {check.id for check in all_checks()}
    linked = re.findall(r"\[([A-Z0-9-]+)\]\(reference/(?:rules|checks)\.md#([\w-]+)\)", page(name))
    assert {shown for shown, _ in linked} - known == set()
    assert [(shown, anchor) for shown, anchor in linked if shown.lower() != anchor] == []
    anchored = re.findall(r"reference/(?:rules|checks)\.md#([\w-]+)", page(name))
    assert set(anchored) - {one.lower() for one in known} == set()
    bare = re.findall(r"(?<!\[)\b(V-[A-Z]{3}-\d{3}|[A-Z0-9]{3}0\d\d)\b(?!\])", page(name))
    assert set(bare) - known == set()


@pytest.mark.parametrize("name", GUIDES)
def test_links_of_a_guide_lead_somewhere(name: str) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = path or name
        if not (DOCS / file).exists() or (anchor and file.endswith(".md") and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def headings(name: str) -> set[str]:
    return set(re.findall(r"^#{2,4} (.+)$", page(name), re.MULTILINE))


def test_every_alert_has_an_entry() -> None:
    template = (ROOT / "templates" / "monitoring" / "alerts.yml.j2").read_text(encoding="utf-8")
    alerts = set(re.findall(r"- alert: (\w+)", template))
    assert alerts
    told = {name for heading in headings("troubleshooting.md") for name in heading.split(", ")}
    assert alerts - told == set()


def test_every_check_that_is_no_apps_has_an_entry() -> None:
    rows = set(re.findall(r"^\| \[(V-[A-Z]{3}-\d{3})\]", page("troubleshooting.md"), re.MULTILINE))
    assert {one.id for one in CHECKS} - rows == set()


@pytest.mark.parametrize("one", [one for one in Exit if one is not Exit.YES])
def test_every_exit_code_has_an_entry(one: Exit) -> None:
    assert re.search(rf"^\| {int(one)} \|", page("troubleshooting.md"), re.MULTILINE)


def test_contents_of_troubleshooting_name_every_section() -> None:
    contents = page("troubleshooting.md").split("\n## ")[0]
    listed = re.findall(r"\]\(#([\w-]+)\)", contents)
    sections = re.findall(r"^## (.+)$", page("troubleshooting.md"), re.MULTILINE)
    assert listed == [re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in sections]


def test_every_concern_of_the_audit_has_its_row() -> None:
    rows = [line for line in page("audit.md").splitlines() if line.startswith("| **")]
    titles = [re.match(r"\| \*\*(.+?)\*\*", row) for row in rows]
    assert tuple(title[1] for title in titles if title) == AUDIT


def test_the_guides_are_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in GUIDES if f"(docs/{name})" not in text] == []


def templates() -> Iterator[tuple[str, ...]]:
    """Every text in the code, as its constant parts around what is filled in."""
    for path in sorted((ROOT / "src" / "opsctl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [
                one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            if any(" " in text for text in texts):
                yield tuple(texts)


KNOWN = tuple(templates())


def is_printed(quoted: str) -> bool:
    """Whether each piece of a quoted message, between its ellipses, is part of a text in the code, or has all constant parts of
    one, in their order, and they are half of its words.
    """
    pieces = [piece.strip() for piece in quoted.split("\u2026") if " " in piece.strip()]
    return _fills(quoted) or all(_fills(piece) for piece in pieces)


def _fills(piece: str) -> bool:
    many = len(piece.split())
    return any(
        any(piece in part for part in parts)
        or (2 * len(" ".join(parts).split()) >= many and _has_in_order(piece, parts))
        for parts in KNOWN
    )


def _has_in_order(text: str, parts: tuple[str, ...]) -> bool:
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


@pytest.mark.parametrize(
    "quoted", ["there is no way to the moon", "it lets nobody in because it is late at night"]
)
def test_a_message_that_nobody_prints_is_seen(quoted: str) -> None:
    assert not is_printed(quoted)


def test_messages_are_quoted_as_they_are_printed() -> None:
    quoted = []
    for section in MESSAGES:
        text = page("troubleshooting.md").split(f"\n## {section}\n")[1].split("\n## ")[0]
        for row in re.findall(r"^\| (.+?) \|", text, re.MULTILINE):
            quoted += [span for span in re.findall(r"`([^`]+)`", row) if not span.startswith("opsctl ")]
    assert len(quoted) > 60
    assert [one for one in quoted if not is_printed(one)] == []


def test_each_decision_has_a_number_of_its_own_and_says_it() -> None:
    files = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [int(file.name.partition("-")[0]) for file in files]
    assert len(set(numbers)) == len(numbers)
    for number, file in zip(numbers, files, strict=True):
        assert file.read_text().startswith(f"# {number}. "), file.name
