"""What was stored, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opsctl.cli.views.blocks import Block, Span, line
from opsctl.cli.views.secrets import policy_text
from opsctl.model.secrets import Secret, moment_text
from opsctl.render.secret_uses import SecretUse


@dataclass(frozen=True, slots=True)
class Stored:
    """A secret after a change. `uses` is None where it is not known who uses it."""

    name: str
    secret: Secret
    environment: str
    uses: tuple[SecretUse, ...] | None
    policy_alone: bool
    now: float

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(sorted({use.service for use in self.uses or () if use.service}))

    @property
    def registries(self) -> tuple[str, ...]:
        return tuple(sorted({use.registry for use in self.uses or () if use.registry}))


def stored_view(stored: Stored) -> Iterator[Block]:
    secret = stored.secret
    what = "policy stored" if stored.policy_alone else f"{secret.current} is current"
    kept = f"; {secret.previous} can be restored" if secret.previous and not stored.policy_alone else ""
    yield line(Span(stored.name, "strong"), "  ", Span(what, "good"), f"{kept} ({policy_text(secret)})")
    if secret.expires is not None and secret.expires <= stored.now and not stored.policy_alone:
        yield line(
            Span("warn", "warn"),
            f"  it still says that it expired at {moment_text(secret.expires)}: "
            f"opsctl secrets set {stored.name} -e {stored.environment} --policy-only --expires DATE",
        )
    if stored.policy_alone:
        return
    if stored.uses is None:
        yield line(
            Span("warn", "warn"),
            "  who uses it is not known: the project's files have problems (opsctl lint)",
        )
    elif stored.services:
        yield line(
            Span("next", "change"),
            f"  opsctl deploy {stored.environment} brings it to {', '.join(stored.services)}",
        )
    elif stored.registries:
        text = f"  hosts log in with it where they pull from {', '.join(stored.registries)}"
        yield line(Span("note", "dim"), text)
    else:
        yield line(Span("note", "dim"), "  no stack uses it yet: {secret: " + stored.name + "} in env")


def stored_json(stored: Stored) -> dict[str, Any]:
    secret = stored.secret
    version = secret.versions.get(secret.current)
    return {
        "name": stored.name,
        "class": secret.class_,
        "version": secret.current or None,
        "previous": secret.previous or None,
        "created": moment_text(version.created) if version else None,
        "services": None if stored.uses is None else list(stored.services),
        "registries": None if stored.uses is None else list(stored.registries),
    }
