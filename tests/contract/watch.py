"""A watch of real programs on an address of loopback: VictoriaMetrics, vmalert, Alertmanager, with the shipped templates' files."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs
from urllib.request import urlopen

from tests.unit.apps.watches import HOSTS, STACKS, host, project, text

STARTING = 60.0
"""Seconds; 0.5 on a quiet machine."""
TOKEN = "12345:canary-token"
CHAT = -1001234567890
SHORT = {
    "evaluation_interval": "1s",
    "unhealthy_for": "3s",
    "gone_for": "5s",
    "down_for": "3s",
    "silent_for": "3s",
}
"""What vmalert's settings say in place of the shipped spans. Scraping is every second too, and groups wait for one."""


class Server(ThreadingHTTPServer):
    """On loopback, for as long as it is entered."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Exporter(Server):
    """Says what `says` says, by metric and labels as they are written."""

    def __init__(self, says: Mapping[str, float]) -> None:
        super().__init__(_Metrics)
        self.says = dict(says)


class _Metrics(BaseHTTPRequestHandler):
    server: Exporter

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def do_GET(self) -> None:
        body = "".join(f"{name} {value}\n" for name, value in self.server.says.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True)
class Message:
    at: float
    chat: str
    text: str


class Telegram(Server):
    """Telegram's API as Alertmanager uses it: sendMessage of one bot. `broken`: it refuses. Who asks for more, as OpenClaw does, is
    told of a bot that nobody writes to.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__(_Bot, address)
        self.messages: list[Message] = []
        self.paths: set[str] = set()
        self.broken = False

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.port}"

    def told(self, *words: str, since: float = 0.0) -> Message | None:
        """The first message with all these words."""
        return next(
            (one for one in self.messages if one.at >= since and all(word in one.text for word in words)),
            None,
        )


_IDLE = 2.0
"""Seconds that a question for updates lasts."""
_ASKED: Mapping[str, object] = {
    "getMe": {"id": 1, "is_bot": True, "first_name": "Bot", "username": "canary_bot"},
    "getUpdates": [],
    "getWebhookInfo": {"url": "", "has_custom_certificate": False, "pending_update_count": 0},
}


class _Bot(BaseHTTPRequestHandler):
    server: Telegram

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        method = self.path.rpartition("/")[2]
        if method != "sendMessage":
            time.sleep(_IDLE if method == "getUpdates" else 0)
            self._answer(200, {"ok": True, "result": _ASKED.get(method, True)})
            return
        said = json.loads(raw) if raw.startswith("{") else {key: one[0] for key, one in parse_qs(raw).items()}
        self.server.paths.add(self.path)
        ok = not self.server.broken
        if ok:
            self.server.messages.append(Message(time.monotonic(), str(said["chat_id"]), str(said["text"])))
        answer = {"ok": ok, "result": {"message_id": 1, "date": 1, "chat": {"id": CHAT, "type": "group"}}}
        refused = {"ok": False, "error_code": 400, "description": "no"}
        self._answer(200 if ok else 400, answer if ok else refused)

    do_GET = do_POST  # noqa: N815 - the name http.server looks for

    def _answer(self, status: int, answer: Mapping[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True)
class Files:
    """What lies on a host for its watch, and where the programs read it."""

    folder: Path

    @property
    def scrape(self) -> Path:
        return self.folder / "scrape.yml"

    @property
    def alerts(self) -> Path:
        return self.folder / "alerts.yml"

    @property
    def alertmanager(self) -> Path:
        return self.folder / "alertmanager.yml"


def files(
    folder: Path, *, name: str, telegram: Telegram, targets: Mapping[str, str], peers: Mapping[str, str]
) -> Files:
    """The shipped templates with short spans. Debian's Alertmanager, 0.25, knows no bot_token_file: it gets the token itself."""
    settings = "".join(f"{key}: {value}, " for key, value in SHORT.items())
    edits = [
        ("settings: {sandboxes: 5}", f"settings: {{{settings}}}"),
        ("retention: 30d", "retention: 30d\n      scrape_interval: 1s"),
        (_between("      targets:\n", "      paths:"), f"      targets: {_flow(targets)}\n"),
        (_between("      paths:", "    files:"), f"      peers: {_flow(peers)}\n"),
        (
            f"chat_id: {CHAT}",
            f"chat_id: {CHAT}, group_wait: 1s, group_interval: 1s, api_url: '{telegram.url}'",
        ),
    ]
    root = project(
        folder / "project", edits, hosts=HOSTS.replace('"app"', f'"{name}"').replace(".app]", f".{name}]")
    )
    services = host(root).services
    made = Files(folder)
    made.scrape.write_text(text(services["victoriametrics"], "/etc/victoriametrics/scrape.yml"))
    made.alerts.write_text(text(services["vmalert"], "/etc/vmalert/alerts.yml"))
    config = text(services["alertmanager"], "/etc/alertmanager/alertmanager.yml")
    assert "bot_token_file: /etc/telegram/token" in config
    made.alertmanager.write_text(
        config.replace("bot_token_file: /etc/telegram/token", f"bot_token: '{TOKEN}'")
    )
    return made


def _between(begin: str, end: str) -> str:
    """That part of the page's stack."""
    stack: str = STACKS[0]
    return stack[stack.index(begin) : stack.index(end)]


def _flow(mapping: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in mapping.items()) + "}"


@dataclass
class Watch:
    """`address` is one of 127.0.0.0/8 of its own, so that the ports are the real ones."""

    address: str
    files: Files
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        here, folder = self.address, self.files.folder
        self._run(
            "victoria-metrics",
            *(f"-storageDataPath={folder}/data", "-retentionPeriod=30d", f"-httpListenAddr={here}:8428"),
            *(f"-promscrape.config={self.files.scrape}", "-search.latencyOffset=0s"),
        )
        wait(lambda: answers(f"http://{here}:8428/health"), self.told)
        self._run(
            "prometheus-alertmanager",
            *(f"--config.file={self.files.alertmanager}", f"--storage.path={folder}/alertmanager"),
            *(f"--web.listen-address={here}:9093", "--cluster.listen-address="),
        )
        self._run(
            "vmalert",
            *(f"-rule={self.files.alerts}", f"-datasource.url=http://{here}:8428"),
            *(f"-notifier.url=http://{here}:9093", f"-httpListenAddr={here}:8880"),
            *(f"-remoteWrite.url=http://{here}:8428", f"-remoteRead.url=http://{here}:8428"),
        )
        for port, path in ((9093, "-/healthy"), (8880, "health")):
            wait(lambda port=port, path=path: answers(f"http://{here}:{port}/{path}"), self.told)  # type: ignore[misc]

    def _run(self, program: str, *words: str) -> None:
        with (self.files.folder / f"{program}.log").open("wb") as log:
            found = shutil.which(program) or program
            self.processes[program] = subprocess.Popen([found, *words], stdout=log, stderr=log)

    def kill(self, *programs: str) -> None:
        """As a power cut would: all of them, where none is named."""
        for program in programs or tuple(self.processes):
            process = self.processes.pop(program)
            process.kill()
            process.wait(STARTING)

    def memory(self, program: str) -> int:
        """Bytes of the process that the kernel counts."""
        status = Path(f"/proc/{self.processes[program].pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def told(self) -> str:
        """The end of what the programs said."""
        return "\n".join(log.read_text()[-1500:] for log in self.files.folder.glob("*.log"))


@contextmanager
def watching(*watches: Watch) -> Iterator[None]:
    with ExitStack() as stack:
        for watch in watches:
            stack.callback(watch.kill)
            watch.start()
        yield


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - of a test
            return bool(answer.status == 200)
    except OSError:
        return False


def wait(done: Callable[[], object], told: Callable[[], str], seconds: float = STARTING) -> float:
    """How many seconds it took."""
    begin = time.monotonic()
    while not done():
        assert time.monotonic() - begin < seconds, told()
        time.sleep(0.02)
    return time.monotonic() - begin
