"""From an endpoint and a path to an answer: TLS or not, and redirects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from opsctl.edges.registry.endpoints import Endpoint, Endpoints
from opsctl.edges.registry.patience import Errand, Patience
from opsctl.edges.registry.transport import Answer, Exchange
from opsctl.edges.registry.troubles import Kind, Trouble
from opsctl.errors import RegistryUnavailable

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_MAY_SPEAK_PLAINLY = {Kind.NO_TLS, Kind.REFUSED, Kind.SLOW, Kind.SILENT, Kind.BROKEN}
_BAD_REQUEST = 400
"""What Go's server answers to plain HTTP where it speaks TLS."""


@dataclass(frozen=True, slots=True)
class Question:
    """`most` bytes of answer; `authorization` is the header's value, "" for none; `form` is posted."""

    method: str
    path: str
    most: int
    accept: tuple[str, ...] = ()
    authorization: str = field(default="", repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


class Reach:
    """Every method raises RegistryUnavailable where no answer comes."""

    def __init__(self, patience: Patience, endpoints: Endpoints) -> None:
        self._patience = patience
        self._endpoints = endpoints
        self._schemes: dict[str, str] = {}

    def ask(self, endpoint: Endpoint, question: Question, errand: Errand) -> Answer:
        """By HTTPS; an insecure endpoint that does not speak it is asked in plain HTTP, as by Docker."""
        try:
            return self._ask(endpoint, question, errand)
        except Trouble as raised:
            trouble = raised
        raise _unavailable(trouble, endpoint, errand)

    def fetch(self, url: str, like: Endpoint, question: Question, errand: Errand) -> Answer:
        """From an address that `like` has named; the path of the question is not used."""
        endpoint = like
        try:
            origin(url)
            endpoint = self._endpoints.at(urlsplit(url).netloc, like)
            return self._follow(url, endpoint, question, errand)
        except Trouble as raised:
            trouble = raised
        raise _unavailable(trouble, endpoint, errand)

    def _ask(self, endpoint: Endpoint, question: Question, errand: Errand) -> Answer:
        rest = f"{endpoint.host}{question.path}"
        scheme = self._schemes.get(endpoint.host, "")
        if scheme or not endpoint.is_insecure:
            return self._follow(f"{scheme or 'https'}://{rest}", endpoint, question, errand)
        try:
            answer = self._follow(f"https://{rest}", endpoint, question, errand, again=0)
        except Trouble as trouble:
            if trouble.kind not in _MAY_SPEAK_PLAINLY:
                raise
        else:
            self._schemes[endpoint.host] = "https"
            return answer
        answer = self._follow(f"http://{rest}", endpoint, question, errand)
        if answer.status != _BAD_REQUEST:
            self._schemes[endpoint.host] = "http"
        return answer

    def _follow(
        self, url: str, endpoint: Endpoint, question: Question, errand: Errand, *, again: int = 2
    ) -> Answer:
        at = endpoint
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                answer = self._patience.ask(_exchange(url, at, question), at, errand, again=again)
            except Trouble as trouble:
                if at is endpoint:
                    raise
                raise Trouble(
                    Kind.UNUSABLE, f"sends us on to {at.host}, which {trouble.words}", hint=trouble.hint
                ) from None
            location = answer.headers.get("Location", "")
            if answer.status not in _REDIRECTS or not location or question.form is not None:
                return answer
            target = urljoin(url, location)
            at = self._endpoints.at(_netloc(target, endpoint), endpoint)
            if origin(target) != origin(url):
                # What was meant for one server is told to no other, nor to the first when another leads back.
                question = replace(question, authorization="")
            url = target
        raise Trouble(Kind.UNUSABLE, f"redirects more than {_MOST_REDIRECTS} times")


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, name and port. Raises Trouble for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc:
        raise Trouble(Kind.UNUSABLE, "names an address that cannot be asked")
    return parts.scheme, parts.hostname, port


def _netloc(target: str, endpoint: Endpoint) -> str:
    scheme, _, _ = origin(target)
    if scheme != "https" and not endpoint.is_insecure:
        raise Trouble(Kind.UNUSABLE, "redirects from HTTPS to plain HTTP")
    return urlsplit(target).netloc


def _exchange(url: str, endpoint: Endpoint, question: Question) -> Exchange:
    headers = {}
    if question.accept:
        headers["Accept"] = ", ".join(question.accept)
    if question.authorization:
        headers["Authorization"] = question.authorization
    return Exchange(question.method, url, endpoint.verify, question.most, headers, question.form)


def _unavailable(trouble: Trouble, endpoint: Endpoint, errand: Errand) -> RegistryUnavailable:
    hint = trouble.hint
    if trouble.kind is Kind.NO_TLS:
        hint = f'if it may be asked without TLS: insecure = true under [registries."{endpoint.registry}"] in hosts.toml'
    return RegistryUnavailable(f"{endpoint.host} {trouble.words}", where=errand.where, hint=hint)
