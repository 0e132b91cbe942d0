"""What the words of a command line mean: `[ENV] [SERVICE…]` and the names that options give."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsctl.errors import UsageError
from opsctl.model.nearest import nearest


@dataclass(frozen=True, slots=True)
class Words:
    """The environment meant, and the services named (not yet looked up: that needs the stack files)."""

    environment: str
    services: tuple[str, ...] = ()


def read_words(
    words: Sequence[str], environments: Collection[str], default: str | None, *, changes: bool
) -> Words:
    """The first word is the environment if it names one, else a service.

    Without an environment in the words: the only one there is; else `default`, for commands that only read. Raises
    UsageError where the environment stays open.
    """
    if words and words[0] in environments:
        return Words(words[0], tuple(words[1:]))
    return Words(_implied(words, environments, default, changes=changes), tuple(words))


def choose_environment(
    named: str | None, environments: Collection[str], default: str | None, *, changes: bool
) -> str:
    """The environment of commands about a thing (`-e ENV`). Raises UsageError where it is unknown or stays open."""
    if named is None:
        return _implied((), environments, default, changes=changes)
    require_known("environment", [named], environments)
    return named


def require_known(kind: str, names: Iterable[str], known: Collection[str], *, where: str = "") -> None:
    """Raises UsageError for the first name that is not known, with the nearest one as hint."""
    for name in names:
        if name not in known:
            raise UsageError(f"no {kind} is called {name}{where}", hint=nearest(name, known))


def require_services(
    services: Sequence[str], environment: str, by_environment: Mapping[str, Collection[str]]
) -> None:
    """Raises UsageError for a service that the environment does not run.

    The hint is the nearest service, another environment that runs it, or the environment that was perhaps meant.
    """
    known = by_environment.get(environment, ())
    for service in services:
        if service in known:
            continue
        elsewhere = sorted(name for name, have in by_environment.items() if service in have)
        hint = nearest(service, known)
        if elsewhere:
            hint = f"{service} runs in {', '.join(elsewhere)}"
        elif service == services[0]:
            hint = nearest(service, {*known, *by_environment})
        raise UsageError(f"no service is called {service} in {environment}", hint=hint)


def _implied(
    words: Sequence[str], environments: Collection[str], default: str | None, *, changes: bool
) -> str:
    if len(environments) == 1:
        return next(iter(environments))
    if default is not None and not changes:
        return default
    names = ", ".join(sorted(environments))
    if words and (hint := nearest(words[0], environments)).startswith("did you mean"):
        raise UsageError(f"no environment is called {words[0]}", hint=hint)
    if changes:
        raise UsageError("name the environment: this command changes it", hint=f"one of {names}")
    raise UsageError(
        "name the environment: there are several",
        hint=f"one of {names}; `default_environment` in hosts.toml serves commands that read",
    )
