"""Checks of a stack file against a real service and a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.site import Site

HOST = "lab-app"
pytestmark = pytest.mark.hosts(HOST)

STACK = """\
    x-probe: &probe {interval: 300ms, timeout: 5s, retries: 100}
    services:
      db:
        app: postgresql
        image: "%(postgres)s"
        settings: {max_connections: 30, superuser_reserved_connections: 3, shared_buffers: 24MB}
        command: [postgres, -cfsync=off, -cmax_connections=30, -csuperuser_reserved_connections=3, -cshared_buffers=24MB]
        shm_size: 64m
        env: {POSTGRES_HOST_AUTH_METHOD: scram-sha-256, POSTGRES_USER: boss, POSTGRES_PASSWORD: {secret: superuser}}
        volumes: ["data:/var/lib/postgresql/data"]
        healthcheck: {<<: *probe, interval: 1s, test: [CMD, pg_isready, -h, 127.0.0.1]}
        databases: {shop: {password: {secret: shop_db}}}
      api:
        image: "{{ vars.registry }}/whoami:1.0.0"
        depends_on: {db: {condition: service_healthy}}
        connections: {db: {database: shop, pool: 2}}
        healthcheck: {<<: *probe, test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1:8000/healthz"]}
        checks:
          - name: page
            tags: [deploy]
            http: {port: 8000, path: /healthz, headers: {X-Key: "{{ secret('shop_db') }}"}}
          - {name: open, tcp: {port: 8000}}
          - {name: shut, tcp: {port: 8001, expect: closed}}
          - {name: who, command: {argv: [cat], stdin: "hello {{ secret('shop_db') }}", expect: {stdout: ^hello}}}
          - {name: role, sql: {database: shop, query: select current_user, expect: {value: shop}}}
          - {name: readonly, sql: {database: shop, query: create table t (a int)}}
          - {name: wrong, sql: {database: shop, query: select 2, expect: {value: "1"}}}
          - {name: calm, log: {absent: Traceback}}
    volumes: {data: {}}
"""


def results(site: Site, code: int) -> dict[str, Any]:
    data = site.opsctl("verify", "lab", "--tag", "own", "--json", code=code).json()["data"]
    return {one["subject"]: one for one in data["results"]}


def test_every_kind_is_asked_and_a_new_one_changes_no_container(site: Site) -> None:
    site.hosts_toml({HOST: ["apps"]})
    site.write("stacks/apps.yml", STACK % {"postgres": site.lab.image("postgres")})
    run = site.deploy("--json")
    told = {one["subject"]: one for one in run.json()["data"]["checks"]["results"]}
    assert told["page"]["result"] in {"pass", "unproved"}
    assert "open" not in told

    found = results(site, 4)
    assert {name for name, one in found.items() if one["result"] in {"pass", "unproved"}} == {
        "page",
        "open",
        "shut",
        "who",
        "role",
        "calm",
    }
    assert "read-only transaction" in found["readonly"]["message"]
    assert (found["wrong"]["expected"], found["wrong"]["observed"]) == ("1", "2")

    before = site.snapshot()
    site.edit("stacks/apps.yml", "name: calm,", "name: quiet,")
    assert "nothing to do" in site.plan("--exit-code").text
    site.deploy()
    assert site.snapshot() == before
    assert "quiet" in results(site, 4)


SLOW = """\
    services:
      box:
        image: "{{ vars.registry }}/sleeper:1.0.0"
        command: [sleeper]
        wait: {settle: 0s}
        checks:
%s
"""
ONE = "          - {name: slow-%d, command: {argv: [sleep, '0.4']}}"


@pytest.mark.hosts("lab-app", "lab-vpn")
def test_forty_checks_on_two_hosts_take_a_fraction_of_one_after_the_other(site: Site) -> None:
    site.hosts_toml({"lab-app": ["near"], "lab-vpn": ["far"]})
    checks = "\n".join(ONE % number for number in range(20))
    site.write("stacks/near.yml", SLOW % checks)
    site.write("stacks/far.yml", (SLOW % checks).replace("box:", "crate:"))
    site.deploy("--no-verify")
    data = site.opsctl("verify", "lab", "--tag", "own", "--json").json()["data"]
    took = [one["seconds"] for one in data["results"]]
    assert len(took) == 40
    # One after the other each would take what its sleep does, and the look comes on top; four run on a host at a time.
    one_by_one = 40 * 0.4
    print(f"40 checks on two hosts: {one_by_one:.0f} s one by one, {data['seconds']:.1f} s at a time")
    assert data["seconds"] < one_by_one / 2.5
