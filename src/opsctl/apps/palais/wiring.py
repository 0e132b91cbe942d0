"""Rules about what a Palais reads, and about whether it reaches what it is told to."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.palais.dashboard import KNOWN, SCHEMES, Dashboard, dashboards, names_of
from opsctl.model.nearest import nearest
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import ServiceView, Subject

# Whoever writes one of these means Palais or what it is wired to; all else may be for Node.js or SvelteKit.
_PREFIXES = ("PALAIS_", "OPENCLAW_", "LITELLM_", "QDRANT_", "N8N_")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PAIRS = (("LITELLM_URL", "LITELLM_KEY"), ("QDRANT_URL", "QDRANT_COLLECTION"))
_LIST = "facts: services 10; the application's source is not public, and was not read"


def _unknown(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        for name in one.env:
            if name.startswith(_PREFIXES) and name not in KNOWN and name not in one.settings.allowed_keys:
                hint = nearest(name, KNOWN) or "one that is right goes into allowed_keys of the settings"
                yield one.hit(f"{name}: Palais reads no such variable", hint, "env", name)


def _unreachable(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        beside = [
            view
            for view in subject.services()
            if view.host is one.view.host and view.service is not one.view.service
        ]
        for name, scheme, host in one.addresses():
            if scheme not in SCHEMES[name]:
                message, hint = f"{name} begins with {scheme}:", f"it begins with {SCHEMES[name][0]}://"
                yield one.hit(message, hint, "env", name)
            elif not host:
                yield one.hit(f"{name} is no address", f"{SCHEMES[name][0]}://SERVICE:PORT", "env", name)
            elif wrong := _wrong(one, host, beside):
                yield one.hit(f"{name}: {wrong[0]}", wrong[1], "env", name)


def _wrong(one: Dashboard, host: str, beside: list[ServiceView]) -> tuple[str, str] | None:
    """What keeps it from a host, and a hint; None where nothing does, or where only the world can tell."""
    networks = set(one.view.service.networks)
    if host in _LOOPBACK:
        return f"{host} is Palais itself in its container", "the name of the service"
    if "." in host or ":" in host or not networks:
        return None
    reached = [
        view for view in beside if any(host in names_of(view, network) for network in view.service.networks)
    ]
    if not reached:
        known = {view.name for view in beside}
        return f"there is no service {host} on its host", nearest(host, known)
    if any(networks & set(view.service.networks) for view in reached):
        return None
    other = ", ".join(sorted({network for view in reached for network in view.service.networks}))
    return f"{host} is in another network ({other})", f"networks: [{', '.join(sorted(networks))}, {other}]"


def _halves(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        for first, second in _PAIRS:
            if bool(one.env.get(first)) != bool(one.env.get(second)):
                there, missing = (first, second) if one.env.get(first) else (second, first)
                yield one.hit(f"{there} without {missing}", f"set {missing}, or leave out both", "env", there)


RULES = (
    Rule(
        "PAL001",
        "apps",
        "error",
        "Palais: a variable that it does not read",
        "What it should do does not happen, and nothing says so.",
        "Write the name that it reads; a new one goes into `allowed_keys` of the settings.",
        _LIST,
        _unknown,
    ),
    Rule(
        "PAL002",
        "apps",
        "error",
        "Palais: an address that does not lead anywhere",
        "Services are known by name to those that share a network with them, and to nobody else.",
        "The name of a service of the same host, and a network that both are in.",
        "docs.docker.com, Compose networking",
        _unreachable,
    ),
    Rule(
        "PAL003",
        "apps",
        "warning",
        "Palais: half of what a service needs",
        "LiteLLM answers 401 without a key, and in Qdrant a collection is asked for by its name.",
        "Both variables, or neither.",
        _LIST,
        _halves,
    ),
)
