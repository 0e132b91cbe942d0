"""The port `Registry`, by the HTTP API of registries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

from opsctl.edges.ports import Clock
from opsctl.edges.registry.authorization import Authorization
from opsctl.edges.registry.endpoints import Endpoints
from opsctl.edges.registry.limits import Limits
from opsctl.edges.registry.logins import Logins
from opsctl.edges.registry.patience import Errand, Patience
from opsctl.edges.registry.quoting import Quoting
from opsctl.edges.registry.reach import Reach
from opsctl.edges.registry.repository import Repository, Ways
from opsctl.edges.registry.resolving import resolve
from opsctl.edges.registry.tag_list import some_tags, tags
from opsctl.edges.registry.transport import Transport
from opsctl.errors import NotInRegistry, RegistryUnavailable
from opsctl.images.credentials import Credentials
from opsctl.images.resolved import Resolved
from opsctl.model.hosts import Registry
from opsctl.model.nearest import nearest
from opsctl.model.references import Reference

_Found = TypeVar("_Found")


class HttpRegistry:
    """Implements the port `Registry`. Beside the errors that the port names it lets through what `login` raises.

    `registries` is that of hosts.toml, whose paths are relative to `root`. `login` gives credentials for a registry by its
    name, or None; it is asked once for each, after the registry has asked for a login and where docker's config.json (found
    by DOCKER_CONFIG or HOME of `environ`) has none. `tell` hears of the registry and the seconds when a limit has to be
    waited for. Proxies and CA bundles are those of this process's environment.
    """

    def __init__(
        self,
        registries: Mapping[str, Registry],
        *,
        root: Path,
        login: Callable[[str], Credentials | None],
        environ: Mapping[str, str],
        clock: Clock,
        tell: Callable[[str, float], None] = lambda *_: None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._endpoints = Endpoints(registries, root)
        self._transport = Transport(limits)
        quoting = Quoting()
        reach = Reach(Patience(self._transport, clock, tell), self._endpoints)
        logins = Logins(environ, login, limits.helper)
        authorization = Authorization(reach, logins, quoting, clock)
        self._ways = Ways(reach, authorization, quoting, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that are kept."""
        self._transport.close()

    def resolve(self, image: Reference) -> Resolved:
        """As the port says. Mirrors are asked first; `platforms` is empty where a digest is told and they are not."""
        try:
            return self._first(image, resolve)
        except NotInRegistry as error:
            if image.digest or error.hint:
                raise
            raise self._nearest(image, error) from None

    def tags(self, image: Reference) -> Sequence[str]:
        """As the port says. The first mirror that has the repository is believed, though it may not have every tag."""
        return self._first(image, tags)

    def _first(self, image: Reference, ask: Callable[[Repository], _Found]) -> _Found:
        """From the first mirror that can say it, else from the registry, which alone is waited for."""
        tail = f"@{image.digest}" if image.digest else f":{image.known_tag}"
        where = f"{image.registry}/{image.path}{tail}"
        *mirrors, own = self._endpoints.of(image.registry)
        passed_by = []
        for mirror in mirrors:
            try:
                return ask(Repository(self._ways, mirror, image, Errand(where, left=0)))
            except (NotInRegistry, RegistryUnavailable) as error:
                passed_by.append(f"mirror {mirror}: {error.message}")
        try:
            return ask(Repository(self._ways, own, image, Errand(where, self._ways.limits.waiting)))
        except (NotInRegistry, RegistryUnavailable) as error:
            error.evidence += tuple(passed_by)
            raise

    def _nearest(self, image: Reference, error: NotInRegistry) -> NotInRegistry:
        """With the tag that may have been meant, from one page of them; or that there is no such repository, which
        registry 2.8 says of a list of tags alone: of a manifest it says MANIFEST_UNKNOWN.
        """
        own = self._endpoints.of(image.registry)[-1]
        listing = Repository(self._ways, own, image, Errand(error.where, left=0))
        with contextlib.suppress(RegistryUnavailable):
            try:
                error.hint = nearest(image.known_tag, some_tags(listing))
            except NotInRegistry as unknown:
                unknown.hint, unknown.evidence = "is its name right?", error.evidence
                return unknown
        return error
