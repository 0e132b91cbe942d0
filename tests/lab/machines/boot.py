"""Boot a lab host and take it down again."""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.lab.machines import accounts, keys, network, requirements
from tests.lab.machines.errors import LabError
from tests.lab.machines.layout import NETWORK, PACKAGE, PATH, REGISTRY
from tests.lab.machines.processes import find, leave_running, run, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from tests.lab.machines.layout import HostSpec

CGROUPS: Final = Path("/sys/fs/cgroup")
SSH_CONFIGURATIONS: Final = ("sshd_config", "sshd_config_strict")
PLUGINS: Final = Path("usr-local/lib/docker/cli-plugins")

SSHD: Final = """\
Port {port}
PidFile /run/{name}.pid
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_rsa_key
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
AllowStreamLocalForwarding {forwarding}
MaxSessions {sessions}
MaxStartups 100:30:200
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
"""

FIREWALL: Final = """\
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A INPUT -p icmp -j ACCEPT
iptables -A INPUT ! -i eth0 -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 22,{port} -j ACCEPT
iptables -A INPUT -j REJECT
"""
"""As of a real server; it rejects, so that a closed port is refused at once. Docker's ports pass it by."""


def boot(host: HostSpec) -> None:
    """Boot the host; when this returns, its engine answers and its sshd listens."""
    remove(host)
    _write_files(host)
    network.plug_in(host)
    namespaces = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    init = [str(PACKAGE / "host_init.sh"), str(host.folder), host.name]
    # `ip netns exec` would remount /sys and hide the cgroup mounts, without which no container runs.
    entered = ["nsenter", f"--net=/run/netns/{host.machine}", "--", "env", "-i", f"PATH={PATH}"]
    log = host.folder / "init.log"
    leave_running([*entered, *namespaces, "/usr/bin/tini-static", "--", *init], log)
    until((host.folder / "run/lab-ready").exists, f"{host.machine}'s mounts", seconds=10, log=log)
    init_pid(host)
    inside(host, ["sh", "-e", "-c", FIREWALL.format(port=keys.STRICT_PORT)])
    start_sshd(host)
    start_engine(host)


def remove(host: HostSpec) -> None:
    """End everything of the host and delete what it wrote, also after a crash of the lab."""
    network.unplug(host)
    remove_cgroups(host.machine)
    shutil.rmtree(host.folder, ignore_errors=True)


def remove_cgroups(name: str = "") -> None:
    """Remove the empty cgroups a host's engine left behind; without a name, the lab's own."""
    ours = f"opsctl-lab/{name}"
    for top in (CGROUPS / ours, *CGROUPS.glob(f"*/{ours}")):
        for path, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()


def healthy(host: HostSpec) -> bool:
    """Say whether the host runs and its engine and its SSH servers answer."""
    return runs(host) and engine_answers(host) and ssh_answers(host)


def runs(host: HostSpec) -> bool:
    """Say whether the host's first process runs."""
    try:
        return bool(init_pid(host))
    except LabError:
        return False


def init_pid(host: HostSpec) -> int:
    """Give the machine's number of the host's process 1; LabError if it does not run."""
    record = host.folder / "init.json"
    with suppress(OSError, ValueError):
        pid, started = json.loads(record.read_text())
        process = find(pid)
        if process and process.started == started:
            return process.pid
    for pid in network.members(host) if host.folder.exists() else ():
        process = find(pid)
        if process and _is_process_one(pid):
            record.write_text(json.dumps([process.pid, process.started]))
            return pid
    raise LabError(f"{host.machine} does not run; `python -m tests.lab.machines up` boots it")


def inside(
    host: HostSpec,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    user: str = "root",
    check: bool = True,
    timeout: float = 600,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program on the host as one of its users, in that user's home, without SSH."""
    names = ("--mount", "--uts", "--net", "--pid")
    enter = ["nsenter", f"--target={init_pid(host)}", *names, "--"]
    folder = accounts.home(user)
    where = ["env", "-i", "-C", folder, f"PATH={PATH}", f"HOME={folder}", f"USER={user}"]
    whom = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
    words = [*enter, *where, "LANG=C.UTF-8", *(whom if user != "root" else ()), *argv]
    return run(words, stdin=stdin, check=check, timeout=timeout)


def start_engine(host: HostSpec) -> None:
    """Start the host's dockerd and wait until it answers."""
    log = host.folder / "var-log/dockerd.log"
    command = "setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &"
    inside(host, ["sh", "-c", command])
    until(lambda: engine_answers(host), f"{host.machine}'s engine", seconds=60, log=log)


def engine_answers(host: HostSpec) -> bool:
    """Say whether the engine answers GET /_ping within two seconds."""
    try:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(2)
            channel.connect(str(host.docker_socket))
            channel.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in channel.recv(64)
    except OSError:
        return False


def start_sshd(host: HostSpec) -> None:
    """Start both SSH servers of the host and wait until they greet."""
    for name in SSH_CONFIGURATIONS:
        log = f"/var/log/{name}.log"
        inside(host, ["/usr/sbin/sshd", "-f", f"/etc/ssh/{name}", "-E", log])
    until(lambda: ssh_answers(host), f"{host.machine}'s sshd", seconds=10)


def ssh_answers(host: HostSpec) -> bool:
    """Say whether both SSH servers greet within a second."""
    return all(_greets(host.address, port) for port in (22, keys.STRICT_PORT))


def ssh_listens(host: HostSpec) -> bool:
    """Say whether any of the SSH servers still greets."""
    return any(_greets(host.address, port) for port in (22, keys.STRICT_PORT))


def _greets(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1) as channel:
            return channel.recv(4) == b"SSH-"
    except OSError:
        return False


def _is_process_one(pid: int) -> bool:
    # proc(5): NSpid lists the number in each nested PID namespace; a container with the host's
    # network has one more level than the host's own first process.
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                numbers = line.split()[1:]
                return len(numbers) == 2 and numbers[1] == "1"
    return False


def _write_files(host: HostSpec) -> None:
    (host.folder / "run/sshd").mkdir(parents=True)
    accounts.write_etc(host)
    accounts.write_homes(host)
    for name in ("bin", "sbin", "etc", "share", "src"):
        (host.folder / "usr-local" / name).mkdir(parents=True)
    plugin = host.folder / PLUGINS / "docker-compose"
    plugin.parent.mkdir(parents=True)
    shutil.copy(requirements.compose_binary(), plugin)
    plugin.chmod(0o755)
    _write_ssh_configurations(host)
    engine = host.folder / "etc/docker"
    engine.mkdir()
    (engine / "daemon.json").write_text(json.dumps(_engine_settings(host), indent=2))
    _write_update_settings(host)


def _write_ssh_configurations(host: HostSpec) -> None:
    folder = host.folder / "etc/ssh"
    keys.copy_host_keys(keys.host_key_folder(host), folder)
    usual = SSHD.format(port=22, name="sshd", forwarding="yes", sessions=10)
    strict = SSHD.format(port=keys.STRICT_PORT, name="sshd-strict", forwarding="no", sessions=2)
    for name, text in zip(SSH_CONFIGURATIONS, (usual, strict), strict=True):
        (folder / name).write_text(text)


def _write_update_settings(host: HostSpec) -> None:
    """Updates that install themselves, as far as anybody can see: nothing on the host ever runs them."""
    settings = host.folder / "etc/apt/apt.conf.d/20auto-upgrades"
    settings.parent.mkdir(parents=True, exist_ok=True)
    periods = ("Update-Package-Lists", "Unattended-Upgrade")
    settings.write_text("".join(f'APT::Periodic::{one} "1";\n' for one in periods))
    program = host.folder / "usr-local/bin/unattended-upgrade"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)


def _engine_settings(host: HostSpec) -> dict[str, object]:
    return {
        "bip": f"172.20.{host.number}.1/24",
        "default-address-pools": [{"base": f"10.{220 + host.number}.0.0/16", "size": 24}],
        "insecure-registries": [NETWORK],
        "registry-mirrors": [f"http://{REGISTRY}"],
        "cgroup-parent": f"/opsctl-lab/{host.machine}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "log-opts": {"max-size": "10m"},
        "shutdown-timeout": 5,
    }
