"""Pulls with a login: what the host is told, what it keeps, and what is said when it does not work."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.here import local_shell
from tests.flows.machine import Machine
from tests.unit.plan.model import host, service

from opsctl.argv import docker
from opsctl.argv.command import Command
from opsctl.errors import CommandFailed, Exit, UsageError
from opsctl.flows.deploy import deploy
from opsctl.flows.reports import DeployReport
from opsctl.images.credentials import Credentials
from opsctl.state.desired import Desired

PASSWORD = "pr1v4te $(id) 'c4n4ry' \"ü\\n%s"
ANN = Credentials("ann", PASSWORD)

# Writes down its words, its stdin, and what lies in the folder of --config, with modes.
_DOCKER = """\
#!/bin/sh
echo "$*" >>"$HERE/words"
echo "$2" >"$HERE/config"
case "$*" in
*" login "*)
    cat >"$HERE/password"
    stat -c %a "$2" >"$HERE/mode"
    stat -f -c %T "$2" >"$HERE/kind"
    cat "$2/config.json" >"$HERE/before"
    cat "$HERE/password" >"$2/config.json"
    [ ! -e "$HERE/refuse" ] || { echo "WARNING: x"; echo "unauthorized: incorrect username" >&2; exit 1; }
    ;;
*)
    cat "$2/config.json" >"$HERE/during"
    [ ! -e "$HERE/slow" ] || { touch "$HERE/pulling"; sleep 30; }
    echo pulled
    ;;
esac
"""


class Place:
    """A host's directory whose lease run r1 holds, and a pretended docker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".opsctl").mkdir(parents=True)
        (folder / ".opsctl" / "lease").write_text('{"run": "r1"}\n')
        (folder / "docker").write_text(_DOCKER.replace("$HERE", str(folder)))
        (folder / "docker").chmod(0o755)
        self.shell = local_shell("web", path=f"{folder}:{os.environ['PATH']}")

    def command(self, registry: str = "r.example:5000", *, timeout: float = 20) -> Command:
        return docker.pull_with_login(
            str(self.folder), "r1", "r.example:5000/a:1", registry, ANN, timeout=timeout
        )

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def config_is_gone(self) -> bool:
        return not Path(self.read("config").strip()).exists()


@pytest.fixture
def place(memory: Path) -> Place:
    return Place(memory / "host")


def test_the_password_goes_by_stdin_into_a_private_folder_that_is_gone_afterwards(place: Place) -> None:
    done = place.shell.run(place.command())

    assert (done.code, done.stdout) == (0, b"pulled\n")
    config = place.read("config").strip()
    assert place.read("words").splitlines() == [
        f"--config {config} login --username ann --password-stdin r.example:5000",
        f"--config {config} pull --quiet r.example:5000/a:1",
    ]
    assert place.read("password") == PASSWORD + "\n"
    assert place.read("during") == PASSWORD + "\n"
    assert "auths" in place.read("before"), "docker looks for a keyring where a configuration knows no login"
    assert place.read("mode") == "700\n"
    assert place.read("kind") == "tmpfs\n"
    assert place.config_is_gone()
    assert PASSWORD not in str(place.command())
    assert "c4n4ry" not in repr(place.command())


def test_docker_hub_has_a_name_of_its_own_for_logins(place: Place) -> None:
    place.shell.run(place.command("docker.io"))

    assert "--password-stdin https://index.docker.io/v1/\n" in place.read("words")


def test_a_refused_login_has_its_own_code_and_pulls_nothing(place: Place) -> None:
    (place.folder / "refuse").touch()

    done = place.shell.run(place.command())

    assert done.code == docker.LOGIN_FAILED
    assert done.stderr == b"WARNING: x\nunauthorized: incorrect username\n"
    assert "pull" not in place.read("words").replace("--pull", "")
    assert place.config_is_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_pull_keeps_no_login(place: Place, number: signal.Signals) -> None:
    (place.folder / "slow").touch()
    thread = threading.Thread(target=_signal_the_shell, args=(place, number))
    thread.start()

    done = place.shell.run(place.command())
    thread.join()

    assert not done.ok
    assert place.config_is_gone()


def test_a_pull_that_runs_out_of_time_keeps_no_login(place: Place) -> None:
    (place.folder / "slow").touch()

    done = place.shell.run(place.command(timeout=1))

    assert done.code == 124
    assert place.config_is_gone()


def test_what_a_killed_pull_left_behind_is_removed_and_what_a_living_one_uses_is_not(place: Place) -> None:
    dead = Path(f"/dev/shm/opsctl-login.{_no_process()}.test")
    alive = Path(f"/dev/shm/opsctl-login.{os.getpid()}.test")
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "config.json").touch()
    try:
        place.shell.run(place.command())

        assert (dead.exists(), alive.exists()) == (False, True)
    finally:
        for folder in (dead, alive):
            (folder / "config.json").unlink(missing_ok=True)
            if folder.exists():
                folder.rmdir()


def test_a_lost_lease_logs_in_nowhere(place: Place) -> None:
    (place.folder / ".opsctl" / "lease").write_text('{"run": "r2"}\n')

    assert place.shell.run(place.command()).code == 75
    assert not (place.folder / "words").exists()


@pytest.fixture
def machine(memory: Path) -> Machine:
    return Machine(memory / "host")


def run(
    machine: Machine, login: Credentials | UsageError | None, image: str = "r.example:5000/a:1"
) -> DeployReport:
    def logins(registry: str) -> Credentials | None:
        assert registry == "r.example:5000"
        if isinstance(login, UsageError):
            raise login
        return login

    asked = host(service("api", image=image, definition={"image": image}))
    world = replace(machine.world(), registry_login=logins)
    return deploy(world, Desired("prod", (machine.placed(asked),)), confirm=lambda plan: True)


def test_a_deploy_pulls_with_the_login_of_the_registry(machine: Machine) -> None:
    report = run(machine, ANN)

    assert report.exit is Exit.YES
    logged_in, pulled, up = machine.calls()
    assert logged_in.endswith("login --username ann --password-stdin r.example:5000")
    assert pulled.endswith("pull --quiet r.example:5000/a:1")
    assert "up" in up
    assert "c4n4ry" not in str(machine.audit()) + str(machine.events)


def test_without_a_login_nobody_logs_in_and_a_refusal_says_where_to_write_one(machine: Machine) -> None:
    machine.fail("pull --quiet")

    error = run(machine, None).outcomes[0].error

    assert isinstance(error, CommandFailed)
    assert error.message == "cannot pull r.example:5000/a:1; no container was touched"
    assert 'login = {…} of [registries."r.example:5000"]' in error.hint


def test_of_a_digest_that_cannot_be_pulled_the_hint_asks_whether_it_is_still_there(machine: Machine) -> None:
    machine.fail("pull --quiet")

    error = run(machine, None, "r.example:5000/a:1@sha256:" + "ab" * 32).outcomes[0].error

    assert isinstance(error, CommandFailed)
    assert error.message == "cannot pull r.example:5000/a:1@sha256:abababababab…; no container was touched"
    assert error.hint.startswith("does the registry still have this digest? opsctl pin-images --check api;")


def test_a_refused_login_says_who_and_where_and_touches_nothing(machine: Machine) -> None:
    machine.fail("login --username")

    report = run(machine, ANN)

    error = report.outcomes[0].error
    assert isinstance(error, CommandFailed)
    assert error.message == "cannot log in to r.example:5000 as ann; no container was touched"
    assert error.hint.startswith('check [registries."r.example:5000"] login in hosts.toml')
    assert (machine.calls(), set(machine.files())) == ([], set())
    assert "c4n4ry" not in str(error) + str(machine.audit()) + str(machine.events)


def test_a_missing_secret_is_told_before_anything_is_done(machine: Machine) -> None:
    with pytest.raises(UsageError, match="no secret registry_token"):
        run(machine, UsageError("no secret registry_token"))

    assert (machine.calls(), machine.audit()) == ([], [])


def _signal_the_shell(place: Place, number: int) -> None:
    while not (place.folder / "pulling").exists():
        if threading.Event().wait(0.01):
            return
    config = place.read("config").strip()
    os.kill(int(config.split(".")[-2]), number)
    # The shell runs its trap when the command that it waits for has ended.
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes() == b"sleep\x0030\x00" and _parent_is_ours(process, place):
                os.kill(int(process.name), signal.SIGTERM)
        except OSError:
            continue


def _parent_is_ours(process: Path, place: Place) -> bool:
    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
    return str(place.folder).encode() in Path(f"/proc/{parent}/cmdline").read_bytes()


def _no_process() -> int:
    return next(number for number in range(4_000_000, 4_194_304) if not Path(f"/proc/{number}").exists())
