"""Registries as an engine sees them: by its network, its mirrors, its certificates."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from opsctl.edges.ports import Engine
from opsctl.edges.registry.manifests import SCHEMA_1_ONLY, is_schema_1
from opsctl.errors import NotInRegistry, RegistryUnavailable
from opsctl.images.credentials import Credentials
from opsctl.images.resolved import Resolved
from opsctl.model.references import DOCKER_HUB, Reference, check_digest
from opsctl.model.values import Unfit

_HUB_LOGIN = "https://index.docker.io/v1/"
"""What docker calls Docker Hub where it is about logins (docker 20.10, registry.IndexServer)."""
# The engine reports parts of an index that are no images, such as attestations, under this name (buildkit 0.11).
_NO_PLATFORM = "unknown"


class EngineRegistry:
    """The port `Registry` over one host's engine. Threads share it as they share the engine.

    `auth` gives for a registry's name what X-Registry-Auth shall hold (`engine_auth`), "" for no login.
    """

    def __init__(self, engine: Engine, host: str, auth: Callable[[str], str]) -> None:
        self._engine = engine
        self._host = host
        self._auth = auth

    def resolve(self, image: Reference) -> Resolved:
        """Raises NotInRegistry, RegistryUnavailable, EngineUnavailable."""
        asked = f"{image.familiar_name}@{image.digest}" if image.digest else image.key
        answer = self._engine.distribution(asked, self._auth(image.registry))
        if answer is None:
            raise NotInRegistry(
                f"{image.registry} has no {asked}",
                where=f"the engine of {self._host}",
                hint="check the image's name and tag",
            )
        try:
            found = _read(answer)
        except (KeyError, TypeError, AttributeError, Unfit):
            raise RegistryUnavailable(
                f"the engine's answer about {asked} names no digest", where=self._host
            ) from None
        if is_schema_1(found.media_type):
            raise RegistryUnavailable(
                f"{image.registry} has {asked} {SCHEMA_1_ONLY[0]}", where=self._host, hint=SCHEMA_1_ONLY[1]
            )
        if found.digest != (image.digest or found.digest):
            raise RegistryUnavailable(
                f"the engine answers about {asked} with {found.digest}", where=self._host
            )
        return found

    def tags(self, image: Reference) -> NoReturn:
        """Raises RegistryUnavailable: an engine has no question for that."""
        raise RegistryUnavailable(
            f"an engine cannot list the tags of {image.familiar_name}",
            where=self._host,
            hint="ask without --via",
        )


def engine_auth(registry: str, credentials: Credentials) -> str:
    """The value of X-Registry-Auth: a secret.

    base64 for URLs, as the engine reads it (20.10, api/server/router/distribution: base64.URLEncoding).
    """
    address = _HUB_LOGIN if registry == DOCKER_HUB else registry
    config = {
        "username": credentials.username,
        "password": credentials.password,
        "serveraddress": address,
    }
    return base64.urlsafe_b64encode(json.dumps(config).encode()).decode()


def _read(answer: Mapping[str, Any]) -> Resolved:
    """Of DistributionInspect (API 1.30 and later)."""
    descriptor = answer["Descriptor"]
    platforms = {_platform(one) for one in answer.get("Platforms") or ()}
    return Resolved(
        check_digest(descriptor["digest"]),
        str(descriptor.get("mediaType", "")),
        tuple(sorted(filter(None, platforms))),
    )


def _platform(one: Mapping[str, Any]) -> str:
    parts: Sequence[str] = [str(one.get(key) or "") for key in ("os", "architecture", "variant")]
    return "" if _NO_PLATFORM in parts[:2] or not all(parts[:2]) else "/".join(filter(None, parts))
