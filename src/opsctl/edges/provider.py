"""One question to a provider of keys, by HTTP from this machine. Neither address nor headers are ever told, since they
hold the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opsctl.errors import CouldNotFindOut, UsageError

if TYPE_CHECKING:
    import requests

_CONNECT, _READ = 10.0, 20.0
"""Seconds; the body is not waited for."""


@dataclass(frozen=True, slots=True)
class Question:
    """A GET. `url` is https, or http to this machine; the key stands in it or in `headers`."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """Without what a URL may hold beside it, for people."""
        return urlsplit(self.url).hostname or ""


def status(question: Question) -> int:
    """The HTTP status of the answer; a redirect is an answer and is not followed, so that the key goes nowhere else.

    Proxies are those of the environment (HTTPS_PROXY, NO_PROXY); ~/.netrc is not read, since it would replace the key.
    Raises CouldNotFindOut where nobody answers, UsageError where no HTTP request can carry the key.
    """
    import logging

    import requests

    # urllib3 2 writes the path of each request at debug level.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    try:
        with requests.get(
            question.url,
            headers=dict(question.headers),
            auth=_unchanged,
            allow_redirects=False,
            timeout=(_CONNECT, _READ),
            stream=True,
        ) as response:
            return response.status_code
    except requests.exceptions.InvalidHeader:
        unfit, trouble = True, ""
    except UnicodeError:
        unfit, trouble = True, ""
    except requests.RequestException as error:
        unfit, trouble = False, _named(error)
    # Raised out here, so that no exception with the address in it hangs on to this one.
    if unfit:
        raise UsageError("the value holds signs that no HTTP header can carry", hint="was it pasted whole?")
    raise CouldNotFindOut(
        f"{question.host} did not answer ({trouble})",
        where="this machine",
        hint="is it reachable from here? A proxy is taken from HTTPS_PROXY",
    )


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An authentication of one's own keeps requests from looking into ~/.netrc (requests 2, Session.prepare_request)."""
    return request


def _named(error: Exception) -> str:
    """Why, in the name of the error: its text holds the address."""
    return type(error).__name__
