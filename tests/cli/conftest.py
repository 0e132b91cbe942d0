"""A small project on disk, and state that stays in the test's own folder."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copytree

import pytest

from tests.cli import shop as stores
from tests.cli.shop import Shop

HOSTS = """\
project = "shop"
[environments.lab]
hosts = ["lab-app", "lab-vpn"]
secrets = "generated"
[environments.prod]
hosts = ["web"]
secrets = "generated"
[hosts.lab-app]
addresses = ["192.0.2.1"]
memory = "2GiB"
reserve_memory = "256MiB"
stacks = ["app"]
[hosts.lab-vpn]
addresses = ["192.0.2.2"]
memory = "1GiB"
stacks = ["edge"]
[hosts.web]
addresses = ["192.0.2.3"]
memory = "1GiB"
stacks = ["app"]
"""
APP = """\
services:
  api:
    image: registry.example.org/shop/api:1.4.2
    memory: {limit: 512MiB, reservation: 128MiB, peak: 300MiB}
    env:
      PORT: 8000
      TOKEN: {secret: api_token}
    depends_on: {db: {condition: service_healthy, restart: true}}
  db:
    image: docker.io/library/postgres:17.2
    memory: {limit: 1GiB, reservation: 256MiB}
    env:
      POSTGRES_PASSWORD: {secret: db_password}
"""
EDGE = """\
services:
  proxy:
    image: caddy:2.10
    memory: 64MiB
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Environments lab (lab-app: api, db; lab-vpn: proxy) and prod (web: api, db)."""
    root = tmp_path / "shop"
    (root / "stacks").mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS)
    (root / "stacks" / "app.yml").write_text(APP)
    (root / "stacks" / "edge.yml").write_text(EDGE)
    return root


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "opsctl"


def new_shop(folder: Path) -> Shop:
    root, home = folder / "stores", folder / "home"
    (root / "stacks").mkdir(parents=True)
    home.mkdir()
    (root / "hosts.toml").write_text(stores.HOSTS)
    (root / "stacks" / "app.yml").write_text(stores.APP)
    return Shop(root, home, {"HOME": str(home), "PATH": os.environ["PATH"]})


@pytest.fixture
def empty_shop(tmp_path: Path) -> Shop:
    """Environments lab (made-up secrets) and prod, which has no store yet; nobody has a key."""
    return new_shop(tmp_path)


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `shop` is a copy of: to make it takes three runs of the program."""
    folder = tmp_path_factory.mktemp("stocked")
    made = new_shop(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        made.done("init", "prod", "--yes")
        made.done("set", "api_token", "-e", "prod", typed="canary-token-1\n")
        made.done("set", "db_password", "-e", "prod", "--class", "database", typed="canary-password-1\n")
    return folder


@pytest.fixture
def shop(stocked: Path, empty_shop: Shop, tmp_path: Path) -> Shop:
    """The same with a store for one key, and in it api_token and db_password (class database)."""
    for part in stocked.iterdir():
        copytree(part, tmp_path / part.name, dirs_exist_ok=True)
    return empty_shop
