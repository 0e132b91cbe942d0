"""What several threads want and one of them does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Made = TypeVar("_Made")


class Once(Generic[_Key, _Made]):
    """Who asks first for a key makes it; the others wait for that, or for why it could not be made."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[_Key, Future[_Made]] = {}

    def get(self, key: _Key, make: Callable[[_Key], _Made]) -> _Made:
        """Raises what `make` raised, to everybody who asks."""
        with self._lock:
            mine = key not in self._made
            made = self._made.setdefault(key, Future())
        if mine:
            try:
                made.set_result(make(key))
            except Exception as error:  # noqa: BLE001 - raised below, to everybody who asked
                made.set_exception(error)
        return made.result()

    def all(self) -> Iterator[_Made]:
        """What was made; waits for what is under way."""
        for made in tuple(self._made.values()):
            if made.exception() is None:
                yield made.result()
