"""A build on the way from the plan to the host: what docker is told, and what is said when it does not work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.flows.machine import Machine
from tests.unit.plan.model import build, host, service

from opsctl.errors import CommandFailed, Exit
from opsctl.flows.deploy import deploy
from opsctl.flows.reports import DeployReport
from opsctl.state.desired import Desired

# Of the image that the pretended host has.
ONE = build("FROM lab/app:1.0.0\n", base="lab/app:1.0.0")


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


def run(machine: Machine, base: str = "lab/app:1.0.0") -> DeployReport:
    made = replace(ONE, bases=build("x", base=base).bases)
    desired = host(service("api", image=made.image, build=made))
    return deploy(machine.world(), Desired("prod", (machine.placed(desired),)), confirm=lambda plan: True)


def say(machine: Machine, words: str) -> None:
    """Let `docker build` fail with these words on stderr."""
    docker = machine.folder / "bin" / "docker"
    first = f"""#!/bin/sh\n[ "$1" != build ] || {{ printf '{words}' >&2; exit 1; }}\n"""
    docker.write_text(docker.read_text().replace("#!/bin/sh\n", first, 1))


def test_it_is_built_before_anything_is_made_and_its_base_pulled_before_that(machine: Machine) -> None:
    report = run(machine, base="lab/other:1")

    assert report.exit is Exit.YES
    pulled, built, up = machine.calls()
    assert pulled == "pull --quiet lab/other:1"
    assert built.startswith(f"build --quiet --pull=false --force-rm --label opsctl.build-hash={ONE.hash}")
    assert "up" in up.split()
    assert [one.subject for one in machine.events if one.kind == "step"][1] == f"build {ONE.image}"


def test_a_failed_build_shows_its_last_words_and_touches_nothing(machine: Machine) -> None:
    say(machine, r"Step 2/2 : RUN x\n\033[91mx: not found\n\033[0mreturned a non-zero code: 127\n")

    report = run(machine)

    error = report.outcomes[0].error
    assert isinstance(error, CommandFailed)
    assert error.message == f"cannot build {ONE.image} for api; no container was touched"
    assert error.evidence == ("Step 2/2 : RUN x", "x: not found", "returned a non-zero code: 127")
    assert error.hint == "see templates/box/Dockerfile"
    assert report.exit is Exit.FAILED
    assert not report.outcomes[0].changed
    assert (machine.calls(), set(machine.files())) == ([], set())


def test_what_only_buildkit_knows_is_told_as_that(machine: Machine) -> None:
    say(machine, "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/")

    error = run(machine).outcomes[0].error

    assert isinstance(error, CommandFailed)
    assert "no --mount and no heredocs" in error.hint
