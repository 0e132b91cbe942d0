"""The two sides that a plan compares, with what both are asked for again and again."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsctl.plan.built import as_built
from opsctl.plan.merged import Finding, findings
from opsctl.plan.request import PlanRequest
from opsctl.render.compose import compose_document, compose_text, read_compose
from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.fingerprint import Fingerprint, fingerprint
from opsctl.state.observed import Observed, ObservedContainer


@dataclass(frozen=True, slots=True)
class Context:
    """One host's desired and observed state, and the request.

    `rendered` is what compose.yml would hold for the whole host; `as_rendered` says that it does. `read_present` gives
    what it holds on the host; it is read only where something differs, since parsing YAML is the slowest part of a plan.
    """

    desired: DesiredHost
    observed: Observed
    request: PlanRequest
    key: bytes = field(repr=False)
    fingerprints: Mapping[str, Fingerprint]
    containers: Mapping[str, tuple[ObservedContainer, ...]]
    rendered: Mapping[str, Any] = field(repr=False)
    as_rendered: bool
    read_present: Callable[[], Mapping[str, Any]] = field(repr=False)
    held: frozenset[str]
    merges: Mapping[str, tuple[Finding, ...]]
    """By service, its merged files held against those on the host."""

    def present(self, section: str) -> Mapping[str, Any]:
        """Services, networks or volumes of the compose.yml on the host."""
        return self.read_present().get(section) or {}

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
        """What the engine calls a network or volume of the file.

        Without a `name:`, Compose says `<project>_<name>`, and just the name where it is external (compose-go,
        loader/normalize.go; `external: {name: …}` is the old spelling).
        """
        definitions = self.desired.networks if kind == "network" else self.desired.volumes
        definition = definitions.get(name) or {}
        external = definition.get("external")
        old = external.get("name") if isinstance(external, Mapping) else None
        return str(definition.get("name") or old or (name if external else f"{self.desired.project}_{name}"))

    def file_differs(self, path: str, content: bytes) -> bool:
        found = self.observed.files.get(path)
        return found is None or found.sha256 != hashlib.sha256(content).hexdigest()


def context(desired: DesiredHost, observed: Observed, request: PlanRequest) -> Context:
    """Both sides made ready to compare."""
    observed = as_built(desired, observed)
    key = observed.key or request.key
    held = observed.held - request.start - request.recreate
    containers: dict[str, tuple[ObservedContainer, ...]] = {}
    for one in observed.containers:
        if one.project == desired.project and one.service and not one.oneoff:
            containers[one.service] = (*containers.get(one.service, ()), one)
    rendered = compose_document(desired, key, held=held)
    return Context(
        desired=desired,
        observed=observed,
        request=request,
        key=key,
        fingerprints={name: fingerprint(desired, service, key) for name, service in desired.services.items()},
        containers=containers,
        rendered=rendered,
        as_rendered=compose_text(rendered) == observed.compose,
        read_present=functools.cache(lambda: _read(observed.compose)),
        held=held,
        merges=findings(desired, observed, key),
    )


def _read(compose: bytes | None) -> Mapping[str, Any]:
    """A compose.yml of a host; one that cannot be read counts as absent, since it will be replaced."""
    if compose is None:
        return {}
    try:
        return read_compose(compose)
    except ValueError:
        return {}


def final_document(
    ctx: Context, chosen: frozenset[str] | None, networks: frozenset[str]
) -> Mapping[str, Any]:
    """What compose.yml will hold: in a narrowed plan, what is not chosen stays as it is on the host.

    `chosen` are the services that the plan touches (None: all), `networks` those whose present definition may go.
    """
    if chosen is None:
        return ctx.rendered
    return compose_document(
        replace(
            ctx.desired,
            services={name: value for name, value in ctx.desired.services.items() if name in chosen},
        ),
        ctx.key,
        held=ctx.held,
        keep={name: value for name, value in ctx.present("services").items() if name not in chosen},
        keep_networks={
            name: value for name, value in ctx.present("networks").items() if name not in networks
        },
        keep_volumes=ctx.present("volumes"),
    )
