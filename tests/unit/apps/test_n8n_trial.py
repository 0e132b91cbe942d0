"""What n8n is asked before it is replaced by another version, and how its answers are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.apps.crossed import crossing, listed, said, tried

from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Inside, Ran, UnansweredError
from opsctl.checks.throwaway import Throwaway

STACK = """\
services:
  n8n:
    app: n8n
    image: n8nio/n8n:2.41.1
    env: {DB_TYPE: postgresdb}
"""


def changed(root: Path, stack: str = STACK) -> Crossing:
    return crossing(root, stack, "n8nio/n8n:2.40.0")


@pytest.mark.parametrize("command,word", [("", "start"), ("worker", "worker"), ("webhook", "webhook")])
def test_the_new_one_reads_the_variables(command: str, word: str, tmp_path: Path) -> None:
    stack = STACK + (f"    command: [{command}]\n" if command else "")
    verdict, (asked,) = tried(changed(tmp_path, stack), said("USAGE\n"))
    assert (verdict.result, verdict.message) == ("pass", "it takes its variables")
    assert isinstance(asked, Throwaway)
    assert asked.words == ("n8n", word, "--help")
    assert (asked.image, asked.stdin) == ("n8nio/n8n:2.41.1", b"")
    assert asked.env == {"DB_TYPE": "postgresdb", "N8N_USER_FOLDER": "/tmp/n8n"}


INVALID = "Invalid value for DB_TYPE - Invalid enum value. Falling back to default value."


def test_values_that_it_would_not_take_are_told(tmp_path: Path) -> None:
    said_twice = f"a log\n{INVALID}\nInvalid boolean value for N8N_DIAGNOSTICS_ENABLED: off\n"
    verdict, _ = tried(changed(tmp_path), Ran(0, b"USAGE\n", said_twice.encode()))
    assert verdict.result == "fail"
    assert verdict.message == (
        f"it does not take its variables: {INVALID}; Invalid boolean value for N8N_DIAGNOSTICS_ENABLED: off"
    )


@pytest.mark.parametrize(
    "text,why",
    [
        (
            'Error: Failed to load command "worker"\nError: missing encryption key\n    at x\n',
            "Error: missing encryption key",
        ),
        (
            "\nYour Node.js version 20.1.0 is currently not supported by n8n.\nPlease\n",
            "Your Node.js version 20.1.0 is currently not supported by n8n.",
        ),
        ("TypeError: no\n    at y\n", "TypeError: no"),
        ("broken", "broken"),
    ],
)
def test_one_that_ends_says_why(text: str, why: str, tmp_path: Path) -> None:
    verdict, _ = tried(changed(tmp_path), said(text, 1))
    assert (verdict.result, verdict.message) == ("fail", f"it does not start: {why}")


@pytest.mark.parametrize(
    "edit,why",
    [
        (("{DB_TYPE: postgresdb}", "{DB_POSTGRESDB_PASSWORD_FILE: /run/a}"), "DB_POSTGRESDB_PASSWORD_FILE"),
        (("{DB_TYPE: postgresdb}", "{N8N_CONFIG_FILES: /a.json}"), "N8N_CONFIG_FILES"),
        (("    env", "    command: [export:workflow]\n    env"), "does one thing"),
    ],
)
def test_what_cannot_be_shown_is_not_tried(edit: tuple[str, str], why: str, tmp_path: Path) -> None:
    verdict, asked = tried(changed(tmp_path, STACK.replace(*edit)))
    assert (verdict.result, asked, why in verdict.message) == ("skip", [], True)


ROWS = "a log\n" + json.dumps([["1", "Orders", True], ["2", "Bills", False], ["3", "Orders", False]])


def test_its_lists(tmp_path: Path) -> None:
    crossed = changed(tmp_path)
    names, (asked,) = listed(crossed, "workflows", said(ROWS))
    assert names == {"Orders (1)", "Bills (2)", "Orders (3)"}
    assert isinstance(asked, Inside)
    assert asked.words[:2] == ("sh", "-c")
    assert listed(crossed, "active workflows", said(ROWS))[0] == {"Orders (1)"}


@pytest.mark.parametrize(
    "answer", [said("no JSON"), said("[1]"), said("{}\n7"), said("no such role", 1), said()]
)
def test_what_nobody_could_tell_is_no_empty_list(answer: Ran, tmp_path: Path) -> None:
    with pytest.raises(UnansweredError, match="its database: "):
        listed(changed(tmp_path), "workflows", answer)


def test_a_worker_keeps_no_list(tmp_path: Path) -> None:
    crossed = changed(tmp_path, STACK + "    command: [worker]\n")
    assert listed(crossed, "workflows") == (frozenset(), [])
