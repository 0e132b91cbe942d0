"""One HTTP request and its answer, within bounds of time and size."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from opsctl.edges.registry.connections import Adapter, Deadline
from opsctl.edges.registry.endpoints import is_loopback
from opsctl.edges.registry.limits import Limits
from opsctl.edges.registry.troubles import Kind, Trouble, trouble_of

_CHUNK = 2**16
_AT_ONCE = 16
"""Connections to one server that are kept."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """`verify` is True, False, or the path of a file of CA certificates; a body of more than `most` bytes is not read."""

    method: str
    url: str
    verify: bool | str
    most: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """`url` is what gave it, at last."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str


class Transport:
    """Proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) and CA bundles (REQUESTS_CA_BUNDLE) are those of the environment;
    ~/.netrc is not read, no cookie is kept, no redirect followed. Threads share it: the session keeps nothing of a request
    but connections, in urllib3's pools.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, Adapter(pool_maxsize=_AT_ONCE))
        # Whoever writes `insecure` knows it.
        urllib3.disable_warnings(InsecureRequestWarning)
        # urllib3 2 writes the path of each request at debug level, signed addresses of blobs too.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def exchange(self, asked: Exchange) -> Answer:
        """Raises Trouble."""
        with Deadline(self._limits.whole) as deadline:
            try:
                return self._exchange(asked)
            except Trouble:
                raise
            # Any error: when the deadline shuts a connection, what breaks first is the library's choice.
            except (requests.RequestException, HTTPError, OSError, ValueError, AttributeError) as error:
                limits = self._limits
                found = trouble_of(error, connect=limits.connect, read=limits.read)
        if deadline.passed:
            found = Trouble(Kind.SILENT, f"did not finish its answer within {self._limits.whole:g} s")
        # Raised out here, so that no exception with an address in it hangs on to this one.
        raise found

    def close(self) -> None:
        self._session.close()

    def _exchange(self, asked: Exchange) -> Answer:
        if isinstance(asked.verify, str) and not Path(asked.verify).is_file():
            raise Trouble(
                Kind.UNUSABLE,
                f"cannot be asked: its ca_file {asked.verify} is not there",
                hint="ca_file in hosts.toml is relative to its folder",
            )
        # As Go's proxies from the environment, on which Docker relies: none leads to this machine.
        proxies = {"http": "", "https": ""} if is_loopback(urlsplit(asked.url).hostname or "") else {}
        with self._session.request(
            asked.method,
            asked.url,
            # Without Accept-Encoding requests asks for compressed answers, whose size nobody knows.
            headers={"User-Agent": "opsctl", "Accept-Encoding": "identity", **asked.headers},
            data=asked.form,
            auth=_unchanged,
            allow_redirects=False,
            timeout=(self._limits.connect, self._limits.read),
            verify=asked.verify,
            proxies=proxies,
            stream=True,
        ) as response:
            # Read to its end, its connection is kept.
            body = _read(response, asked.most)
            return Answer(response.status_code, CaseInsensitiveDict(response.headers), body, asked.url)


def _read(response: requests.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > most:
            raise Trouble(Kind.UNUSABLE, f"answers with more than {most // 2**10} KiB")
    return b"".join(parts)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An authentication of one's own keeps requests from looking into ~/.netrc (requests 2, Session.prepare_request)."""
    return request
