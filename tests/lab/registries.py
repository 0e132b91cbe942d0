"""Real registries of one test at the machine's lab address, over one storage: open, with Basic or Bearer auth, over TLS.

    with ExitStack() as stack:
        enter = stack.enter_context
        open_one = enter(served(folder, storage))                             # to push
        tokens = enter(token_server(folder, {"ann": "password"}))
        name = enter(served(folder, storage, auth=tokens.auth, tls=leaf))

Each ends with its block, and with this process should that be killed.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.fakes.certificates import Authority, Leaf
from tests.fakes.registry_server import Asked, RegistryServer, Reply, json_reply
from tests.lab.machines.layout import MACHINE_ADDRESS
from tests.lab.machines.processes import until
from tests.lab.machines.registry import CONFIGURATION, PROGRAM

_READY = {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED}
_TLS = "  tls: {{certificate: {certificate}, key: {key}}}\n"
_BASIC = "auth: {{htpasswd: {{realm: lab, path: {file}}}}}\n"
_BEARER = (
    "auth: {{token: {{realm: '{realm}', service: {service}, issuer: {issuer}, rootcertbundle: {bundle}}}}}\n"
)
_SERVICE, _ISSUER = "lab-registry", "lab-tokens"
_LIFE = 300


@contextmanager
def served(folder: Path, storage: Path, *, auth: str = "", tls: Leaf | None = None) -> Iterator[str]:
    """A docker-registry process on a storage folder; gives its host:port. `auth` is YAML of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server((MACHINE_ADDRESS, 0)) as probe:
        port = int(probe.getsockname()[1])
    settings = CONFIGURATION.format(storage=storage, address=MACHINE_ADDRESS, port=port)
    if tls:
        settings = settings.replace("http: {addr:", "http:\n  addr:").replace(f':{port}"}}', f':{port}"')
        settings += _TLS.format(certificate=tls.certificate, key=tls.key)
    configuration = folder / f"registry-{port}.yml"
    configuration.write_text(settings + auth)
    log = configuration.with_suffix(".log")
    argv = ["setpriv", "--pdeathsig", "KILL", PROGRAM, "serve", str(configuration)]
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        until(lambda: _answers(port, over_tls=tls is not None), "the registry", seconds=15, log=log)
        yield f"{MACHINE_ADDRESS}:{port}"
    finally:
        process.kill()
        process.wait(10)


def basic(folder: Path, users: Mapping[str, str]) -> str:
    """The `auth` of a registry that knows these users by their passwords."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "htpasswd"
    lines = [
        f"{user}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode()}" for user, word in users.items()
    ]
    file.write_text("\n".join(lines) + "\n")
    return _BASIC.format(file=file)


class TokenServer(RegistryServer):
    """Gives tokens that a real registry believes: JWT, ES256, the certificate in `x5c`.

    Users may pull and push everything; anybody may pull what is `public`, and is given a token for nothing else.
    """

    def __init__(
        self, folder: Path, users: Mapping[str, str], *, public: frozenset[str], tls: Leaf | None
    ) -> None:
        super().__init__(tls.context() if tls else None, MACHINE_ADDRESS)
        authority = Authority(folder, "Lab tokens")
        signer = authority.leaf("tokens.lab")
        key = serialization.load_pem_private_key(signer.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        certificate = x509.load_pem_x509_certificate(signer.certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        self._header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        self._users = users
        self._public = public
        self.auth = _BEARER.format(
            realm=f"{self.url}/token", service=_SERVICE, issuer=_ISSUER, bundle=authority.path
        )
        self.on("/token", self._issue)

    def _issue(self, asked: Asked) -> Reply:
        said = asked.headers.get("Authorization", "")
        user, _, word = base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")
        if said and self._users.get(user) != word:
            return json_reply({"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}, 401)
        access: list[dict[str, object]] = []
        for scope in asked.query.get("scope", []):
            kind, name, actions = scope.split(":")
            if said or (name in self._public and actions == "pull"):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        return json_reply({"token": self._signed(user, access), "expires_in": _LIFE})

    def _signed(self, user: str, access: list[dict[str, object]]) -> str:
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "sub": user,
            "aud": _SERVICE,
            "iat": now,
            "nbf": now - 5,
            "exp": now + _LIFE,
            "jti": f"{now}-{len(self.seen)}",
            "access": access,
        }
        text = ".".join(_base64(json.dumps(part).encode()) for part in (self._header, claims))
        numbers = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_base64(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


@contextmanager
def token_server(
    folder: Path,
    users: Mapping[str, str],
    *,
    public: frozenset[str] = frozenset(),
    tls: Leaf | None = None,
) -> Iterator[TokenServer]:
    """Its `auth` is what a registry's configuration needs; `seen` is what it was asked."""
    folder.mkdir(parents=True, exist_ok=True)
    with TokenServer(folder, users, public=public, tls=tls) as server:
        yield server


@contextmanager
def front(registry: str, before: Callable[[Asked], Reply | None]) -> Iterator[RegistryServer]:
    """A server in front of a registry in plain HTTP: what `before` answers, else what the registry does."""

    def guard(asked: Asked) -> Reply | None:
        return before(asked) or _forwarded(registry, asked)

    with RegistryServer(address=MACHINE_ADDRESS) as server:
        server.guard = guard
        yield server


def _forwarded(registry: str, asked: Asked) -> Reply:
    target = asked.path + (f"?{urlencode(asked.query, doseq=True)}" if asked.query else "")
    with closing(http.client.HTTPConnection(registry, timeout=10)) as connection:
        connection.request(asked.method, target, asked.body or None, dict(asked.headers))
        answer = connection.getresponse()
        body = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name != "Transfer-Encoding"}
    return Reply(answer.status, body, headers)


def raw(
    registry: str, path: str, *, method: str = "GET", accept: str = ""
) -> tuple[Mapping[str, str], bytes]:
    """What a registry in plain HTTP says, by nothing but the standard library: headers and bytes of a 200."""
    with closing(http.client.HTTPConnection(registry, timeout=10)) as connection:
        connection.request(method, path, headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        body = answer.read()
    assert answer.status == HTTPStatus.OK, f"{path}: {answer.status} {body[:300]!r}"
    return dict(answer.getheaders()), body


def unused_port() -> int:
    """A port of the lab address where nobody listens."""
    with socket.create_server((MACHINE_ADDRESS, 0)) as probe:
        return int(probe.getsockname()[1])


def _answers(port: int, *, over_tls: bool) -> bool:
    connection = http.client.HTTPConnection(MACHINE_ADDRESS, port, timeout=1)
    if over_tls:
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(MACHINE_ADDRESS, port, timeout=1, context=anybody)
    try:
        with closing(connection):
            connection.request("GET", "/v2/")
            return connection.getresponse().status in _READY
    except OSError:
        return False


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
