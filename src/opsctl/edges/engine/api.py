"""The port `Engine`: questions by plain HTTP over one kept stream, log streams by the Docker SDK."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, urlencode

from opsctl.edges.engine.distribution import REGISTRIES_AT_ONCE, distribution
from opsctl.edges.engine.door import Door
from opsctl.edges.engine.http import HttpStream, Response
from opsctl.errors import CouldNotFindOut, EngineUnavailable

_TIMEOUT = 30.0
_NOT_FOUND = 404
_FORBIDDEN = {401, 403}
_LOOK = "look at the engine's log: `journalctl -u docker -n 50`"

if TYPE_CHECKING:
    from opsctl.edges.engine.streams import LogStreams


class HttpEngine:
    """Implements the port `Engine`. Threads may share it; questions wait for each other.

    Paths carry no API version: the engine then speaks its newest, which saves a question (20.10 to 29 take both).
    `patience` is in seconds: how long the engine may wait for a registry.
    """

    def __init__(self, door: Door, *, patience: float = 30.0) -> None:
        self._door = door
        self._patience = patience
        self._lock = threading.Lock()
        self._asking = threading.BoundedSemaphore(REGISTRIES_AT_ONCE)
        self._http: HttpStream | None = None

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        target = quote(path, safe="/:@") + (f"?{urlencode(query)}" if query else "")
        with self._lock:
            response = self._ask(target)
        if response.status == _NOT_FOUND:
            return None
        if response.status >= 400:  # noqa: PLR2004 - HTTP's errors
            self._fail(path, response)
        if not response.is_json:
            return response.body.decode(errors="replace")
        try:
            # 20.10 answers 200 and nothing to a question about a container that ends meanwhile.
            return json.loads(response.body) if response.body else None
        except ValueError as error:
            raise CouldNotFindOut(
                f"the engine's answer to {path} is not JSON", where=self._door.where, hint=_LOOK
            ) from error

    def distribution(self, image: str, auth: str = "") -> Any:
        """Each question on a stream of its own, a few at once: the engine answers when the registry has answered it."""
        with self._asking:
            return distribution(self._door, image, auth, self._patience)

    def logs(self, container: str, *, tail: int, since: float | None = None) -> list[str]:
        return self._streams().last_lines(container, tail, since)

    def follow(
        self,
        containers: Mapping[str, str],
        *,
        tail: int,
        since: float | None,
        write: Callable[[str, str], None],
    ) -> None:
        self._streams().follow(containers, tail=tail, since=since, write=write)

    def stats(self, containers: Sequence[str]) -> Mapping[str, int]:
        """The engine answers with its next sample, within a second (20.10 even for one-shot): hence many at once."""
        if not containers:
            return {}
        self.get("/_ping")
        shares = [containers[start :: self._door.at_once] for start in range(self._door.at_once)]
        with ThreadPoolExecutor(self._door.at_once) as pool:
            answers = pool.map(self._memory_of, filter(None, shares))
            return {container: used for answer in answers for container, used in answer.items()}

    def _memory_of(self, containers: Sequence[str]) -> dict[str, int]:
        apart = HttpEngine(self._door)
        used = {}
        try:
            for container in containers:
                # one-shot (API 1.41): without it the engine waits for a second sample, of the CPU.
                stats = apart.get(f"/containers/{container}/stats", {"stream": "false", "one-shot": "true"})
                if (memory := memory_in_use(stats or {})) is not None:
                    used[container] = memory
        finally:
            apart.release()
        return used

    def release(self) -> None:
        """Close the kept stream unless a question is under way on it; the next question opens another."""
        if self._lock.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._lock.release()

    def _streams(self) -> LogStreams:
        from opsctl.edges.engine.streams import LogStreams

        return LogStreams(self._door, self.get("/version")["ApiVersion"])

    def _ask(self, target: str) -> Response:
        kept = self._http is not None
        http = self._http or HttpStream(self._door.open(), _TIMEOUT)
        self._http = http
        try:
            response = http.get(target)
        except (OSError, EOFError, ValueError) as error:
            self._drop()
            # A kept stream ends when the engine was restarted meanwhile; a question may be asked twice.
            if kept and not isinstance(error, TimeoutError):
                return self._ask(target)
            if isinstance(error, TimeoutError):
                raise EngineUnavailable(
                    f"the engine did not answer within {_TIMEOUT:g} s", where=self._door.where, hint=_LOOK
                ) from error
            raise self._door.explain(http.stream, error) from error
        if not http.reusable:
            self._drop()
        return response

    def _drop(self) -> None:
        if self._http:
            self._http.close()
            self._http = None

    def _fail(self, path: str, response: Response) -> NoReturn:
        kind = EngineUnavailable if response.status in _FORBIDDEN else CouldNotFindOut
        raise kind(
            f"the engine answered {response.status} to {path}: {response.message}",
            where=self._door.where,
            hint=_LOOK,
        )


def memory_in_use(stats: Mapping[str, Any]) -> int | None:
    """Bytes without the page cache, as `docker stats` counts them; None where the engine could not say.

    The file cache that can be dropped is `inactive_file` (cgroup 2) or `total_inactive_file` (cgroup 1).
    """
    memory = stats.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return int(memory["usage"]) - int(cache) if cache < memory["usage"] else int(memory["usage"])
