"""A project with a real store and real age keys in a home of its own, driven through the whole program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from opsctl.cli.invocation import OpenConnection
from opsctl.edges.ports import Journal
from opsctl.edges.sops.identities import generate
from opsctl.errors import StoreUnusable
from opsctl.model.secrets import StoreFile
from tests.cli.terminal import Ended, opsctl, refuse
from tests.fakes.edges import FakeClock

HOSTS = """\
project = "shop"
[environments.lab]
hosts = ["lab-app"]
secrets = "generated"
[environments.prod]
hosts = ["web"]
[hosts.lab-app]
addresses = ["192.0.2.1"]
stacks = ["app"]
[hosts.web]
addresses = ["192.0.2.3"]
stacks = ["app"]
"""
APP = """\
services:
  api:
    image: registry.example.org/shop/api:1.4.2
    env:
      TOKEN: {secret: api_token}
      DATABASE_URL: "postgresql://app:{{ secret('db_password') | urlencode }}@db/app"
  db:
    image: docker.io/library/postgres:17.2
    env:
      POSTGRES_PASSWORD: {secret: db_password}
"""
CANARY = "canary"
"""Part of every value that these tests store; no output may hold it but those that were asked for it."""
DAY = 86400.0


@dataclass
class Shop:
    """Every run ends with a look for values in what it printed; `reveals` runs are those that shall print one."""

    root: Path
    home: Path
    environ: dict[str, str]
    clock: FakeClock = field(default_factory=FakeClock)

    def run(
        self,
        *argv: str,
        typed: str = "",
        tty: bool = False,
        reveals: bool = False,
        json: bool = False,
        **environ: str,
    ) -> Ended:
        ended = opsctl(
            "secrets",
            *argv,
            *(("--json",) if json else ()),
            project=self.root,
            typed=typed,
            tty=tty,
            environ={**self.environ, **environ},
            clock=self.clock,
        )
        assert CANARY not in ended.err
        assert reveals == (CANARY in ended.out)
        assert ended.code != 3, ended.err
        return ended

    def rotate(
        self,
        *argv: str,
        typed: str = "",
        tty: bool = False,
        connect: OpenConnection = refuse,
        journal: Callable[[Path], Journal] | None = None,
        environment: str = "prod",
    ) -> Ended:
        """`opsctl rotate-secret`, in black and white. No value of the store, made up or brought, is in what it leaves."""
        ended = opsctl(
            "rotate-secret",
            *argv,
            *("-e", environment),
            project=self.root,
            typed=typed,
            tty=tty,
            environ={**self.environ, "NO_COLOR": "1"},
            clock=self.clock,
            connect=connect,
            journal=journal,
        )
        told = ended.out + ended.err + "".join(one.read_text() for one in self.journals.rglob("*.jsonl"))
        for value in (CANARY, *self.values()):
            assert value not in told
        assert ended.code != 3, ended.err
        return ended

    def values(self) -> set[str]:
        """Of all versions of all secrets; none of a store that cannot be opened."""
        from opsctl.cli.secret_store import open_store

        store = open_store(self.root, "prod", self.environ, self.clock)
        try:
            file = store.describe()
            return {
                store.value(name, version)
                for name, secret in file.secrets.items()
                for version in secret.versions
            }
        except StoreUnusable:
            return set()

    def value(self, name: str, version: str = "") -> str:
        from opsctl.cli.secret_store import open_store

        return open_store(self.root, "prod", self.environ, self.clock).value(name, version)

    def stages(self, name: str) -> dict[str, str]:
        return {one: version.stage for one, version in self.stored().secrets[name].versions.items()}

    @property
    def journals(self) -> Path:
        return self.root / "secrets" / "rotations"

    def done(self, *argv: str, typed: str = "") -> Ended:
        """A run that must succeed."""
        ended = self.run(*argv, typed=typed)
        assert ended.code == 0, ended.err
        return ended

    def show(self, name: str, *argv: str) -> str:
        ended = self.run("show", name, "-e", "prod", "--reason", "test", *argv, reveals=True)
        assert ended.code == 0, ended.err
        return ended.out

    @property
    def file(self) -> Path:
        return self.root / "secrets" / "prod.sops.yaml"

    @property
    def key_file(self) -> Path:
        return self.home / ".config" / "sops" / "age" / "keys.txt"

    def stored(self) -> StoreFile:
        from opsctl.cli.secret_store import open_store

        return open_store(self.root, "prod", self.environ, self.clock).describe()

    def without_key(self) -> Shop:
        """The same project, seen by somebody who cannot open its store."""
        other = self.home.with_name("other")
        other.mkdir(exist_ok=True)
        return replace(self, home=other, environ={**self.environ, "HOME": str(other)})

    def logged(self) -> list[tuple[str, str, str]]:
        """(action, secret, version) of the access log."""
        shape = self.run("log", json=True).envelope["data"]
        return [(one["action"], one["secret"], one["version"]) for one in shape["accesses"]]


def recipient() -> str:
    """The public part of a key that nobody here has."""
    return generate()[1]
