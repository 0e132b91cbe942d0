"""Rules about who may use a Palais, where it is reached, and what it is built of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.palais.dashboard import PORT, dashboards
from opsctl.apps.site_url import site_url
from opsctl.apps.weak_secrets import weakness
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_SHORTEST: Mapping[str, int] = {"PALAIS_ADMIN_PASSWORD": 12, "PALAIS_API_KEY": 24, "SESSION_SECRET": 32}
"""Characters, beside those that nobody guesses."""
_INWARD = frozenset({"127.0.0.1", "localhost", "::1"})


def _guessable(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        for name, shortest in _SHORTEST.items():
            if wrong := weakness(one.env.get(name, ""), shortest=shortest):
                secret = name.lower() if name.startswith("PALAIS") else f"palais_{name.lower()}"
                yield one.hit(f"{name} {wrong}", f"{name}: {{secret: {secret}}}", "env", name)


def _lent(subject: Subject) -> Iterator[Hit]:
    masters = {
        view.service.env["LITELLM_MASTER_KEY"]: view.name
        for view in subject.services()
        if view.written.app == "litellm" and view.service.env.get("LITELLM_MASTER_KEY")
    }
    for one in dashboards(subject):
        if owner := masters.get(one.env.get("LITELLM_KEY", "")):
            message = f"LITELLM_KEY is the master key of {owner}: it makes keys and spends without a limit"
            yield one.hit(
                message, "a virtual key of its own, with a budget (POST /key/generate)", "env", "LITELLM_KEY"
            )


def _elsewhere(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        right, origin = site_url(one.view), one.env.get("ORIGIN")
        if right and origin and origin.rstrip("/") != right:
            message = f"ORIGIN is not its site, {right}: SvelteKit answers its forms with 403"
            yield one.hit(message, f"ORIGIN: {right}", "env", "ORIGIN")


def _deaf(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        if one.env.get("HOST") in _INWARD:
            message = "HOST is the container's own loopback: nobody else reaches it, and its probe does"
            yield one.hit(message, "HOST: 0.0.0.0", "env", "HOST")
        port, site = one.env.get("PORT", PORT), one.view.written.site
        if site and str(site.port) != port:
            yield one.hit(
                f"its site asks port {site.port}, and it listens on {port}", f"port: {port}", "site", "port"
            )


def _not_built(subject: Subject) -> Iterator[Hit]:
    for one in dashboards(subject):
        if one.view.service.build is None and not one.view.service.digest:
            message = (
                "its image is neither built here nor pinned by a digest: no registry is known to have it"
            )
            yield one.hit(message, "build: {context: palais}", "image")


_LIST = "facts: services 10"
RULES = (
    Rule(
        "PAL004",
        "apps",
        "error",
        "Palais: a secret that is missing or can be guessed",
        "SESSION_SECRET signs sessions, PALAIS_ADMIN_PASSWORD opens the page, PALAIS_API_KEY the interface.",
        "Random values, in the secret store.",
        _LIST,
        _guessable,
    ),
    Rule(
        "PAL005",
        "apps",
        "warning",
        "Palais: the master key of LiteLLM",
        "Whoever gets at Palais then has every model, and every key.",
        "A virtual key with a budget.",
        "docs.litellm.ai/docs/proxy/virtual_keys",
        _lent,
    ),
    Rule(
        "PAL006",
        "apps",
        "warning",
        "Palais: an ORIGIN that is not its site",
        "SvelteKit compares the Origin of a form with ORIGIN, and refuses what differs.",
        "ORIGIN as people type it: https, the site's name, no path.",
        "svelte.dev/docs/kit/adapter-node, ORIGIN",
        _elsewhere,
    ),
    Rule(
        "PAL007",
        "apps",
        "error",
        "Palais: a port or an address where nobody reaches it",
        "The probe asks from inside and is content, the site answers 502.",
        "HOST: 0.0.0.0, and PORT as the site has it.",
        "svelte.dev/docs/kit/adapter-node, PORT and HOST",
        _deaf,
    ),
    Rule(
        "PAL008",
        "apps",
        "warning",
        "Palais: an image from nowhere",
        "It is an application of one's own: what a registry has under its name is somebody else's, unless one pushed it there.",
        "Build it on the host; or pin what you pushed.",
        _LIST,
        _not_built,
    ),
)
