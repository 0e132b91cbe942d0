"""Every rule: the smallest broken example is found at its line, a right one is not."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from opsctl.apps.catalogue import all_rules
from opsctl.inputs.project import load
from opsctl.model.references import parse_reference
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.rules.catalogue import RETIRED, RULES
from opsctl.rules.engine import Finding, Report, apply
from opsctl.rules.probe_tools import BARE, Bare, missing_tool
from opsctl.rules.rule import Rule
from opsctl.rules.subject import Subject

NOW = 1_800_000_000.0
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
HOSTS = """\
project = "demo"
[environments.prod]
hosts = ["web"]
{environment}
[hosts.web]
addresses = ["192.0.2.1"]
stacks = ["apps"]
{host}
"""
FINE = """\
image: app:1.2.3
memory: 64MiB
healthcheck: {test: [CMD, "true"]}
"""
LOCK = f"""\
version: 1
images:
  app:1.2.3:
    tag: 1.2.3
    digest: {DIGEST}
    platforms: [linux/amd64]
    resolved_at: 2026-01-01T00:00:00Z
  app:nightly:
    tag: nightly
    digest: {DIGEST}
    resolved_at: 2026-01-01T00:00:00Z
"""


def project(
    root: Path, service: str, *, environment: str = "", host: str = "", lock: str = LOCK, **more: str
) -> Path:
    """One service `app`; further services by name."""
    (root / "stacks").mkdir(parents=True)
    (root / "hosts.toml").write_text(HOSTS.format(environment=environment, host=host))
    services = {"app": service, **more}
    text = "services:\n" + "".join(
        f"  {name}:\n{textwrap.indent(textwrap.dedent(one), '    ')}" for name, one in services.items()
    )
    (root / "stacks" / "apps.yml").write_text(text)
    (root / "images.lock.yaml").write_text(lock)
    return root


def report(root: Path, store: StoreFile | None = None, today: str = "2026-11-26") -> Report:
    fleet = load(root)
    desired = render(fleet, "prod", placeholder, login=login_placeholder)
    return apply(RULES, Subject(fleet, desired, store, NOW), today)


def found(root: Path, rule: str, store: StoreFile | None = None) -> list[Finding]:
    return [one for one in report(root, store).findings if one.rule.id == rule]


# By rule: a service that breaks it, with `# <-` at the line; one that does not.
CASES: Mapping[str, tuple[str, str]] = {
    "IMG001": ("image: other:nightly  # <-\n", FINE),
    "IMG002": ("image: other:1.2.3  # <-\n", FINE),
    "IMG004": (f"image: app:1.2.3@{OTHER}  # <-\n", f"image: app:1.2.3@{DIGEST}\n"),
    "IMG006": ("image: app:nightly  # <-\n", FINE),
    "MEM002": ("# <-\nimage: app:1.2.3\n", FINE),
    "SEC001": (
        FINE + "env:\n  API_TOKEN: abcdef123456  # <-\n",
        FINE
        + "env:\n  API_TOKEN: {secret: token}\n  TOKEN_FILE: /run/token\n  USE_TOKEN: 'true'\n  PASS: '3'\n",
    ),
    "FIL002": (
        FINE
        + "merge:\n  - {path: /srv/a/b.yaml, keys: {a: 1}}  # <-\nvolumes: ['/srv/ab:/b', '/srv/a/b:/c']\n",
        FINE
        + "merge:\n  - {path: /srv/a/b.yaml, keys: {a: 1}}\n  - {path: /srv/c.json, keys: {a: 1}}\n"
        + "volumes: ['/srv/a/:/b:ro', {type: bind, source: /srv/c.json, target: /c.json}]\n",
    ),
    "ENV001": (
        FINE + 'env:\n  DEBUG: "{{ 1 == 1 }}"  # <-\n',
        FINE + 'env:\n  DEBUG: "{{ (1 == 1) | to_json }}"\n  WORD: "True"\n',
    ),
    "ENV002": (FINE + 'env:\n  PROXY: ""  # <-\n', FINE + "env:\n  PROXY: none\n"),
    "NET001": (
        FINE + 'ports:  # <-\n  - "5432:5432"\n',
        FINE + 'ports:\n  - "127.0.0.1:5432:5432"\n  - "5433:80"\n',
    ),
    "NET002": (FINE + 'ports:  # <-\n  - "8080:80"\n', FINE + 'ports:\n  - "192.0.2.1:8080:80"\n'),
    "DKR001": (
        FINE + "volumes:  # <-\n  - /var/run/docker.sock:/var/run/docker.sock:ro\n",
        FINE + "volumes:\n  - /srv/docker.sock:/var/run/docker.sock\n",
    ),
    "HLT001": ("# <-\nimage: app:1.2.3\nmemory: 64MiB\n", FINE),
    "HLT002": (
        "image: app:1.2.3\nhealthcheck:  # <-\n  test: [CMD, 'true']\n  interval: 2m\n  retries: 5\n",
        "image: app:1.2.3\nhealthcheck:\n  test: [CMD, 'true']\n  interval: 30s\n  retries: 5\n",
    ),
    "HLT004": ("# <-\nimage: postgres:17.2\n", "image: postgres:17.2\nstop_grace_period: 60s\n"),
    "HLT005": (
        "image: qdrant/qdrant:v1.19.0\nhealthcheck:  # <-\n  test: curl -f http://127.0.0.1:6333/readyz\n",
        "image: qdrant/qdrant:v1.19.0\nhealthcheck:\n  test: \"bash -c ':> /dev/tcp/127.0.0.1/6333'\"\n",
    ),
}


def marked(root: Path) -> int:
    """The line with the mark; a mark on a line of its own means the key above it."""
    lines = (root / "stacks" / "apps.yml").read_text().splitlines()
    at = next(number for number, line in enumerate(lines, start=1) if "# <-" in line)
    return at - 1 if lines[at - 1].strip() == "# <-" else at


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_example_is_found_at_its_line_and_a_right_one_is_not(rule: str, tmp_path: Path) -> None:
    broken, right = CASES[rule]
    root = project(tmp_path / "broken", broken)
    hits = found(root, rule)
    assert [(one.hit.place.file, one.hit.place.line) for one in hits] == [("stacks/apps.yml", marked(root))]
    assert hits[0].hit.service == "app"
    assert found(project(tmp_path / "right", right), rule) == []


def test_a_url_with_a_password_is_a_secret_in_clear(tmp_path: Path) -> None:
    root = project(tmp_path / "a", FINE + "env:\n  URL: postgresql://app:hunter22@db/app\n")
    assert len(found(root, "SEC001")) == 1
    fine = "env:\n  URL: \"postgresql://app:{{ secret('db') }}@db/app\"\n  OTHER: http://db:80/\n"
    assert found(project(tmp_path / "b", FINE + fine), "SEC001") == []


def test_pins_that_an_environment_requires(tmp_path: Path) -> None:
    loose = "image: other:1.2.3\n"
    required = project(tmp_path / "a", loose, environment="require_pins = true")
    assert [one.refuses for one in found(required, "IMG003")] == [True]
    assert found(project(tmp_path / "b", loose), "IMG003") == []


def test_an_image_for_another_platform(tmp_path: Path) -> None:
    assert len(found(project(tmp_path / "a", FINE, host='platform = "linux/arm64"'), "IMG005")) == 1
    assert found(project(tmp_path / "b", FINE), "IMG005") == []


def test_an_exporter_keeps_nothing(tmp_path: Path) -> None:
    assert found(project(tmp_path, "image: quay.io/x/postgres-exporter:v0.20.1\n"), "HLT004") == []


def test_limits_above_what_the_host_has(tmp_path: Path) -> None:
    greedy = "image: app:1.2.3\nmemory: 2GiB\n"
    (hit,) = found(project(tmp_path / "a", greedy, host='memory = "1GiB"'), "MEM001")
    assert str(hit.hit.place) == "hosts.toml:8"
    assert found(project(tmp_path / "b", greedy, host='memory = "4GiB"'), "MEM001") == []
    assert found(project(tmp_path / "c", greedy), "MEM001") == []


def test_a_dependency_that_is_not_waited_for(tmp_path: Path) -> None:
    broken = project(tmp_path / "a", FINE + "depends_on: [db]\n", db=FINE)
    assert [one.hit.service for one in found(broken, "HLT003")] == ["app"]
    waits = FINE + "depends_on: {db: {condition: service_healthy}}\n"
    assert found(project(tmp_path / "b", waits, db=FINE), "HLT003") == []
    assert (
        found(project(tmp_path / "c", FINE + "depends_on: [db]\n", db="image: app:1.2.3\n"), "HLT003") == []
    )


def test_jobs_and_what_is_on_demand_need_no_healthcheck(tmp_path: Path) -> None:
    for at, kind in enumerate(("kind: job\n", "start: on_demand\n")):
        assert found(project(tmp_path / str(at), f"image: app:1.2.3\n{kind}"), "HLT001") == []


@pytest.mark.parametrize(
    "image,test,tool",
    [
        ("mirror.example.org/hub/qdrant/qdrant:v1.16.3", "[CMD, wget, -qO-, 'http://127.0.0.1:6333/readyz']", "wget"),
        ("qdrant/qdrant:v1.16.3", "[CMD-SHELL, 'sleep 1; /usr/bin/curl -f http://127.0.0.1/']", "curl"),
        ("qdrant/qdrant:v1.16.3", "[CMD, bash, -c, 'head -1 </srv/curl.txt']", ""),
        ("my/qdrant:v1.16.3", "[CMD, curl, -f, 'http://127.0.0.1/']", ""),
        ("grafana/loki:3.5.8", "[CMD, wget, -qO-, 'http://127.0.0.1:3100/ready']", ""),
        ("grafana/loki:3.6.0", "[CMD, wget, -qO-, 'http://127.0.0.1:3100/ready']", "wget"),
        ("grafana/loki:3.6", "[CMD, /usr/bin/loki, -health]", ""),
        ("grafana/loki:latest", "/usr/bin/loki -health", "sh"),
        ("grafana/alloy:v1.21.2", "[CMD-SHELL, 'wget -qO- http://127.0.0.1:12345/-/ready || exit 1']", "wget"),
        ("grafana/alloy:v1.21.2", "[CMD-SHELL, 'true']", ""),
        ("headscale/headscale:0.29.2", "[CMD-SHELL, headscale health]", "sh"),
        ("headscale/headscale:0.29.2-debug", "[CMD, wget, -qO-, 'http://127.0.0.1:8080/health']", ""),
        ("headscale/headscale:0.29.2", "[CMD, headscale, health]", ""),
        ("ghcr.io/juanfont/headscale:0.29.2", "[CMD-SHELL, headscale health]", "sh"),
        ("ghcr.io/berriai/litellm:v1.89.1", "[CMD, curl, -f, 'http://127.0.0.1:4000/health/readiness']", "curl"),
        ("ghcr.io/berriai/litellm:v1.89.1", "[NONE]", ""),
    ],
)  # fmt: skip
def test_tools_that_an_image_lacks(image: str, test: str, tool: str, tmp_path: Path) -> None:
    hits = found(project(tmp_path, f"image: {image}\nhealthcheck: {{test: {test}}}\n"), "HLT005")
    assert [one.hit.message for one in hits] == (
        [f"app: its healthcheck needs {tool}, which {parse_reference(image).familiar_name} does not have"]
        if tool
        else []
    )


@pytest.mark.parametrize("one", BARE, ids=lambda one: one.repository)
def test_what_is_said_to_work_needs_none_of_them(one: Bare) -> None:
    assert missing_tool(one.works, one, by_shell=False) == ""


def test_a_template_that_nothing_uses(tmp_path: Path) -> None:
    root = project(tmp_path, FINE + "files:\n  - {template: a.j2, target: /a}\n")
    (root / "templates" / "box").mkdir(parents=True)
    for name, text in {
        "a.j2": "{% include 'b.j2' %}",
        "b.j2": "b",
        "c.j2": "c",
        "box/Dockerfile": "FROM app:1.2.3",
    }.items():
        (root / "templates" / name).write_text(text)
    assert [one.hit.place.file for one in found(root, "FIL001")] == ["templates/c.j2"]


KEYS = """\
merge:
  - path: /srv/a/b.yaml
    keys:
      oidc:
        client_secret: abcdef123456
        issuer: https://ann:hunter2x@id.example.org
        private_key_path: /srv/key
      token: {secret: known}
      api_key: "{{ secret('known') }}"
volumes: [/srv/a:/a]
"""


def test_a_secret_in_clear_in_a_key_of_a_merged_file(tmp_path: Path) -> None:
    hits = [one.hit for one in found(project(tmp_path, FINE + KEYS), "SEC001")]
    assert [(hit.place.line, hit.message) for hit in hits] == [
        (10, "app: the value of oidc.client_secret stands in the stack file in clear"),
        (11, "app: the value of oidc.issuer stands in the stack file in clear"),
    ]


DAY = 86400.0


def secret(age: float, **fields: object) -> Secret:
    version = Version(stage="current", created=NOW - age, by="ann")
    return Secret.model_validate({"versions": {"v1": version}, **fields})


def test_what_the_store_says_in_clear(tmp_path: Path) -> None:
    root = project(tmp_path, FINE + "env:\n  A: {secret: known}\n  B: {secret: missing}\n")
    store = StoreFile(
        secrets={
            "known": secret(100 * DAY, rotate_every="90d"),
            "fine": secret(DAY, rotate_every="90d"),
            "loose": secret(DAY),
            "data": secret(DAY, **{"class": "migrate_only"}),
        }
    )
    told = {
        rule: [one.hit.message for one in found(root, rule, store)] for rule in ("SEC002", "SEC003", "SEC004")
    }
    assert told["SEC002"] == ["app: there is no secret missing"]
    assert len(told["SEC003"]) == 1
    assert told["SEC003"][0].startswith("known: ")
    assert told["SEC004"] == ["loose: nothing says when it shall be rotated"]


def test_without_a_store_its_rules_are_skipped_and_say_so(tmp_path: Path) -> None:
    assert {rule.id for rule, _reason in report(project(tmp_path, FINE)).skipped} == {
        "SEC002",
        "SEC003",
        "SEC004",
    }


def test_a_service_without_a_fault_has_no_finding(tmp_path: Path) -> None:
    assert report(project(tmp_path, FINE)).findings == ()


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_every_rule_says_why_how_to_mend_it_and_where_from(rule: Rule) -> None:
    assert all(text.strip() for text in (rule.title, rule.why, rule.mend, rule.source))


def test_ids_are_used_once() -> None:
    ids = [rule.id for rule in all_rules()]
    assert len(set(ids)) == len(ids)
    assert not RETIRED & set(ids)


def test_every_rule_has_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8") + (Path(__file__).parent / "test_engine.py").read_text(
        encoding="utf-8"
    )
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in text] == []
