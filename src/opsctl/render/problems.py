"""Problems of the operator's files, collected so that one run tells them all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opsctl.errors import InputError, Problem, UsageError
from opsctl.model.fleet import Fleet, Place


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
        """Keep what the block raises as a problem: an InputError as it is, other refusals as of `place`."""
        try:
            yield
        except InputError as error:
            self._found.extend(error.problems)
        except UsageError as error:
            self.add(place, error.message, error.hint)
        except ValueError as error:
            self.add(place, str(error))

    def raise_any(self) -> None:
        if self._found:
            raise InputError(self._found)


def nearest(name: str, known: Iterable[str]) -> str:
    """A question that offers the name most like this one; "" where none is like it."""
    match = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {match[0]!r}?" if match else ""


def locate(fleet: Fleet, environment: str, stack: str, *path: str | int) -> Place:
    """Where a part of a stack was written: in the environment's overrides, else in the stack itself."""
    for end in range(len(path), -1, -1):
        for head in (f"stacks@{environment}", "stacks"):
            if place := fleet.places.get((head, stack, *path[:end])):
                return place
    return fleet.place("stacks", stack)
