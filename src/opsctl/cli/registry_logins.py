"""Who logs in to a registry, as hosts.toml says, with the password from a store."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from opsctl.cli.secret_values import SecretValues
from opsctl.errors import UsageError
from opsctl.images.credentials import Credentials
from opsctl.model.fleet import Fleet


class RegistryLogins:
    """Threads share it. A store is opened only for a registry that has a login."""

    def __init__(self, fleet: Fleet, values: SecretValues, environments: Sequence[str]) -> None:
        self._fleet = fleet
        self._values = values
        self._environments = environments
        self._lock = threading.Lock()
        self._known: dict[str, Credentials | None] = {}

    def of(self, registry: str) -> Credentials | None:
        """With the first password that a store of the environments has; None where hosts.toml has no login.

        Raises UsageError where no store has it, StoreUnusable for one that cannot be opened.
        """
        with self._lock:
            if registry not in self._known:
                self._known[registry] = self._found(registry)
            return self._known[registry]

    def _found(self, registry: str) -> Credentials | None:
        entry = self._fleet.hosts_file.registries.get(registry)
        if entry is None or entry.login is None:
            return None
        missing: UsageError | None = None
        for environment in self._environments:
            try:
                value = self._values.source(self._fleet, environment).value(entry.login.password.secret)
            except UsageError as error:
                missing = missing or error
            else:
                return Credentials(entry.login.username, value)
        if missing:
            raise missing
        return None
