"""Docker's credential helpers: `docker-credential-NAME get`, the server on stdin, JSON on stdout
(github.com/docker/docker-credential-helpers 0.9).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping

from opsctl.images.credentials import Credentials

_NOT_FOUND = b"credentials not found in native keychain"


class HelperFailed(Exception):
    """In words of our own: what a helper prints may be the secret."""


def ask_helper(name: str, server: str, environ: Mapping[str, str], timeout: float) -> Credentials | None:
    """What it keeps for a server, None where it keeps nothing. `timeout` in seconds. Raises HelperFailed.

    Not by the Docker SDK: docker 7.2 waits for a helper without end, and lets it write to the terminal.
    """
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environ.get("PATH"))
    if not path:
        raise HelperFailed(f"{program} is not installed")
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
            return _read(program, ended.stdout)
        if _NOT_FOUND in ended.stdout:
            return None
        trouble = f"ended with code {ended.returncode}"
    # Raised out here: a TimeoutExpired holds what the helper printed.
    raise HelperFailed(f"{program} {trouble}")


def _read(program: str, printed: bytes) -> Credentials | None:
    try:
        told = json.loads(printed)
        username, secret = str(told["Username"]), str(told["Secret"])
    except (ValueError, TypeError, KeyError):
        told = None
    if told is None:
        raise HelperFailed(f"{program} printed what is no answer")
    # docker-credential-pass answers so for a server that it does not know.
    return Credentials(username, secret) if username or secret else None
