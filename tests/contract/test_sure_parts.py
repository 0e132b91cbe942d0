"""What Sure is made of and can be had here: Debian's Sidekiq and ActiveSupport, which are older than those of its image."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.conftest import debian, ruby
from tests.contract.test_redis import Running, Site
from tests.unit.apps.pages import page

from opsctl.model.yaml_document import read_yaml

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]

STARTING = 60.0
"""Seconds; 2 on a quiet machine."""
CLEAR = """
require "active_support"
require "active_support/cache"
require "active_support/cache/redis_cache_store"
cache = ActiveSupport::Cache::RedisCacheStore.new(url: ENV.fetch("REDIS_URL"))
cache.write("mine", 1)
abort "not kept" unless cache.read("mine") == 1
cache.clear
"""


@pytest.fixture(scope="module")
def redis(redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Site(redis_server, tmp_path_factory.mktemp("redis")).running("--save", "") as running:
        yield running


def environ(redis: Running) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "REDIS_URL": f"redis://127.0.0.1:{redis.port}/1"}


@contextmanager
def worker(redis: Running, folder: Path) -> Iterator[int]:
    """The process id of a Sidekiq."""
    (folder / "app.rb").write_text('require "sidekiq"\n')
    words = [str(debian("sidekiq", "ruby-sidekiq")), "-r", "./app.rb", "-c", "3"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=environ(redis), stdout=log, stderr=log)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STARTING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STARTING)


def found_by_the_probe() -> list[int]:
    probe = read_yaml("", page("sure.md").stack.encode()).value["services"]["sure-worker"]["healthcheck"][
        "test"
    ]
    return [int(one) for one in subprocess.run(probe[1:], capture_output=True, check=False).stdout.split()]


def listens(process: int) -> bool:
    """Whether it has a TCP socket that listens (state 0A of proc(5))."""
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{name}").read_text().splitlines()[1:]
    ]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    return bool(
        sockets & {str(one.readlink()) for one in Path(f"/proc/{process}/fd").iterdir() if one.is_socket()}
    )


def test_the_probe_of_a_worker_finds_it_once_it_has_booted(redis: Running, tmp_path: Path) -> None:
    with worker(redis, tmp_path) as process:
        end = time.monotonic() + STARTING
        while process not in (found := found_by_the_probe()):
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert not listens(process)
        assert listens(redis.process.pid)
    assert process in found
    assert process not in found_by_the_probe()


def test_clearing_the_cache_empties_the_whole_database_and_no_other(redis: Running) -> None:
    ruby("active_support", "ruby-activesupport")
    ruby("redis", "ruby-redis")
    for number in ("1", "2"):
        assert redis.ask("-n", number, "SET", "of-another", "x", password="") == "OK"
    subprocess.run(
        ["ruby", "-e", CLEAR], env=environ(redis), check=True, capture_output=True, timeout=STARTING
    )
    assert redis.ask("-n", "1", "EXISTS", "of-another", password="") == "0"
    assert redis.ask("-n", "2", "EXISTS", "of-another", password="") == "1"
