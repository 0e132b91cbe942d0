"""The Authorization header: Basic, or a Bearer token from the server that a registry names
(distribution-spec 1.1; distribution 2.8, docs/spec/auth/token.md).
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from opsctl.edges.ports import Clock
from opsctl.edges.registry.challenges import read_challenges
from opsctl.edges.registry.endpoints import Endpoint
from opsctl.edges.registry.logins import Login, Logins
from opsctl.edges.registry.patience import Errand
from opsctl.edges.registry.quoting import Quoting
from opsctl.edges.registry.reach import Question, Reach
from opsctl.edges.registry.transport import Answer
from opsctl.errors import RegistryUnavailable
from opsctl.images.credentials import Credentials

_OK = 200
_DEFAULT_LIFE = 60.0
_SAFETY = 10.0
"""Seconds before its end after which a token is not used any more."""
_MOST = 2**20
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Bearer:
    """What a token is for."""

    realm: str
    service: str
    scope: str

    def of(self, repository: str) -> _Bearer:
        return replace(self, scope=_scope(repository))


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    until: float


class Authorization:
    """Threads share it. Credentials are looked for after a challenge only, and go to the registry, or to its token server:
    over HTTPS, or in plain HTTP where the registry is insecure.
    """

    def __init__(self, reach: Reach, logins: Logins, quoting: Quoting, clock: Clock) -> None:
        self._reach = reach
        self._logins = logins
        self._quoting = quoting
        self._clock = clock
        self._lock = threading.Lock()
        self._basic: dict[str, str] = {}
        self._bearers: dict[str, _Bearer] = {}
        """By host: what it asked for last, whatever the repository."""
        self._odd: dict[tuple[str, str], _Bearer] = {}
        """By host and repository, where it asks for another scope than that of the repository."""
        self._tokens: dict[tuple[str, _Bearer], _Token] = {}
        """By host too: one that names the token server of another gets no token that was meant for that one."""

    def known(self, endpoint: Endpoint, repository: str, errand: Errand) -> str:
        """The header to begin with, "" where nothing is known yet. Raises RegistryUnavailable."""
        if basic := self._basic.get(endpoint.host):
            return basic
        odd, usual = self._odd.get((endpoint.host, repository)), self._bearers.get(endpoint.host)
        bearer = odd or (usual.of(repository) if usual else None)
        return self._token(endpoint, bearer, errand) if bearer else ""

    def after(self, endpoint: Endpoint, repository: str, refused: Answer, used: str, errand: Errand) -> str:
        """The header to try instead of the one that was used; "" where there is nothing else to try.

        Raises RegistryUnavailable where the token server gives none.
        """
        challenges = read_challenges(refused.headers.get("WWW-Authenticate", ""))
        for challenge in challenges:
            if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                bearer = self._remember(endpoint, repository, challenge.parameters)
                with self._lock:
                    if used and self._tokens.get((endpoint.host, bearer), _Token("", 0)).header == used:
                        del self._tokens[endpoint.host, bearer]
                return self._token(endpoint, bearer, errand)
        if not used and any(challenge.scheme == "basic" for challenge in challenges):
            login = self._logins.of(endpoint.registry)
            if login.credentials and not login.is_identity:
                self._basic[endpoint.host] = self._header(login.credentials)
                return self._basic[endpoint.host]
        return ""

    def login(self, endpoint: Endpoint) -> Login:
        """What was found so far."""
        return self._logins.known(endpoint.registry)

    def _remember(self, endpoint: Endpoint, repository: str, told: Mapping[str, str]) -> _Bearer:
        bearer = _Bearer(told["realm"], told.get("service", ""), told.get("scope", ""))
        if bearer.scope == _scope(repository):
            self._bearers[endpoint.host] = bearer
        else:
            self._odd[endpoint.host, repository] = bearer
        return bearer

    def _token(self, endpoint: Endpoint, bearer: _Bearer, errand: Errand) -> str:
        with self._lock:
            kept = self._tokens.get((endpoint.host, bearer))
        if kept and self._clock.monotonic() < kept.until:
            return kept.header
        if not bearer.realm.lower().startswith("https:") and not endpoint.is_insecure:
            raise RegistryUnavailable(
                f"{endpoint} names a token server that would be asked in plain HTTP",
                where=errand.where,
                hint=f'insecure = true under [registries."{endpoint.registry}"] in hosts.toml would allow it',
            )
        begun = self._clock.monotonic()
        answer = self._ask(endpoint, bearer, self._logins.of(endpoint.registry), errand)
        token, life = self._read(endpoint, answer, errand)
        fresh = _Token(f"Bearer {token}", begun + max(life - _SAFETY, life / 2))
        with self._lock:
            self._tokens[endpoint.host, bearer] = fresh
        return fresh.header

    def _ask(self, endpoint: Endpoint, bearer: _Bearer, login: Login, errand: Errand) -> Answer:
        scopes = [("scope", scope) for scope in bearer.scope.split()]
        asked = [("service", bearer.service), *scopes] if bearer.service else scopes
        question = Question("GET", "", _MOST)
        url = bearer.realm
        if login.is_identity and login.credentials:
            self._quoting.hide(login.credentials.password)
            token = {"refresh_token": login.credentials.password}
            form = {"grant_type": "refresh_token", "client_id": "opsctl", "service": bearer.service, **token}
            question = replace(question, method="POST", form={**form, "scope": bearer.scope})
        else:
            url += ("&" if "?" in url else "?") + urlencode(asked) if asked else ""
            if login.credentials:
                question = replace(question, authorization=self._header(login.credentials))
        return self._reach.fetch(url, endpoint, question, errand)

    def _read(self, endpoint: Endpoint, answer: Answer, errand: Errand) -> tuple[str, float]:
        """The token and its life in seconds."""
        if answer.status != _OK:
            raise RegistryUnavailable(
                f"{endpoint} does not let us see it: its token server answered {answer.status}"
                f"{self._quoting.said(answer.body)}; {self.login(endpoint)}",
                where=errand.where,
                hint=login_hint(endpoint),
            )
        try:
            told = json.loads(answer.body)
            token, life = told.get("token") or told.get("access_token"), told.get("expires_in")
        except (ValueError, AttributeError, RecursionError):
            token, life = None, None
        # Anything else would be no header, and the error of requests would quote it.
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise RegistryUnavailable(
                f"the token server of {endpoint} answers what is no token", where=errand.where
            )
        self._quoting.hide(token)
        known = isinstance(life, int | float) and not isinstance(life, bool) and life > 0
        return token, float(life) if known else _DEFAULT_LIFE

    def _header(self, credentials: Credentials) -> str:
        pair = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
        self._quoting.hide(credentials.password, pair)
        return f"Basic {pair}"


def login_hint(endpoint: Endpoint) -> str:
    name = endpoint.registry
    return (
        f'`docker login {name}` here, or a login under [registries."{name}"] in hosts.toml, '
        "or ask a host's engine: --via HOST"
    )


def _scope(repository: str) -> str:
    return f"repository:{repository}:pull"
