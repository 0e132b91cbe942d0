"""Messages to people, by HTTP from this machine. Addresses are never told, since they hold tokens."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsctl.errors import CouldNotFindOut, UsageError

if TYPE_CHECKING:
    import requests

_CONNECT, _READ = 10.0, 20.0


@dataclass(frozen=True, slots=True)
class Telegram:
    """A bot and the chat it writes to (Bot API, sendMessage)."""

    api: str
    token: str = field(repr=False)
    chat: str


@dataclass(frozen=True, slots=True)
class Post:
    """An address that takes a JSON object with `text` (Slack, Mattermost, Rocket.Chat, one of your own)."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Apprise:
    """An address of the package apprise: `tgram://…`, `mailto://…`, `ntfy://…`."""

    url: str = field(repr=False)


Recipient = Telegram | Post | Apprise


def send(recipient: Recipient, text: str) -> None:
    """Raises CouldNotFindOut where it did not arrive, UsageError where it never can: no https, or apprise is not installed."""
    match recipient:
        case Telegram():
            url = f"{recipient.api.rstrip('/')}/bot{recipient.token}/sendMessage"
            _post(url, {"chat_id": recipient.chat, "text": text, "disable_web_page_preview": True})
        case Post():
            _post(recipient.url, {"text": text})
        case Apprise():
            _apprise(recipient.url, text)


def require_usable(recipient: Recipient) -> None:
    """Before the first round. Raises UsageError as `send` does."""
    if isinstance(recipient, Apprise):
        _apprise_package()
    else:
        _require_https(recipient.api if isinstance(recipient, Telegram) else recipient.url)


def _require_https(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    ):
        raise UsageError(
            "the notifier's address is not https", where="[notify]", hint="http is for this machine alone"
        )


def _post(url: str, body: dict[str, Any]) -> None:
    """Redirects are not followed, so that the token goes nowhere else; ~/.netrc is not read."""
    import logging

    import requests

    _require_https(url)
    # urllib3 2 writes the path of each request at debug level.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    host = urlsplit(url).hostname or "the notifier"
    try:
        with requests.post(
            url, json=body, auth=_unchanged, allow_redirects=False, timeout=(_CONNECT, _READ), stream=True
        ) as response:
            trouble = "" if response.ok and not response.is_redirect else f"answered {response.status_code}"
    except (requests.RequestException, UnicodeError) as error:
        trouble = f"did not answer ({type(error).__name__})"
    # Raised out here, so that no exception with the address in it hangs on to this one.
    if trouble:
        raise CouldNotFindOut(f"{host} {trouble}", where="[notify]")


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _apprise_package() -> Any:
    try:
        return importlib.import_module("apprise")
    except ImportError:
        raise UsageError(
            "apprise is not installed", where="[notify]", hint="pip install 'opsctl[notify]'"
        ) from None


def _apprise(url: str, text: str) -> None:
    sender = _apprise_package().Apprise()
    if not sender.add(url):
        raise UsageError("apprise knows no such address", where="[notify]")
    if not sender.notify(body=text, title=""):
        raise CouldNotFindOut("apprise could not deliver the message", where="[notify]")
