"""The rendering of an environment with the secrets of its store: values, login names, dates, and what is half-rotated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from opsctl.model.fleet import Fleet
from opsctl.model.secrets import StoreFile
from opsctl.render.fleet import STATE_FOLDER, render
from opsctl.render.secret_metrics import with_secret_metrics
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.policy import due_at
from opsctl.secrets.rotating import as_if_current
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a rendering gets secrets from. `value` and `login` raise UsageError for what is not there; `stored` gives what
    the store says in clear, None where values are made up. Each raises StoreUnusable.
    """

    value: Callable[[str], str] = field(repr=False)
    login: Callable[[str], str]
    stored: Callable[[], StoreFile | None] = lambda: None


NOTHING_REPLACED: Mapping[str, Candidate] = {}


def rendered(
    fleet: Fleet,
    environment: str,
    source: SecretSource,
    *,
    replaced: Mapping[str, Candidate] = NOTHING_REPLACED,
    now: float = 0.0,
    state_folder: str = STATE_FOLDER,
) -> Desired:
    """What every host of the environment shall hold, with the dates of its secrets for monitoring.

    `replaced` are values, by secret, that stand in for the stored ones, as if they had been put into force at `now`. Raises
    InputError as a rendering does, and StoreUnusable.
    """

    def value(name: str) -> str:
        return replaced[name].value if name in replaced else source.value(name)

    def login(name: str) -> str:
        there = replaced.get(name)
        return there.login if there and there.login else source.login(name)

    desired = render(fleet, environment, value, login=login, state_folder=state_folder)
    used = {
        name for host in desired.hosts for service in host.services.values() for name in service.known_secrets
    }
    file = source.stored() if used else None
    if file is None:
        return desired
    unsettled = frozenset(name for name in used if name in file.secrets and file.secrets[name].pending)
    for name, candidate in replaced.items():
        file = as_if_current(file, name, candidate.version, now=now)
    return replace(with_secret_metrics(desired, file, due_at), unsettled=unsettled)
