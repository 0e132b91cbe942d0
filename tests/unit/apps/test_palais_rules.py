"""Each rule of Palais: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps import linted
from tests.unit.apps.linted import marked, places
from tests.unit.apps.pages import page

from opsctl.apps.palais.app import PALAIS as APP
from opsctl.rules.engine import Finding

PAGE = page("palais.md")
Edits = list[tuple[str, str]]

OTHERS = """\
  postgresql:
    image: postgres:17.6-bookworm
    stop_grace_period: 60s
    healthcheck: {test: [CMD, "true"]}
  litellm:
    app: litellm
    image: ghcr.io/berriai/litellm:v1.89.1
    env: {LITELLM_MASTER_KEY: {secret: litellm_master_key}}
    networks: [ai]
    healthcheck: {test: [CMD, "true"]}
  openclaw: {image: app:1.2.3, networks: [ai], healthcheck: {test: [CMD, "true"]}}
  qdrant: {image: app:1.2.3, networks: {ai: {aliases: [vectors]}}, healthcheck: {test: [CMD, "true"]}}
  n8n: {image: app:1.2.3, healthcheck: {test: [CMD, "true"]}}
"""
KEY = "      PALAIS_API_KEY: {secret: palais_api_key}"
CASES: dict[str, Edits] = {
    "PAL001": [(KEY, f"{KEY}\n      PALAIS_APIKEY: x  # <-")],
    "PAL002": [("networks: [default, ai]", "networks: [default]"), ("ws://openclaw:18789", "ws://n8n:1"), ("http://qdrant:6333", "http://n8n:2"), ("LITELLM_URL: http://litellm:4000", "LITELLM_URL: http://litellm:4000  # <-")],
    "PAL003": [("QDRANT_URL: http://qdrant:6333", "QDRANT_URL: http://qdrant:6333  # <-"), ("      QDRANT_COLLECTION: palais\n", "")],
    "PAL004": [("SESSION_SECRET: {secret: palais_session_secret}", "SESSION_SECRET: hunter2  # <-")],
    "PAL005": [("LITELLM_KEY: {secret: palais_litellm_key}", "LITELLM_KEY: {secret: litellm_master_key}  # <-")],
    "PAL006": [("ORIGIN: https://palais.example.org", "ORIGIN: http://palais.example.org  # <-")],
    "PAL007": [("HOST: 0.0.0.0", "HOST: 127.0.0.1  # <-")],
    "PAL008": [("build: {context: palais}", "image: palais:1.2.3  # <-")],
}  # fmt: skip


def made(root: Path, edits: Edits = []) -> Path:  # noqa: B006 - only read
    return PAGE.project(root, {"stack": [("\nnetworks:\n", f"\n{OTHERS}\nnetworks:\n"), *edits]})


def findings(root: Path, rules: str = "PAL") -> list[Finding]:
    return linted.findings(root, rules)


def messages(root: Path, rule: str) -> list[str]:
    return [one.hit.message.removeprefix("palais: ") for one in findings(root, rule)]


def test_the_pages_example_has_no_finding_of_its_own_nor_about_health(tmp_path: Path) -> None:
    root = made(tmp_path)
    found = [one for rules in ("PAL", "HLT", "SEC001", "IMG001") for one in findings(root, rules)]
    assert [one.hit.message for one in found if one.hit.service == "palais"] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, CASES[rule])
    found = findings(root)
    assert [(one.rule.id, one.hit.service) for one in found] == [(rule, "palais")], [
        one.hit.message for one in found
    ]
    assert places(found) == marked(root)
    assert not any("hunter2" in one.hit.message + one.hit.hint for one in found)


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "name,hint",
    [
        ("PALAIS_APIKEY", "did you mean 'PALAIS_API_KEY'?"),
        ("LITELLM_API_KEY", "did you mean 'LITELLM_KEY'?"),
        ("QDRANT_COLLECTIONS", "did you mean 'QDRANT_COLLECTION'?"),
        ("N8N_WEBHOOK_URL", "did you mean 'N8N_WEBHOOK_BASE'?"),
        ("PALAIS_XXXXXXXXXXXXXXXXXXXXXXXXXXX", "one that is right goes into allowed_keys of the settings"),
    ],
)
def test_an_unknown_variable_is_told_with_the_nearest(name: str, hint: str, tmp_path: Path) -> None:
    root = made(tmp_path, [(KEY, f"{KEY}\n      {name}: x")])
    assert [(one.hit.message, one.hit.hint) for one in findings(root, "PAL001")] == [
        (f"palais: {name}: Palais reads no such variable", hint)
    ]


@pytest.mark.parametrize("name", ["NODE_ENV", "BODY_SIZE_LIMIT", "TZ", "PALAIS_NEW"])
def test_other_variables_are_left_alone(name: str, tmp_path: Path) -> None:
    edits = [(KEY, f"{KEY}\n      {name}: x"), ("    env:\n      HOST", "    settings: {allowed_keys: [PALAIS_NEW]}\n    env:\n      HOST")]  # fmt: skip
    assert findings(made(tmp_path, edits)) == []


@pytest.mark.parametrize(
    "url,said",
    [
        ("http://vectors:6333", ""),
        ("https://qdrant.example.org", ""),
        ("http://192.0.2.7:6333", ""),
        ("http://[fd7a::1]:6333", ""),
        ("http://qdrent:6333", "QDRANT_URL: there is no service qdrent on its host"),
        ("http://localhost:6333", "QDRANT_URL: localhost is Palais itself in its container"),
        ("qdrant:6333", "QDRANT_URL begins with qdrant:"),
        ("http://", "QDRANT_URL is no address"),
        ("http://[x", "QDRANT_URL is no address"),
    ],
)
def test_addresses(url: str, said: str, tmp_path: Path) -> None:
    found = messages(made(tmp_path, [("http://qdrant:6333", f'"{url}"')]), "PAL002")
    assert found == ([said] if said else [])


def test_a_name_in_another_network_is_not_heard(tmp_path: Path) -> None:
    edits = [("networks: [default, ai]", "networks: [default]")]
    found = findings(made(tmp_path / "a", edits), "PAL002")
    assert [one.hit.message for one in found] == [
        f"palais: {name}: {host} is in another network (ai)"
        for name, host in (
            ("OPENCLAW_WS_URL", "openclaw"),
            ("LITELLM_URL", "litellm"),
            ("QDRANT_URL", "qdrant"),
        )
    ]
    assert {one.hit.hint for one in found} == {"networks: [default, ai]"}
    own = [("    networks: [default, ai]\n", "    network_mode: host\n")]
    assert findings(made(tmp_path / "b", own), "PAL002") == []


def test_a_socket_is_no_page(tmp_path: Path) -> None:
    root = made(tmp_path, [("ws://openclaw", "http://openclaw")])
    assert messages(root, "PAL002") == ["OPENCLAW_WS_URL begins with http:"]


@pytest.mark.parametrize("name", ["PALAIS_API_KEY", "PALAIS_ADMIN_PASSWORD", "SESSION_SECRET"])
def test_each_secret_is_asked_for(name: str, tmp_path: Path) -> None:
    line = next(line for line in PAGE.stack.splitlines() if line.startswith(f"      {name}:"))
    assert messages(made(tmp_path, [(f"{line}\n", "")]), "PAL004") == [f"{name} is not set"]


def test_halves(tmp_path: Path) -> None:
    root = made(tmp_path, [("      LITELLM_URL: http://litellm:4000\n", "")])
    assert messages(root, "PAL003") == ["LITELLM_KEY without LITELLM_URL"]
    both = [("      LITELLM_URL: http://litellm:4000\n      LITELLM_KEY: {secret: palais_litellm_key}\n", "")]
    assert messages(made(tmp_path / "b", both), "PAL003") == []


def test_the_port_of_the_site(tmp_path: Path) -> None:
    root = made(tmp_path, [("      PORT: 3300\n", "      PORT: 3000\n")])
    assert messages(root, "PAL007") == ["its site asks port 3300, and it listens on 3000"]
    assert messages(made(tmp_path / "b", [("      PORT: 3300\n", "")]), "PAL007") == []
    plain = [("PORT: 3300\n", "PORT: 3000\n"), ("    site: {name: palais, port: 3300, access: vpn}\n", "")]
    assert findings(made(tmp_path / "c", plain)) == []


def test_an_image_that_was_pushed_and_pinned_is_fine(tmp_path: Path) -> None:
    image = f"image: registry.example.org/palais:1.2.3@sha256:{'ab' * 32}"
    assert findings(made(tmp_path, [("build: {context: palais}", image)])) == []
