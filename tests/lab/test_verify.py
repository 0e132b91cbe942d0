"""verify on a real host: every check passes where all is well, and fails on the fault that is planted for it.

Not planted, since nothing in a namespace can: another clock, swapping, a kernel out of memory. tests/unit/checks answers those.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from opsctl.checks.questions import OnHost
from opsctl.checks.ssh_server import CHECKS as SSH
from tests.lab.site import Site
from tests.unit.checks.situations import cases_of, situation

pytestmark = pytest.mark.hosts("lab-spare")

HOST = "lab-spare"
STACK = """\
    services:
      api:
        image: "{{ vars.registry }}/whoami:1.0.0"
        ports: ["127.0.0.1:8080:8000"]
        memory: {limit: 96MiB}
        pids_limit: 20
        env: {WORD: "{{ vars.word }}", TOKEN: "{{ secret('token') }}"}
        files: [{template: page.j2, target: /etc/page}]
        healthcheck: {test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8000/healthz"], interval: 1s}
        wait: {settle: 0s}
      idle:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        memory: {limit: 32MiB}
        pids_limit: 20
        wait: {settle: 0s}
"""
EATER = """
import pathlib, time
folder = pathlib.Path("/sys/fs/cgroup")
used = [one for one in (folder / "memory.current", folder / "memory/memory.usage_in_bytes") if one.exists()][0]
held = []
while int(used.read_text()) < 91 * 2**20:
    held.append(b"x" * 2**19)
print(len(held), file=open("/tmp/eaten", "w"))
time.sleep(600)
"""
"""It takes memory until 5 MiB are left to the limit."""
Found = dict[tuple[str, str], tuple[str, str]]
"""By check and service ("" for the host): result and message."""


@pytest.fixture
def healthy(site: Site) -> Site:
    """Two services with pinned images and a secret, deployed."""
    extra = f'[registries."{site.lab.registry}"]\ninsecure = true\n'
    site.hosts_toml({HOST: ["apps"]}, extra=extra, secrets="")
    site.edit("hosts.toml", "[environments.lab.vars]", '[environments.lab.vars]\nword = "one"')
    site.write("stacks/apps.yml", STACK)
    site.write("templates/page.j2", "{{ vars.word }}\n")
    site.keep_store()
    site.set_secret("token", "--rotate-every", "90d")
    site.opsctl("pin-images")
    site.deploy()
    return site


def verified(site: Site, *options: str, code: int | None = None) -> Found:
    data = site.opsctl("verify", "lab", *options, "--json", code=code).json()["data"]
    return {
        (one["check"], one["service"] or ""): (one["result"], one["message"] or "") for one in data["results"]
    }


def bad(found: Found) -> dict[tuple[str, str], str]:
    return {who: message for who, (result, message) in found.items() if result not in {"pass", "skip"}}


def by_hand(
    site: Site, service: str, *options: str, image: str = "whoami", command: tuple[str, ...] = ()
) -> str:
    """In place of a service's container one that somebody ran, with Compose's labels; its id."""
    host = site.host()
    host.docker("rm", "--force", site.container(service).id)
    labels = {"project": site.project, "service": service, "oneoff": "False"}
    words = [
        word for name, value in labels.items() for word in ("--label", f"com.docker.compose.{name}={value}")
    ]
    reference = f"{site.lab.registry}/lab/{image}:1.0.0"
    return host.docker("run", "--detach", *words, *options, reference, *command).strip()


def shell(site: Site, script: str, *arguments: str) -> str:
    return site.host().run(["sh", "-ec", script, "sh", *arguments]).stdout.decode().strip()


@contextmanager
def undone(site: Site, done: str, undo: str) -> Iterator[None]:
    """A fault that wiping the host does not mend."""
    shell(site, done)
    try:
        yield
    finally:
        shell(site, undo)


def test_all_is_well(healthy: Site) -> None:
    found = verified(healthy, code=0)
    assert bad(found) == {}
    passed = {check for (check, _service), (result, _message) in found.items() if result == "pass"}
    skipped = {check for check, _service in found} - passed
    assert skipped == {"V-HST-006", *({"V-HST-003", "V-MEM-003"} & skipped)}
    assert found["V-NET-003", "api"] == ("pass", "tried 2 times")


def test_another_environment_and_a_port_for_everybody(healthy: Site) -> None:
    by_hand(healthy, "api", "--env", "WORD=other", "--publish", "8080:8000")
    found = bad(verified(healthy))
    assert "WORD has another value" in found["V-ENV-001", "api"]
    assert "TOKEN is not there" in found["V-ENV-001", "api"]
    assert found["V-NET-001", "api"] == "its ports are bound otherwise"
    address = healthy.host().address
    assert f"somebody answers at {address}:8080 from this machine" in found["V-NET-003", "api"]
    assert ("V-NET-002", "api") not in found


def test_an_env_file_that_changed_and_a_restart(healthy: Site) -> None:
    healthy.edit("hosts.toml", 'word = "one"', 'word = "two"')
    healthy.put("env/api.env", healthy.read("env/api.env").replace("one", "two"))
    healthy.typed("restart", "api")
    found = bad(verified(healthy))
    assert found["V-ENV-001", "api"] == "WORD has another value"


def test_a_replaced_file_that_the_container_does_not_see(healthy: Site) -> None:
    path = f"{healthy.directory}/files/api/etc/page"
    healthy.edit("templates/page.j2", "{{ vars.word }}", "new")
    shell(healthy, 'echo new >"$1.new"; chmod 644 "$1.new"; mv -f "$1.new" "$1"', path)
    assert healthy.inner("api", "/etc/page") == "one\n"
    found = bad(verified(healthy))
    assert found["V-FIL-001", "api"] == "/etc/page: the container sees another content"
    healthy.deploy()
    assert bad(verified(healthy, code=0)) == {}


def test_another_image_and_a_restart_loop(healthy: Site) -> None:
    loop = ("sh", "-c", "exit 3")
    by_hand(healthy, "idle", "--restart", "always", image="whoami", command=loop)
    shell(
        healthy,
        'until [ "$(docker inspect -f "{{.RestartCount}}" "$1")" -gt 1 ]; do sleep 0.2; done',
        idle(healthy),
    )
    found = bad(verified(healthy))
    assert found["V-IMG-001", "idle"].startswith("runs another image than")
    assert "estart" in found["V-CTR-002", "idle"]
    assert ("V-CTR-002", "api") not in found


def idle(site: Site) -> str:
    return site.container("idle").id


def test_near_the_limits(healthy: Site) -> None:
    healthy.host().docker("exec", "--detach", healthy.container("api").id, "python3", "-c", EATER)
    crowd = "for one in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 600 & done; wait"
    healthy.host().docker("exec", "--detach", idle(healthy), "sh", "-c", crowd)
    shell(
        healthy,
        'until [ "$(docker top "$1" | grep -c "sleep 600")" -ge 16 ]; do sleep 0.2; done',
        idle(healthy),
    )
    shell(
        healthy, 'until docker exec "$1" test -s /tmp/eaten; do sleep 0.2; done', healthy.container("api").id
    )
    found = bad(verified(healthy, "--tag", "host"))
    assert set(found) == {("V-MEM-002", "api"), ("V-CTR-004", "idle")}
    assert "of 96 MiB" in found["V-MEM-002", "api"]
    assert "of 20 processes" in found["V-CTR-004", "idle"]


def test_who_listens_on_all_addresses(healthy: Site) -> None:
    start = "setsid python3 -m http.server 9876 --bind 0.0.0.0 >/dev/null 2>&1 & echo $! >/run/opened.pid"
    with undone(healthy, start, "kill $(cat /run/opened.pid); rm /run/opened.pid"):
        shell(healthy, "until ss -ltn | grep -q :9876; do sleep 0.1; done")
        found = bad(verified(healthy, "--tag", "network", code=4))
    assert found == {("V-NET-004", ""): "it listens on all addresses at 9876 (python3)"}


def test_a_container_of_no_stack_that_listens_and_logs_without_end(healthy: Site) -> None:
    """The engine gives daemon.json's limit to every container that it makes, so for this one it has none."""
    host, file = healthy.host(), "/etc/docker/daemon.json"
    without = f"""cp {file} {file}.kept; grep -v '"max-size"' {file}.kept >{file}"""
    with undone(healthy, without, f"mv {file}.kept {file}"):
        with host.engine_stopped():
            pass
        image = f"{healthy.lab.registry}/lab/whoami:1.0.0"
        host.docker("run", "--detach", "--name", "stranger", "--publish", "9877:8000", image)
        found = bad(verified(healthy, "--tag", "host"))
    with host.engine_stopped():
        pass
    assert "9877 (the container stranger, of no stack)" in found["V-NET-004", ""]
    assert found["V-HST-005", ""] == "json-file without max-size: stranger"


def test_a_port_that_nobody_takes(healthy: Site) -> None:
    """Docker's proxy, which takes what comes to loopback, is gone."""
    shell(healthy, "kill $(pgrep -f '[d]ocker-proxy.* -host-port 8080')")
    found = bad(verified(healthy, "--tag", "network"))
    assert found["V-NET-002", "api"].startswith("nobody answers at 127.0.0.1:8080")


def test_modes(healthy: Site) -> None:
    shell(healthy, 'cd "$1"; chmod 755 .; chmod 644 env/api.env .opsctl/fingerprint.key', healthy.directory)
    found = bad(verified(healthy, "--tag", "secrets"))
    assert set(found) == {("V-SEC-002", "")}
    for words in (
        "the directory has mode 0755",
        "env/api.env has mode 0644",
        "fingerprint.key has mode 0644",
    ):
        assert words in found["V-SEC-002", ""]
    shell(healthy, 'cd "$1"; chown 1234 env/api.env; chmod 600 env/api.env', healthy.directory)
    assert "env/api.env is owned by 1234" in bad(verified(healthy, "--tag", "secrets"))["V-SEC-002", ""]


def test_a_secret_that_is_overdue_and_a_rotation_that_is_open(healthy: Site) -> None:
    healthy.opsctl("secrets", "set", "token", "-e", "lab", "--policy-only", "--rotate-every", "1s")
    mark = '{"id": "1a2b", "secret": "token", "before": "v1", "after": "v2", "since": "2026-11-26T02:00:00Z",'
    mark += ' "user": "alice", "machine": "desk"}'
    shell(healthy, 'mkdir -p "$1"; printf %s "$2" >"$1/token"', f"{healthy.directory}/.opsctl/rotating", mark)
    found = bad(verified(healthy, "--tag", "secrets"))
    assert "rotate_every is 1s" in found["V-SEC-001", ""]
    assert found["V-SEC-003", ""] == "token on the host (v1 -> v2, begun 2026-11-26T02:00:00Z by alice@desk)"


def test_no_firewall_and_another_one(healthy: Site) -> None:
    """The last rule of iptables taken away; then a chain of nft's own that drops."""
    rule = "INPUT -j REJECT"
    drops = "nft add chain inet other input '{ type filter hook input priority 10; policy drop; }'"
    lets = (
        "nft add rule inet other input tcp dport 22 accept; nft add rule inet other input iifname lo accept"
    )
    with undone(healthy, f"iptables -D {rule}", f"iptables -A {rule}"):
        assert set(bad(verified(healthy, "--tag", "host"))) == {("V-HST-002", "")}
        files = (healthy.root / "hosts.toml").read_text()
        waiver = (
            f'[[hosts.{HOST}.waive]]\ncheck = "V-HST-002"\nreason = "the provider filters"\nuntil = "{{}}"\n'
        )
        healthy.write("hosts.toml", files + waiver.format("2099-01-31"))
        result, message = verified(healthy, "--tag", "host", code=0)["V-HST-002", ""]
        assert result == "waived"
        assert message.endswith("; waived until 2099-01-31: the provider filters")
        healthy.write("hosts.toml", files + waiver.format("2026-01-31"))
        result, message = verified(healthy, "--tag", "host", code=4)["V-HST-002", ""]
        assert result == "fail"
        assert message.endswith("; its waiver ended on 2026-01-31 (the provider filters)")
        healthy.write("hosts.toml", files)
        with undone(healthy, f"nft add table inet other; {drops}; {lets}", "nft delete table inet other"):
            assert bad(verified(healthy, "--tag", "host", code=0)) == {}


def test_sshd_that_takes_passwords(healthy: Site) -> None:
    file = "/etc/ssh/sshd_config"
    edit = f"cp -p {file} {file}.kept; sed -i '/^AuthenticationMethods/d' {file}; echo 'PermitRootLogin yes' >{file}.new; "
    edit += f"grep -v ^PermitRootLogin {file} >>{file}.new; cat {file}.new >{file}; rm {file}.new"
    with undone(healthy, edit, f"mv -f {file}.kept {file}"):
        found = bad(verified(healthy, "--tag", "host"))
    assert set(found) == {("V-HST-001", "")}
    assert "PasswordAuthentication yes; " in found["V-HST-001", ""]
    assert "PermitRootLogin yes" in found["V-HST-001", ""]


def test_who_is_not_root_reads_what_sshd_is_set_to(healthy: Site) -> None:
    (case,) = cases_of(SSH[0], situation())
    question: Any = next(case.talk())
    assert isinstance(question, OnHost)
    before = shell(healthy, "ls /tmp")
    lines = healthy.host().run(list(question.words), user="plain").stdout.decode().splitlines()
    assert "authenticationmethods publickey" in lines
    assert lines[-1] == "end"
    assert shell(healthy, "ls /tmp") == before


def test_upkeep(healthy: Site) -> None:
    with undone(healthy, "touch /run/reboot-required", "rm /run/reboot-required"):
        assert set(bad(verified(healthy, "--tag", "upgrade"))) == {("V-HST-003", "")}
    settings = "/etc/apt/apt.conf.d/20auto-upgrades"
    with undone(healthy, f"mv {settings} /run/kept", f"mv /run/kept {settings}"):
        assert set(bad(verified(healthy, "--tag", "upgrade"))) == {("V-HST-004", "")}
    with healthy.host().compose_version("2.10.0"):
        found = bad(verified(healthy, "--tag", "upgrade"))
    assert found == {("V-ENG-002", ""): "Docker Compose 2.10.0 is too old"}
    with undone(
        healthy,
        "mkdir /var/log/journal; fallocate -l 4100M /var/log/journal/system.journal",
        "rm -r /var/log/journal",
    ):
        assert set(bad(verified(healthy, "--tag", "host"))) == {("V-HST-006", "")}


def test_a_disk_that_is_full(healthy: Site) -> None:
    with healthy.host().disk_full(healthy.directory):
        found = bad(verified(healthy, "--tag", "host"))
    assert set(found) == {("V-DSK-001", "")}
    assert healthy.directory in found["V-DSK-001", ""]


def test_without_a_tool_nobody_can_tell_and_it_ends_with_5(healthy: Site) -> None:
    with undone(healthy, "mount --bind /dev/null /usr/bin/ss", "umount /usr/bin/ss"):
        found = verified(healthy, "--tag", "network", code=5)
    assert bad(found) == {("V-NET-004", ""): "ss is not on the host"}
    assert found["V-NET-004", ""][0] == "inconclusive"
