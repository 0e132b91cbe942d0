"""What the operator states of a Redis: for the template of its redis.conf, and for the rules."""

from __future__ import annotations

from typing import Literal

from opsctl.model.frozen import Frozen
from opsctl.model.values import Size

Persistence = Literal["none", "rdb", "aof"]
Policy = Literal[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
]


class Settings(Frozen):
    """`maxmemory` is in bytes. What is not stated is not checked."""

    maxmemory: Size | None = None
    maxmemory_policy: Policy | None = None
    persistence: Persistence | None = None
