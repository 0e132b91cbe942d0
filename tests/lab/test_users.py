"""Who logs in, over which sshd and by which way: what lies on the host then, and what is said where it cannot work."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.lab.evidence import lease_is_free
from tests.lab.machines import LabHost
from tests.lab.machines.processes import until
from tests.lab.site import CHECKOUT, Site

pytestmark = pytest.mark.hosts("lab-spare")

STACK = """
    services:
      app:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        env: {GREETING: hello}
        files:
          - {target: /etc/app.conf, content: "mode = one\\n"}
          - {target: /srv/data/seed.txt, content: "seed\\n", mount: directory, on_change: none}
        wait: {settle: 0s}
"""

# Design, section 7: env 0600, files 0644 in folders of 0755, all under a top of 0700; .opsctl is for its owner alone.
TREE = {
    ".": "700",
    "compose.yml": "644",
    "env": "755",
    "env/app.env": "600",
    "files": "755",
    "files/app": "755",
    "files/app/etc": "755",
    "files/app/etc/app.conf": "644",
    "files/app/srv": "755",
    "files/app/srv/data": "755",
    "files/app/srv/data/seed.txt": "644",
    ".opsctl": "700",
    ".opsctl/fingerprint.key": "600",
    ".opsctl/lease": "600",
    ".opsctl/running": "600",
    ".opsctl/audit.jsonl": "600",
}


@contextmanager
def home_of(host: LabHost, directory: str) -> Iterator[None]:
    """A directory outside of /opt and /srv, which no wipe removes."""
    try:
        yield
    finally:
        if directory.startswith("/home/"):
            host.run(["rm", "-rf", directory])


def found(site: Site) -> dict[str, tuple[str, str]]:
    """Mode and owner by path."""
    listed = site.host().run(["find", site.directory, "-printf", "%P\t%m\t%u:%g\n"]).stdout.decode()
    rows = [line.split("\t") for line in listed.splitlines()]
    return {path or ".": (mode, owner) for path, mode, owner in rows}


@pytest.mark.parametrize(
    "user, sudo, directory, owner",
    [
        pytest.param("root", "always", "", "root", id="root by way of sudo"),
        pytest.param("deploy", "auto", "", "root", id="sudo where it is needed"),
        pytest.param("plain", "never", "/home/plain/demo", "plain", id="no sudo at all"),
    ],
)
def test_every_file_has_the_mode_and_owner_it_should(
    site: Site, user: str, sudo: str, directory: str, owner: str
) -> None:
    deploys_twice(site, user, f'{{files = "{sudo}", engine = "{sudo}"}}', directory, owner)


def test_sudo_for_the_engine_leaves_the_files_to_their_owner(site: Site) -> None:
    deploys_twice(site, "deploy", '{files = "never", engine = "always"}', "/home/deploy/demo", "deploy")


def test_sudo_for_the_files_alone(site: Site) -> None:
    deploys_twice(site, "deploy", '{files = "always", engine = "never"}', "", "root")


def deploys_twice(site: Site, user: str, sudo: str, directory: str, owner: str) -> None:
    site = replace(site, folder=directory)
    facts = {"directory": f'"{directory}"'} if directory else {}
    with home_of(site.host(), directory):
        site.hosts_toml({"lab-spare": ["apps"]}, user=f'"{user}"', sudo=sudo, **facts)
        site.write("stacks/apps.yml", STACK)
        site.deploy()
        whole = {path: (mode, f"{owner}:{owner}") for path, mode in TREE.items()}
        assert found(site) == whole
        before = site.container("app")
        site.edit("stacks/apps.yml", "hello", "bonjour")
        site.edit("stacks/apps.yml", "seed\\n", "grown\\n")
        site.deploy()
        # A changed file that nothing reacts to owes nothing; all else is as it was.
        assert found(site) == whole
        assert site.container("app").env["GREETING"] == "bonjour"
        assert site.container("app").id != before.id
        assert site.inner("app", "/etc/app.conf") == "mode = one\n"
        assert site.inner("app", "/srv/data/seed.txt") == "grown\n"
        site.plan("--exit-code")
        assert lease_is_free(site)


@pytest.mark.parametrize(
    "user, facts, said, hint",
    [
        pytest.param(
            "guest",
            {},
            "lab-spare: guest may not write /opt/",
            "give the folder to guest, or put `guest ALL=(root) NOPASSWD: ALL` in /etc/sudoers.d/opsctl",
            id="no right to the files",
        ),
        pytest.param(
            "guest",
            {"directory": '"/home/guest/demo"'},
            "lab-spare: guest may not use /var/run/docker.sock, and sudo asks for a password",
            "usermod -aG docker guest",
            id="no right to the engine",
        ),
        pytest.param(
            "plain",
            {},
            "lab-spare: plain may not write /opt/",
            "give the folder to plain",
            id="the engine but not the files",
        ),
        pytest.param(
            "plain",
            {"sudo": '{files = "always"}'},
            "lab-spare: sudo was refused",
            "NOPASSWD in /etc/sudoers.d/opsctl",
            id="sudo that asks for a password",
        ),
        pytest.param(
            "deploy",
            {"sudo": '{files = "never"}'},
            "lab-spare: no right to write to /opt/",
            "let the login user use sudo",
            id="sudo that is not to be used",
        ),
        pytest.param(
            "guest",
            {"directory": '"/home/guest/demo"', "sudo": '{engine = "never"}'},
            "lab-spare: this user may not use /var/run/docker.sock",
            "put the user in the group docker",
            id="the engine without sudo",
        ),
    ],
)
def test_a_user_without_the_rights_is_refused_clearly(
    site: Site, user: str, facts: dict[str, str], said: str, hint: str
) -> None:
    directory = facts.get("directory", "").strip('"')
    with home_of(site.host(), directory):
        site.hosts_toml({"lab-spare": ["apps"]}, user=f'"{user}"', **facts)
        site.write("stacks/apps.yml", STACK)
        run = site.deploy(code=5)
        assert said in run.stderr
        assert hint in run.stderr.partition("hint: ")[2]
        assert site.containers() == {}
        left = (
            site.host().run(["find", directory or site.directory, "-type", "f"], check=False).stdout.decode()
        )
        assert {line.rpartition("/")[2] for line in left.split()} <= {"fingerprint.key", "lease", "running"}
        assert lease_is_free(replace(site, folder=directory))


def test_an_sshd_that_forwards_no_sockets_and_allows_two_sessions(site: Site) -> None:
    port = site.host().strict_ssh_port
    site.hosts_toml({"lab-spare": ["apps"]}, user='"deploy"', addresses=f'["{site.host().address}:{port}"]')
    site.write("stacks/apps.yml", STACK)
    site.deploy()
    site.edit("stacks/apps.yml", "hello", "bonjour")
    site.deploy()
    assert site.container("app").env["GREETING"] == "bonjour"
    site.plan("--exit-code")
    site.opsctl("exec", "app", "-e", "lab", "--", "true")


def reachable(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


def test_an_sshd_that_allows_too_few_sessions_is_named(site: Site) -> None:
    host = site.host()
    pid = "/run/sshd-single.pid"
    single = [
        "-f",
        "/etc/ssh/sshd_config_strict",
        "-o",
        "MaxSessions=1",
        "-o",
        f"PidFile={pid}",
        "-p",
        "2223",
    ]
    opening = ["INPUT", "-p", "tcp", "--dport", "2223", "-j", "ACCEPT"]
    host.run(["iptables", "-I", *opening])
    host.run(["/usr/sbin/sshd", *single])
    try:
        # It goes into the background before it listens.
        until(lambda: reachable(host.address, 2223), "the second sshd", seconds=15)
        site.hosts_toml({"lab-spare": ["apps"]}, addresses=f'["{host.address}:2223"]')
        site.write("stacks/apps.yml", STACK)
        run = site.deploy(code=5)
        assert "lab-spare: sshd opens no further channel" in run.stderr
        assert "MaxSessions in the host's sshd_config" in run.stderr.partition("hint: ")[2]
        assert site.containers() == {}
        assert lease_is_free(site)
    finally:
        host.run(["iptables", "-D", *opening])
        host.run(["sh", "-c", f"kill $(cat {pid})"])


@pytest.mark.hosts("lab-spare", "lab-vpn")
def test_a_way_through_another_machine(site: Site) -> None:
    spare, vpn = site.host("lab-spare"), site.host("lab-vpn")
    site.write(
        "ssh/config",
        f"""
        Host bastion
            HostName {vpn.address}
            User guest
            IdentityFile {spare.client_key}
            HostKeyAlias lab-vpn
        Host inner
            HostName {spare.address}
            User deploy
            HostKeyAlias lab-spare
            ProxyJump bastion
        """,
    )
    site.hosts_toml({"lab-spare": ["apps"]}, addresses='["inner"]', ssh_config='"ssh/config"')
    site.edit("hosts.toml", 'user = "root"\n', "")
    site.write("stacks/apps.yml", STACK)
    one = replace(site, hosts={"lab-spare": spare})
    log = spare.path("/var/log") / "sshd_config.log"
    before = len(log.read_text())
    one.deploy()
    assert one.container("app").running
    assert f"Accepted publickey for deploy from {vpn.address}" in log.read_text()[before:]
    one.plan("--exit-code")
    with vpn.ssh_stopped():
        run = one.plan(code=5)
    assert "inner: connection refused" in run.stderr
    site.edit("hosts.toml", f"{CHECKOUT}/.lab/known_hosts", "known_hosts")
    (site.root / "known_hosts").write_text(f"{spare.known_hosts_line()}\n")
    run = one.plan(code=5)
    assert "the host key of bastion is not known" in run.stderr
