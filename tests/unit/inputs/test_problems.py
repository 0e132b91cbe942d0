"""Every problem of the operator's files: one project each, with the file, line, message and hint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.inputs import cases_between, cases_hosts, cases_stacks
from tests.unit.inputs.folder import marked, problems, write

from opsctl.errors import Problem

_TEMPLATES = {"templates/caddy/Caddyfile.j2": "respond ok\n"}


def _named(cases: Iterable[tuple[object, ...]]) -> list[Any]:
    return [pytest.param(*rest, id=str(name)) for name, *rest in cases]


@pytest.mark.parametrize("text,message,hint", _named(cases_hosts.CASES))
def test_hosts_toml_is_wrong_in_one_thing(tmp_path: Path, text: str, message: str, hint: str) -> None:
    files = {"hosts.toml": text}
    assert problems(write(tmp_path, files)) == (Problem(*marked(files), message, hint),)


@pytest.mark.parametrize("text,message,hint", _named(cases_stacks.CASES))
def test_a_stack_is_wrong_in_one_thing(tmp_path: Path, text: str, message: str, hint: str) -> None:
    files = {"stacks/apps.yml": text}
    assert problems(write(tmp_path, {**files, **_TEMPLATES})) == (Problem(*marked(files), message, hint),)


@pytest.mark.parametrize("files,message,hint", _named(cases_between.CASES))
def test_two_files_do_not_fit(tmp_path: Path, files: dict[str, str | bytes], message: str, hint: str) -> None:
    assert problems(write(tmp_path, files)) == (Problem(*marked(files), message, hint),)


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    """A file that cannot be read at all does not hide what is wrong in the others."""
    root = write(
        tmp_path,
        {
            "hosts.toml": "project = \n",
            "stacks/apps.yml": "services:\n  api:\n    imgae: x\n    image: x\n    depends_on: [db]\n",
            "stacks/bad.yml": "services: [\n",
            "templates/x.j2": "{{\n",
        },
    )
    assert [(problem.file, problem.line) for problem in problems(root)] == [
        ("hosts.toml", 1),
        ("stacks/apps.yml", 3),
        ("stacks/apps.yml", 5),
        ("stacks/bad.yml", 2),
        ("templates/x.j2", 1),
    ]


def test_a_broken_service_is_still_there_for_the_others(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {"stacks/apps.yml": "services:\n  db: {imgae: x}\n  api: {image: x, depends_on: [db]}\n"},
    )
    assert {problem.line for problem in problems(root)} == {2}


def test_a_broken_host_hides_nothing_of_the_rest(tmp_path: Path) -> None:
    hosts = 'project = "demo"\n[environments.prod]\nhosts = ["web", "wbe"]\n[hosts.web]\nmemory = "x"\nstacks = ["apps"]\n'
    messages = [problem.message for problem in problems(write(tmp_path, {"hosts.toml": hosts}))]
    assert messages == [
        "environments.prod: there is no host 'wbe'",
        "hosts.web.memory: 'x' is not a size such as 512MiB, 512M or 2g",
    ]


def test_a_stack_of_two_hosts_is_wrong_once_for_each_host(tmp_path: Path) -> None:
    hosts = """\
        project = "demo"
        [environments.prod]
        hosts = ["a", "b"]
        [hosts.a]
        addresses = ["a"]
        stacks = ["apps"]
        vars = {port = 1}
        [hosts.b]
        addresses = ["b"]
        stacks = ["apps"]
        """
    stack = "services:\n  api:\n    image: x\n    env: {A: '{{ vars.port }}', B: '{{ vars.prt }}'}\n"
    found = problems(write(tmp_path, {"hosts.toml": hosts, "stacks/apps.yml": stack}))
    assert [problem.message for problem in found] == [
        "services.api.env.A: there is no variable 'port' on the host 'b'",
        "services.api.env.B: there is no variable 'prt' on the host 'a'",
        "services.api.env.B: there is no variable 'prt' on the host 'b'",
    ]


def test_no_message_holds_the_value_of_an_env_key(tmp_path: Path) -> None:
    stack = 'services:\n  api:\n    imgae: x\n    env:\n      "BAD KEY": hunter2\n      OTHER: [hunter2]\n    command: [hunter2]\n'
    text = "\n".join(map(str, problems(write(tmp_path, {"stacks/apps.yml": stack}))))
    assert "BAD KEY" in text
    assert "hunter2" not in text


def test_every_circle_of_dependencies_is_told(tmp_path: Path) -> None:
    stack = """\
        services:
          a: {image: x, depends_on: [b]}
          b: {image: x, depends_on: [a, c]}
          c: {image: x, depends_on: [d]}
          d: {image: x, network_mode: "service:c"}
        """
    assert [problem.message for problem in problems(write(tmp_path, {"stacks/apps.yml": stack}))] == [
        "services.a: a circle of dependencies: a -> b -> a",
        "services.c: a circle of dependencies: c -> d -> c",
    ]
