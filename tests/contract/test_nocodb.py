"""What the rules of NocoDB say is what the real one does: its database, its administrator, its probe.

NocoDB 0.301.3 of npm on Debian's PostgreSQL, which was 15. Each start of it takes 20 to 60 seconds, so that there are few.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.contract.node_package import NodePackage
from tests.contract.ports import free_port
from tests.contract.postgres import Postgres, postgres
from tests.unit.apps.nocodbs import project

from opsctl.apps.nocodb.app import NOCODB as APP
from opsctl.apps.nocodb.instance import POOL, unusable
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

STARTING = 240.0
"""Seconds; 20 to 60 on a busy machine."""
START = Path(__file__).with_name("nocodb_start.cjs")
PASSWORD = "p@ss:w/rd+%41 &=?"
"""Of the database's role: with every sign that means something in a URL."""
WITHOUT_COLON = PASSWORD.replace(":", "")
ADMIN = "canary-admin-1"
EMAIL = "admin@example.org"
MOST_MEMORY = 700 * 1024**2


@dataclass
class Running:
    process: subprocess.Popen[bytes] = field(repr=False)
    port: int
    log: Path

    def ask(self, path: str, body: Mapping[str, str] | None = None, token: str = "") -> tuple[int, Any]:
        """Status and answer; 0 where nobody listens yet."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **({"xc-auth": token} if token else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - of loopback
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def sign_in(self, password: str, email: str = EMAIL) -> str:
        """The token; "" for who is refused."""
        status, answer = self.ask("/api/v1/auth/user/signin", {"email": email, "password": password})
        assert status in {200, 400, 401}
        return str(answer["token"]) if status == 200 else ""

    @property
    def memory(self) -> int:
        """Bytes that the kernel counts for it."""
        (kib,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(kib) * 1024

    def wait_until_ready(self) -> set[int]:
        """What the probe's path answered until then."""
        seen: set[int] = set()
        end = time.monotonic() + STARTING
        while True:
            status, _ = self.ask(probe_path())
            if status == 200:
                return seen
            seen.add(status)
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.1)


class Site:
    """NocoDBs on loopback, with one PostgreSQL."""

    def __init__(self, package: NodePackage, database: Postgres, folder: Path) -> None:
        self.package, self.database, self.folder = package, database, folder

    def made(self, name: str, password: str = PASSWORD) -> str:
        """A database of that name, and a role of its own; NC_DB as the page's service has it, on this cluster."""
        self.database.ask(f"create role {name} login password '{password}'")
        self.database.ask(f"create database {name} owner {name}")
        fleet = load(project(self.folder / name))
        desired = render(fleet, "prod", lambda secret: password, login=login_placeholder)
        url = desired.hosts[0].services["nocodb"].env["NC_DB"]
        assert unusable(url) == ""
        found = re.sub(r"u=nocodb|d=nocodb", lambda one: one[0].replace("nocodb", name), url)
        return found.replace("postgresql:5432", f"127.0.0.1:{self.database.port}")

    def tables(self, name: str) -> int:
        count = "select count(*) from information_schema.tables where table_schema = 'public'"
        return int(self.database.ask(count, name))

    @contextmanager
    def process(self, env: Mapping[str, str]) -> Iterator[Running]:
        port = free_port()
        log = self.folder / f"{port}.log"
        own = {"PORT": str(port), "NC_TOOL_DIR": str(self.folder), "NC_DISABLE_TELE": "true"}
        whole = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **own, **env}
        words = [str(self.package.node), str(START), str(self.package.folder)]
        with log.open("wb") as out:
            process = subprocess.Popen(words, env=whole, cwd=self.folder, stdout=out, stderr=out)
        try:
            yield Running(process, port, log)
        finally:
            process.kill()
            process.wait(60)

    def ends(self, env: Mapping[str, str]) -> tuple[int, str]:
        """How it ends by itself, and what it says."""
        with self.process(env) as running:
            code = running.process.wait(STARTING)
            return code, running.log.read_text()


def probe_path() -> str:
    """Of the page's probe."""
    return re.sub(r"http://[^/]+", "", APP.probe[-1])


@pytest.fixture(scope="module")
def site(
    nocodb: NodePackage, postgres_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with postgres(postgres_programs) as database:
        # Passwords count for all but the superuser.
        rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (database.folder / "data" / "pg_hba.conf").write_text(rules)
        database.stop()
        database.start()
        yield Site(nocodb, database, tmp_path_factory.mktemp("nocodb"))


def test_an_administrator_changed_in_it_is_put_back_by_the_next_start(site: Site, busybox: Path) -> None:
    """And on the way: the page's NC_DB with a password of odd signs, the probe, the memory, the pool."""
    env = {"NC_DB": site.made("admin"), "NC_AUTH_JWT_SECRET": "x" * 32}
    env |= {"NC_ADMIN_EMAIL": EMAIL, "NC_ADMIN_PASSWORD": ADMIN}
    with site.process(env) as running:
        assert running.wait_until_ready() <= {0, 404}
        assert running.ask(probe_path())[1]["message"] == "OK"
        probe = [word.replace(":8080", f":{running.port}") for word in APP.probe[1:]]
        assert subprocess.run([busybox, *probe], timeout=STARTING, check=False).returncode == 0
        missing = [*probe[:-1], probe[-1] + "z"]
        assert subprocess.run(
            [busybox, *missing], timeout=STARTING, check=False, capture_output=True
        ).returncode
        token = running.sign_in(ADMIN)
        assert token
        assert running.sign_in("canary-wrong") == ""
        change = {"currentPassword": ADMIN, "newPassword": "canary-theirs-2"}
        assert running.ask("/api/v1/auth/password/change", change, token)[0] == 200
        assert running.sign_in("canary-theirs-2")
        assert running.sign_in(ADMIN) == ""
        assert running.memory < MOST_MEMORY
        assert 0 < site.database.sessions("admin") <= POOL
        assert "canary-" not in running.log.read_text()
    with site.process(env) as running:
        running.wait_until_ready()
        assert running.sign_in("canary-theirs-2") == ""
        assert running.sign_in(ADMIN)


def usual(site: Site, name: str, password: str) -> str:
    return f"postgres://{name}:{quote(password, safe='')}@127.0.0.1:{site.database.port}/{name}"


def test_database_url_wins_and_a_weak_administrator_ends_it(site: Site) -> None:
    env = {"NC_DB": site.made("loser"), "NC_AUTH_JWT_SECRET": "x" * 32}
    site.made("winner", WITHOUT_COLON)
    env |= {"DATABASE_URL": usual(site, "winner", WITHOUT_COLON)}
    code, said = site.ends(env | {"NC_ADMIN_EMAIL": EMAIL, "NC_ADMIN_PASSWORD": "short12"})
    assert code == 1
    assert "Invalid admin password" in said, said[-2000:]
    assert (site.tables("loser"), site.tables("winner") > 0) == (0, True)


def test_a_password_of_database_url_ends_at_a_colon(site: Site) -> None:
    site.made("colon")
    code, said = site.ends({"DATABASE_URL": usual(site, "colon", PASSWORD)})
    assert code == 1
    assert 'password authentication failed for user "colon"' in said, said[-2000:]


@pytest.mark.parametrize(
    "url,says",
    [
        ("postgresql://127.0.0.1:{port}?u=x&d=x", "is not supported"),
        ("pg://127.0.0.1:{port}?u=x", "Meta database configuration missing database name"),
    ],
)
def test_values_of_nc_db_that_end_it(site: Site, url: str, says: str) -> None:
    url = url.format(port=site.database.port)
    assert unusable(url)
    code, said = site.ends({"NC_DB": url})
    assert code == 1
    assert says in said, said[-2000:]
