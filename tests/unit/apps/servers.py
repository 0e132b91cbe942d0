"""A small project with a PostgreSQL service and those that use it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.unit.apps import linted

from opsctl.rules.engine import Finding

HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web", "other"]
[hosts.web]
addresses = ["192.0.2.1"]
stacks = ["apps"]
[hosts.other]
addresses = ["192.0.2.2"]
stacks = ["far"]
"""
APPS = """\
services:
  postgresql:
    app: postgresql
    image: postgres:18.1-bookworm
    command: [postgres, -c, "max_connections={{ service.settings.max_connections }}"]
    settings: {max_connections: 120}
    shm_size: 256m
    stop_grace_period: 60s
    env: {POSTGRES_PASSWORD: {secret: postgres_superuser}}
    volumes: ["data:/var/lib/postgresql"]
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}
    databases:
      n8n: {password: {secret: n8n_db}, extensions: [vector], connection_limit: 30}
      nocodb: {password: {secret: nocodb_db}}
  n8n:
    image: n8nio/n8n:2.0.0
    depends_on: {postgresql: {condition: service_healthy}}
    env: {DB_POSTGRESDB_PASSWORD: {secret: n8n_db}}
    connections: {postgresql: {database: n8n, pool: 10}}
  n8n-worker:
    image: n8nio/n8n:2.0.0
    depends_on: {postgresql: {condition: service_healthy}}
    env: {DB_POSTGRESDB_PASSWORD: {secret: n8n_db}}
    connections: {postgresql: {database: n8n, pool: 5, processes: 2}}
volumes: {data: {}}
"""
FAR = """\
services:
  nocodb:
    image: nocodb/nocodb:0.265.1
    env: {NC_DB: "pg://web:5432?u=nocodb&p={{ secret('nocodb_db') | urlencode }}&d=nocodb"}
    connections: {postgresql: {database: nocodb, pool: 7}}
"""


def project(root: Path, apps: str = APPS, far: str = FAR) -> Path:
    (root / "stacks").mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS)
    (root / "stacks" / "apps.yml").write_text(textwrap.dedent(apps))
    (root / "stacks" / "far.yml").write_text(textwrap.dedent(far))
    return root


def findings(root: Path) -> list[Finding]:
    """Those of PostgreSQL."""
    return linted.findings(root, "DBS")
