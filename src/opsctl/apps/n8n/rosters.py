"""What an n8n must not lose on the way to another version: its workflows, and those of them that are active."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from opsctl.apps.n8n.instance import role_of
from opsctl.checks.gates import Roster
from opsctl.checks.questions import Inside, Question, UnansweredError, ran
from opsctl.checks.situation import ServiceNow

# A row as [id, name, active]. `n8n list:workflow` is a whole second n8n: 375 MB within the container's limit, a pool of its own, and it
# migrates (2.41.1, run). This is n8n's own reading of its environment and one connection: 66 MB, half a second. In the image n8n is
# a link to /usr/local/lib/node_modules/n8n/bin/n8n (docker/images/n8n/Dockerfile); Node knows SQLite from 22.13 on.
_ASK = """\
const { resolve } = require('node:path');
const { realpathSync } = require('node:fs');
const quoted = (name) => '"' + name.replaceAll('"', '""') + '"';
const ask = async () => {
  const need = require('node:module').createRequire(realpathSync(process.argv[1]));
  const { Container } = need('@n8n/di');
  const { GlobalConfig, InstanceSettingsConfig } = need('@n8n/config');
  const { type, tablePrefix, postgresdb, sqlite } = Container.get(GlobalConfig).database;
  const table = quoted(tablePrefix + 'workflow_entity');
  if (type === 'sqlite') {
    const path = resolve(Container.get(InstanceSettingsConfig).n8nFolder, sqlite.database);
    const { DatabaseSync } = require('node:sqlite');
    return new DatabaseSync(path, { readOnly: true }).prepare(`select id, name, active from ${table}`).all();
  }
  const { host, port, user, password, database, schema, ssl } = postgresdb;
  const { ca, cert, key, rejectUnauthorized } = ssl;
  const tls = { ca: ca || undefined, cert: cert || undefined, key: key || undefined, rejectUnauthorized };
  const client = new (need('pg').Client)({
    host, port, user, password, database,
    connectionTimeoutMillis: 10000,
    ssl: ca || cert || key || !rejectUnauthorized ? tls : ssl.enabled,
  });
  await client.connect();
  await client.query('begin read only');
  await client.query('set local statement_timeout = 10000');
  const { rows } = await client.query(`select id, name, active from ${quoted(schema)}.${table}`);
  await client.end();
  return rows;
};
ask().then(
  (rows) => console.log('\\n' + JSON.stringify(rows.map(({ id, name, active }) => [String(id), name, Boolean(active)]))),
  (error) => { console.error(error.message || error.code); process.exit(1); },
);
"""
_RUN = 'exec node -e "$1" "$(command -v n8n)"'


def _workflows(now: ServiceNow, *, active: bool) -> Generator[Question, Any, frozenset[str]]:
    """A worker keeps no list: it has its main's."""
    if role_of(now.view) != "main":
        return frozenset()
    told = yield from ran(Inside(now.host.name, now.name, ("sh", "-c", _RUN, "opsctl", _ASK), timeout=60.0))
    if told.code:
        raise UnansweredError(f"its database: {told.last_line()}")
    try:
        rows = json.loads(told.text.rpartition("\n")[2])
        return frozenset(
            f"{name} ({identity})" for identity, name, is_active in rows if is_active or not active
        )
    except (ValueError, TypeError):
        raise UnansweredError("its database: node printed something else than was asked for") from None


def _every(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
    return (yield from _workflows(now, active=False))


def _active(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
    return (yield from _workflows(now, active=True))


ROSTERS = (Roster("workflows", _every), Roster("active workflows", _active))
