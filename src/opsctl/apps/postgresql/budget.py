"""The connections of a PostgreSQL server: what its users may hold open together, against what it lets in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opsctl.apps.postgresql.server import Server, servers
from opsctl.apps.postgresql.settings import Settings
from opsctl.model.databases import Connection
from opsctl.rules.subject import ServiceView, Subject


@dataclass(frozen=True, slots=True)
class Pool:
    """What one service may hold open."""

    view: ServiceView
    connection: Connection

    @property
    def service(self) -> str:
        return self.view.name

    @property
    def total(self) -> int:
        return self.connection.total


@dataclass(frozen=True, slots=True)
class ConnectionBudget:
    """`pools` are sorted by database and service; `silent` are databases for which nobody states a pool."""

    server: Server
    pools: tuple[Pool, ...]

    @property
    def service(self) -> str:
        return self.server.view.name

    @property
    def host(self) -> str:
        return self.server.view.host.name

    @property
    def settings(self) -> Settings:
        return self.server.settings

    @property
    def total(self) -> int:
        return sum(pool.total for pool in self.pools)

    @property
    def fits(self) -> bool:
        return self.total <= self.settings.usable

    @property
    def silent(self) -> tuple[str, ...]:
        used = {pool.connection.database for pool in self.pools}
        return tuple(name for name in sorted(self.server.view.written.databases) if name not in used)

    def of(self, database: str) -> int:
        """What all services may hold open to one database."""
        return sum(pool.total for pool in self.pools if pool.connection.database == database)


def budgets(subject: Subject) -> Iterator[ConnectionBudget]:
    """One for each service with `app: postgresql`; services of other hosts count where theirs has none of that name, and
    those that sleep or are jobs count too.
    """
    for server in servers(subject):
        name, here = server.view.name, server.view.host
        pools = [
            Pool(view, view.written.connections[name])
            for view in subject.services()
            if name in view.written.connections and (view.host is here or name not in view.host.services)
        ]
        pools.sort(key=lambda pool: (pool.connection.database, pool.service))
        yield ConnectionBudget(server, tuple(pools))
