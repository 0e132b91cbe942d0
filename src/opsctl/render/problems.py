"""Problems of the operator's files, collected so that one run tells them all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opsctl.errors import InputError, Problem, StoreUnusable, UsageError
from opsctl.model.fleet import Fleet, Place
from opsctl.model.values import Unfit


class Problems:
    """Collects; `raise_any` ends the reading with one InputError."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    @property
    def count(self) -> int:
        return len(self._found)

    def add(self, place: Place, message: str, hint: str = "") -> None:
        self._found.append(Problem(place.file, place.line, message, hint))

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Keep what the block raises as a problem: an InputError as it is, other refusals as of `place`.

        A StoreUnusable goes through: it is about the store, and the same at every place that asks for a secret.
        """
        try:
            yield
        except StoreUnusable:
            raise
        except InputError as error:
            self._found.extend(error.problems)
        except UsageError as error:
            self.add(place, error.message, error.hint)
        except ValueError as error:
            self.add(place, str(error), error.hint if isinstance(error, Unfit) else "")

    def raise_any(self) -> None:
        if self._found:
            raise InputError(self._found)


def locate(fleet: Fleet, environment: str, stack: str, *path: str | int) -> Place:
    """Where a part of a stack was written: in the environment's overrides, else in the stack itself."""
    for end in range(len(path), -1, -1):
        for head in (f"stacks@{environment}", "stacks"):
            if place := fleet.places.get((head, stack, *path[:end])):
                return place
    return fleet.place("stacks", stack)
