"""Who we are at a registry: docker's config.json, else hosts.toml."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsctl.images.credentials import Credentials
from opsctl.model.references import DOCKER_HUB

_HUB_SERVER = "https://index.docker.io/v1/"
"""What Docker Hub is called in config.json and by helpers."""
_IDENTITY = "<token>"
"""The user's name where the secret is an identity token (docker-credential-helpers)."""
_NOT_FOUND = b"credentials not found in native keychain"


@dataclass(frozen=True, slots=True)
class Login:
    """`credentials` is None where nobody has any. `source` is where they are from, or why a place could not be read."""

    credentials: Credentials | None
    source: str = ""

    @property
    def is_identity(self) -> bool:
        return self.credentials is not None and self.credentials.username == _IDENTITY

    def __str__(self) -> str:
        if not self.credentials:
            return f"not logged in ({self.source})" if self.source else "not logged in"
        user = "an identity token" if self.is_identity else self.credentials.username
        return f"logged in as {user} ({self.source})"


class Logins:
    """Each registry's is looked for once. Threads share it.

    What is wrong with config.json or with a helper is no error, as for `docker pull`: most images are public. It is told
    where a registry then refuses.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        login: Callable[[str], Credentials | None],
        helper_timeout: float,
    ) -> None:
        self._environ = environ
        self._login = login
        self._helper_timeout = helper_timeout
        self._lock = threading.Lock()
        self._found: dict[str, Login] = {}

    def of(self, registry: str) -> Login:
        """What `login` raises goes through."""
        with self._lock:
            if registry not in self._found:
                self._found[registry] = self._find(registry)
            return self._found[registry]

    def known(self, registry: str) -> Login:
        """As `of`, without looking."""
        return self._found.get(registry, Login(None))

    def _find(self, registry: str) -> Login:
        remark = ""
        try:
            if found := self._docker(registry):
                return Login(found, str(self._config_file))
        except (_HelperFailed, _Unreadable) as error:
            remark = str(error)
        if found := self._login(registry):
            return Login(found, "hosts.toml")
        return Login(None, remark)

    @property
    def _config_file(self) -> Path:
        folder = self._environ.get("DOCKER_CONFIG")
        return (
            Path(folder) if folder else Path(self._environ.get("HOME") or Path.home(), ".docker")
        ) / "config.json"

    def _docker(self, registry: str) -> Credentials | None:
        settings = self._config()
        server = _HUB_SERVER if registry == DOCKER_HUB else registry
        helpers = settings.get("credHelpers")
        helper = (helpers.get(server) if isinstance(helpers, dict) else "") or settings.get("credsStore")
        if helper and (found := _ask_helper(str(helper), server, self._environ, self._helper_timeout)):
            return found
        return self._written(settings, registry)

    def _config(self) -> dict[str, Any]:
        path = self._config_file
        try:
            read = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            reason = error.strerror or "it cannot be read"
        except ValueError:
            reason = "it is not JSON"
        else:
            if isinstance(read, dict):
                return read
            reason = "it is no object"
        # Raised out here: JSON's error holds the whole text.
        raise _Unreadable(f"{path}: {reason}")

    def _written(self, settings: Mapping[str, Any], registry: str) -> Credentials | None:
        """Of `auths`, read and matched by the Docker SDK: keys may be names or old addresses with https:// and a path."""
        auths = settings.get("auths")
        if not auths:
            return None
        from docker.auth import load_config
        from docker.errors import DockerException

        try:
            found = load_config(config_dict={"auths": dict(auths)}).resolve_authconfig(registry) or {}
        except (DockerException, ValueError, TypeError, AttributeError):
            found = None
        if found is None:
            # Raised out here: the error of a password that is no UTF-8 holds it.
            raise _Unreadable(f"{self._config_file}: an entry of auths is none that `docker login` writes")
        if token := found.get("IdentityToken"):
            return Credentials(_IDENTITY, token)
        return Credentials(found["username"], found["password"]) if found.get("username") else None


class _Unreadable(Exception):
    pass


class _HelperFailed(Exception):
    """In words of our own: what a helper prints may be the secret."""


def _ask_helper(name: str, server: str, environ: Mapping[str, str], timeout: float) -> Credentials | None:
    """What docker-credential-NAME keeps for a server, None where it keeps nothing (docker-credential-helpers 0.9: `get`, the
    server on stdin, JSON on stdout). `timeout` in seconds. Raises _HelperFailed.

    Not by the Docker SDK: docker 7.2 waits for a helper without end, and lets it write to the terminal.
    """
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environ.get("PATH"))
    if not path:
        raise _HelperFailed(f"{program} is not installed")
    try:
        ended = subprocess.run(
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            env=dict(environ),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        trouble = f"did not end within {timeout:g} s"
    except OSError as error:
        trouble = f"cannot be run: {error.strerror}"
    else:
        if ended.returncode == 0:
            return _helper_answer(program, ended.stdout)
        if _NOT_FOUND in ended.stdout:
            return None
        trouble = f"ended with code {ended.returncode}"
    # Raised out here: a TimeoutExpired holds what the helper printed.
    raise _HelperFailed(f"{program} {trouble}")


def _helper_answer(program: str, printed: bytes) -> Credentials | None:
    try:
        told = json.loads(printed)
        username, secret = str(told["Username"]), str(told["Secret"])
    except (ValueError, TypeError, KeyError):
        told = None
    if told is None:
        raise _HelperFailed(f"{program} printed what is no answer")
    # docker-credential-pass answers so for a server that it does not know.
    return Credentials(username, secret) if username or secret else None
