"""What checks begin with: the files, and one look at each host."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from opsctl.rules.subject import ServiceView, Subject
from opsctl.state.desired import DesiredHost, DesiredService
from opsctl.state.observed import Observed, ObservedContainer
from opsctl.state.standing import Mark, container_of, mark_of

STAND_IN_LABEL = "opsctl.stand-in"
"""An image with this label only pretends to be the software: what it answers proves nothing."""


@dataclass(frozen=True, slots=True)
class HostNow:
    """`pending` is, by service, why a deploy would touch it; `steps` counts all that a deploy would do there.

    `chosen` are the services that are asked about; None: all, and the host itself. `run` is the id of the run that asks.
    """

    desired: DesiredHost
    observed: Observed
    pending: Mapping[str, str] = field(default_factory=dict)
    steps: int = 0
    chosen: Collection[str] | None = None
    run: str = ""

    @property
    def name(self) -> str:
        return self.desired.name


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """One service of a host that is asked about; `container` is its newest."""

    view: ServiceView
    host: HostNow
    container: ObservedContainer | None

    @property
    def name(self) -> str:
        return self.view.name

    @property
    def service(self) -> DesiredService:
        return self.view.service

    @property
    def mark(self) -> Mark:
        return mark_of(self.service, self.host.observed, self.container)

    @property
    def app(self) -> str:
        return self.view.written.app or ""

    @property
    def runs(self) -> bool:
        return self.container is not None and self.container.state == "running"


@dataclass(frozen=True, slots=True)
class Situation:
    """`hosts` are those that could be looked at. `subject` is as the rules see the environment."""

    subject: Subject
    hosts: Mapping[str, HostNow]

    def services(self, app: str = "") -> Iterator[ServiceNow]:
        """Those that are asked about, of one app where it is named, sorted by host and name."""
        for name in sorted(self.hosts):
            host = self.hosts[name]
            for service in sorted(host.desired.services if host.chosen is None else host.chosen):
                one = self.service(name, service)
                if not app or one.app == app:
                    yield one

    def service(self, host: str, service: str) -> ServiceNow:
        """Raises KeyError."""
        now = self.hosts[host]
        view = ServiceView(
            self.subject.fleet, self.subject.environment, now.desired, now.desired.services[service]
        )
        return ServiceNow(view, now, container_of(now.desired, now.observed, service))

    def whole_hosts(self) -> Iterator[HostNow]:
        """The hosts that are asked about themselves: none where the question is about some services."""
        for name in sorted(self.hosts):
            if self.hosts[name].chosen is None:
                yield self.hosts[name]
