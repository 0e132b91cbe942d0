"""A small project with the n8n of the page, its worker, and the PostgreSQL and the Redis that they use."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.apps import linted
from tests.unit.apps.edits import changed

from opsctl.rules.engine import Finding

PAGE = (Path(__file__).parents[3] / "docs" / "stacks" / "n8n.md").read_text(encoding="utf-8")
HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web"]
domain = "example.org"
[hosts.web]
addresses = ["192.0.2.1"]
stacks = ["apps"]
"""
BESIDE = """\
services:
  postgresql:
    app: postgresql
    image: postgres:18.1-bookworm
    volumes: ["data:/var/lib/postgresql"]
    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}
    databases:
      n8n: {password: {secret: n8n_db}}
"""
_SERVICE, _WORKER = (
    text.partition("services:\n")[2].partition("volumes: {n8n")[0]
    for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[:2]
)
_END = "volumes: {n8n: {}, data: {}}\n"
REGULAR = BESIDE + _SERVICE + _END
"""A stack with one n8n that does everything itself."""
QUEUE = (
    BESIDE
    + changed(
        _SERVICE,
        [
            (", concurrency: 20", ""),
            (
                'N8N_CONCURRENCY_PRODUCTION_LIMIT: "{{ service.settings.concurrency }}"',
                "EXECUTIONS_MODE: queue",
            ),
            ("N8N_PROXY_HOPS", "QUEUE_BULL_REDIS_HOST: redis\n      N8N_PROXY_HOPS"),
        ],
    )
    + _WORKER
    + _END
)
"""One with a main and a worker."""


def project(root: Path, stack: str = REGULAR) -> Path:
    (root / "stacks").mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS)
    (root / "stacks" / "apps.yml").write_text(stack)
    return root


def findings(root: Path) -> list[Finding]:
    """Of the rules of n8n."""
    return linted.findings(root, "N8N")
