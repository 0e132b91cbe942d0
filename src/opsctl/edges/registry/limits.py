"""How long and how much."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: `connect` for TCP and TLS, `read` for the next bytes, `whole` for one request with its answer, `waiting` for
    all that one image waits until a registry may be asked again, `helper` for a credential helper.

    Bytes: `manifest` for manifests, configurations and tokens, `tags` for one page of tags; `pages` of tags at most.
    """

    connect: float = 5.0
    read: float = 15.0
    whole: float = 60.0
    waiting: float = 60.0
    helper: float = 30.0
    manifest: int = 4 * _MIB
    tags: int = 32 * _MIB
    pages: int = 100
