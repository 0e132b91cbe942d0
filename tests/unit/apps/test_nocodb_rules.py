"""Each rule of NocoDB: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.apps import linted
from tests.unit.apps.linted import NOW, TODAY, marked, places
from tests.unit.apps.pages import page
from tests.unit.checks.situations import container

from opsctl.apps.catalogue import all_rules
from opsctl.apps.crossings import crossings, refusals_of
from opsctl.apps.nocodb.app import NOCODB as APP
from opsctl.apps.nocodb.instance import DATABASE_VARIABLES, unusable
from opsctl.apps.nocodb.variables import NEWER, READ, unread
from opsctl.checks.situation import HostNow
from opsctl.model.secrets import Secret, StoreFile
from opsctl.rules.engine import Finding, apply
from opsctl.state.observed import Observed

Edits = list[tuple[str, str]]
PAGE = page("nocodb.md")
URL = "\"pg://postgresql:5432?u=nocodb&p={{ secret('nocodb_db') | urlencode }}&d=nocodb\""
JWT = "      NC_AUTH_JWT_SECRET: {secret: nocodb_jwt}\n"
KEY = "      NC_CONNECTION_ENCRYPT_KEY: {secret: nocodb_encrypt_key}     # class migrate_only\n"
PUBLIC = (
    "      NC_PUBLIC_URL: https://tables.example.org                   # NC_SITE_URL in versions by date\n"
)
IMAGE = "nocodb/nocodb:0.301.3"


def admin(email: str = "a@example.org", said: str = "{secret: nocodb_admin}") -> tuple[str, str]:
    return (JWT, f"{JWT}      NC_ADMIN_EMAIL: {email}\n      NC_ADMIN_PASSWORD: {said}\n")


MEANT = ("    site:", "    settings: {admin_from_env: true}\n    site:")
MARKED_ENV = ("    env:\n", "    env:  # <-\n")
CASES: dict[str, Edits] = {
    "NCO001": [(URL, '"postgres://postgresql:5432?u=nocodb&d=nocodb"  # <-')],
    "NCO002": [(JWT, f"{JWT}      DATABASE_URL: postgres://postgresql/nocodb\n"), (URL, f"{URL}  # <-")],
    "NCO003": [(" | urlencode", ""), ('&d=nocodb"', '&d=nocodb"  # <-')],
    "NCO004": [MARKED_ENV, (JWT, "")],
    "NCO005": [admin(said="{secret: nocodb_admin}  # <-")],
    "NCO006": [admin(email="admin  # <-"), MEANT],
    "NCO007": [MARKED_ENV, (PUBLIC, "")],
    "NCO008": [(JWT, f"{JWT}      NC_REDIS_URI: redis://redis  # <-\n")],
    "NCO009": [("[nocodb:/usr/app/data]", "[nocodb:/usr/src]  # <-")],
    "NCO010": [("pool: 10}", "pool: 5}  # <-")],
    "NCO011": [MARKED_ENV, ("      NC_DISABLE_TELE: true\n", "")],
    "NCO012": [(IMAGE, "nocodb/nocodb:0.301.2  # <-")],
    "NCO014": [MARKED_ENV, (KEY, "")],
}  # fmt: skip


def made(root: Path, edits: Edits) -> Path:
    return PAGE.project(root, {"stack": edits})


def found_in(root: Path, edits: Edits) -> list[Finding]:
    return linted.findings(made(root, edits), "NCO")


def ids(root: Path, edits: Edits) -> list[str]:
    return [one.rule.id for one in found_in(root, edits)]


def messages(root: Path, edits: Edits) -> list[tuple[str, str]]:
    return [(one.hit.message, one.hit.hint) for one in found_in(root, edits)]


def test_the_pages_example_has_no_finding_of_any_app(tmp_path: Path) -> None:
    found = [
        one
        for one in linted.findings(PAGE.project(tmp_path), "")
        if one.rule.id[:3] in {"NCO", "DBS", "HLT", "SEC"}
    ]
    assert [(one.rule.id, one.hit.message) for one in found] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, CASES[rule])
    found = linted.findings(root, "NCO")
    assert [(one.rule.id, one.hit.service) for one in found] == [(rule, "nocodb")], [
        one.hit.message for one in found
    ]
    assert places(found) == marked(root)


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted([*CASES, "NCO013"])


@pytest.mark.parametrize(
    "old,new,refused",
    [("0.301.2", "0.301.3", False), ("0.301.3", "2026.10.1", False), ("2026.10.1", "2026.09.0", True)],
)
def test_versions_go_up_alone(old: str, new: str, refused: bool, tmp_path: Path) -> None:
    root = made(tmp_path, [(IMAGE, f"nocodb/nocodb:{new}")])
    found = linted.subject(root)
    (host,) = found.desired.hosts
    observed = Observed(host.name, containers=(container("nocodb", image=f"nocodb/nocodb:{old}"),), now=NOW)
    assert bool(refusals_of(crossings(found, HostNow(host, observed)))) is refused


@pytest.mark.parametrize("class_,wrong", [("regenerate", True), ("migrate_only", False)])
@pytest.mark.parametrize(
    "spelled", ["{secret: nocodb_encrypt_key}", "\"{{ secret('nocodb_encrypt_key') }}\""]
)
def test_the_class_of_the_key_for_connections(class_: str, wrong: bool, spelled: str, tmp_path: Path) -> None:
    root = made(tmp_path, [("{secret: nocodb_encrypt_key}     # class migrate_only", f"{spelled}  # <-")])
    secret = Secret.model_validate({"class": class_})
    subject = replace(linted.subject(root), store=StoreFile(secrets={"nocodb_encrypt_key": secret}), now=NOW)
    found = [one for one in apply(all_rules(), subject, TODAY).findings if one.rule.id == "NCO013"]
    assert places(found) == (marked(root) if wrong else [])


@pytest.mark.parametrize(
    "url,wrong",
    [
        ("pg://db:5432?u=a&p=b&d=c", ""),
        ("pg://db:5432?user=a&password=b&database=c", ""),
        ("mysql2://db:3306?u=a&p=b&d=c", ""),
        ("sqlite3://x?d=/usr/app/data/noco.db", ""),
        ("postgresql://db?d=c", "begins with postgresql: "),
        ("db:5432", "begins with db: "),
        ("pg://a:b@db:5432?d=c", "has its login before the host"),
        ("pg://db:5432/c?u=a&p=b", "names no database"),
    ],
)
def test_values_of_nc_db(url: str, wrong: str) -> None:
    assert unusable(url).startswith(wrong)
    assert bool(unusable(url)) is bool(wrong)


@pytest.mark.parametrize("winner,loser", list(pairwise(DATABASE_VARIABLES)))
def test_which_variable_names_the_database(winner: str, loser: str, tmp_path: Path) -> None:
    edits = [(f"      NC_DB: {URL}\n", f"      {loser}: pg://db?d=x\n      {winner}: pg://db?d=y\n")]
    assert (f"nocodb: {loser} counts for nothing: {winner} wins", "keep one") in messages(tmp_path, edits)


@pytest.mark.parametrize(
    "edits,rules",
    [
        ([admin(), MEANT], []),
        ([admin(email="{secret: nocodb_mail}"), MEANT], []),
        ([admin(email='"admin@localhost"'), MEANT], ["NCO006"]),
        ([admin(said="short12"), MEANT], ["NCO006"]),
        ([admin(said="eight-88"), MEANT], []),
        ([(JWT, f"{JWT}      NC_ADMIN_EMAIL: a@example.org\n")], ["NCO006"]),
        ([(JWT, f"{JWT}      NC_ADMIN_PASSWORD: {{secret: x}}\n")], ["NCO006"]),
    ],
)
def test_administrators(edits: Edits, rules: list[str], tmp_path: Path) -> None:
    assert ids(tmp_path, edits) == rules


@pytest.mark.parametrize(
    "version,name,value,rules",
    [
        ("0.301.3", "NC_PUBLIC_URL", "https://tables.example.org/", []),
        ("0.301.3", "NC_SITE_URL", "https://tables.example.org", ["NCO007", "NCO008"]),
        ("0.301.3", "NC_PUBLIC_URL", "https://other.example.org", ["NCO007"]),
        ("2026.10.1", "NC_SITE_URL", "https://tables.example.org", []),
        ("2026.10.1", "NC_PUBLIC_URL", "https://tables.example.org", []),
        ("2026.10.1", "NC_SITE_URL", "http://tables.example.org", ["NCO007"]),
    ],
)
def test_the_public_address(version: str, name: str, value: str, rules: list[str], tmp_path: Path) -> None:
    edits = [(IMAGE, f"nocodb/nocodb:{version}"), (PUBLIC, f"      {name}: {value}\n")]
    assert ids(tmp_path, edits) == rules


def test_without_a_site_no_address_is_missed(tmp_path: Path) -> None:
    assert ids(tmp_path, [("    site: {name: tables, port: 8080}\n", ""), (PUBLIC, "")]) == []


@pytest.mark.parametrize(
    "name,version,near",
    [
        ("NC_REDIS_URI", (0, 301, 3), "NC_REDIS_URL"),
        ("NC_WHATEVER_IT_IS", (0, 301, 3), ""),
        ("NC_REDIS_URI", (2026, 10, 1), "NC_REDIS_URL"),
        ("NC_REDIS_URI", None, "NC_REDIS_URL"),
        ("NC_WHATEVER_IT_IS", (2026, 10, 1), None),
        ("NC_SITE_URL", (2026, 10, 1), None),
        ("OTHER", (0, 301, 3), None),
    ],
)
def test_variables(name: str, version: tuple[int, int, int] | None, near: str | None) -> None:
    assert unread([name, "NC_DB"], version) == ({} if near is None else {name: near})


def test_a_variable_that_is_right_and_not_known(tmp_path: Path) -> None:
    edits = [
        (JWT, f"{JWT}      NC_BRAND_NEW: 1\n"),
        ("    site:", "    settings: {allowed_variables: [NC_BRAND_NEW]}\n    site:"),
    ]
    assert ids(tmp_path, edits) == []


def test_the_lists_do_not_overlap() -> None:
    assert not READ & NEWER
    assert set(DATABASE_VARIABLES) - READ == {"DATABASE_URL", "DATABASE_URL_FILE"}


@pytest.mark.parametrize(
    "edits,wrong",
    [
        ([("nocodb:/usr/app/data", "/srv/nocodb:/usr/app/data")], False),
        ([("nocodb:/usr/app/data", "/usr/app/data")], True),
        ([("nocodb:/usr/app/data", "nocodb:/srv"), (JWT, f"{JWT}      NC_TOOL_DIR: /srv/\n")], False),
        ([("nocodb:/usr/app/data", "nocodb:/srv"), (JWT, f"{JWT}      NC_S3_BUCKET_NAME: b\n")], False),
        ([("nocodb:/usr/app/data", "nocodb:/srv"), (JWT, f"{JWT}      NC_S3_BUCKET_NAME: b\n"), (f"      NC_DB: {URL}\n", "")], True),
    ],
)  # fmt: skip
def test_where_data_is_kept(edits: Edits, wrong: bool, tmp_path: Path) -> None:
    assert ("NCO009" in ids(tmp_path, edits)) is wrong


@pytest.mark.parametrize(
    "edits,wrong",
    [
        ([("NC_DB_POOL_MAX: 10", "NC_DB_POOL_MAX: 11")], True),
        ([("NC_DB_POOL_MAX: 10", "NC_DB_POOL_MAX: many")], False),  # then 10 counts
        ([("      NC_DB_POOL_MAX: 10\n", ""), ("pool: 10", "pool: 9")], True),
        ([("&d=nocodb", "&d=nocodb&pool.max=20")], True),
        ([("&d=nocodb", "&d=nocodb&pool.max=4"), ("pool: 10", "pool: 4")], False),
    ],
)
def test_connections(edits: Edits, wrong: bool, tmp_path: Path) -> None:
    assert ("NCO010" in ids(tmp_path, edits)) is wrong
