"""The reference stacks: what every service of prod has, that the rules find nothing wrong, and that pages show what is shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from opsctl.apps.catalogue import all_rules
from opsctl.apps.postgresql.budget import budgets
from opsctl.cli.budgets import budget_of
from opsctl.images.floating import floating
from opsctl.inputs.project import load
from opsctl.model.references import parse_reference
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder, placeholder
from opsctl.rules.engine import apply
from opsctl.rules.subject import ServiceView, Subject

ROOT = Path(__file__).parents[2]
TODAY = "2026-11-26"
PLACED = {
    "prod-app": {
        *("caddy", "postgresql", "redis", "qdrant"),
        *("n8n", "litellm", "openclaw", "openclaw-sandbox", "openclaw-docker", "openclaw-reaper"),
        *("nocodb", "palais", "sure", "sure-worker"),
        *("victoriametrics", "vmalert", "alertmanager", "cadvisor", "node-exporter", "blackbox"),
        *("postgres-exporter", "loki", "alloy", "grafana"),
    },
    "prod-pi": {"opencut", "opencut-postgresql", "opencut-redis-http", "opencut-redis", "opencut-caddy"},
    "prod-vpn": {
        *("headscale", "vpn-caddy"),
        *("victoriametrics", "vmalert", "alertmanager", "cadvisor", "node-exporter", "blackbox"),
    },
}
PRIVILEGED = {"cadvisor"}


@cache
def subject() -> Subject:
    fleet = load(ROOT)
    return Subject(fleet, render(fleet, "prod", placeholder, login=login_placeholder), None, 1_795_651_200.0)


def views() -> Iterator[ServiceView]:
    return subject().services()


def test_every_system_of_the_audit_has_its_place() -> None:
    assert {host.name: set(host.services) for host in subject().desired.hosts} == PLACED


def test_the_rules_find_nothing_to_warn_of() -> None:
    found = apply(all_rules(), subject(), TODAY).findings
    loud = [one for one in found if one.rule.severity != "note" and one.ignored is None]
    assert [(one.rule.id, one.hit.message) for one in loud] == []
    assert [one.hit.message for one in found if one.hit.unknown] == []


@pytest.mark.parametrize("host", PLACED)
def test_limits_fit_the_memory_of_each_host(host: str) -> None:
    (desired,) = [one for one in subject().desired.hosts if one.name == host]
    assert budget_of(subject().fleet, "prod", desired, None).verdict in {"ok", "warn"}


def test_pools_fit_what_each_postgresql_lets_in() -> None:
    found = list(budgets(subject()))
    assert {one.service for one in found} == {"postgresql", "opencut-postgresql"}
    assert all(one.fits and not one.silent for one in found)


@pytest.mark.parametrize("name", sorted({name for names in PLACED.values() for name in names}))
def test_what_every_service_has(name: str) -> None:
    for view in views():
        if view.name != name:
            continue
        service, definition = view.service, view.definition
        assert service.memory_limit
        assert definition.get("pids_limit")
        assert definition["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
        if name not in PRIVILEGED:
            assert "no-new-privileges:true" in definition["security_opt"]
        if service.kind == "service":
            assert service.has_healthcheck
        if not service.build:
            reference = parse_reference(service.asked_image)
            assert reference.tag
            assert not floating(reference.tag, reference.path)


SHOWN = {
    "caddy/Caddyfile.j2": ("caddy", "jinja"),
    "litellm/config.yaml.j2": ("litellm", "jinja"),
    "openclaw/openclaw.json.j2": ("openclaw", "jinja"),
    "openclaw/gateway/Dockerfile": ("openclaw", "dockerfile"),
    "openclaw/sandbox/Dockerfile": ("openclaw", "dockerfile"),
    "openclaw/reap.sh.j2": ("openclaw", "sh"),
    "qdrant/production.yaml.j2": ("qdrant", "jinja"),
    "redis/redis.conf.j2": ("redis", "jinja"),
    "palais/Dockerfile": ("palais", "dockerfile"),
    "opencut/Dockerfile": ("opencut", "dockerfile"),
}


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_shows_the_template_that_is_shipped(path: str) -> None:
    page, language = SHOWN[path]
    text = (ROOT / "docs" / "stacks" / f"{page}.md").read_text(encoding="utf-8")
    after = text[text.index(f"`templates/{path}`") :]
    shown = re.search(rf"```{language}\n(.*?)```", after, re.DOTALL)
    assert shown
    assert shown[1] == (ROOT / "templates" / path).read_text(encoding="utf-8")


def test_each_watch_knows_itself_and_its_peers_by_the_names_of_hosts() -> None:
    """One that is written under another name watches itself, and tells of a host that nobody knows."""
    watches = [view for view in views() if view.written.app == "victoriametrics"]
    named = {view.host.name: set(view.written.settings["peers"]) for view in watches}
    assert named == {name: {"prod-app", "prod-vpn"} for name in ("prod-app", "prod-vpn")}
