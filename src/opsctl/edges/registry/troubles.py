"""Why no answer came, in words of our own: a library's message may hold a proxy's password or a signed address."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import Enum, auto

import requests
import urllib3.exceptions as urllib3


class Kind(Enum):
    NO_NAME = auto()
    REFUSED = auto()
    UNREACHABLE = auto()
    SLOW = auto()
    """No connection in time."""
    SILENT = auto()
    """A connection, and no answer in time."""
    BROKEN = auto()
    """It ended in the middle."""
    NO_TLS = auto()
    UNTRUSTED = auto()
    PROXY = auto()
    UNUSABLE = auto()
    """It answers what no registry should, or cannot be asked at all."""


class Trouble(Exception):
    """`words` go after the name of who was asked."""

    def __init__(self, kind: Kind, words: str, *, hint: str = "") -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.hint = hint


# OpenSSL's names for what plain HTTP looks like to it (3.0: WRONG_VERSION_NUMBER, 3.2: RECORD_LAYER_FAILURE beside it).
_NO_TLS = {
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
}
_EXPIRED, _NOT_YET, _HOST_MISMATCH, _ADDRESS_MISMATCH = 10, 9, 62, 64
"""X509_V_ERR_… of OpenSSL."""
_CA_HINT = "a registry with a certificate of your own CA needs ca_file below its name in hosts.toml"


def trouble_of(error: BaseException, *, connect: float, read: float) -> Trouble:
    """What an error of requests, urllib3, ssl or the system means; `connect` and `read` are the timeouts in seconds."""
    causes = list(_causes(error))
    for tls in (cause for cause in causes if isinstance(cause, ssl.SSLError)):
        if not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError | TimeoutError):
            return _tls(tls)
    if any(isinstance(cause, requests.exceptions.ProxyError | urllib3.ProxyError) for cause in causes):
        return Trouble(
            Kind.PROXY,
            "cannot be reached through the proxy",
            hint="look at HTTPS_PROXY and HTTP_PROXY; a name in NO_PROXY is asked straight",
        )
    if any(isinstance(cause, urllib3.NameResolutionError) for cause in causes):
        return Trouble(
            Kind.NO_NAME, "has no address: its name cannot be looked up", hint="is the name right?"
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Trouble(Kind.REFUSED, "refuses the connection", hint="is the registry running there?")
    if any(isinstance(cause, requests.ConnectTimeout | urllib3.ConnectTimeoutError) for cause in causes):
        return Trouble(Kind.SLOW, f"does not take a connection within {connect:g} s")
    if any(
        isinstance(cause, requests.ReadTimeout | urllib3.ReadTimeoutError | TimeoutError) for cause in causes
    ):
        return Trouble(Kind.SILENT, f"did not answer within {read:g} s")
    return _rest(causes)


def _rest(causes: list[BaseException]) -> Trouble:
    if any(isinstance(cause, requests.exceptions.InvalidSchema) for cause in causes):
        return Trouble(
            Kind.PROXY, "cannot be asked through this proxy", hint="HTTPS_PROXY must be an http:// address"
        )
    if any(isinstance(cause, requests.exceptions.InvalidURL | ValueError) for cause in causes):
        return Trouble(Kind.UNUSABLE, "answers what is no HTTP")
    if any(isinstance(cause, urllib3.NewConnectionError) for cause in causes):
        system = next((c for c in causes if isinstance(c, OSError) and c.errno and c.strerror), None)
        return Trouble(Kind.UNREACHABLE, f"cannot be reached ({system.strerror if system else 'no route'})")
    return Trouble(Kind.BROKEN, "ended the connection in the middle of an answer")


def _tls(error: ssl.SSLError) -> Trouble:
    if not isinstance(error, ssl.SSLCertVerificationError):
        if error.reason in _NO_TLS:
            return Trouble(Kind.NO_TLS, "does not speak TLS")
        if error.reason == "NO_CERTIFICATE_OR_CRL_FOUND":
            return Trouble(
                Kind.UNUSABLE, "cannot be asked: its ca_file holds no certificate", hint="it is PEM"
            )
        return Trouble(Kind.UNTRUSTED, f"fails the TLS handshake ({error.reason or 'no reason given'})")
    if error.verify_code == _EXPIRED:
        return Trouble(Kind.UNTRUSTED, "shows a certificate that has expired", hint="renew it there")
    if error.verify_code == _NOT_YET:
        return Trouble(
            Kind.UNTRUSTED, "shows a certificate that is not valid yet", hint="is the clock here right?"
        )
    if error.verify_code in {_HOST_MISMATCH, _ADDRESS_MISMATCH}:
        return Trouble(
            Kind.UNTRUSTED,
            "shows a certificate for another name",
            hint="call the registry by a name that its certificate has",
        )
    return Trouble(
        Kind.UNTRUSTED, f"shows a certificate that nobody here trusts ({error.verify_message})", hint=_CA_HINT
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what libraries have wrapped in it: as cause, as context, as `reason`, as an argument."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
