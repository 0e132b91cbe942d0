"""Every rule of PostgreSQL: the smallest broken example is found at its line, and the right one is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import marked, places, subject
from tests.unit.apps.servers import APPS, FAR, findings, project

from opsctl.apps.postgresql.app import POSTGRESQL
from opsctl.apps.postgresql.budget import budgets
from opsctl.apps.postgresql.server import servers

Edits = Sequence[tuple[str, str]]
KEPT = "      nocodb: {password: {secret: nocodb_db}}\n"
N8N = "n8n: {password: {secret: n8n_db}, extensions: [vector], connection_limit: 30}"
# By rule: edits of the stack that break it alone; `# <-` is the line where it is found.
CASES: Mapping[str, Edits] = {
    "DBS001": [
        ("pool: 10}", "pool: 104}"),
        ("connection_limit: 30", "connection_limit: 200"),
        ("settings: {max_connections: 120}", "settings: {max_connections: 120} # <-"),
    ],
    "DBS002": [(KEPT, KEPT + "      idle: {password: {secret: idle_db}} # <-\n")],
    "DBS003": [(KEPT, "      nocodb: {role: n8n, password: {secret: n8n_db}}\n"), (N8N, N8N + " # <-")],
    "DBS004": [(N8N, N8N.replace("30", "19") + " # <-")],
    "DBS005": [('data:/var/lib/postgresql"]', 'data:/var/lib/postgresql/data"] # <-')],
    "DBS006": [
        (
            "env: {DB_POSTGRESDB_PASSWORD: {secret: n8n_db}}\n    connections: {postgresql: {database: n8n, pool: 10}}",
            (
                "env: {DB_POSTGRESDB_PASSWORD: {secret: postgres_superuser}} # <-\n"
                "    connections: {postgresql: {database: n8n, pool: 10}}"
            ),
        )
    ],
    "DBS007": [("    shm_size: 256m\n", ""), ("  postgresql:\n    app", "  postgresql: # <-\n    app")],
    "DBS008": [
        ("settings: {max_connections: 120}", "settings: {max_connections: 120, reserved_connections: 2} # <-")
    ],
    "DBS009": [
        (
            (
                "    depends_on: {postgresql: {condition: service_healthy}}\n"
                "    env: {DB_POSTGRESDB_PASSWORD: {secret: n8n_db}}\n    connections: {postgresql: {database: n8n, pool: 10}}"
            ),
            (
                "    env: {DB_POSTGRESDB_PASSWORD: {secret: n8n_db}}\n"
                "    connections: {postgresql: {database: n8n, pool: 10}} # <-"
            ),
        )
    ],
    "DBS010": [
        (
            "healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}",
            "healthcheck: {test: [CMD, pg_isready]} # <-",
        )
    ],
    "DBS011": [
        (
            "env: {POSTGRES_PASSWORD: {secret: postgres_superuser}}",
            "env: {N8N_PASSWORD: {secret: n8n_db}} # <-",
        )
    ],
    "DBS012": [(KEPT, "      nocodb: {password: {secret: nocodb_db}, member_of: [postgres]} # <-\n")],
}


def test_the_right_one_has_no_finding(tmp_path: Path) -> None:
    assert [one.hit.message for one in findings(project(tmp_path))] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    far = FAR.replace("secret('nocodb_db')", "secret('n8n_db')") if rule == "DBS003" else FAR
    root = project(tmp_path, changed(APPS, CASES[rule]), far)
    found = findings(root)
    assert [one.rule.id for one in found] == [rule], [one.hit.message for one in found]
    assert places(found) == marked(root)


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in POSTGRESQL.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "image,volume,env,wrong",
    [
        ("postgres:18", "/var/lib/postgresql", "", False),
        ("postgres:18", "/var/lib/postgresql/", "", False),
        ("postgres:18", "/var/lib/postgresql/18/docker", "", False),
        ("postgres:18-alpine", "/var/lib/postgresql/data", "", True),
        ("postgres:18", "/var/lib/postgresql/data", "/var/lib/postgresql/data/pg", False),
        ("postgres:18", "/backup", "", True),
        ("postgres:17.2", "/var/lib/postgresql/data", "", False),
        ("postgres:17.2", "/var/lib/postgresql", "", True),
        ("postgres:17.2", "/var/lib/postgresql/data", "/var/lib/postgresql/data/pgdata", False),
        ("postgres:17.2", "/srv", "/srv/pg", False),
        ("pgvector/pgvector:0.8.0-pg17", "/var/lib/postgresql", "", True),
        ("pgvector/pgvector:pg18", "/var/lib/postgresql/data", "", True),
        ("postgres:latest", "/anywhere", "", False),
        ("bitnami/postgresql:17", "/bitnami/postgresql", "", False),
        ("registry.example.org:5000/postgres:17", "/var/lib/postgresql/data", "", False),
    ],
)
def test_where_the_data_of_a_version_belongs(
    image: str, volume: str, env: str, *, wrong: bool, tmp_path: Path
) -> None:
    edits = [
        ("postgres:18.1-bookworm", image),
        ("data:/var/lib/postgresql", f"data:{volume}"),
        ("env: {POSTGRES", f"env: {{PGDATA: {env}, POSTGRES" if env else "env: {POSTGRES"),
    ]
    found = findings(project(tmp_path, changed(APPS, edits)))
    assert [one.rule.id for one in found] == (["DBS005"] if wrong else [])


@pytest.mark.parametrize(
    "command",
    [
        "[postgres, -c, max_connections=120]",
        "[postgres, -cmax_connections=120]",
        "[postgres, --max-connections=120]",
        '[postgres, -N, "120"]',
        "postgres -N120 -c shared_buffers=1GB",
        "[postgres, -c, config_file=/etc/pg.conf, -c, max_connections=120]",
        "[postgres, -c, config_file=/etc/other.conf]",
    ],
)
def test_what_the_server_is_started_with_is_read(command: str, tmp_path: Path) -> None:
    line = 'command: [postgres, -c, "max_connections={{ service.settings.max_connections }}"]'
    files = (
        "\n    files:"
        '\n      - {target: /etc/pg.conf, content: "max_connections = 7"}'
        "\n      - {target: /etc/other.conf, content: \"# max_connections = 7\\n Max_Connections '120' # ours\\nport 5432\"}"
    )
    found = findings(project(tmp_path, changed(APPS, [(line, f"command: {command}{files}")])))
    assert [one.hit.message for one in found] == []


def test_a_configuration_that_cannot_be_looked_at_is_no_pass(tmp_path: Path) -> None:
    line = '"max_connections={{ service.settings.max_connections }}"'
    (found,) = findings(project(tmp_path, changed(APPS, [(line, "config_file=/etc/else.conf")])))
    assert (found.rule.id, found.hit.unknown) == ("DBS008", True)
    assert not found.refuses


def test_a_size_is_compared_by_what_it_comes_to(tmp_path: Path) -> None:
    command = '"max_connections={{ service.settings.max_connections }}"'
    stated = [("max_connections: 120}", "max_connections: 120, shared_buffers: 1GB}")]
    same = changed(APPS, [*stated, (command, f"{command}, -c, shared_buffers=1024MB")])
    assert findings(project(tmp_path / "same", same)) == []
    other = changed(APPS, [*stated, (command, f"{command}, -c, shared_buffers=1024kB")])
    assert [one.rule.id for one in findings(project(tmp_path / "other", other))] == ["DBS008"]


def test_the_budget_counts_processes_and_services_of_other_hosts(tmp_path: Path) -> None:
    (budget,) = budgets(subject(project(tmp_path)))
    assert [(one.service, one.total) for one in budget.pools] == [
        ("n8n", 10),
        ("n8n-worker", 10),
        ("nocodb", 7),
    ]
    assert (budget.total, budget.settings.usable, budget.fits) == (27, 117, True)
    assert (budget.of("n8n"), budget.silent) == (20, ())


def test_a_server_of_the_own_host_is_meant_first(tmp_path: Path) -> None:
    here = "  postgresql:\n    app: postgresql\n    image: postgres:18\n    databases: {nocodb: {password: {secret: a}}}\n"
    far = FAR.replace("services:\n", "services:\n" + here)
    found = {one.host: one.total for one in budgets(subject(project(tmp_path, far=far)))}
    assert found == {"web": 20, "other": 7}


def test_ninety_seven_of_a_hundred_are_usable(tmp_path: Path) -> None:
    apps = changed(
        APPS,
        [
            ("settings: {max_connections: 120}\n", "settings: {}\n"),
            ("pool: 10}", "pool: 80}"),
            ("connection_limit: 30", "connection_limit: 97"),
        ],
    )
    assert [one.rule.id for one in findings(project(tmp_path / "fits", apps))] == []
    (found,) = findings(
        project(tmp_path / "not", changed(apps, [("pool: 80}", "pool: 81}"), ("limit: 97", "limit: 98")]))
    )
    assert found.hit.message == "postgresql: 98 connections may be open, 97 are let in; n8n may hold 81"


@pytest.mark.parametrize("name,major", [("18", 18), ("17.2-bookworm", 17), ("9.6", 9), ("latest", None)])
def test_a_version_is_read_from_the_tag(name: str, major: int | None, tmp_path: Path) -> None:
    root = project(tmp_path, APPS.replace("18.1-bookworm", name))
    assert [one.major for one in servers(subject(root))] == [major]


def test_who_has_the_password_of_a_role_uses_it_whatever_it_states(tmp_path: Path) -> None:
    far = FAR + "  else:\n    image: else:1\n    env: {P: {secret: n8n_db}}\n"
    assert [one.rule.id for one in findings(project(tmp_path, far=far))] == ["DBS003"]
