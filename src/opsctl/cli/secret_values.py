"""The secrets of a run: each value that is read is known to the redactor before anybody else sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsctl.edges.ports import Clock, SecretStore, VersionedStore
from opsctl.errors import StoreUnusable, UsageError
from opsctl.flows.rendering import SecretSource
from opsctl.model.fleet import Fleet
from opsctl.model.secrets import StoreFile
from opsctl.render.redact import Redactor
from opsctl.render.secret_uses import login_uses, secret_names


class SecretValues:
    """Gives values of the stores of a project, and takes every value that it gave out of texts."""

    def __init__(self, root: Path, environ: Mapping[str, str], clock: Clock | None = None) -> None:
        self._root = root
        self._environ = environ
        self._clock = clock
        self._redactor = Redactor()
        self._stores: dict[str, VersionedStore] = {}

    def source(self, fleet: Fleet, environment: str) -> SecretSource:
        """Where a rendering of the environment gets its secrets."""
        if _made_up(fleet, environment):
            store = self._generated(fleet, environment)
            return SecretSource(lambda name: self.heard(store.get(name)), store.login)
        kept = self.store(fleet, environment)
        return SecretSource(lambda name: self.heard(kept.get(name)), kept.login, kept.describe)

    def stored(self, fleet: Fleet, environment: str) -> StoreFile | None:
        """What the store says in clear; None where values are made up, where there is none, or where it cannot be read."""
        try:
            return self.source(fleet, environment).stored()
        except StoreUnusable:
            return None

    def heard(self, value: str) -> str:
        """The value, which from now on is taken out of every text."""
        self._redactor.add(value)
        return value

    def redact(self, text: str) -> str:
        return self._redactor.text(text)

    def store(self, fleet: Fleet, environment: str) -> VersionedStore:
        """The store of an environment, the same one each time, so that it is opened once.

        Raises UsageError for an environment whose secrets are made up.
        """
        if _made_up(fleet, environment):
            raise UsageError(
                f"the secrets of {environment} are made up, and not kept in a store",
                where="hosts.toml",
                hint=f'take secrets = "generated" out of [environments.{environment}], then opsctl secrets init {environment}',
            )
        if environment not in self._stores:
            from opsctl.cli.secret_store import open_store

            self._stores[environment] = open_store(self._root, environment, self._environ, self._clock)
        return self._stores[environment]

    def _generated(self, fleet: Fleet, environment: str) -> SecretStore:
        from opsctl.edges.secrets import GeneratedStore

        path = self._root / "secrets" / f"{environment}.generated.json"
        return GeneratedStore(path, secret_names(fleet, environment) | login_uses(fleet).keys())


def _made_up(fleet: Fleet, environment: str) -> bool:
    return fleet.environment(environment).secrets == "generated"
