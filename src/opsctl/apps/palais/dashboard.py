"""A Palais service as the rules see it: its environment, and the services that its addresses lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from opsctl.apps.palais.settings import Settings
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

PORT = "3300"
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "DATABASE_URL": ("postgresql", "postgres"),
    "LITELLM_URL": ("http", "https"),
    "N8N_WEBHOOK_BASE": ("http", "https"),
    "OPENCLAW_WS_URL": ("ws", "wss"),
    "QDRANT_URL": ("http", "https"),
}
"""The variables that are addresses, with what they may begin with."""
KNOWN = frozenset(
    {
        *SCHEMES,
        *("LITELLM_KEY", "QDRANT_COLLECTION", "PALAIS_API_KEY", "PALAIS_ADMIN_PASSWORD", "SESSION_SECRET"),
        *("PORT", "HOST", "ORIGIN"),
    }
)
"""What it reads, as the system before opsctl set it; its source is not public."""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One service with `app: palais`."""

    view: ServiceView

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def env(self) -> Mapping[str, str]:
        return self.view.service.env

    def addresses(self) -> Iterator[tuple[str, str, str]]:
        """Variable, scheme and host of those that are set; the host is "" where it cannot be told."""
        for name in SCHEMES:
            if value := self.env.get(name):
                try:
                    parts = urlsplit(value)
                    yield name, parts.scheme, parts.hostname or ""
                except ValueError:
                    yield name, value.partition(":")[0], ""

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.view.place(*path), message, hint)


def dashboards(subject: Subject) -> Iterator[Dashboard]:
    yield from (Dashboard(view) for view in subject.services() if view.written.app == "palais")


def names_of(view: ServiceView, network: str) -> frozenset[str]:
    """What a service is called in a network: its name, its container's, its aliases there."""
    attached = view.definition.get("networks")
    entry = attached.get(network) if isinstance(attached, Mapping) else None
    aliases = entry.get("aliases") if isinstance(entry, Mapping) else None
    return frozenset({view.name, view.service.container_name, *(aliases or ())} - {""})
