"""Keys that a provider gives out: a person brings the new one, a free question proves it, the person revokes the old."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from opsctl.edges.provider import Question, status
from opsctl.errors import CouldNotFindOut, UsageError
from opsctl.flows.rotation.drivers.contract import Means
from opsctl.flows.rotation.drivers.targets import Target
from opsctl.model.nearest import nearest
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate

NAME = "provider"
VALUE = "{value}"
_KEYS = ("api", "url", "header")
_REFUSED = frozenset({401, 403})
_SUCCESS = range(200, 300)
_PAUSES = (1.0, 2.0, 4.0)
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Api:
    """A GET that costs nothing and that only a valid key may ask. `{value}` stands for the key.

    `proven` is False as long as nobody has seen it answer: what is in the table below was read, not run.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    refused: frozenset[int] = _REFUSED
    proven: bool = True

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def question(self, value: str) -> Question:
        headers = {name: text.replace(VALUE, value) for name, text in self.headers}
        return Question(self.url.replace(VALUE, quote(value, safe=":")), headers)


_BEARER = (("Authorization", f"Bearer {VALUE}"),)
APIS: Mapping[str, Api] = {
    # platform.claude.com/docs/en/api/models-list
    "anthropic": Api(
        "https://api.anthropic.com/v1/models",
        (("x-api-key", VALUE), ("anthropic-version", "2023-06-01")),
        proven=False,
    ),
    # developers.openai.com/api/reference, List models
    "openai": Api("https://api.openai.com/v1/models", _BEARER, proven=False),
    # openrouter.ai/docs/api/api-reference/api-keys/get-current-key; its list of models answers without any key.
    "openrouter": Api("https://openrouter.ai/api/v1/key", _BEARER, proven=False),
    # core.telegram.org/bots/api, getMe; a token of another shape than theirs is answered with 404.
    "telegram": Api(f"https://api.telegram.org/bot{VALUE}/getMe", refused=_REFUSED | {404}, proven=False),
}


def api_of(name: str, values: Mapping[str, str]) -> Api:
    """What the target says. Raises UsageError that names the key."""
    target = Target.read(name, NAME, values, _KEYS)
    api, url, header = target.get("api"), target.get("url"), target.get("header")
    if api:
        if url or header:
            raise target.wrong(
                "api", "stands beside url or header", "one of the two says how the key is tried"
            )
        if api not in APIS:
            raise target.wrong(
                "api", f"{api!r} is not known", nearest(api, APIS) or "name url and header instead"
            )
        return APIS[api]
    url = target.need(
        "url",
        f"a free GET that only a valid key may ask, with header: 'Authorization: Bearer {VALUE}';"
        f" or api: {', '.join(sorted(APIS))}",
    )
    return Api(_checked_url(target, url), _headers(target, url, header))


def _checked_url(target: Target, url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise target.wrong("url", "is not a URL") from None
    if not host or VALUE in parts.netloc or parts.username is not None:
        raise target.wrong(
            "url", "names no host", "https://HOST/PATH; the key may stand in its path or query"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _HERE):
        raise target.wrong("url", "is not https", "anybody on the way could read the key")
    return url


def _headers(target: Target, url: str, header: str) -> tuple[tuple[str, str], ...]:
    name, colon, text = header.partition(":")
    if header and not (colon and name.strip() and VALUE in text):
        raise target.wrong("header", f"does not say where the key stands: 'Authorization: Bearer {VALUE}'")
    if (VALUE in url) == bool(header):
        raise target.wrong("url", f"{VALUE} stands once, in url or in header")
    return ((name.strip(), text.strip()),) if header else ()


@dataclass(frozen=True, slots=True)
class Provider:
    """The driver of a pasted key. Its provider takes old and new until the person revokes the old one there."""

    means: Means
    api: Api

    @property
    def system(self) -> str:
        return self.api.host

    @property
    def steps(self) -> tuple[str, str, str]:
        unproved = "" if self.api.proven else " (unproved: read in its documentation, never run)"
        return "", f"ask {self.api.host} with it, a GET that costs nothing{unproved}", ""

    @property
    def overlaps(self) -> bool:
        return True

    def check(self) -> None:
        return

    def create(self, secret: Secret, version: str) -> Candidate:  # noqa: ARG002 - the contract's
        value = self.means.paste(f"the new {self.means.name}, as {self.api.host} gave it").strip()
        if not value:
            raise UsageError(
                f"no value for {self.means.name}", hint=f"make a new key at {self.api.host}, and paste it"
            )
        if any(value == one.value for one in self.means.known()):
            raise UsageError(
                f"that is a value that {self.means.name} has already", hint="make a new key first"
            )
        return Candidate(version, value)

    def set(self, value: Candidate) -> None:  # noqa: ARG002 - the contract's
        return

    def test(self, value: Candidate) -> bool:
        question = self.api.question(value.value)
        for pause in _PAUSES:
            told = self._asked(question)
            if isinstance(told, bool):
                return told
            self.means.world.clock.sleep(pause)
        told = self._asked(question)
        if isinstance(told, bool):
            return told
        raise told

    def finish(self, keep: Candidate, drop: Candidate | None) -> None:
        """Nothing: only the person can revoke the old key, and is asked to by whoever calls this."""

    def _asked(self, question: Question) -> bool | CouldNotFindOut:
        try:
            code = status(question)
        except CouldNotFindOut as error:
            return error
        if code in _SUCCESS:
            return True
        if code in self.api.refused:
            return False
        return CouldNotFindOut(
            f"{self.api.host} answered neither yes nor no to the key: HTTP {code}",
            hint="it may be busy, or target.url leads elsewhere: a redirect is not followed, lest the key go with it",
        )


def provider(means: Means) -> Provider:
    return Provider(means, api_of(means.name, means.target))
