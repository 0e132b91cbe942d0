"""The two sides that a plan compares, with what both are asked for again and again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsctl.plan.request import PlanRequest
from opsctl.render.compose import compose_file, read_compose
from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.fingerprint import Fingerprint, fingerprint
from opsctl.state.observed import Observed, ObservedContainer


@dataclass(frozen=True, slots=True)
class Context:
    """One host's desired and observed state, and the request; `present` and `rendered` are compose.yml parsed, that on
    the host and the new one, as Compose reads them.
    """

    desired: DesiredHost
    observed: Observed
    request: PlanRequest
    key: bytes = field(repr=False)
    fingerprints: Mapping[str, Fingerprint]
    containers: Mapping[str, tuple[ObservedContainer, ...]]
    present: Mapping[str, Any] = field(repr=False)
    rendered: Mapping[str, Any] = field(repr=False)
    held: frozenset[str]

    def container(self, service: str) -> ObservedContainer | None:
        """The newest container of a service."""
        found = self.containers.get(service, ())
        return max(found, key=lambda one: one.created) if found else None

    def runs(self, service: str) -> bool:
        container = self.container(service)
        return container is not None and container.state in {"running", "restarting"}

    def sleeps(self, service: DesiredService) -> bool:
        """Held or on demand, and not asked to start now: its absence is as wanted."""
        if service.name in self.request.start | self.request.recreate:
            return False
        return service.name in self.held or (service.on_demand and not self.runs(service.name))

    def engine_name(self, kind: str, name: str) -> str:
        """What the engine calls a network or volume of the file (Compose: `<project>_<name>` without a `name:`)."""
        definitions = self.desired.networks if kind == "network" else self.desired.volumes
        return str((definitions.get(name) or {}).get("name") or f"{self.desired.project}_{name}")

    def file_differs(self, path: str, content: bytes) -> bool:
        found = self.observed.files.get(path)
        return found is None or found.sha256 != hashlib.sha256(content).hexdigest()


def context(desired: DesiredHost, observed: Observed, request: PlanRequest) -> Context:
    """Both sides made ready to compare."""
    key = observed.key or request.key
    held = observed.held - request.start - request.recreate
    new = compose_file(desired, key, held=held)
    present = parsed(observed.compose)
    containers: dict[str, tuple[ObservedContainer, ...]] = {}
    for one in observed.containers:
        if one.project == desired.project and one.service and not one.oneoff:
            containers[one.service] = (*containers.get(one.service, ()), one)
    return Context(
        desired=desired,
        observed=observed,
        request=request,
        key=key,
        fingerprints={name: fingerprint(desired, service, key) for name, service in desired.services.items()},
        containers=containers,
        present=present,
        rendered=present if new == observed.compose else read_compose(new),
        held=held,
    )


def parsed(compose: bytes | None) -> dict[str, Any]:
    """A compose.yml of a host; one that cannot be read counts as absent, since it will be replaced."""
    if compose is None:
        return {}
    try:
        return read_compose(compose)
    except ValueError:
        return {}


def final_compose(ctx: Context, chosen: frozenset[str] | None, networks: frozenset[str]) -> bytes:
    """The bytes of compose.yml: of a narrowed plan, what is not chosen stays as it is on the host.

    `chosen` are the services that the plan touches (None: all), `networks` those whose present definition may go.
    """
    if chosen is None:
        return compose_file(ctx.desired, ctx.key, held=ctx.held)
    kept = {name: value for name, value in (ctx.present.get("services") or {}).items() if name not in chosen}
    desired = replace(
        ctx.desired,
        services={name: value for name, value in ctx.desired.services.items() if name in chosen},
        networks=_kept(ctx, "networks", networks),
        volumes=_kept(ctx, "volumes", frozenset()),
    )
    return compose_file(desired, ctx.key, held=ctx.held, keep=kept)


def _kept(ctx: Context, section: str, free: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    present = ctx.present.get(section) or {}
    wanted = ctx.desired.networks if section == "networks" else ctx.desired.volumes
    merged = {**wanted, **{name: _plain(value or {}) for name, value in present.items() if name not in free}}
    return dict(sorted(merged.items()))


def _plain(value: Any) -> Any:
    """A mapping of the host's compose.yml as it was before opsctl doubled its `$` and labelled it."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    plain = {key: _plain(item) for key, item in value.items()}
    if isinstance(plain.get("labels"), Mapping):
        plain["labels"] = {
            key: item for key, item in plain["labels"].items() if not key.startswith("opsctl.")
        }
        if not plain["labels"]:
            del plain["labels"]
    return plain
