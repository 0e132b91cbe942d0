"""Talking to a Redis container: every command, and above all every password, on redis-cli's standard input.

redis-cli 6.0 and later; a Valkey image without that name has valkey-cli.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from opsctl.argv.command import Command, Completed, script
from opsctl.argv.guard import guarded
from opsctl.argv.probe import probe

__all__ = ["accepted", "administer", "keep_only", "log_in", "login", "quoted", "replies", "take_too"]

_TIMEOUT = 60.0
_PLAIN = frozenset(range(0x20, 0x7F)) - set(b'\\"')

# REDISCLI_AUTH of the container's own environment would log in with the password of the time it was made.
_ADMINISTER = """\
unset REDISCLI_AUTH
cli=redis-cli
command -v redis-cli >/dev/null || cli=valkey-cli
exec "$cli" -p "$1"
"""

_LOG_IN = """\
cli=redis-cli
command -v redis-cli >/dev/null || cli=valkey-cli
exec "$cli" -h "$2" -p "$1"
"""


def administer(
    directory: str, run: str, container: str, commands: Sequence[Sequence[str]], *, port: str
) -> Command:
    """Run commands inside the container, one after the other in one session."""
    return guarded(
        directory,
        run,
        ("docker", "exec", "--interactive", container, *script(_ADMINISTER, port)),
        stdin=_typed(commands),
        timeout=_TIMEOUT,
        privilege="both",
        label="redis-cli",
    )


def log_in(
    directory: str,
    run: str,
    *,
    image: str,
    network: str,
    host: str,
    port: str,
    user: str,
    password: str,
) -> Command:
    """Log in from a container of its own on `network`."""
    return probe(
        directory,
        run,
        image=image,
        network=network,
        source=_LOG_IN,
        arguments=(port, host),
        stdin=_typed([login(user, password)]),
        timeout=_TIMEOUT,
    )


def login(user: str, password: str) -> tuple[str, ...]:
    """With the user's name: `AUTH password` alone is an error where the default user has none."""
    return ("AUTH", user, password)


def take_too(user: str, passwords: Sequence[str]) -> tuple[str, ...]:
    """Let a user in with these passwords beside those it has."""
    return ("ACL", "SETUSER", user, *map(_hashed, passwords))


def keep_only(user: str, password: str) -> tuple[str, ...]:
    """Let a user in with this password and no other; one command, so that there is no moment without any."""
    return ("ACL", "SETUSER", user, "resetpass", _hashed(password))


def accepted(login: Completed) -> bool | None:
    """Whether an AUTH was accepted; None where that cannot be told from what was said."""
    said = replies(login)[:1]
    if said == ["OK"]:
        return True
    return False if said and said[0].startswith("WRONGPASS ") else None


def replies(completed: Completed) -> list[str]:
    """The answers, one line each; redis-cli ends with code 0 whatever they are, and puts an empty line after an error."""
    return [line for line in completed.stdout.decode(errors="replace").splitlines() if line]


def quoted(argument: str) -> str:
    """As redis-cli reads it back from a line (sdssplitargs in sds.c): in double quotes, all but plain ASCII as bytes."""
    return '"' + "".join(map(_spelled, argument.encode())) + '"'


def _spelled(byte: int) -> str:
    return chr(byte) if byte in _PLAIN else f"\\x{byte:02x}"


def _typed(commands: Sequence[Sequence[str]]) -> bytes:
    return "".join(" ".join(map(quoted, words)) + "\n" for words in commands).encode()


def _hashed(password: str) -> str:
    return "#" + hashlib.sha256(password.encode()).hexdigest()
