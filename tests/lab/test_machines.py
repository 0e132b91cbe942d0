"""The lab itself: what other lab tests take for granted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.machines import Lab, LabError, LabHost, marks, processes
from tests.lab.machines.layout import CHECKOUT, EVERY, NAMES, SETS, HostSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root"),
]

STACK = """\
services:
  db:
    image: {postgres}
    environment: {{POSTGRES_PASSWORD: "quiet river", POSTGRES_USER: app, POSTGRES_DB: appdb}}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {{test: ["CMD", "pg_isready", "-U", "app", "-d", "appdb"], interval: 1s, retries: 30}}
  cache:
    image: {redis}
    healthcheck: {{test: ["CMD", "redis-cli", "ping"], interval: 1s}}
  web:
    image: {whoami}
    environment:
      GREETING: hello
      DATABASE_URL: "postgresql://app:quiet%20river@db/appdb"
    depends_on: {{db: {{condition: service_healthy}}}}
    healthcheck: {{test: ["CMD", "wget", "-qO-", "http://localhost:8000/healthz"], interval: 1s, retries: 30}}
  front:
    image: {caddy}
    ports: ["80:80"]
    volumes: ["./Caddyfile:/etc/caddy/Caddyfile"]
    depends_on: {{web: {{condition: service_healthy}}}}
volumes: {{data: {{}}}}
"""


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab.up("lab-app", "lab-spare")


@pytest.fixture
def spare(lab: Lab) -> Iterator[LabHost]:
    host = lab.host("lab-spare")
    with host.reserved():
        yield host


def ssh(host: LabHost, command: str, *, user: str = "deploy") -> subprocess.CompletedProcess[str]:
    argv = host.ssh_argv(command, user=user, connect_seconds=2)
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def docker_host_of(machine_socket: Path) -> str:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(machine_socket))
        channel.sendall(b"GET /info HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: channel.recv(65536), b""))
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["Name"])


def test_a_running_lab_is_used_again_within_a_second(lab: Lab) -> None:
    begun = time.monotonic()

    again = Lab.up(*lab.names)

    assert again == lab
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "user, docker, sudo",
    [("root", True, True), ("deploy", True, True), ("plain", True, False), ("guest", False, False)],
)
def test_users_have_the_rights_they_are_said_to_have(
    spare: LabHost, user: str, *, docker: bool, sudo: bool
) -> None:
    assert ssh(spare, "hostname", user=user).stdout == "lab-spare\n"
    assert (ssh(spare, "docker ps", user=user).returncode == 0) is docker
    assert (ssh(spare, "sudo -n true", user=user).returncode == 0) is sudo


def test_the_host_runs_debians_engine_and_the_real_compose(spare: LabHost) -> None:
    assert ssh(spare, "docker compose version --short").stdout.strip().lstrip("v") == "5.6.1"
    assert spare.docker("version", "--format", "{{.Server.Version}}").startswith("20.10.")
    assert docker_host_of(spare.docker_socket) == "lab-spare"


def test_nothing_of_the_operators_machine_can_be_reached_by_its_path(spare: LabHost) -> None:
    checkout = Path(__file__).resolve().parents[2]

    found = spare.run(["ls", str(checkout / "pyproject.toml")], check=False)

    assert found.returncode != 0


def test_the_second_sshd_forwards_no_sockets(spare: LabHost, tmp_path: Path) -> None:
    forward = f"-L{tmp_path}/engine.sock:/run/docker.sock"
    outcomes = {}
    for port in (spare.ssh_port, spare.strict_ssh_port):
        argv = spare.ssh_argv("sleep 2", connect_seconds=2)
        argv[1:1] = [f"-p{port}", forward, "-oStreamLocalBindUnlink=yes"]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as client:
            processes.until((tmp_path / "engine.sock").exists, "the forwarded socket", seconds=5)
            outcomes[port] = _pings(tmp_path / "engine.sock")
            client.terminate()
        (tmp_path / "engine.sock").unlink(missing_ok=True)

    assert outcomes == {spare.ssh_port: True, spare.strict_ssh_port: False}


def _pings(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(3)
        channel.connect(str(path))
        try:
            channel.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in channel.recv(64)
        except ConnectionError:
            return False


def test_a_stack_of_the_lab_images_comes_up_and_serves(lab: Lab, spare: LabHost) -> None:
    spare.wipe()
    images = {name: lab.image(name) for name in ("postgres", "redis", "whoami", "caddy")}
    folder = spare.path("/opt/demo")
    folder.mkdir()
    (folder / "compose.yml").write_text(STACK.format(**images))
    (folder / "Caddyfile").write_text(":80 {\n\treverse_proxy web:8000\n}\n")

    spare.run(["docker", "compose", "--project-directory", "/opt/demo", "up", "--detach", "--wait"])

    assert _get_json(spare.address) == {
        "version": "1.0.0",
        "hostname": spare.docker("ps", "--quiet", "--filter", "name=demo-web-1").strip(),
        "environment": {"GREETING": "hello"},
        "files": {},
        "database": "1",
    }
    compose = ["docker", "compose", "--project-directory", "/opt/demo"]
    spare.run([*compose, "restart", "db"])
    spare.run([*compose, "exec", "-T", "front", "caddy", "reload", "--config", "/etc/caddy/Caddyfile"])
    spare.run([*compose, "up", "--detach", "--wait"])
    assert _get_json(spare.address)["database"] == "1"
    spare.wipe()


def _get_json(address: str) -> dict[str, object]:
    with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
        content: dict[str, object] = json.load(answer)
    return content


@pytest.mark.parametrize("image", ["caddy", "whoami"])
def test_containers_have_a_wget_with_a_time_limit(lab: Lab, spare: LabHost, image: str) -> None:
    url = f"http://{lab.registry}/v2/"

    assert spare.docker("run", "--rm", lab.image(image), "wget", "-q", "-O-", "-T", "3", url) == "{}"


def test_a_container_reaches_another_host(lab: Lab, spare: LabHost) -> None:
    address = lab.host("lab-app").address

    nc = ["docker", "run", "--rm", lab.image("sleeper"), "timeout", "1", "nc", address, "22"]
    greeting = spare.run(nc, check=False).stdout

    assert greeting.startswith(b"SSH-2.0-OpenSSH")


@pytest.mark.parametrize("name", ["redis:{}", "ghcr.io/library/redis:{}", "docker.io/library/redis:{}"])
def test_real_registry_names_lead_to_the_lab_registry(lab: Lab, spare: LabHost, name: str) -> None:
    version = lab.image("redis").rpartition(":")[2]

    spare.docker("pull", "--quiet", name.format(version))

    digests = spare.docker("image", "inspect", "--format", "{{.RepoDigests}}", name.format(version))
    assert lab.digest(f"library/redis:{version}") in digests


def test_the_sleeper_stops_at_once(lab: Lab, spare: LabHost) -> None:
    spare.docker("run", "--detach", "--name", "sleeper", lab.image("sleeper"))
    begun = time.monotonic()

    spare.docker("stop", "--time", "10", "sleeper")

    assert time.monotonic() - begun < 2
    spare.wipe()


def test_a_pulled_cable_hangs_and_heals(spare: LabHost) -> None:
    with spare.link_down():
        assert "timed out" in ssh(spare, "true").stderr.lower()

    assert ssh(spare, "true").returncode == 0


def test_a_stopped_ssh_server_refuses_and_comes_back(spare: LabHost) -> None:
    with spare.ssh_stopped():
        assert "refused" in ssh(spare, "true").stderr

    assert ssh(spare, "true").returncode == 0


def test_a_changed_host_key_is_noticed_and_put_back(spare: LabHost) -> None:
    with spare.host_key_changed():
        assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ssh(spare, "true").stderr

    assert ssh(spare, "true").returncode == 0


def test_a_stopped_engine_comes_back_with_its_containers(lab: Lab, spare: LabHost) -> None:
    spare.docker("run", "--detach", "--restart", "always", "--name", "kept", lab.image("sleeper"))

    with spare.engine_stopped():
        assert "daemon" in ssh(spare, "docker ps").stderr

    assert "kept" in spare.docker("ps")
    spare.wipe()


def test_a_hung_engine_accepts_and_says_nothing(spare: LabHost) -> None:
    with spare.engine_hung(), socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(0.5)
        channel.connect(str(spare.docker_socket))
        channel.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            channel.recv(1)

    assert spare.docker("ps", "--quiet") == ""


def test_a_full_disk_still_shows_what_it_held(spare: LabHost) -> None:
    folder = spare.path("/opt/full")
    folder.mkdir()
    (folder / "kept").write_text("kept\n")

    with spare.disk_full("/opt/full"):
        refused = ssh(spare, "echo more than nothing | sudo tee /opt/full/new")
        assert "No space left on device" in refused.stderr
        assert ssh(spare, "cat /opt/full/kept").stdout == "kept\n"

    assert ssh(spare, "ls /opt/full").stdout == "kept\n"
    spare.wipe()


def test_compose_can_be_missing_or_old(spare: LabHost) -> None:
    with spare.compose_missing():
        assert ssh(spare, "docker compose version").returncode != 0
    with spare.compose_version("2.10.0"):
        assert ssh(spare, "docker compose version --short").stdout == "2.10.0\n"
        assert ssh(spare, "docker compose up").returncode != 0

    assert ssh(spare, "docker compose version --short").stdout.strip().lstrip("v") == "5.6.1"


def test_processes_tells_the_words_of_what_runs_on_the_host(spare: LabHost) -> None:
    words = spare.processes()

    assert ["sleep", "infinity"] in words
    assert not [argv for argv in words if any("pytest" in word for word in argv)]


def test_a_fault_of_a_killed_test_is_repaired_by_the_next_up(lab: Lab, spare: LabHost) -> None:
    code = (
        "from tests.lab.machines import Lab; import os, signal\n"
        "with Lab.up('lab-spare').host('lab-spare').compose_missing(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
    assert marks.faulty(spare.spec)

    Lab.up("lab-spare")

    assert ssh(spare, "docker compose version --short").returncode == 0


def test_a_host_whose_engine_died_is_booted_again(lab: Lab, spare: LabHost) -> None:
    spare.run(["sh", "-c", "kill -KILL $(cat /run/docker.pid)"])

    Lab.up("lab-spare")

    assert docker_host_of(spare.docker_socket) == "lab-spare"


@pytest.mark.parametrize("of", [attrgetter(name) for name in ("machine", "address", "veth", "folder")])
def test_no_two_hosts_of_any_set_are_the_same_to_the_machine(of: Callable[[HostSpec], object]) -> None:
    assert len(set(map(of, EVERY))) == len(EVERY) == SETS * len(NAMES)


def test_every_host_fits_into_what_the_kernel_and_the_networks_allow() -> None:
    assert max(len(spec.veth) for spec in EVERY) <= 15
    assert max(220 + spec.number for spec in EVERY) <= 255


@pytest.mark.parametrize(
    "said, address", [("1", "10.213.0.11"), ("2", "10.213.0.14"), (str(SETS + 1), "10.213.0.11")]
)
def test_a_process_means_the_hosts_of_its_set(said: str, address: str) -> None:
    code = (
        "from tests.lab.machines.layout import SPECS; print(SPECS['lab-app'].name, SPECS['lab-app'].address)"
    )
    environ = {**os.environ, "OPSCTL_LAB_SET": said}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ, cwd=CHECKOUT)
    assert done.stdout.split() == ["lab-app", address]


def test_a_worker_has_a_set_of_its_own() -> None:
    code = "import tests.conftest; from tests.lab.machines.layout import SET; print(SET)"
    environ = {**os.environ, "PYTEST_XDIST_WORKER": "gw2"}
    environ.pop("OPSCTL_LAB_SET", None)
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environ, cwd=CHECKOUT)
    assert done.stdout == "3\n"


def test_an_unknown_host_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(LabError, match="lab-vpn is not up"):
        lab.host("lab-vpn")
    with pytest.raises(LabError, match="no lab host lab-moon"):
        Lab.up("lab-moon")
