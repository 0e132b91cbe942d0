"""The narrow doors between the flows and the world. Tests walk through them with one real fake for each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from opsctl.argv.command import Command, Completed

if TYPE_CHECKING:
    from opsctl.images.resolved import Resolved
    from opsctl.model.references import Reference
    from opsctl.model.secrets import StoreFile
    from opsctl.secrets.journal import Line, Opened
    from opsctl.secrets.versions import Edit


class Stream(Protocol):
    """A socket, or an SSH channel."""

    def recv(self, bufsize: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...
    def settimeout(self, value: float | None, /) -> None: ...
    def close(self) -> None: ...


class Session(Protocol):
    """A command that stays: lines go in, lines come out. Used for the lease."""

    def send(self, line: str) -> None:
        """Write a line (without its newline). Raises ConnectFailed when the other side is gone."""

    def receive(self, timeout: float) -> str | None:
        """The next line it printed, without its newline; None when it ended. Raises TimeoutError."""

    def exit_code(self, timeout: float) -> int: ...

    def stderr(self) -> bytes:
        """What it printed on stderr so far."""

    def close(self) -> None: ...


class Shell(Protocol):
    """Writes: runs commands on one host."""

    def run(self, command: Command) -> Completed:
        """Run it to its end. Raises ConnectFailed when the connection is lost; a code other than 0 is no exception."""

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Completed:
        """As `run`, with standard input from chunks of any size, in place of the command's own; they are not kept.

        The command's timeout is how long it may take nothing, and how long it may take to end after the last chunk. A
        command that ends before it has read everything is no exception; no further chunk is asked for. What `chunks` raises
        goes through; the command is told to stop, and where a host lets nobody tell it, its stdin ends: the command must know
        a part from the whole, as gunzip does.
        """

    def open(self, command: Command) -> Session: ...

    def attach(self, command: Command, *, tty: bool) -> int:
        """Run it with this process's stdin, stdout and stderr, with the terminal's size; the exit code is returned."""


class Producer(Protocol):
    """Commands of the operator's own machine whose output is streamed on."""

    def run(self, command: Command) -> Completed:
        """As `Shell.run`."""

    def produce(self, command: Command) -> Generator[bytes]:
        """What it prints on stdout, in chunks that are not kept. Who closes the generator ends the command.

        Raises ConnectFailed where it cannot be started, and CommandFailed after the last chunk where it ends with a code
        other than 0, or when nothing comes for as long as its timeout.
        """


class Engine(Protocol):
    """Reads: the Docker engine's HTTP API of one host, over the same connection.

    Every method raises EngineUnavailable when the engine does not answer or forbids it.
    """

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """GET on the API (for instance "/containers/json"), the JSON body parsed. KeyError-free: 404 gives None."""

    def distribution(self, image: str, auth: str = "") -> Any:
        """GET /distribution/{image}/json: what a registry tells this engine of an image; None where it has no such image.

        `auth` is the value of X-Registry-Auth, base64 of JSON, for private registries; it is a secret. Raises
        RegistryUnavailable where the registry does not answer this engine, or not by that login.
        """

    def logs(self, container: str, *, tail: int, since: float | None = None) -> list[str]:
        """The last lines of a container, stdout and stderr in order of time; `since` in seconds since the epoch."""

    def follow(
        self,
        containers: Mapping[str, str],
        *,
        tail: int,
        since: float | None,
        write: Callable[[str, str], None],
    ) -> None:
        """Stream logs of several containers (id by name) until interrupted; write(name, line)."""

    def stats(self, containers: Sequence[str]) -> Mapping[str, int]:
        """Memory in use without the page cache, in bytes, by container id; absent where the engine could not say."""


class Network(Protocol):
    """TCP as one machine sees it: the operator's own, or a host."""

    def open(self, address: str, port: int, timeout: float) -> Stream:
        """A connection from that machine. Raises NotReached where nobody took it within so many seconds, CouldNotFindOut
        where this machine lets nobody try.
        """


class Connection(Protocol):
    """One connection to one host, for a whole run."""

    @property
    def shell(self) -> Shell: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def network(self) -> Network: ...

    @property
    def channels(self) -> Mapping[str, int]:
        """How many channels were opened so far, by kind: "exec", "session" (leases), "socket", "network"."""

    def close(self) -> None: ...


class Registry(Protocol):
    """Questions to registries about images. Threads share it.

    Every method raises NotInRegistry where the registry answers that there is no such thing, RegistryUnavailable where it
    does not answer, or not to us.
    """

    def resolve(self, image: Reference) -> Resolved:
        """What its digest names, where it has one; else what its tag names now."""

    def tags(self, image: Reference) -> Sequence[str]:
        """Every tag of the repository, in the registry's order."""


class SecretStore(Protocol):
    """Values by name for one environment."""

    def get(self, name: str) -> str:
        """The current value. Raises UsageError that names the secret and the way to set it, StoreUnusable."""

    def login(self, name: str) -> str:
        """The login name that the current value belongs to. Raises as `get`, and UsageError where there is none."""

    def names(self) -> frozenset[str]: ...


class VersionedStore(SecretStore, Protocol):
    """A store that keeps versions. Every method raises StoreUnusable where the store cannot be read or trusted."""

    def describe(self) -> StoreFile:
        """All but the values; needs no key."""

    def value(self, name: str, version: str = "") -> str:
        """The value of a version; "" is the current one. Raises UsageError where there is none."""

    def change(self, edit: Callable[[StoreFile], Edit]) -> StoreFile:
        """Apply an edit to the store as it is now, in one atomic transaction; gives what is stored then.

        What `edit` raises goes through, and nothing is stored. Raises OperationFailed where it cannot be written.
        """


class Journal(Protocol):
    """The journal of one secret's rotation; it is there while the rotation is open. Every line is on the disk when its
    method returns. Raises OperationFailed where it cannot be read or written.
    """

    def opened(self) -> Opened | None: ...

    def lines(self) -> Sequence[Line]: ...

    def begin(self, opened: Opened) -> None: ...

    def write(self, line: Line) -> None: ...

    def close(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...
