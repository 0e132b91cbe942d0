"""The real Redis beside our rules: what it makes of the page's files, and of those that we refuse."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.contract.asking import put, run, situation
from tests.contract.ports import free_port
from tests.effort import tries
from tests.unit.apps.edits import changed
from tests.unit.apps.redises import CONF, SERVICE, USERS, findings, project

from opsctl.apps.redis.conf import memory_bytes, read_conf, saves
from opsctl.apps.redis.memory import most, needed, policy
from opsctl.apps.redis.server import Server, servers
from opsctl.argv import redis as argv
from opsctl.checks.questions import Inside, Ran
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder
from opsctl.rules.subject import Subject

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

Edits = Sequence[tuple[str, str]]
STARTING = 20.0
"""Seconds; 0.05 on a quiet machine."""
PASSWORDS = {name: f"canary-{name}-4c1d" for name in ("redis_password", "redis_probe", "redis_app")}
ADMIN, PROBE, APP = PASSWORDS.values()
SMALL = [("192MiB\n", "4MiB\n")]
CACHE = [("noeviction", "allkeys-lru"), ("persistence: aof", "persistence: none")]


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes] = field(repr=False)
    port: int
    log: Path

    def cli(
        self, *words: str, password: str = "", user: str = "", stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """redis-cli, with the password where it belongs."""
        named = ["--user", user] if user else []
        environ = {"PATH": os.environ["PATH"], **({"REDISCLI_AUTH": password} if password else {})}
        command = ["redis-cli", "-p", str(self.port), *named, *words]
        return subprocess.run(
            command, env=environ, input=stdin, capture_output=True, timeout=STARTING, check=False
        )

    def ask(self, *words: str, password: str = ADMIN, user: str = "") -> str:
        return self.cli(*words, password=password, user=user).stdout.decode().rstrip("\n")

    @property
    def memory(self) -> int:
        """Bytes that the kernel counts for the server."""
        (kib,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(kib) * 1024

    def setting(self, name: str, password: str = ADMIN) -> str:
        return self.ask("CONFIG", "GET", name, password=password).partition("\n")[2]

    @contextmanager
    def session(self, user: str, password: str) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=STARTING) as connection:
            connection.sendall(f"AUTH {user} {password}\r\n".encode())
            assert connection.recv(100) == b"+OK\r\n"
            yield connection


class Site:
    """Servers on loopback, each in a folder of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder

    def folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))

    @contextmanager
    def process(self, *words: str, folder: Path | None = None) -> Iterator[Running]:
        folder, port = folder or self.folder(), free_port()
        log = folder / "log"
        own = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        with log.open("wb") as out:
            process = subprocess.Popen([self._program, *words, *own], stdout=out, stderr=out)
        try:
            yield Running(process, port, log)
        finally:
            process.kill()
            process.wait(STARTING)

    @contextmanager
    def running(self, *words: str) -> Iterator[Running]:
        with self.process(*words) as running:
            wait(lambda: "Ready to accept connections" in running.log.read_text(), running)
            yield running

    def conf(self, text: str | bytes) -> str:
        file = self.folder() / "redis.conf"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(file)

    def made(
        self, service: Edits = (), conf: Edits = (), users: Edits = ()
    ) -> tuple[Path, Server, list[str]]:
        """The page's project with edits; what the rules see in it, and the words that start the real one with its files."""
        root = project(
            self.folder() / "project",
            service=changed(SERVICE, service),
            conf=changed(CONF, conf),
            users=changed(USERS, users),
        )
        fleet = load(root)
        desired = render(fleet, "prod", PASSWORDS.__getitem__, login=login_placeholder)
        (server,) = servers(Subject(fleet, desired, None, 0.0))
        words = []
        for file in server.view.service.files:
            path = root / Path(file.target).name
            path.write_bytes(file.content)
            words += [str(path)] if path.suffix == ".conf" else ["--aclfile", str(path)]
        return root, server, words if server.last("aclfile") else words[:1]


def wait(done: Callable[[], bool], running: Running) -> None:
    end = time.monotonic() + STARTING
    while not done():
        assert running.process.poll() is None, running.log.read_text()[-2000:]
        assert time.monotonic() < end, running.log.read_text()[-2000:]
        time.sleep(0.01)


@pytest.fixture(scope="module")
def site(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(redis_server, tmp_path_factory.mktemp("redis"))


@pytest.mark.parametrize("persistence", ["none", "rdb", "aof"])
def test_our_example_starts_and_is_what_we_read(site: Site, persistence: str) -> None:
    _, server, words = site.made([("persistence: aof", f"persistence: {persistence}")])
    with site.running(*words) as redis:
        assert redis.setting("maxmemory") == str(most(server)) == str(192 << 20)
        assert redis.setting("maxmemory-policy") == policy(server) == "noeviction"
        assert (redis.setting("appendonly") == "yes") is server.appends is (persistence == "aof")
        assert bool(redis.setting("save")) is server.saves is (persistence == "rdb")
        lines = dict(line.split(" ", 2)[1:] for line in redis.ask("ACL", "LIST").splitlines())
        assert {user.name: (user.on, user.nopass, user.passwords) for user in server.users} == {
            name: (rules.startswith("on "), " nopass " in f" {rules} ", len(re.findall("#", rules)))
            for name, rules in lines.items()
        }


LINES = st.one_of(
    st.tuples(st.just("maxmemory"), st.sampled_from(["0", "100", "7k", "7KB", "3m", "3mb", "1gB"])),
    st.tuples(st.just("maxmemory-policy"), st.sampled_from(["noeviction", "allkeys-lru", "Volatile-TTL"])),
    st.tuples(st.just("appendonly"), st.sampled_from(["no", "NO"])),
    st.tuples(st.just("SAVE"), st.sampled_from(["60 1", "900 1 300 10", '""', '"30 2"'])),
    st.tuples(st.just("#"), st.just("save 1 1")),
    st.tuples(st.just("masteruser"), st.text(alphabet="ab\"'\\ x4n\t", min_size=1, max_size=7)),
)


@tries(25)
@given(st.lists(LINES, max_size=6), st.booleans())
@example([("masteruser", "'a\\'b'")], False)
@example([("masteruser", '"\\x41\\n"b')], False)
def test_lines_are_read_as_the_server_reads_them(
    site: Site, lines: list[tuple[str, str]], crlf: bool
) -> None:
    end = "\r\n" if crlf else "\n"
    text = "".join(f" {name} {value}{end}" for name, value in lines).encode()
    read = read_conf(text)
    words = {one.name: one.arguments for one in read.directives}
    with site.process(site.conf(text)) as redis:
        if read.broken or any(
            one.name == "masteruser" and len(one.arguments) != 1 for one in read.directives
        ):
            assert redis.process.wait(STARTING) != 0
            return
        wait(lambda: "Ready to accept connections" in redis.log.read_text(), redis)
        assert redis.setting("maxmemory", "") == str(memory_bytes(words.get("maxmemory", ("0",))[0]))
        assert (
            redis.setting("maxmemory-policy", "") == words.get("maxmemory-policy", ("noeviction",))[0].lower()
        )
        assert redis.setting("masteruser", "") == words.get("masteruser", ("",))[0].rstrip("\n")
        assert bool(redis.setting("save", "")) is saves(read.directives)


@pytest.mark.parametrize(
    "conf,users",
    [
        ([("aclfile", 'masteruser "x\naclfile')], []),
        ([("aclfile", "user x on\naclfile")], []),
        ([("aclfile", "maxmemory-policy allkeys-lur\naclfile")], []),
        ([("aclfile", "maxmemory 1.5mb\naclfile")], []),
        ([("appendonly yes", "appendonly maybe")], []),
        ([], [("{#", "#")]),
        ([], [("user app", "user probe")]),
        ([], [("user app", "USER app")]),
    ],
)
def test_what_we_say_does_not_start_does_not(site: Site, conf: Edits, users: Edits) -> None:
    root, _, words = site.made(conf=conf, users=users)
    assert "RDS001" in {one.rule.id for one in findings(root) if one.refuses}
    with site.process(*words) as redis:
        assert redis.process.wait(STARTING) != 0


def test_a_user_has_two_passwords_while_its_consumers_change_over(site: Site) -> None:
    """With the words of the rotation's driver, typed as it types them."""
    new = "canary-new 'ü\"-77"
    with site.running(*site.made()[2]) as redis:

        def typed(*commands: tuple[str, ...]) -> bytes:
            lines = "".join(" ".join(map(argv.quoted, words)) + "\n" for words in commands)
            return redis.cli(stdin=lines.encode()).stdout

        def lets_in(*passwords: str) -> list[bool]:
            return [b"OK" in typed(argv.login("default", password)) for password in passwords]

        with redis.session("default", ADMIN) as consumer:
            assert typed(argv.login("default", ADMIN), argv.take_too("default", [new])).split() == [
                b"OK",
                b"OK",
            ]
            assert lets_in(ADMIN, new, "other") == [True, True, False]
            assert typed(argv.login("default", new), argv.keep_only("default", new)).split() == [b"OK", b"OK"]
            assert lets_in(ADMIN, new) == [False, True]
            consumer.sendall(b"PING\r\n")
            assert consumer.recv(100) == b"+PONG\r\n"


def test_a_user_may_do_what_its_line_says_and_no_more(site: Site) -> None:
    with site.running(*site.made()[2]) as redis:

        def app(*words: str) -> str:
            return redis.ask(*words, password=APP, user="app")

        assert [app("SET", "app:a", "1"), app("GET", "app:a"), app("PUBLISH", "app:x", "1")] == [
            "OK",
            "1",
            "0",
        ]
        refused = [
            ("GET", "other"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("PUBLISH", "x", "1"),
            ("ACL", "LIST"),
        ]
        assert [words for words in refused if not app(*words).startswith("NOPERM")] == []
        assert redis.ask("GET", "app:a", password=PROBE, user="probe").startswith("NOPERM")
        assert redis.ask("PING", password="").startswith("NOAUTH")


def test_reading_the_file_again_drops_a_second_password_and_sessions(site: Site) -> None:
    """Why a rotated users.acl has no reaction."""
    with site.running(*site.made()[2]) as redis:
        redis.ask("ACL", "SETUSER", "app", ">second")
        with redis.session("default", ADMIN) as default, redis.session("app", "second") as app:
            assert redis.ask("ACL", "LOAD") == "OK"
            default.sendall(b"PING\r\n")
            assert (default.recv(100), app.recv(100)) == (b"+PONG\r\n", b"")
        assert "WRONGPASS" in redis.cli("PING", password="second", user="app").stderr.decode()


def test_requirepass_beside_an_aclfile_is_open_and_we_say_so(site: Site) -> None:
    beside = [("aclfile", "requirepass {{ secret('redis_password') }}\naclfile")]
    root, _, words = site.made(conf=beside, users=[("user default", "user admin")])
    assert {"RDS007", "RDS008"} <= {one.rule.id for one in findings(root)}
    with site.running(*words) as redis:
        assert redis.ask("CONFIG", "GET", "port", password="").startswith("port")


def filled(redis: Running) -> str:
    """The errors among the answers, after 16 times a kilobyte for each kilobyte of 1 MiB."""
    commands = "".join(f"SET k{number} {'v' * 1000}\n" for number in range(16_000))
    return redis.cli(password=ADMIN, stdin=commands.encode()).stdout.decode().replace("OK\n", "")


def test_a_full_queue_refuses_writes_and_still_answers(site: Site) -> None:
    with site.running(*site.made(SMALL)[2]) as redis:
        assert "OOM command not allowed when used memory > 'maxmemory'" in filled(redis)
        assert redis.ask("GET", "k0") == "v" * 1000


def test_a_full_cache_forgets(site: Site) -> None:
    with site.running(*site.made([*SMALL, *CACHE])[2]) as redis:
        assert filled(redis) == ""
        assert int(redis.ask("DBSIZE")) < 4000
        assert 4 << 20 < redis.memory < needed(4 << 20, forked=False)
        assert int(dict(re.findall(r"(\w+):(\d+)", redis.ask("INFO", "stats")))["evicted_keys"]) > 10_000


def probe(server: Server) -> list[str]:
    test = server.view.definition["healthcheck"]["test"]
    assert test[:2] == ["CMD", "redis-cli"]
    return list(test[2:])


def test_the_probe_tells_health_from_any_answer(site: Site) -> None:
    _, server, words = site.made()
    asks = probe(server)
    with site.running(*words) as redis:
        right = redis.cli(*asks, password=server.view.service.env["REDISCLI_AUTH"])
        assert (right.returncode, right.stdout) == (0, b"PONG\n")
        assert redis.cli(*asks, password="wrong").returncode == 1
        silent = redis.cli("ping")
        assert (silent.returncode, silent.stdout.split()[0]) == (0, b"NOAUTH")


def test_the_probe_waits_for_the_data(site: Site) -> None:
    with site.running("--save", "") as before:
        before.cli(stdin="".join(f"SET k{number} v\n" for number in range(4000)).encode())
        assert before.ask("SAVE", password="") == "OK"
        data = before.log.with_name("dump.rdb").read_bytes()
    folder = site.folder()
    (folder / "dump.rdb").write_bytes(data)
    _, server, words = site.made()
    snapshots = ["--appendonly", "no"]
    # Hidden directives of 7.0: microseconds for each key, and how often it listens meanwhile.
    slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]
    with site.process(*words, *snapshots, *slow, folder=folder) as redis:
        wait(lambda: redis.cli("ping").returncode == 0, redis)
        loading = redis.cli(*probe(server), password=PROBE)
        assert (loading.returncode, loading.stderr.split()[:1] or loading.stdout.split()[:1]) == (
            1,
            [b"LOADING"],
        )
        assert redis.cli("--user", "probe", "ping", password=PROBE).returncode == 0


def test_the_probe_tells_when_nothing_can_be_saved(site: Site) -> None:
    _, server, words = site.made([("persistence: aof", "persistence: rdb")])
    asks = probe(server)
    with site.running(*words) as redis:
        shutil.rmtree(redis.log.parent)
        assert [redis.ask("SET", "a", "1"), redis.ask("BGSAVE")] == ["OK", "Background saving started"]
        end = time.monotonic() + STARTING
        while redis.cli(*asks, password=PROBE).returncode == 0:
            assert time.monotonic() < end
            time.sleep(0.05)
        blind = redis.cli("--user", "probe", "ping", password=PROBE)
        assert (blind.returncode, blind.stdout.split()[0]) == (0, b"MISCONF")


@contextmanager
def silent() -> Iterator[int]:
    """A port that accepts and never answers, so that who asks can be looked at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.mark.parametrize("way,shown", [("ours", False), ("-a", True), ("-u", True)])
def test_only_the_environment_keeps_a_password_out_of_the_process_list(
    site: Site, way: str, shown: bool
) -> None:
    asks = probe(site.made()[1])
    with silent() as port:
        url = f"redis://probe:{PROBE}@127.0.0.1:{port}"
        words = {
            "ours": ["-p", str(port), *asks],
            "-a": ["-p", str(port), "-a", PROBE, *asks],
            "-u": ["-u", url, "ping"],
        }
        environ = {"PATH": os.environ["PATH"], **({"REDISCLI_AUTH": PROBE} if way == "ours" else {})}
        process = subprocess.Popen(
            ["redis-cli", *words[way]], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            told = Path(f"/proc/{process.pid}/cmdline")
            end = time.monotonic() + STARTING
            while b"redis-cli" not in told.read_bytes():
                assert time.monotonic() < end
            assert (PROBE.encode() in told.read_bytes()) is shown
        finally:
            process.kill()
            process.wait(STARTING)


def test_the_server_overwrites_its_own_arguments(site: Site) -> None:
    with site.running("--requirepass", ADMIN) as redis:
        assert ADMIN.encode() not in Path(f"/proc/{redis.process.pid}/cmdline").read_bytes()
        assert redis.ask("PING") == "PONG"


def test_what_verify_asks_it_answers_to_the_user_of_the_probe(site: Site) -> None:
    root, _, words = site.made(service=SMALL, users=())
    about = situation(root, PASSWORDS.__getitem__, time.time())
    with site.running(*words) as redis:

        def inside(question: Inside, password: str = PROBE) -> Ran:
            # In the container the port is 6379.
            words = tuple(
                str(redis.port) if not word and at == 4 else word for at, word in enumerate(question.words)
            )
            return run(replace(question, words=words), {"REDISCLI_AUTH": password})

        assert put(about, "V-RDS-001", inside=inside).result == "pass"
        assert put(about, "V-RDS-002", inside=inside).message.endswith("of maxmemory")
        for number in range(40):
            redis.ask("SET", f"key{number}", "x" * 100_000)
        full = put(about, "V-RDS-002", inside=inside)
        assert (full.result, "noeviction refuses writes" in full.message) == ("fail", True)
        wrong = put(about, "V-RDS-001", inside=partial(inside, password="other"))
        assert wrong.result == "fail"
        assert "NOAUTH" in wrong.message or "WRONGPASS" in wrong.message
        assert put(about, "V-RDS-002", inside=partial(inside, password="other")).result == "inconclusive"
