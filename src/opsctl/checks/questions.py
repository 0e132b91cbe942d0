"""What a check may ask of the world, and what it is told: values, so that a check can be tested by answering it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from opsctl.checks.throwaway import Claim, Throwaway

HERE = ""
"""In place of a host's name: from the operator's own machine."""


@dataclass(frozen=True, slots=True)
class OnHost:
    """Words to run on a host. `timeout` in seconds; `privilege` as of a Command: which sudo decision applies.

    `shared`: run once, however many cases ask the same; each is told what that run said.
    """

    host: str
    words: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    timeout: float = 20.0
    privilege: Literal["files", "engine", "both", "none"] = "none"
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Inside:
    """Words to run in the container of a service. A secret goes to `stdin`, never into the words."""

    host: str
    service: str
    words: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    timeout: float = 20.0
    user: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """`code` is -1 where a signal or the timeout ended it."""

    code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace").strip()

    def last_line(self) -> str:
        """The end of stderr, or of stdout where that is empty."""
        lines = (self.stderr.strip() or self.stdout.strip()).decode(errors="replace").splitlines()
        return lines[-1].strip() if lines else f"exit {self.code}"


@dataclass(frozen=True, slots=True)
class FilesInside:
    """The SHA-256 of files as a running container sees them, by target; None where one cannot be read there."""

    host: str
    service: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """One HTTP/1.1 request, without redirects and proxies. `via` is the machine that it goes out from.

    It is sent to `address`, to the container of `service` (of the host `via`), else to the host of the URL; what is in the
    URL goes into Host and SNI. Certificates are not judged here (see Handshake). `most` bytes of the body are read.
    """

    url: str
    via: str = HERE
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    address: str = ""
    service: str = ""
    timeout: float = 10.0
    most: int = 2**20


@dataclass(frozen=True, slots=True)
class Fetched:
    """Header names are in lower case. `status` 0: nobody answered; `reason` says how that showed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    reason: str = ""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Handshake:
    """A TLS handshake, for the certificate that is shown under a name."""

    address: str
    port: int
    name: str
    via: str = HERE
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Shown:
    """How a handshake ended: with a certificate, or why there is none."""

    certificate: Certificate | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Times are seconds since the epoch; `distrust` is why the trust store here does not take it, "" where it does."""

    not_before: float
    not_after: float
    names: tuple[str, ...]
    issuer: str
    distrust: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """A TCP connection, closed at once."""

    address: str
    port: int
    via: str = HERE
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Reached:
    """`open` is whether somebody took the connection; else `reason` says why not."""

    open: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SourceTo:
    """Which address this machine would come from."""

    address: str


@dataclass(frozen=True, slots=True)
class OwnTime:
    """What this machine's clock says, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class EngineGet:
    """GET on the Docker engine's API of a host; None is its 404."""

    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logs:
    """The last lines of a service's container, stdout and stderr; `since` in seconds since the epoch."""

    host: str
    service: str
    tail: int = 200
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Leaving:
    """Whatever comes: ask this at the end. The last one said is asked first; what it answers is of no interest."""

    question: OnHost | Inside | Fetch


Question = (
    OnHost
    | Inside
    | Throwaway
    | Claim
    | FilesInside
    | Fetch
    | Handshake
    | Reach
    | SourceTo
    | OwnTime
    | EngineGet
    | Logs
    | Pause
    | Leaving
)


class UnansweredError(Exception):
    """A question that could not be asked, or that nobody answered. In a check it is raised where the question stands."""


Result = Literal["pass", "fail", "waived", "inconclusive", "skip", "unproved"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`message` tells what was found in few words; `expected` and `observed` are for those that compare two values."""

    result: Result
    message: str = ""
    expected: str = ""
    observed: str = ""


def passed(message: str = "") -> Verdict:
    return Verdict("pass", message)


def failed(message: str, *, expected: str = "", observed: str = "") -> Verdict:
    return Verdict("fail", message, expected, observed)


def unknown(message: str) -> Verdict:
    """Nobody could tell; never a pass."""
    return Verdict("inconclusive", message)


def skipped(reason: str) -> Verdict:
    return Verdict("skip", reason)


Talk = Generator[Question, Any, Verdict]
"""A check under way: it yields questions, is sent their answers, and returns a verdict."""

_Answer = TypeVar("_Answer")
_Asking = Generator[Question, Any, _Answer]


def ran(question: OnHost | Inside | Throwaway) -> _Asking[Ran]:
    """As `yield question`, with the type of its answer; so are those below. Raise UnansweredError."""
    return cast("Ran", (yield question))


def sums_inside(question: FilesInside) -> _Asking[Mapping[str, str | None]]:
    return cast("Mapping[str, str | None]", (yield question))


def fetched(question: Fetch) -> _Asking[Fetched]:
    return cast("Fetched", (yield question))


def shown(question: Handshake) -> _Asking[Shown]:
    return cast("Shown", (yield question))


def reached(question: Reach) -> _Asking[Reached]:
    return cast("Reached", (yield question))


def source_to(address: str) -> _Asking[str]:
    return cast("str", (yield SourceTo(address)))


def own_time() -> _Asking[float]:
    return cast("float", (yield OwnTime()))


def engine(question: EngineGet) -> _Asking[Any]:
    return (yield question)


def log_lines(question: Logs) -> _Asking[list[str]]:
    return cast("list[str]", (yield question))


def pause(seconds: float) -> _Asking[None]:
    yield Pause(seconds)


def leaving(question: OnHost | Inside | Fetch) -> _Asking[None]:
    yield Leaving(question)


def settled(verdict: Verdict) -> Talk:
    """A talk without a question: what was seen at the first look decides."""
    yield from ()
    return verdict
