"""The editors' schemas accept what load accepts, and refuse a typo."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from tests.unit.inputs import test_project as examples
from tests.unit.inputs.folder import HOSTS, STACK

from opsctl.inputs.schemas import json_schema
from opsctl.model.yaml_document import read_yaml

ROOT = Path(__file__).parents[3]
SHIPPED = [*ROOT.glob("hosts.toml"), *ROOT.glob("stacks/*.yml")]
FILES = """\
    services:
      caddy:
        image: lab/caddy:1
        kind: job
        start: on_demand
        depends_on: {db: {condition: service_healthy, restart: true}, cache: null}
        memory: {limit: 1g, reservation: 512M, peak: 700000000}
        wait: {timeout: 5m, settle: 3}
        files:
          - {template: a.j2, target: /etc/a/b, mount: directory, on_change: {reload: [caddy, reload]}}
          - {content: a, target: /etc/b/b, mount: directory, on_change: {signal: SIGHUP, check: [cat]}}
          - {content: "x", target: /etc/c, mode: "0600", on_change: recreate}
          - {source: a.j2, target: /etc/d/e, mount: directory, on_change: {signal: SIGHUP}}
        merge:
          - {path: /srv/a.yaml, keys: {a: {b: [1]}, c: {secret: x}}, on_change: {reload: [caddy, reload]}}
          - {path: /srv/a.conf, format: json, keys: {a: null}, on_change: restart}
        checks:
          - {name: a, severity: high, tags: [deploy], http: {port: 80, expect: {status: [200], json: {a.b: 1}}}}
          - {name: b, http: {url: "https://x/", from: here, headers: {A: "{{ secret('x') }}"}}, deadline: 30s}
          - {name: c, tcp: {port: 1, expect: closed}, metered: true}
          - {name: d, command: {argv: [a, b], stdin: x, expect: {code: 1, stdout: x}}}
          - {name: e, sql: {database: shop, query: select 1, service: db, expect: {value: "1", rows: 1}}}
          - {name: f, log: {absent: panic, lines: 10}, interval: 5, successes: 2, timeout: 1m}
        compose: {new_key_of_compose: 1}
        x-note: anything
        overrides: {prod: {mem_limit: 2g, ports: ["81:80"]}}
      box: {build: ./box}
      crate:
        build: {context: crate, dockerfile: deep/Dockerfile, args: {VERSION: 2, A: "b"}, target: last, x-a: 1}
      trunk: {build: {context: crate, args: [VERSION=2]}}
      db:
        image: postgres:18
        app: postgresql
        settings: {max_connections: 200, shared_buffers: 1GB}
        databases:
          n8n: {password: {secret: n8n_db}, role: n8n, logins: [a, b], extensions: [vector], connection_limit: 3}
          Other: {password: {secret: other}, member_of: [shared], connect: [exporter]}
        connections: {db: {database: n8n, pool: 3, processes: 2}}
    networks: {front: {internal: true}, back: }
    volumes: {data: {external: true, name: old}}
    x-more: 1
    """


@cache
def validator(kind: Literal["hosts", "stack"]) -> Draft202012Validator:
    return Draft202012Validator(json_schema(kind))


def errors(kind: Literal["hosts", "stack"], value: Any) -> list[str]:
    return [error.message for error in validator(kind).iter_errors(value)]


@pytest.mark.parametrize("kind", ["hosts", "stack"])
def test_the_schemas_are_schemas(kind: Literal["hosts", "stack"]) -> None:
    Draft202012Validator.check_schema(json_schema(kind))


def toml(text: str) -> Any:
    return tomllib.loads(dedent(text))


def yaml(text: str) -> Any:
    return read_yaml("x.yml", dedent(text).encode()).value


@pytest.mark.parametrize("text", [HOSTS, examples.TWO_ENVIRONMENTS])
def test_hosts_files_that_load_are_accepted(text: str) -> None:
    assert errors("hosts", toml(text)) == []


@pytest.mark.parametrize("text", [STACK, examples.STACK, examples.PASTED, FILES])
def test_stacks_that_load_are_accepted(text: str) -> None:
    assert errors("stack", yaml(text)) == []


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_shipped_files_are_accepted(file: Path) -> None:
    if file.suffix == ".toml":
        assert errors("hosts", tomllib.loads(file.read_text())) == []
    else:
        assert errors("stack", read_yaml(file.name, file.read_bytes()).value) == []


@pytest.mark.parametrize(
    "text",
    [
        HOSTS + "adresses = []\n",
        HOSTS + "connection = 'locl'\n",
        HOSTS + "[hosts.web.sudo]\nengin = 'auto'\n",
        HOSTS.replace('project = "demo"', 'project = "De mo"'),
        HOSTS.replace("[hosts.web]", "[hosts.Web]"),
        HOSTS.replace("domain =", '"do main" ='),
    ],
)
def test_typos_in_hosts_toml_are_refused(text: str) -> None:
    assert errors("hosts", tomllib.loads("\n".join(line.strip() for line in text.splitlines())))


@pytest.mark.parametrize(
    "line",
    [
        "imgae: x",
        "env_file: .env",
        "build: {contxt: a}",
        "build: {context: a, ssh: [x]}",
        "build: {context: a, args: {A: null}}",
        "profiles: [x]",
        "secrets: [x]",
        "kind: jobs",
        "memory: {limt: 1g}",
        "files: [{target: /a}]",
        "files: [{target: a, content: b}]",
        "files: [{target: /a, content: b, on_change: reload}]",
        "merge: [{path: /a.yaml}]",
        "merge: [{path: a.yaml, keys: {a: 1}}]",
        "merge: [{path: /a.yaml, keys: {}}]",
        "files: [{target: /a, content: b, on_change: {reload: [a], check: a}}]",
        "files: [{target: /a, content: b, on_change: {reload: [a], chek: [a]}}]",
        "merge: [{path: /a.yaml, keys: {a: 1}, on_change: {reload: [a], check: [a]}}]",
        "merge: [{path: /a.yaml, keys: {a: 1}, on_change: reload}]",
        "env: [A]",
        "env: {A: null}",
        "env: {A: {secrt: b}}",
        "overrides: {prod: {overrides: {}}}",
        "overrides: {prod: {imgae: x}}",
        "wait: {timout: 5s}",
        "lint: {ignore: [{rule: DKR001, until: 2027-01-31}]}",
        "lint: {ignroe: []}",
        "waive: [{check: V-CTR-001, until: 2027-01-31}]",
        "waive: [{check: CTR001, reason: long enough, until: 2027-01-31}]",
        "checks: [{name: a}]",
        "checks: [{name: a, tcp: {port: 1}, log: {absent: x}}]",
        "checks: [{name: a, tcp: {prot: 1}}]",
        "checks: [{name: a, http: {port: 1, expect: {statsu: [200]}}}]",
        "checks: [{tcp: {port: 1}}]",
        "depends_on: {db: {condition: healthy}}",
    ],
)
def test_typos_in_a_stack_are_refused(line: str) -> None:
    assert errors("stack", yaml(f"services:\n  api:\n    image: x\n    {line}\n"))


@pytest.mark.parametrize("top", ["version: '3'", "secrets: {}", "service: {}"])
def test_keys_that_have_no_place_in_a_stack_are_refused(top: str) -> None:
    assert errors("stack", yaml(f"services: {{api: {{image: x}}}}\n{top}\n"))
