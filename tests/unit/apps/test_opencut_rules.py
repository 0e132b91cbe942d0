"""Each rule of OpenCut and of serverless-redis-http: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.unit.apps import linted
from tests.unit.apps.linted import marked, places
from tests.unit.apps.pages import page

from opsctl.apps.opencut.app import OPENCUT as APP
from opsctl.apps.opencut.settings import Settings
from opsctl.rules.engine import Finding

PAGE = page("opencut.md")
FILE = "opencut/Dockerfile"
Edits = list[tuple[str, str]]

POSTGRESQL = """\
  postgresql:
    image: postgres:17.6-bookworm
    stop_grace_period: 60s
    healthcheck: {test: [CMD, "true"]}
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
BUILD = PAGE.stack[PAGE.stack.index("    build:\n") : PAGE.stack.index("    depends_on:\n")]
ADD = "ADD https://codeload.github.com/opencut-app/opencut-classic/tar.gz/${COMMIT} /source.tar.gz"
SITE = "    env:\n      NEXT_PUBLIC_SITE_URL: https://cut.example.org\n"
CASES: dict[str, tuple[Edits, Edits]] = {
    "OCT001": ([(BUILD, "    image: somebody/opencut:1.2.3  # <-\n")], []),
    "OCT002": ([(f"        COMMIT: {COMMIT}\n", "")], [(ADD, "RUN git clone https://github.com/opencut-app/opencut-classic /x  # <-")]),
    "OCT003": ([("        NEXT_PUBLIC_MARBLE_API_URL: https://api.marblecms.com\n", ""), ("      NEXT_PUBLIC_MARBLE_API_URL: https://api.marblecms.com", "      NEXT_PUBLIC_MARBLE_API_URL: https://api.marblecms.com  # <-")], []),
    "OCT004": ([("SRH_MODE: env", "SRH_MODE: file  # <-")], []),
    "OCT005": ([("redis-http:0.0.10", "redis-http:1.0.0  # <-")], []),
    "OCT006": ([("UPSTASH_REDIS_REST_TOKEN: {secret: opencut_redis_token}", "UPSTASH_REDIS_REST_TOKEN: {secret: other}  # <-")], []),
    "OCT007": ([("BETTER_AUTH_SECRET: {secret: opencut_auth}", "BETTER_AUTH_SECRET: your-secret-key-here  # <-")], []),
    "OCT008": ([("    env:\n", "    env:  # <-\n"), ("      MARBLE_WORKSPACE_KEY: unused\n", "")], []),
    "OCT009": ([("        NEXT_PUBLIC_SITE_URL: https://cut.example.org", "        NEXT_PUBLIC_SITE_URL: http://localhost:3000  # <-"), (SITE, "    env:\n")], []),
}  # fmt: skip
OF_THE_PROXY = {"OCT004", "OCT005"}


def made(root: Path, stack: Edits = [], dockerfile: Edits = []) -> Path:  # noqa: B006 - only read
    first = ("\n  opencut-redis-http:\n", f"\n{POSTGRESQL}\n  opencut-redis-http:\n")
    return PAGE.project(root, {"stack": [first, *stack], FILE: dockerfile})


def findings(root: Path, rules: str = "OCT") -> list[Finding]:
    return linted.findings(root, rules)


def messages(root: Path, rule: str) -> list[str]:
    return [one.hit.message for one in findings(root, rule)]


def test_the_pages_example_has_no_finding_of_its_own_nor_about_health(tmp_path: Path) -> None:
    root = made(tmp_path)
    found = [one for rules in ("OCT", "HLT", "SEC001", "IMG001") for one in findings(root, rules)]
    assert [one.hit.message for one in found] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, *CASES[rule])
    found = findings(root)
    assert [one.rule.id for one in found] == [rule], [one.hit.message for one in found]
    assert places(found) == marked(root)
    assert found[0].hit.service == ("opencut-redis-http" if rule in OF_THE_PROXY else "opencut")
    assert not any(
        word in one.hit.message + one.hit.hint for one in found for word in ("your-secret", "__secret_")
    )


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "line,args,commit,wrong",
    [
        (ADD, COMMIT, COMMIT, ""),
        (ADD, OTHER, COMMIT, "opencut: the commit of its settings is not the one that is built"),
        (f"RUN git fetch https://github.com/x {COMMIT}", "main", COMMIT, ""),
        ("RUN git fetch https://github.com/x main", "main", COMMIT, "opencut: its Dockerfile fetches a source"),
        ("RUN wget https://github.com/x/archive/main.tar.gz", "main", "", "opencut: its Dockerfile fetches a source"),
        ("COPY . /app", "main", COMMIT, ""),
        ("RUN wget https://example.org/font.ttf", "main", COMMIT, ""),
    ],
)  # fmt: skip
def test_what_holds_a_source(line: str, args: str, commit: str, wrong: str, tmp_path: Path) -> None:
    settings = f"    settings:\n      commit: {COMMIT}\n"
    edits = [(f"        COMMIT: {COMMIT}", f"        COMMIT: {args}")]
    edits.append((settings, settings.replace(COMMIT, commit) if commit else ""))
    found = messages(made(tmp_path, edits, [(ADD, line)]), "OCT002")
    assert [one.startswith(wrong) for one in found] == [True] * bool(wrong), found


@pytest.mark.parametrize("value", ["0123456", "main", COMMIT.upper(), COMMIT + "0", 12])
def test_a_commit_is_whole(value: object) -> None:
    with pytest.raises(ValidationError, match="is not a whole commit"):
        Settings.model_validate({"commit": value})


def test_a_public_variable_with_another_value_than_the_build(tmp_path: Path) -> None:
    edits = [(SITE, SITE.replace("cut", "new"))]
    root = made(tmp_path, edits)
    assert messages(root, "OCT003") == [
        "opencut: NEXT_PUBLIC_SITE_URL is another one in args of its build: the code in the browser does not hear of it"
    ]
    assert messages(root, "OCT009") == [
        "opencut: NEXT_PUBLIC_SITE_URL is not its site, https://cut.example.org: a browser that has a cookie is refused"
    ]


@pytest.mark.parametrize(
    "env,said",
    [
        ("      SRH_MODE: env\n", ""),
        ("", "SRH_MODE is file, which is the default"),
        ("      SRH_MODE: redis\n", "SRH_MODE is neither env nor file"),
        ("      SRH_MODE: env\n      SRH_MAX_CONNECTIONS: many\n", "SRH_MAX_CONNECTIONS is no number"),
        ("      SRH_MODE: env\n      SRH_MAX_CONNECTIONS: '5'\n", ""),
    ],
)
def test_modes(env: str, said: str, tmp_path: Path) -> None:
    found = messages(made(tmp_path, [("      SRH_MODE: env\n", env)]), "OCT004")
    assert [one.startswith(f"opencut-redis-http: {said}") for one in found] == [True] * bool(said)


def test_a_mode_needs_its_values(tmp_path: Path) -> None:
    edits = [("      SRH_CONNECTION_STRING: redis://opencut-redis:6379\n", "")]
    assert messages(made(tmp_path, edits), "OCT004") == [
        "opencut-redis-http: SRH_CONNECTION_STRING is not set, and SRH_MODE env needs it"
    ]


@pytest.mark.parametrize(
    "mount",
    [
        "    files:\n      - {content: '{}', target: /app/srh-config/tokens.json}\n",
        "    volumes: ['/srv/srh:/app/srh-config']\n",
    ],
)
def test_a_file_of_tokens_is_a_way_too(mount: str, tmp_path: Path) -> None:
    edits = [("    env:\n      SRH_MODE: env\n", f"{mount}    env:\n      SRH_MODE: file\n")]
    edits.append(("      SRH_TOKEN: {secret: opencut_redis_token}\n", ""))
    root = made(tmp_path, edits)
    assert messages(root, "OCT004") + messages(root, "OCT006") == []


@pytest.mark.parametrize(
    "tag,wrong", [("0.0.10", False), ("0.0.9", False), ("0.0.11", True), ("1.0.0", True), ("latest", False)]
)
def test_tags_of_the_proxy(tag: str, wrong: bool, tmp_path: Path) -> None:
    assert (
        len(messages(made(tmp_path, [("redis-http:0.0.10", f"redis-http:{tag}")]), "OCT005")) == 1
    ) is wrong


@pytest.mark.parametrize(
    "url,said",
    [
        ("http://opencut-redis-http", ""),
        ("http://opencut-redis-http:80/", ""),
        ("http://opencut-redis-http:8079", "does not lead to opencut-redis-http, which answers HTTP on port 80"),
        ("https://opencut-redis-http:80", "does not lead to opencut-redis-http, which answers HTTP on port 80"),
        ("https://opencut-redis-http", "does not lead to opencut-redis-http, which answers HTTP on port 80"),
        ("https://eu1-x.upstash.io", ""),
        ("http://opencut-redis:80", "names no serverless-redis-http of its host"),
        ("http://srh:80", "names no serverless-redis-http of its host"),
        ("opencut-redis-http:80", "names no serverless-redis-http of its host"),
        ("http://srh:port", "names no serverless-redis-http of its host"),
    ],
)  # fmt: skip
def test_addresses_of_the_proxy(url: str, said: str, tmp_path: Path) -> None:
    edits = [("UPSTASH_REDIS_REST_URL: http://opencut-redis-http:80", f'UPSTASH_REDIS_REST_URL: "{url}"')]
    found = messages(made(tmp_path, edits), "OCT006")
    assert found == ([f"opencut: UPSTASH_REDIS_REST_URL {said}"] if said else [])


def test_a_port_of_its_own(tmp_path: Path) -> None:
    edits = [("      SRH_MODE: env\n", "      SRH_MODE: env\n      SRH_PORT: '8079'\n")]
    assert len(messages(made(tmp_path / "a", edits), "OCT006")) == 1
    edits.append(("redis-http:80\n", "redis-http:8079\n"))
    assert messages(made(tmp_path / "b", edits), "OCT006") == []


@pytest.mark.parametrize(
    "old,new,said",
    [
        ("SRH_TOKEN: {secret: opencut_redis_token}", "SRH_TOKEN: example_token", "opencut-redis-http: SRH_TOKEN is"),
        ("BETTER_AUTH_SECRET: {secret: opencut_auth}", "BETTER_AUTH_SECRET: abcdefgh", "opencut: BETTER_AUTH_SECRET is short"),
        ("opencut:{{ secret('opencut_db') | urlencode }}@", "opencut:opencutthegoat@", "opencut: DATABASE_URL has the password"),
    ],
)  # fmt: skip
def test_what_everybody_knows(old: str, new: str, said: str, tmp_path: Path) -> None:
    found = messages(made(tmp_path, [(old, new)]), "OCT007")
    assert [one.startswith(said) for one in found] == [True]


@pytest.mark.parametrize(
    "image", ["hiett/serverless-redis-http:latest", "valkey/valkey:8-alpine", "postgres:17-alpine"]
)
def test_floating_tags_beside_it_are_found(image: str, tmp_path: Path) -> None:
    root = made(tmp_path, [("hiett/serverless-redis-http:0.0.10", image)])
    assert any(image.rpartition("/")[2] in one for one in messages(root, "IMG001"))
