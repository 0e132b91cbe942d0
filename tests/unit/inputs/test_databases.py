"""Databases and connections in stack files: what does not fit is told at its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.inputs.folder import HOSTS, marked, problems, write

from opsctl.errors import Problem
from opsctl.inputs.project import load

DB = "services:\n  db:\n    image: postgres:18\n    app: postgresql\n"
USER = "  api:\n    image: a:1\n"
LEAD = "services.db.databases"
_CASES = [
    (
        "services:\n  db:\n    image: postgres:18\n    databases: {a: {password: {secret: a}}} # <-\n",
        f"{LEAD}: only a service of the app postgresql keeps databases",
        "app: postgresql",
    ),
    (
        f"{DB}    databases: {{a: {{password: secret}}}} # <-\n",
        f"{LEAD}.a.password: must be a mapping",
        "",
    ),
    (f"{DB}    databases: {{a: {{}}}} # <-\n", f"{LEAD}.a: password is missing", ""),
    (
        f"{DB}    databases: {{pg_a: {{password: {{secret: a}}}}}} # <-\n",
        f"{LEAD}.pg_a: 'pg_a' is a name that PostgreSQL keeps for itself",
        "",
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, member_of: [pg_montor]}}}} # <-\n",
        f"{LEAD}.a.member_of.0: 'pg_montor' is no role of PostgreSQL that opsctl gives away",
        "did you mean 'pg_monitor'?",
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, member_of: [pg_execute_server_program]}}}} # <-\n",
        f"{LEAD}.a.member_of.0: 'pg_execute_server_program' is no role of PostgreSQL that opsctl gives away",
        (
            "there are: pg_checkpoint, pg_create_subscription, pg_maintain, pg_monitor, pg_read_all_data, pg_read_all_settings, "
            "pg_read_all_stats, pg_signal_backend, pg_stat_scan_tables, pg_use_reserved_connections, pg_write_all_data"
        ),
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, role: {'é' * 32}}}}} # <-\n",
        f"{LEAD}.a.role: '{'é' * 32}' is longer than the 63 bytes of a name of PostgreSQL",
        "",
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, extensions: [a b]}}}} # <-\n",
        f"{LEAD}.a.extensions.0: 'a b' is not the name of an extension",
        "as in pg_available_extensions: vector",
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, logins: [x]}}}} # <-\n",
        f"{LEAD}.a: logins are two names that take turns",
        "logins: [app_a, app_b]; else leave it out",
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, logins: [x, x]}}}} # <-\n",
        f"{LEAD}.a: logins are two names, other than the role's",
        "logins: [app_a, app_b]",
    ),
    (
        f"{DB}    databases: {{a: {{password: {{secret: a}}, logins: [a, b]}}}} # <-\n",
        f"{LEAD}.a: 'a' cannot be one of its own logins",
        "it is the owner behind them: call the logins otherwise",
    ),
    (
        f"{DB}    databases:\n      a: {{password: {{secret: a}}}}\n      b: {{role: a, password: {{secret: b}}}} # <-\n",
        f"{LEAD}.b: the role 'a' is that of a with another password",
        "a role has one password: name the same secret and logins, or another role",
    ),
    (
        f"{DB}    databases: {{shop: {{password: {{secret: a}}}}}}\n{USER}    connections: {{db: {{database: shopp, pool: 1}}}} # <-\n",
        "services.api.connections.db: db keeps no database 'shopp'",
        "did you mean 'shop'?",
    ),
    (
        f"{DB}    databases: {{shop: {{password: {{secret: a}}}}}}\n{USER}    connections: {{bd: {{database: shop, pool: 1}}}} # <-\n",
        "services.api.connections: there is no service 'bd' in this environment",
        "known: db",
    ),
    (
        f"{DB}    databases: {{shop: {{password: {{secret: a}}}}}}\n{USER}    connections: {{db: {{database: shop, pool: 0}}}} # <-\n",
        "services.api.connections.db.pool: must be at least 1",
        "",
    ),
    (
        f"{DB}    settings: {{max_connections: 5, superuser_reserved_connections: 5}} # <-\n",
        "services.db.settings: the reserved connections leave none of max_connections",
        "raise max_connections",
    ),
    (
        f"{DB}    settings: {{shared_buffers: 256mb}} # <-\n",
        "services.db.settings.shared_buffers: '256mb' is not a size such as 256MB",
        "PostgreSQL's units: kB, MB, GB; the case of letters counts",
    ),
]


@pytest.mark.parametrize("stack,message,hint", _CASES)
def test_what_does_not_fit_is_told_at_its_line(stack: str, message: str, hint: str, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"stacks/apps.yml": stack}
    assert problems(write(tmp_path, files)) == (Problem(*marked(files), message, hint),)


def test_a_database_of_another_host_can_be_used_and_one_of_another_environment_cannot(tmp_path: Path) -> None:
    hosts = (
        HOSTS.replace('hosts = ["web"]', 'hosts = ["web", "store"]')
        + '    [environments.lab]\n    hosts = ["bench"]\n'
        + "".join(
            f'    [hosts.{name}]\n    addresses = ["10.0.0.{at}"]\n    stacks = ["{stack}"]\n'
            for at, (name, stack) in enumerate((("store", "dbs"), ("bench", "alone")), start=2)
        )
    )
    files: dict[str, str | bytes] = {
        "hosts.toml": hosts,
        "stacks/dbs.yml": f"{DB}    databases: {{shop: {{password: {{secret: a}}}}}}\n",
        "stacks/apps.yml": f"services:\n{USER}    connections: {{db: {{database: shop, pool: 1}}}}\n",
        "stacks/alone.yml": "services:\n  own:\n    image: a:1\n",
    }
    load(write(tmp_path / "fine", files))
    files["stacks/alone.yml"] = (
        "services:\n  own:\n    image: a:1\n    connections: {db: {database: shop, pool: 1}}\n"
    )
    (problem,) = problems(write(tmp_path / "not", files))
    assert problem.message == "services.own.connections: there is no service 'db' in this environment"
