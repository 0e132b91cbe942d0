"""The way to an engine's socket, whatever lies between."""

from __future__ import annotations

from typing import Protocol

from opsctl.edges.ports import Stream
from opsctl.errors import EngineUnavailable


class Door(Protocol):
    where: str
    """The host, for messages."""

    @property
    def at_once(self) -> int:
        """How many streams may well be open together; known after the first was opened."""

    def open(self) -> Stream:
        """A new stream to the socket. Raises EngineUnavailable, or ConnectFailed where the host is gone."""

    def explain(self, stream: Stream, error: Exception) -> EngineUnavailable:
        """Why a stream broke before the engine answered on it."""
