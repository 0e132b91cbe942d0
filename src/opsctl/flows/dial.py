"""Connections of one run: begun early, in threads, one per host, shared by everything."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from threading import Lock, Thread

from opsctl.edges.ports import Connection
from opsctl.errors import Interrupted, OpsctlError


class Dialler:
    """Opens each connection at most once; `open_connection` runs in a thread of its own per host.

    The threads do not keep the program from ending: a host that is silent costs nobody anything who does not ask for it.
    """

    def __init__(self, open_connection: Callable[[str], Connection]) -> None:
        self._open = open_connection
        self._lock = Lock()
        self._futures: dict[str, Future[Connection]] = {}

    def begin(self, hosts: Iterable[str]) -> None:
        """Start to connect, without waiting; hosts already begun are left alone."""
        for host in hosts:
            self._future(host)

    def connect(self, host: str) -> Connection:
        """The connection to a host, begun now if it was not. Raises what opening it raised, each time it is asked."""
        return self._future(host).result()

    def forget(self, host: str) -> None:
        """Close the connection to a host; who asks next dials anew."""
        with self._lock:
            future = self._futures.pop(host, None)
        if future:
            future.add_done_callback(_close)

    def give_up(self) -> None:
        """Stop waiting for hosts that have not answered yet: whoever waits for one gets Interrupted. For signal handlers."""
        for host, future in tuple(self._futures.items()):
            with contextlib.suppress(InvalidStateError):
                future.set_exception(Interrupted("interrupted while connecting", where=host))

    def close(self) -> None:
        """Close every connection, those still being opened as soon as they are."""
        for future in self._futures.values():
            future.add_done_callback(_close)

    def _future(self, host: str) -> Future[Connection]:
        with self._lock:
            if host not in self._futures:
                self._futures[host] = future = Future[Connection]()
                Thread(target=self._dial, args=(host, future), name=f"dial-{host}", daemon=True).start()
            return self._futures[host]

    def _dial(self, host: str, future: Future[Connection]) -> None:
        try:
            connection = self._open(host)
        except BaseException as error:  # noqa: BLE001 - raised where the connection is asked for
            with contextlib.suppress(InvalidStateError):
                future.set_exception(error)
            return
        try:
            future.set_result(connection)
        except InvalidStateError:
            connection.close()


def _close(future: Future[Connection]) -> None:
    try:
        connection = future.result()
    except OpsctlError:
        return
    connection.close()
