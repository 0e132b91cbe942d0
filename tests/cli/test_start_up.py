"""The program as a process of its own: what it imports for its help, and how it ends when others end first."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.apps import proxies, redises

HEAVY = {
    "paramiko",
    "docker",
    "jinja2",
    "pydantic",
    "ruamel",
    "ruamel.yaml",
    "jsonschema_rs",
    "rich",
    "requests",
}
IMPORTED = """
import json, sys
sys.argv = ["opsctl", *sys.argv[1:]]
from opsctl.cli.invocation import Invocation
from opsctl.cli.main import main
try:
    main(Invocation.of_this_process())
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def process(*argv: str, code: str | None = None, project: Path | None = None) -> subprocess.Popen[str]:
    program = ["-c", code] if code else ["-m", "opsctl"]
    where = ["--project", str(project)] if project else []
    return subprocess.Popen(
        [sys.executable, *program, *where, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def imported(*words: str) -> set[str]:
    out, err = process(*words, code=IMPORTED).communicate(timeout=20)
    assert out
    return set(json.loads(err.splitlines()[-1]))


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_imports_nothing_heavy(word: str) -> None:
    assert not HEAVY & imported(word)


@pytest.mark.parametrize("command", ["deploy", "hosts", "secrets"])
def test_help_of_a_command_imports_what_typer_wants_and_no_more(command: str) -> None:
    # Typer 0.29 reads every value by Pydantic, also that of the --project that stands before the command.
    assert HEAVY & imported(command, "--help") == {"pydantic"}


def test_a_command_of_a_group_is_imported_without_the_others() -> None:
    below = "opsctl.cli.commands."
    assert {name for name in imported("secrets", "list", "--help") if name.startswith(below)} == {
        f"{below}secrets",
        f"{below}secrets_look",
    }


@pytest.mark.parametrize("command", ["lint", "plan"])
def test_what_verify_asks_of_apps_is_imported_for_verify_alone(command: str, tmp_path: Path) -> None:
    root = twenty_services(tmp_path)
    out, err = process(command, code=IMPORTED, project=root).communicate(timeout=60)
    assert out + err
    modules = json.loads(err.splitlines()[-1])
    assert "opsctl.apps.litellm.app" in modules
    assert [name for name in modules if name.startswith("opsctl.apps.") and name.endswith(".checks")] == []


def test_a_reader_that_leaves_early_gets_no_traceback(project: Path) -> None:
    with process("render", "lab", project=project) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(timeout=20) == 0


def test_help_into_a_closed_pipe_is_quiet() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "opsctl", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=20,
        check=False,
    )
    os.close(writing)
    assert ended.stderr == b""


def twenty_services(root: Path) -> Path:
    """A LiteLLM, a Redis and 18 others, which have an environment and a file from a template."""
    redises.project(root)
    (root / "hosts.toml").write_text(redises.HOSTS.replace('"apps"', '"apps", "more"'))
    (root / "templates" / "litellm").mkdir()
    (root / "templates" / "litellm" / "config.yaml.j2").write_text(proxies.CONFIG)
    (root / "templates" / "app.yaml.j2").write_text(
        "name: {{ service.name }}\ntoken: {{ secret('api_token') }}\n"
    )
    one = """\
  api{at}:
    image: registry.example.org/shop/api:1.4.{at}
    memory: {{limit: 64MiB}}
    env: {{PORT: 8000, URL: "redis://app:{{{{ secret('redis_app') | urlencode }}}}@redis:6379/0"}}
    depends_on: {{redis: {{condition: service_healthy}}}}
    healthcheck: {{test: [CMD, wget, -qO-, "http://127.0.0.1:8000/healthz"]}}
    files: [{{template: app.yaml.j2, target: /etc/app.yaml}}]
"""
    litellm = "  litellm:\n" + textwrap.indent(proxies.LITELLM, "    ")
    (root / "stacks" / "more.yml").write_text(
        "services:\n" + litellm + "".join(one.format(at=at) for at in range(18))
    )
    return root


MOST_OF_LINT = 1.5
"""Seconds of processor time, compose-lint's included; 0.7 and 0.8 on 2 cores of 2026 (Python 3.11)."""


@pytest.mark.parametrize("shipped", [True, False], ids=["shipped", "twenty services"])
def test_lint_costs_little(shipped: bool, tmp_path: Path) -> None:
    root = Path(__file__).parents[2] if shipped else twenty_services(tmp_path / "many")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with process("lint", project=root) as running:
        out, err = running.communicate(timeout=30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (running.returncode, err) in {(0, ""), (4, "")}, out + err
    if not shipped:
        assert "20 services on 1 host" in out
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_OF_LINT


@dataclass(frozen=True)
class SilentHost:
    """A project whose lab-app accepts connections and never says a word."""

    root: Path
    server: socket.socket

    def wait_for_a_call(self) -> None:
        select.select([self.server], [], [], 20)


@pytest.fixture
def silent_host(project: Path) -> Iterator[SilentHost]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        file = project / "hosts.toml"
        file.write_text(file.read_text().replace("192.0.2.1", f"127.0.0.1:{port}"))
        yield SilentHost(project, server)


def test_a_silent_host_does_not_keep_the_program_from_ending(silent_host: SilentHost) -> None:
    began = time.monotonic()
    with process("plan", "lab", "nonesuch", project=silent_host.root) as running:
        assert running.wait(timeout=20) == 2
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_with_130(silent_host: SilentHost, number: signal.Signals) -> None:
    with process("plan", "lab", "--host", "lab-app", project=silent_host.root) as running:
        silent_host.wait_for_a_call()
        time.sleep(0.3)
        began = time.monotonic()
        running.send_signal(number)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, out, err) == (130, "", "interrupted\n")
    assert time.monotonic() - began < 5


def test_an_answer_that_cannot_be_written_is_a_failure_and_says_so(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "opsctl", "--project", str(project), "render", "lab"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == (
        "the answer could not be written: No space left on device; what was asked for was done\n"
    )


def test_without_a_stdout_it_runs_all_the_same(project: Path) -> None:
    argv = [sys.executable, "-m", "opsctl", "--project", str(project), "lint", "lab"]
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *argv], stderr=subprocess.PIPE, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
