"""opsctl that dies of SIGKILL at a chosen effect: `python -m tests.lab.killed before|during|after N -- WORDS…`.

It is the whole program with the words of its command line; only the shell of each connection counts the commands that
change a host, names each on stderr, and kills the process. So real connections break as with `kill -9`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from opsctl.argv import guard
from opsctl.argv.command import Command, Completed
from opsctl.cli.invocation import Invocation
from opsctl.cli.main import main
from opsctl.cli.request import Request
from opsctl.cli.session import online
from opsctl.edges.connect import open_connection
from opsctl.edges.ports import Connection, Engine, Network, Session, Shell
from opsctl.flows.apply import batches
from opsctl.flows.planning import make_plan
from opsctl.model.hosts import Environment, Host
from opsctl.plan.ensure import Ensure
from opsctl.plan.merge import Merge
from opsctl.plan.plans import HostPlan, Plan
from opsctl.plan.steps import (
    Build,
    Pull,
    Push,
    React,
    Recreate,
    ReplaceNetwork,
    Restart,
    RunJob,
    Settle,
    Start,
    Step,
    Tag,
)
from tests.lab.site import CHECKOUT, Run, Site

When = Literal["before", "during", "after"]

_MARK = "effect: "
_BEGUN = 0.3
"""Seconds after which a command has surely begun on the host, and a slow one has not ended."""
_CHANGING = {guard._GUARD, guard._GUARD_WITH_INPUT}
_UNGUARDED = {"docker load", "docker tag"}
"""Of push-images: they touch no container."""
_READING = {"lease", "compose version", "look at the files", "look inside"}


def kill(site: Site, when: When, number: int, *words: str) -> Run:
    """`opsctl deploy lab WORDS… --yes`, which dies at effect `number`; exit code -9, or its own if it came to its end."""
    return kill_words(site, when, number, "deploy", "lab", *words, "--yes")


def kill_words(site: Site, when: When, number: int, *words: str) -> Run:
    """`opsctl WORDS…`, likewise."""
    argv = [sys.executable, "-m", "tests.lab.killed", when, str(number), "--"]
    done = subprocess.run(
        [*argv, *site.argv(*words)[3:]],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=180,
        check=False,
        cwd=CHECKOUT,
        env=site.environ,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def begun(run: Run) -> list[str]:
    """The labels of the changing commands that a killed run had begun."""
    return [line.removeprefix(_MARK) for line in run.stderr.splitlines() if line.startswith(_MARK)]


def plan_of(project: Path) -> Plan:
    """The plan of the environment `lab`, from inside this process."""
    invocation = Invocation.of_this_process()
    invocation.folder = project
    with online(invocation, Request.about(["lab"]), lambda _event: None) as session:
        report = make_plan(*session.parts, policy=session.policy)
    for error in report.errors.values():
        raise error
    return report.plan


def effects(plan: HostPlan) -> list[str]:
    """The labels of all commands that carry a plan out, in their order."""
    return [label for batch in batches(plan.steps) for label in _effects(batch)]


def _effects(batch: tuple[Step, ...]) -> Iterator[str]:
    step = batch[0]
    match step:
        case Pull():
            yield "docker pull"
        case Build():
            yield "docker build"
        case Tag():
            yield "docker tag"
        case Merge():
            yield f"merge {step.path}"
        case Push():
            yield "push"
        case ReplaceNetwork():
            yield from ("docker stop", "docker rm") if step.containers else ()
            yield "docker network"
        case Recreate():
            yield "docker compose up " + " ".join(one.service for one in batch if isinstance(one, Recreate))
        case RunJob():
            yield f"docker compose up {step.service}"
        case Start():
            yield "docker start"
        case Restart():
            yield "docker restart"
        case React():
            yield "docker exec" if step.kind == "reload" else "docker kill"
        case Ensure():
            yield from ("psql", "psql", *("psql" for _one in step.databases), "mark the databases")
        case Settle():
            yield "settle"
    if isinstance(step, Restart | React) and step.settles:
        yield "settle"


@dataclass(slots=True)
class Fate:
    """When this process dies: at effect `number`, counted from 1; never where there are not so many."""

    when: When
    number: int
    seen: int = 0

    def meet(self, command: Command, run: Callable[[], Completed]) -> Completed:
        guarded = command.words[2:3] != () and command.words[2] in _CHANGING
        if not guarded and command.label not in _UNGUARDED:
            assert command.label in _READING, f"{command.label!r} is neither guarded nor known to only read"
            return run()
        self.seen += 1
        doomed = self.seen == self.number
        if doomed and self.when == "before":
            _die()
        print(f"{_MARK}{command.label}", file=sys.stderr, flush=True)
        if doomed and self.when == "during":
            threading.Thread(target=run, daemon=True).start()
            threading.Event().wait(_BEGUN)
            _die()
        completed = run()
        if doomed:
            _die()
        return completed


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class DoomedShell:
    inner: Shell
    fate: Fate

    def run(self, command: Command) -> Completed:
        return self.fate.meet(command, lambda: self.inner.run(command))

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Completed:
        return self.fate.meet(command, lambda: self.inner.feed(command, chunks))

    def open(self, command: Command) -> Session:
        return self.inner.open(command)

    def attach(self, command: Command, *, tty: bool) -> int:
        return self.inner.attach(command, tty=tty)


@dataclass(frozen=True, slots=True)
class DoomedConnection:
    inner: Connection
    fate: Fate

    @property
    def shell(self) -> Shell:
        return DoomedShell(self.inner.shell, self.fate)

    @property
    def engine(self) -> Engine:
        return self.inner.engine

    @property
    def network(self) -> Network:
        return self.inner.network

    @property
    def channels(self) -> Mapping[str, int]:
        return self.inner.channels

    def close(self) -> None:
        self.inner.close()


def run(when: When, number: int, words: list[str]) -> int:
    fate = Fate(when, number)

    def connect(name: str, host: Host, environment: Environment, root: Path, *, directory: str) -> Connection:
        return DoomedConnection(open_connection(name, host, environment, root, directory=directory), fate)

    invocation = Invocation.of_this_process()
    invocation.argv = tuple(words)
    invocation.connect = connect
    return main(invocation)


if __name__ == "__main__":
    moment, at, _, *rest = sys.argv[1:]
    sys.exit(run(moment, int(at), rest))  # type: ignore[arg-type]  # one of When
