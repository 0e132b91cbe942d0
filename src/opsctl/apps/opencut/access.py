"""Rules about the secrets of an OpenCut, and about the variables that it does not run without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.opencut.editor import editors, proxies
from opsctl.apps.weak_secrets import weakness
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_SHORTEST = 32
"""Characters; better-auth asks for 32 of `openssl rand -base64 32`."""
_TOKENS = frozenset({"example_token", "your_token_here"})
PUBLISHED: Mapping[str, frozenset[str]] = {
    "BETTER_AUTH_SECRET": frozenset(
        {"your-secret-key-here", "your-generated-secret-here", "your_better_auth_secret", "build-time-secret"}
    ),
    "UPSTASH_REDIS_REST_TOKEN": _TOKENS,
    "SRH_TOKEN": _TOKENS,
}
"""What the .env.example of OpenCut (2025 and 2026), forks of it, and the README of serverless-redis-http say."""
_EXAMPLE_LOGIN = "opencut:opencutthegoat@"
# apps/web/src/env of the last state of classic, as forks of it have it.
_REQUIRED = (
    "DATABASE_URL",
    "BETTER_AUTH_SECRET",
    "UPSTASH_REDIS_REST_URL",
    "UPSTASH_REDIS_REST_TOKEN",
    "NEXT_PUBLIC_MARBLE_API_URL",
    "MARBLE_WORKSPACE_KEY",
    "FREESOUND_CLIENT_ID",
    "FREESOUND_API_KEY",
)


def _published(subject: Subject) -> Iterator[Hit]:
    for view in (*(one.view for one in editors(subject)), *(one.view for one in proxies(subject))):
        for name, values in PUBLISHED.items():
            shortest = _SHORTEST if name == "BETTER_AUTH_SECRET" else 0
            value = view.service.env.get(name, "")
            if value and (wrong := weakness(value, values, shortest=shortest)):
                hint = f"openssl rand -base64 32 gives a value for opsctl secrets set; {name}: {{secret: …}}"
                yield about(view, view.place("env", name), f"{name} {wrong}", hint)
        if _EXAMPLE_LOGIN in view.service.env.get("DATABASE_URL", ""):
            message = "DATABASE_URL has the password of OpenCut's own example"
            yield about(
                view, view.place("env", "DATABASE_URL"), message, "{{ secret('opencut_db') | urlencode }}"
            )


def _missing(subject: Subject) -> Iterator[Hit]:
    for one in editors(subject):
        if missing := [name for name in _REQUIRED if name not in one.env]:
            message = f"{', '.join(missing)} missing: OpenCut checks its environment when it starts, and ends"
            yield one.hit(message, "an invented value does for what is not used, as FREESOUND_API_KEY", "env")


RULES = (
    Rule(
        "OCT007",
        "apps",
        "error",
        "OpenCut: a secret of a public example",
        "BETTER_AUTH_SECRET signs sessions: with a known one everybody signs in as anybody.",
        "Random values, in the secret store.",
        "OpenCut, apps/web/.env.example; hiett/serverless-redis-http, README.md",
        _published,
    ),
    Rule(
        "OCT008",
        "apps",
        "warning",
        "OpenCut: a variable that it does not start without",
        "Its schema of the environment knows few defaults. Other commits ask for other variables.",
        "Set it.",
        "OpenCut classic, env schema of apps/web, as forks of its last state have it",
        _missing,
    ),
)
