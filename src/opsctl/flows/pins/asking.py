"""Many questions to registries at the same time; an image that nobody can tell of does not hold the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from opsctl.edges.ports import Clock, Registry
from opsctl.errors import OpsctlError
from opsctl.flows.events import Event, EventKind, Listener
from opsctl.flows.until_done import result_of
from opsctl.images.resolved import Resolved
from opsctl.model.references import Reference

AT_ONCE = 8
"""Questions under way. Registries meant for people allow few connections for each address."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks a registry, or an engine that asks one. `by` is how the lock calls it."""

    registry: Registry
    clock: Clock
    listen: Listener
    by: str = "registry"
    at_once: int = AT_ONCE

    def resolve(self, questions: Mapping[str, Reference]) -> dict[str, Resolved | OpsctlError]:
        """What each reference names, or the error that its question ended in."""
        return self._each(questions, self.registry.resolve)

    def tags(self, questions: Mapping[str, Reference]) -> dict[str, Sequence[str] | OpsctlError]:
        """The tags of each repository, or the error."""
        return self._each(questions, self.registry.tags)

    def _each(
        self, questions: Mapping[str, Reference], ask: Callable[[Reference], _Answer]
    ) -> dict[str, _Answer | OpsctlError]:
        began = self.clock.monotonic()

        def one(key: str, image: Reference) -> _Answer | OpsctlError:
            self._tell(image, "step", key, began)
            try:
                return ask(image)
            except OpsctlError as error:
                return error
            finally:
                self._tell(image, "step_done", key, began)

        threads = ThreadPoolExecutor(max_workers=self.at_once, thread_name_prefix="registry")
        try:
            asked = {key: threads.submit(one, key, image) for key, image in questions.items()}
            return {key: result_of(future) for key, future in asked.items()}
        finally:
            # Not waited for: an interruption need not sit out a registry that is silent.
            threads.shutdown(wait=False, cancel_futures=True)

    def _tell(self, image: Reference, kind: EventKind, key: str, began: float) -> None:
        seconds = self.clock.monotonic() - began
        self.listen(Event(image.registry, kind, f"ask about {key}", "", seconds))
