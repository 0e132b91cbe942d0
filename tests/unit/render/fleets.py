"""Fleets built by hand, for tests that need no files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from opsctl.model.compose_spelling import spell
from opsctl.model.fleet import Fleet, Place
from opsctl.model.hosts import HostsFile
from opsctl.model.lock import EMPTY_LOCK, Lock
from opsctl.model.stack import Service, StackFile
from opsctl.render.fleet import render
from opsctl.state.desired import DesiredHost, DesiredService

COMPOSE_KEYS = frozenset(
    {
        *("command", "container_name", "healthcheck", "init", "ipc", "labels", "network_mode", "networks"),
        *("pid", "ports", "pre_start", "restart", "volumes", "volumes_from", "cpus", "logging"),
    }
)
SECRETS = {"db_password": "p$w'd/ü#1", "api_key": "key-0123456789"}


def fleet_of(
    services: Mapping[str, Mapping[str, Any]],
    *,
    templates: Mapping[str, str | bytes] | None = None,
    networks: Mapping[str, Any] | None = None,
    volumes: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    places: Mapping[tuple[str | int, ...], Place] | None = None,
    lock: Lock = EMPTY_LOCK,
    pushed: bool = False,
    executables: Collection[str] = (),
) -> Fleet:
    """One environment `prod` with the host `web` that runs the stack `apps`; `pushed`: it pulls nothing."""
    hosts_file = HostsFile.model_validate(
        {
            "project": "demo",
            "vars": dict(variables or {}),
            "environments": {"prod": {"hosts": ["web"]}},
            "hosts": {
                "web": {
                    "addresses": ["192.0.2.7:2222"],
                    "stacks": ["apps"],
                    "memory": "8GiB",
                    "images": "push" if pushed else "pull",
                }
            },
        }
    )
    stack = StackFile(
        services={name: service_of(raw) for name, raw in services.items()},
        networks=dict(networks or {}),
        volumes=dict(volumes or {}),
    )
    sources = {
        name: text.encode() if isinstance(text, str) else text for name, text in (templates or {}).items()
    }
    stacks = {("prod", "apps"): stack}
    return Fleet(
        Path("/project"), hosts_file, stacks, places or {}, sources, frozenset(executables), lock=lock
    )


def service_of(raw: Mapping[str, Any]) -> Service:
    spelled = spell(dict(raw) if "build" in raw else {"image": "app:1", **raw}, (), {}, COMPOSE_KEYS)
    assert not spelled.faults, spelled.faults
    return Service.model_validate(spelled.form)


def secret(name: str) -> str:
    return SECRETS[name]


def host_of(fleet: Fleet) -> DesiredHost:
    return render(fleet, "prod", secret).hosts[0]


def rendered(raw: Mapping[str, Any], **more: Any) -> DesiredService:
    """The service `app` of a host that has only that."""
    return host_of(fleet_of({"app": raw}, **more)).services["app"]
