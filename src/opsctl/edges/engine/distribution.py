"""What a registry tells an engine of an image, by the engine's own words for it.

Engine 20.10.24 and distribution 2.8.2, held against both in tests/lab/test_engine_registry.py:

    no such tag, digest or repository   404  manifest unknown: manifest unknown
    a login is needed, none was given   500  Head "http://…": no basic auth credentials
    the login was refused               401  unauthorized: authentication required
    nothing listens, no such name       500  Get "http://…/v2/": dial tcp …: connect: connection refused
    this is no reference                400  invalid reference format: …

The engine waits for a registry that hangs as long as we do, and takes an X-Registry-Auth that it cannot read for none.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote

from opsctl.edges.engine.door import Door
from opsctl.edges.engine.http import HttpStream, Response
from opsctl.errors import CouldNotFindOut, EngineUnavailable, OpsctlError, RegistryUnavailable

REGISTRIES_AT_ONCE = 4
"""As many streams as any door takes, beside those of others."""
_NO_LOGIN = "no basic auth credentials"
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def distribution(door: Door, image: str, auth: str, timeout: float) -> Any:
    """Implements `Engine.distribution` on a new stream; so many seconds may the engine wait for the registry."""
    target = quote(f"/distribution/{image}/json", safe="/:@")
    http = HttpStream(door.open(), timeout)
    try:
        response = http.get(target, {"X-Registry-Auth": auth} if auth else None)
    except TimeoutError:
        raise RegistryUnavailable(
            f"the engine has no answer for {image} after {timeout:g} s; its registry hangs",
            where=door.where,
            hint=f"can {door.where} reach the registry?",
        ) from None
    except (OSError, EOFError, ValueError) as error:
        raise door.explain(http.stream, error) from error
    finally:
        http.close()
    return _read(door.where, image, response)


def _read(where: str, image: str, response: Response) -> Any:
    if response.status == HTTPStatus.NOT_FOUND:
        return None
    if response.status >= HTTPStatus.BAD_REQUEST:
        _fail(where, image, response)
    try:
        return json.loads(response.body)
    except ValueError:
        raise CouldNotFindOut(f"the engine's answer about {image} is not JSON", where=where) from None


def _fail(where: str, image: str, response: Response) -> NoReturn:
    said = response.message
    kind: type[OpsctlError] = RegistryUnavailable
    hint = f"can {where} reach the registry? a proxy must be set for its engine, not for opsctl"
    if response.status in _REFUSED and not response.is_json:
        # Not the engine's own manner: something before its socket forbids the question.
        kind, hint = EngineUnavailable, ""
    elif response.status in _REFUSED or _NO_LOGIN in said:
        hint = "check the image's name; for a private one, login = {…} of its registry in hosts.toml"
    elif response.status == HTTPStatus.BAD_REQUEST:
        kind, hint = CouldNotFindOut, ""
    raise kind(f"the engine cannot ask about {image}: {said}", where=where, hint=hint)
