"""The real Caddy with the Caddyfile that we yield: who passes, who is refused, and what a reload costs."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.contract.asking import put, run, situation
from tests.contract.ports import free_port
from tests.unit.apps.edits import changed
from tests.unit.apps.sites import CADDY, HOSTS, caddyfile_of, project

from opsctl.checks.certificates import judge
from opsctl.checks.questions import Certificate, Inside, Ran
from opsctl.edges.local.network import OwnNetwork
from opsctl.edges.ports import Stream
from opsctl.edges.web import tls

pytestmark = [pytest.mark.contract, pytest.mark.timeout(120)]

PROGRAM = Path(sys.executable).parent / "caddy"
PAGE = Path(__file__).parents[2] / "docs" / "stacks" / "caddy.md"
OUTSIDE, VPN, VPN_SIDE, PUBLIC_SIDE = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Two clients by their own addresses, and the two addresses of the host."""
N8N, SHOP = "n8n.vpn.example.org", "www.example.com"


def template() -> str:
    """The one that the page tells people to copy."""
    found = re.search(r"```jinja\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


class Backend:
    """The service behind both sites; `asked` are the paths that reached it, as they were sent."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                backend.asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
                """Nothing: pytest has the terminal."""

        self.servers = [ThreadingHTTPServer((OUTSIDE, 0), Handler) for _site in (N8N, SHOP)]


@dataclass
class Edge:
    """A running Caddy; `config` is its Caddyfile, `port` where it speaks TLS."""

    folder: Path
    port: int
    backend: Backend
    config: Path
    environment: dict[str, str]

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def reload(self) -> subprocess.CompletedProcess[str]:
        return self.run("reload", "--config", self.config, "--adapter", "caddyfile")

    def ask(self, client: str, site: str, path: str = "/", *, to: str = VPN_SIDE, version: str = "2") -> str:
        """Status and version of the answer, "" where there is none. Paths are sent as they are."""
        done = self.curl(
            client, site, path, "%{http_code} %{http_version}", "--globoff", to=to, version=version
        )
        return "" if done.returncode else done.stdout

    def curl(
        self,
        client: str,
        site: str,
        path: str,
        write: str,
        *more: str,
        to: str = VPN_SIDE,
        version: str = "2",
    ) -> subprocess.CompletedProcess[str]:
        url = f"https://{site}:{self.port}{path}"
        command = [
            *("curl", "--silent", "--insecure", "--path-as-is", "--noproxy", "*", "--max-time", "10"),
            *("--interface", client, "--resolve", f"{site}:{self.port}:{to}"),
            *("--http2" if version == "2" else "--http1.1", "--write-out", write, *more, url),
            *("--output", "/dev/null" if "[" not in path else f"{self.folder}/answer#1"),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def configuration(root: Path, backend: Backend, port: int, admin: int, more: str = "") -> str:
    """What our template yields for ports that anybody may open, with a store of its own."""
    own = (
        f"{{\n\thttp_port {free_port()}\n\thttps_port {port}\n\tadmin {OUTSIDE}:{admin}\n"
        f"\tstorage file_system {root}/store\n"
    )
    settings = f"  certificates: internal\n  upstreams: published\n  vpn_ranges: [{VPN}/32]\n"
    settings += f"  vpn_bind: [{VPN_SIDE}]\n  public_bind: [{PUBLIC_SIDE}]\n"
    caddy = changed(CADDY, [("  email: ops@example.org\n", settings)])
    ports = [server.server_port for server in backend.servers]
    n8n = f"image: n8nio/n8n:2.0.1\nports: ['{OUTSIDE}:{ports[0]}:5678']\n"
    n8n += f"site: {{name: n8n, port: 5678, paths: {{public: [/webhook/*{more}]}}}}\n"
    shop = f"image: shop:1\nports: ['{OUTSIDE}:{ports[1]}:80']\n"
    shop += f"site: {{name: {SHOP}, port: 80, access: public}}\n"
    folder = root / f"project{len(more)}"
    if not folder.exists():
        text = changed(template(), [("{\n", own)])
        project(folder, hosts=HOSTS, caddyfile=text, caddy=caddy, n8n=n8n, shop=shop, llm="")
    # Even where somebody trusts the client as a proxy, which SIT003 refuses.
    trusting = ("protocols h1 h2\n", f"protocols h1 h2\n\t\ttrusted_proxies static {OUTSIDE}/32\n")
    return changed(caddyfile_of(folder), [trusting])


@contextmanager
def serving(backend: Backend) -> Iterator[None]:
    for server in backend.servers:
        Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        for server in backend.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    root, backend = tmp_path_factory.mktemp("caddy"), Backend()
    port, admin = free_port(), free_port()
    environment = {"HOME": str(root), "PATH": "/usr/bin:/bin", "XDG_CONFIG_HOME": str(root / "config")}
    one = Edge(root, port, backend, root / "Caddyfile", environment)
    one.config.write_text(configuration(root, backend, port, admin))
    (root / "more").write_text(configuration(root, backend, port, admin, ", /hooks/*"))
    with serving(backend), (root / "log").open("w") as log:
        command: list[str | Path] = [PROGRAM, "run", "--config", one.config, "--adapter", "caddyfile"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            until(lambda: one.ask(VPN, N8N) == "200 2", (root / "log"))
            yield one
        finally:
            process.terminate()
            process.wait(20)


def until(good: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + 30
    while not good():
        assert time.monotonic() < end, log.read_text()[-2000:]
        time.sleep(0.1)


def test_the_real_one_finds_it_valid(edge: Edge) -> None:
    done = edge.run("validate", "--config", edge.config, "--adapter", "caddyfile")
    assert (done.returncode, "Valid configuration" in done.stdout + done.stderr) == (0, True)


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize(
    "client,site,to,passes",
    [
        (VPN, N8N, VPN_SIDE, True),
        (OUTSIDE, N8N, VPN_SIDE, False),
        (OUTSIDE, SHOP, PUBLIC_SIDE, True),
        (VPN, SHOP, PUBLIC_SIDE, True),
    ],
)
def test_the_vpn_passes_and_others_are_refused(
    client: str, site: str, to: str, *, passes: bool, version: str, edge: Edge
) -> None:
    before = len(edge.backend.asked)
    assert edge.ask(client, site, to=to, version=version) == (f"200 {version}" if passes else "")
    assert len(edge.backend.asked) - before == int(passes)


@pytest.mark.parametrize("client", [OUTSIDE, VPN])
def test_the_public_address_does_not_serve_what_is_vpn_only(client: str, edge: Edge) -> None:
    before = len(edge.backend.asked)
    edge.ask(client, N8N, to=PUBLIC_SIDE)
    assert edge.backend.asked[before:] == []


def test_what_a_client_says_of_itself_is_not_believed(edge: Edge) -> None:
    done = edge.curl(OUTSIDE, N8N, "/", "", "--header", f"X-Forwarded-For: {VPN}")
    assert done.returncode != 0


@pytest.mark.parametrize(
    "path,passes",
    [
        ("/webhook/a", True),
        ("/webhook/a?next=/rest/%2e%2e/x", True),
        ("/webhook", False),
        ("/rest/login", False),
        ("/webhook/../rest/login", False),
        ("/webhook/%2e%2e/rest/login", False),
        ("/webhook/..%2frest/login", False),
        ("/webhook/..;/rest/login", False),
        ("/webhook/%252e%252e/rest/login", False),
        ("/webhook//rest/login", False),
        ("/rest/users/..%2f..%2fwebhook%2fa", False),
        ("/rest/users/%2e%2e/%2e%2e/webhook/a", False),
        ("/rest/../webhook/a", False),
        ("/x/..\\webhook/a", False),
    ],
)
def test_a_public_path_of_a_vpn_only_site_is_that_path_alone(path: str, passes: bool, edge: Edge) -> None:
    before = len(edge.backend.asked)
    assert edge.ask(OUTSIDE, N8N, path) == ("200 2" if passes else "")
    assert edge.backend.asked[before:] == ([path] if passes else [])
    if "\\" not in path:
        assert edge.ask(VPN, N8N, path) == "200 2"


def test_http3_is_not_offered(edge: Edge) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((VPN_SIDE, edge.port))


def test_a_rate_limit_needs_a_module_that_it_does_not_have(edge: Edge, tmp_path: Path) -> None:
    caddy = changed(CADDY, [("settings:\n", "settings:\n  rate_limit: {}\n")])
    (tmp_path / "Caddyfile").write_text(caddyfile_of(project(tmp_path / "project", caddy=caddy)))
    done = edge.run("adapt", "--config", tmp_path / "Caddyfile", "--adapter", "caddyfile")
    assert done.returncode == 1
    assert "unrecognized directive: rate_limit" in done.stderr


def test_a_broken_file_is_refused_and_the_old_one_stays(edge: Edge) -> None:
    good = edge.config.read_text()
    edge.config.write_text(good + "\nbroken.example.org {\n\tno_such_directive\n}\n")
    try:
        assert edge.reload().returncode == 1
        assert edge.ask(VPN, N8N) == "200 2"
    finally:
        edge.config.write_text(good)


@dataclass
class Load:
    """An HTTP/1.1 client. `again` counts requests sent a second time, on a new connection, since the first was closed before a
    byte of the answer (RFC 9110 9.2.2), in its handshake too; one that was closed twice in a row is a failure.
    """

    edge: Edge
    context: ssl.SSLContext
    kept: bool
    answers: int = 0
    again: int = 0
    failures: list[str] = field(default_factory=list)

    def connect(self) -> http.client.HTTPSConnection:
        one = http.client.HTTPSConnection(N8N, self.edge.port, timeout=10, context=self.context)
        plain = socket.create_connection((VPN_SIDE, self.edge.port), 10, (VPN, 0))
        one.sock = self.context.wrap_socket(plain, server_hostname=N8N)
        return one

    def run(self, over: Event) -> None:
        connection: http.client.HTTPSConnection | None = None
        closed = False
        while not over.is_set():
            try:
                connection = connection or self.connect()
                connection.request("GET", "/")
                answer = connection.getresponse()
                if (answer.status, answer.read()) != (200, b"ok"):
                    self.failures.append(str(answer.status))
                self.answers, closed = self.answers + 1, False
                ended = answer.will_close or not self.kept
            except (OSError, http.client.HTTPException) as error:
                if closed:
                    self.failures.append(repr(error))
                self.again, closed, ended = self.again + 1, True, True
            if ended and connection:
                connection.close()
                connection = None
        if connection:
            connection.close()


@dataclass
class Load2:
    """An HTTP/2 client: 30 requests over one connection, and then anew. Curl sends again what a GOAWAY left out; `again` as above."""

    edge: Edge
    answers: int = 0
    again: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, over: Event) -> None:
        while not over.is_set():
            done = self.edge.curl(VPN, N8N, "/[1-30]", "%{http_code} %{http_version}\n")
            lines = done.stdout.split("\n")[:-1]
            closed = [line == "000 0" for line in lines]
            self.again += sum(closed)
            self.failures += [line for line in lines if line not in {"200 2", "000 0"}]
            self.failures += ["closed twice in a row" for pair in pairwise(closed) if all(pair)]
            self.failures += [f"curl: {done.returncode}"] * bool(done.returncode and not any(closed))
            self.answers += len(lines)


def test_a_reload_drops_no_request(edge: Edge) -> None:
    """Six reloads to and fro between two configurations, under two clients that keep connections, two that do not, and two that
    speak HTTP/2.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    over = Event()
    loads: list[Load | Load2] = [Load(edge, context, kept=kept) for kept in (True, True, False, False)]
    loads += [Load2(edge), Load2(edge)]
    configs = [edge.config.read_text(), (edge.folder / "more").read_text()]
    assert configs[0] != configs[1]
    with ThreadPoolExecutor(len(loads)) as pool:
        running = [pool.submit(load.run, over) for load in loads]
        try:
            for turn in range(1, 7):
                time.sleep(0.3)
                edge.config.write_text(configs[turn % 2])
                assert edge.reload().returncode == 0
                served = edge.ask(OUTSIDE, N8N, "/hooks/a") == "200 2"
                assert served == (turn % 2 == 1)
        finally:
            over.set()
        for one in running:
            one.result(20)
    assert [load.failures for load in loads] == [[]] * len(loads)
    assert all(load.answers > 10 for load in loads)


def test_verify_compares_what_it_runs_with_what_is_mounted(edge: Edge) -> None:
    admin = re.search(r"admin (\S+)", edge.config.read_text())
    assert admin
    about = situation(edge.folder / "project0", lambda _name: "x", time.time())

    def inside(question: Inside) -> Ran:
        words = [
            str(edge.config) if word == "/etc/caddy/Caddyfile" else word.replace("127.0.0.1:2019", admin[1])
            for word in question.words
        ]
        return run(replace(question, words=tuple(words)), {"PATH": f"{PROGRAM.parent}:/usr/bin:/bin"})

    assert put(about, "V-SIT-004", inside=inside).result == "pass"
    good = edge.config.read_text()
    edge.config.write_text((edge.folder / "more").read_text())
    try:
        changed_by_hand = put(about, "V-SIT-004", inside=inside)
        assert changed_by_hand.message == "it runs with another configuration than the mounted Caddyfile"
        edge.config.write_text("broken {")
        assert "does not take the Caddyfile" in put(about, "V-SIT-004", inside=inside).message
    finally:
        edge.config.write_text(good)


def test_verify_reads_the_certificate_that_is_shown(edge: Edge) -> None:
    def open_stream() -> Stream:
        stream = OwnNetwork().open(VPN_SIDE, edge.port, 10.0)
        stream.settimeout(10.0)
        return stream

    found = tls.show(open_stream, N8N)
    told = Certificate(found.not_before, found.not_after, found.names, found.issuer, found.distrust)
    assert judge(told, N8N, time.time(), trusted=False).result == "pass"
    assert judge(told, N8N, time.time()).message.startswith("not trusted: ")
    assert judge(told, SHOP, time.time(), trusted=False).result == "fail"
