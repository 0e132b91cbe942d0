"""What goes wrong on the way to a host and on it: a clear error, the right exit code, nothing half-written, the lease free."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.evidence import await_lease, edited, lease_is_free, nothing_changes, tree
from tests.lab.machines import Lab, LabHost
from tests.lab.machines.processes import until
from tests.lab.site import CHECKOUT, Run, Site
from tests.lab.terminal import terminal

spare = pytest.mark.hosts("lab-spare")

STACK = """
    services:
      app:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        env: {GREETING: hello}
        files: [{target: /etc/app.conf, content: "mode = one\\n"}]
        wait: {settle: 0s}
"""


def fails(run: Run, *words: str, hint: str) -> None:
    """The error names the host first, says all the words, and ends in a hint."""
    said = run.stderr
    missing = [word for word in words if word not in said]
    assert not missing, f"{missing} not in:\n{said}"
    assert any(line.startswith("lab-spare: ") for line in said.splitlines()), said
    assert hint in said.partition("\nhint: ")[2], said
    assert "Traceback" not in said


class TestNothingIsDone:
    """One deploy is pending: a changed variable, a changed file. Every fault leaves the host as it was."""

    @pytest.fixture(scope="class")
    @classmethod
    def pending(cls, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        host = lab.host("lab-spare")
        site = Site(tmp_path_factory.mktemp("pending"), lab, "pending", {"lab-spare": host})
        with host.reserved():
            host.wipe()
            site.hosts_toml({"lab-spare": ["apps"]})
            site.write("stacks/apps.yml", STACK)
            shutil.copy(CHECKOUT / ".lab/known_hosts", site.root / "known_hosts")
            site.edit("hosts.toml", f"{CHECKOUT}/.lab/known_hosts", "known_hosts")
            site.deploy()
            site.edit("stacks/apps.yml", "hello", "bonjour")
            site.edit("stacks/apps.yml", "mode = one", "mode = two")
            yield site
            host.wipe()

    def test_the_host_is_unreachable(self, pending: Site) -> None:
        with nothing_changes(pending):
            with pending.host().ssh_stopped():
                run = pending.deploy(code=5)
            fails(
                run,
                "no connection",
                f"{pending.host().address}: connection refused",
                hint="is the machine up, sshd running",
            )
            with pending.host().link_down():
                run = pending.deploy(code=5)
            fails(run, "no connection", "no answer within 10 s", hint="is the machine up")

    def test_another_key_than_the_host_lets_in(self, pending: Site) -> None:
        key = pending.root / "other"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        with nothing_changes(pending), edited(pending, "hosts.toml", f"{CHECKOUT}/.lab/id_ed25519", str(key)):
            run = pending.deploy(code=5)
        fails(run, "lets nobody in as root", f"{key}: refused", hint="~root/.ssh/authorized_keys")

    def test_a_key_file_that_is_not_there(self, pending: Site) -> None:
        with (
            nothing_changes(pending),
            edited(pending, "hosts.toml", f"{CHECKOUT}/.lab/id_ed25519", "keys/deploy"),
        ):
            run = pending.deploy(code=5)
        fails(run, f"there is no key file {pending.root}/keys/deploy", hint="relative to its folder")

    def test_an_unknown_host_key_is_not_trusted_on_first_use(self, pending: Site) -> None:
        with nothing_changes(pending), edited(pending, "hosts.toml", '"known_hosts"', '"nobody"'):
            run = pending.deploy(code=5)
        fails(
            run,
            f"the host key of {pending.host().address} is not known: ssh-ed25519 SHA256:",
            hint="opsctl hosts trust lab-spare",
        )
        assert not (pending.root / "nobody").exists()

    def test_a_changed_host_key_is_refused_until_a_person_trusts_it(self, pending: Site) -> None:
        known = (pending.root / "known_hosts").read_text()
        with nothing_changes(pending), pending.host().host_key_changed():
            run = pending.deploy(code=5)
            fails(run, "shows another host key than known_hosts says", hint="opsctl hosts trust lab-spare")
            pending.opsctl("hosts", "trust", "lab-spare", code=2)
            for answer, trusted in (("no", False), ("yes", True)):
                with terminal(pending.argv("hosts", "trust", "lab-spare"), pending.environ) as person:
                    person.expect("SHA256:")
                    person.expect("[y/N]")
                    person.type(f"{answer}\n")
                    assert person.end() == 0
                pending.plan(code=0 if trusted else 5)
            others = [line for line in known.splitlines() if "lab-spare" not in line]
            assert set(others) < set((pending.root / "known_hosts").read_text().splitlines())
        (pending.root / "known_hosts").write_text(known)

    def test_the_disk_is_full(self, pending: Site) -> None:
        before = tree(pending)
        with nothing_changes(pending), pending.host().disk_full(pending.directory):
            run = pending.deploy(code=1)
            assert tree(pending) == before
        fails(
            run,
            f"the disk that holds {pending.directory} is full",
            "MiB free); nothing was touched",
            "No space left on device",
            hint="make room",
        )

    def test_compose_is_missing(self, pending: Site) -> None:
        with nothing_changes(pending), pending.host().compose_missing():
            run = pending.deploy(code=5)
        fails(
            run, "`docker compose` is missing on the host", hint="opsctl needs Docker Compose 2.24 or later"
        )

    def test_compose_is_too_old(self, pending: Site) -> None:
        with nothing_changes(pending), pending.host().compose_version("2.10.0"):
            run = pending.deploy(code=5)
        fails(run, "Docker Compose 2.10.0 is too old", hint="opsctl needs 2.24 or later")

    def test_an_image_that_no_registry_has_is_found_out_before_anything_stops(self, pending: Site) -> None:
        with nothing_changes(pending), edited(pending, "stacks/apps.yml", "sleeper:1.0.0", "sleeper:9.9.9"):
            run = pending.deploy(code=1)
        fails(
            run,
            "cannot pull 10.213.0.1:5000/lab/sleeper:9.9.9; no container was touched",
            "manifest unknown",
            hint="check the image's name and tag for app",
        )
        assert pending.container("app").running

    def test_a_port_that_a_foreign_container_holds(self, pending: Site) -> None:
        image = pending.lab.image("sleeper")
        pending.host().docker("run", "--detach", "--name", "squatter", "--publish", "8099:80", image)
        with (
            nothing_changes(pending),
            edited(pending, "stacks/apps.yml", "wait:", 'ports: ["8099:80"]\n    wait:'),
        ):
            run = pending.deploy(code=4)
        assert "refused   app: port *:8099/tcp is held by the foreign container squatter" in run.stdout
        assert "lab-spare: the plan is refused; nothing was done" in run.stderr
        pending.host().docker("rm", "--force", "squatter")

    def test_the_engine_is_stopped(self, pending: Site) -> None:
        with nothing_changes(pending, containers=False), pending.host().engine_stopped():
            run = pending.deploy(code=5)
        fails(run, "there is no engine socket /var/run/docker.sock", hint="systemctl start docker")


def deployed(site: Site, stack: str = STACK) -> Site:
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write("stacks/apps.yml", stack)
    site.deploy()
    return site


@contextmanager
def deadly(host: LabHost, name: str) -> Iterator[None]:
    """A program on the host that does its work and then kills who called it, as the kernel does when memory is short."""
    program = host.path("/usr/local") / "bin" / name
    program.write_text(f'#!/bin/sh\n/usr/bin/{name} "$@"\nkill -KILL $PPID\n')
    program.chmod(0o755)
    try:
        yield
    finally:
        program.unlink()


@spare
@pytest.mark.parametrize(
    "last, put",
    [
        pytest.param("tar", [], id="when all was staged"),
        pytest.param("mv", ["GREETING=bonjour"], id="after the first rename"),
    ],
)
def test_a_push_that_is_killed_on_the_host(site: Site, last: str, put: list[str]) -> None:
    deployed(site)
    before, container, compose = tree(site), site.container("app"), site.read("compose.yml")
    site.edit("stacks/apps.yml", "hello", "bonjour")
    site.edit("stacks/apps.yml", "mode = one", "mode = two")
    with deadly(site.host(), last):
        run = site.deploy(code=1)
    fails(run, "push was killed on the host", hint="0 of 3 steps were done; run the same command again")
    assert lease_is_free(site)
    # Every file is whole, the old one or the new one; compose.yml, which comes last, is the old one.
    assert site.read("compose.yml") == compose
    assert site.read("files/app/etc/app.conf") == "mode = one\n"
    assert site.read("env/app.env").split() == (put or ["GREETING=hello"])
    assert bool(set(tree(site)) - set(before) - staged(site)) is bool(put)
    assert site.container("app").facts == container.facts
    site.deploy()
    assert not staged(site)
    assert site.container("app").env["GREETING"] == "bonjour"
    assert site.inner("app", "/etc/app.conf") == "mode = two\n"
    site.plan("--exit-code")


def staged(site: Site) -> set[str]:
    """What a killed push left in its staging folder; the next one removes it."""
    return {line for line in tree(site) if "/.opsctl/staging." in line}


@spare
def test_a_first_deploy_to_a_full_disk(site: Site) -> None:
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    with site.host().disk_full("/opt"):
        run = site.deploy(code=5)
        assert lease_is_free(site)
        fails(run, f"the disk that holds {site.directory} is full", hint="make room")
        assert site.containers() == {}
    site.deploy()


WAITING = """
    services:
      slow:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, retries: 100}
      after:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        depends_on: {slow: {condition: service_healthy}}
        wait: {settle: 0s}
"""


@pytest.mark.hosts("lab-spare", "lab-vpn")
def test_a_cable_that_is_cut_in_the_middle_of_a_deploy_and_an_engine_that_hangs(site: Site) -> None:
    """Each takes half a minute to find out, so they happen at once: the cable of lab-spare, the engine of lab-vpn."""
    site.hosts_toml({"lab-spare": ["apps"], "lab-vpn": ["other"]})
    site.write("stacks/apps.yml", WAITING)
    site.write("stacks/other.yml", STACK)
    site.deploy("--host", "lab-vpn")
    site.edit("stacks/other.yml", "hello", "bonjour")
    before = (tree(site, "lab-vpn"), site.container("app", "lab-vpn").facts)
    waiting = site.start("deploy", "lab", "--host", "lab-spare", "--yes")
    until(lambda: "slow" in site.containers(), "the wait", seconds=30)
    time.sleep(1.0)
    with site.host("lab-spare").link_down(), site.host("lab-vpn").engine_hung():
        asking = site.start("deploy", "lab", "--host", "lab-vpn", "--yes")
        cut, hung = ended(waiting), ended(asking)
    assert hung.code == 5
    assert "lab-vpn: the engine did not answer within 30 s" in hung.stderr
    assert "journalctl -u docker" in hung.stderr.partition("hint: ")[2]
    assert (tree(site, "lab-vpn"), site.container("app", "lab-vpn").facts) == before
    assert lease_is_free(site, "lab-vpn")
    assert cut.code == 1
    fails(
        cut,
        "the connection was lost",
        hint="of 5 steps were done; run the same command again to go on",
    )
    assert "after" not in site.containers()
    await_lease(site, seconds=60)
    site.typed("exec", "slow", "touch", "/tmp/ready")
    slow = site.container("slow").id
    site.deploy()
    assert site.container("slow").id == slow
    assert site.container("after").running


def ended(process: subprocess.Popen[str]) -> Run:
    stdout, stderr = process.communicate(timeout=90)
    return Run(process.returncode, stdout, stderr)


SICK = """
    services:
      healthy:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        wait: {settle: 1s}
      sick:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        command: [sh, -c, "echo cannot reach the moon; sleep 1000"]
        init: true
        healthcheck:
          test: [CMD-SHELL, "echo probe says no; exit 1"]
          interval: 1s
          retries: 1
          start_period: 0s
      dead:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        depends_on: {sick: {condition: service_healthy}}
"""


@pytest.mark.hosts("lab-spare", "lab-vpn")
def test_a_service_that_fails_its_healthcheck_does_not_keep_the_other_host_from_its_end(site: Site) -> None:
    site.hosts_toml({"lab-spare": ["apps"], "lab-vpn": ["other"]})
    site.write("stacks/apps.yml", SICK)
    site.write("stacks/other.yml", STACK)
    run = site.deploy(code=1)
    fails(
        run,
        "lab-spare: sick is unhealthy: running, unhealthy",
        "| health: exit 1: probe says no",
        "| log: cannot reach the moon",
        hint="opsctl why sick",
    )
    rows = {line.split()[0]: line.split()[1] for line in run.stdout.splitlines() if line.startswith("lab-")}
    assert (rows["lab-spare"], rows["lab-vpn"]) == ("FAILED", "done")
    assert site.container("app", "lab-vpn").running
    assert "dead" not in site.containers("lab-spare")
    assert lease_is_free(site, "lab-spare")
    assert lease_is_free(site, "lab-vpn")
    site.opsctl("why", "sick", code=4)


@spare
def test_a_container_that_ends_at_once_is_told_with_its_exit_code_and_last_words(site: Site) -> None:
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write(
        "stacks/apps.yml",
        STACK.replace(
            "wait: {settle: 0s}", "restart: 'no'\n        command: [sh, -c, 'echo no licence; exit 3']"
        ),
    )
    run = site.deploy(code=1)
    fails(run, "app stopped again: exited 3", "| log: no licence", hint="opsctl why app")
    assert lease_is_free(site)


def test_every_problem_of_the_files_is_told_at_once_with_its_line(tmp_path: Path, lab: Lab) -> None:
    site = Site(tmp_path, lab, "broken")
    site.hosts_toml({"lab-spare": ["apps"]}, usr='"root"', memory='"lots"')
    site.write("stacks/apps.yml", STACK.replace("wait:", "memry: 5m\n        wait:") + "    netwrks: {}\n")
    said = problems(site)
    assert set(said) == {"hosts.toml:13", "hosts.toml:14", "stacks/apps.yml:7", "stacks/apps.yml:9"}
    assert "unknown key 'memry'" in said["stacks/apps.yml:7"]
    site.hosts_toml({"lab-spare": ["apps", "app"]})
    site.write(
        "stacks/apps.yml",
        STACK.replace("registry", "registri").replace("wait:", "depends_on: [ap]\n        wait:"),
    )
    said = problems(site)
    assert set(said) == {"hosts.toml:12", "stacks/apps.yml:4", "stacks/apps.yml:7"}
    assert "registri" in said["stacks/apps.yml:4"]


def problems(site: Site) -> dict[str, str]:
    """What deploy says, by place; nobody is asked for a password or a connection for it."""
    run = site.deploy(code=2)
    assert "Traceback" not in run.stderr
    told = [
        line.partition(": ")[::2]
        for line in run.stderr.splitlines()
        if line.startswith(("hosts.", "stacks/"))
    ]
    assert f"{len(told)} problems in the project's files" in run.stderr
    assert site.opsctl("plan", "lab", code=2).stderr == run.stderr
    return dict(told)


@pytest.mark.parametrize(
    "path, text, said",
    [
        ("hosts.toml", "project = \n", "hosts.toml:1"),
        ("stacks/apps.yml", "services:\n  app: {image: [\n", "stacks/apps.yml:"),
    ],
)
def test_a_file_that_cannot_be_read_at_all(tmp_path: Path, lab: Lab, path: str, text: str, said: str) -> None:
    site = Site(tmp_path, lab, "broken")
    site.hosts_toml({"lab-spare": ["apps"]})
    site.write("stacks/apps.yml", STACK)
    site.write(path, text)
    run = site.opsctl("plan", "lab", code=2)
    assert said in run.stderr
    assert "Traceback" not in run.stderr
