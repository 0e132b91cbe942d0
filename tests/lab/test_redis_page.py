"""The Redis of the page on a real host: it starts, its probe works, and a rotation leaves it alone."""

from __future__ import annotations

import textwrap

import pytest

from tests.lab.machines.processes import until
from tests.lab.site import Site
from tests.unit.apps.edits import changed
from tests.unit.apps.redises import CONF, SERVICE, USERS

HOST = "lab-app"
pytestmark = pytest.mark.hosts(HOST)

CONSUMER = """\
  consumer:
    image: "{image}"
    command: [sh, -c, "while :; do redis-cli -e -h redis incr hits || echo failed; sleep 0.05; done"]
    env: {{REDISCLI_AUTH: {{secret: redis_password}}}}
    depends_on: {{redis: {{condition: service_healthy}}}}
    wait: {{settle: 1s}}
    stop_grace_period: 1s
"""


def test_the_pages_redis_runs_and_is_rotated_in_place(site: Site) -> None:
    image = site.lab.image("redis")
    redis = changed(SERVICE, [("redis:8.2-bookworm", f'"{image}"'), ("interval: 10s", "interval: 1s")])
    stack = "services:\n  redis:\n" + textwrap.indent(redis, "    ") + CONSUMER.format(image=image)
    site.hosts_toml({HOST: ["apps"]}, secrets="")
    site.keep_store()
    site.write("stacks/apps.yml", f"{stack}volumes: {{redis: {{}}}}\n")
    site.write("templates/redis/redis.conf.j2", CONF)
    site.write("templates/redis/users.acl.j2", USERS)
    site.set_secret("redis_password", "--class", "database", "--driver", "redis", "--target", "service=redis")
    for name in ("redis_probe", "redis_app"):
        site.set_secret(name, "--class", "regenerate")
    assert not any("RDS" in line for line in site.opsctl("lint", "lab").text.splitlines())
    site.deploy()
    before, old = site.containers(), site.store.value("redis_password", "")

    def said(password: str, *words: str) -> str:
        command = [
            "docker",
            "exec",
            "-e",
            f"REDISCLI_AUTH={password}",
            before["redis"][0],
            "redis-cli",
            *words,
        ]
        done = site.host().run(command)
        return (done.stdout + done.stderr).decode().strip()

    assert said(old, "CONFIG", "GET", "maxmemory").split()[-1] == str(192 << 20)
    site.opsctl("rotate-secret", "redis_password", "-e", "lab", "--yes")
    new = site.store.value("redis_password", "")
    assert said(new, "ping") == "PONG"
    assert "WRONGPASS" in said(old, "ping")
    assert site.containers()["redis"] == before["redis"] != site.containers()["consumer"]
    assert "failed" not in site.typed("logs", "--no-log-prefix", "consumer")
    site.host().docker("restart", before["redis"][0])
    until(lambda: said(new, "ping") == "PONG", "a Redis that has read its files again", seconds=20)
    assert "nothing to do" in site.plan("--exit-code").text
