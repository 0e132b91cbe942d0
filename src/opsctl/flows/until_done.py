"""Waiting for threads in the main thread, without becoming deaf to Ctrl-C."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, wait
from typing import Any, TypeVar

_Result = TypeVar("_Result")

# CPython 3.11 looks for signals before it sleeps on a lock: one that comes between the look and the sleep wakes nobody.
_LOOKS_EVERY = 0.5


def until_done(futures: Collection[Future[Any]]) -> None:
    """Wait for all of them; an interruption is heard within half a second."""
    while wait(futures, timeout=_LOOKS_EVERY).not_done:
        pass


def result_of(future: Future[_Result]) -> _Result:
    """Its result, waited for in the same way. Raises what it raised."""
    until_done([future])
    return future.result()
