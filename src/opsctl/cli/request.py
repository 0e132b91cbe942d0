"""What a command line asks about, before the project's files were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """`words` are `[ENV] [SERVICE…]`; or `environment` (of -e) and `services` are given apart.

    `changes`: the command changes hosts, so no default environment serves it.
    """

    words: tuple[str, ...] = ()
    environment: str | None = None
    services: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    changes: bool = False

    @classmethod
    def about(
        cls,
        words: Sequence[str] | None,
        *,
        hosts: Sequence[str] | None = None,
        stacks: Sequence[str] | None = None,
        changes: bool = False,
    ) -> Request:
        """Of commands about an environment."""
        return cls(
            words=tuple(words or ()), hosts=tuple(hosts or ()), stacks=tuple(stacks or ()), changes=changes
        )

    @classmethod
    def of_environment(cls, environment: str | None, *, changes: bool = False) -> Request:
        """Of commands about things that are no services, such as secrets."""
        return cls(environment=environment, changes=changes)

    @classmethod
    def of_things(
        cls, services: Sequence[str], environment: str | None, *, host: str = "", changes: bool = False
    ) -> Request:
        """Of commands about services."""
        return cls(
            environment=environment, services=tuple(services), hosts=(host,) if host else (), changes=changes
        )
