"""The command of a Redis service: which file the server reads, and what its options say."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsctl.apps.redis.conf import Directive
from opsctl.rules.subject import split_words

_SERVERS = ("redis-server", "valkey-server")
_SHELLS = ("sh", "bash", "ash", "dash")


@dataclass(frozen=True, slots=True)
class Command:
    """`config` is "" where no file is named. `readable` is whether it starts a server in a way that can be read here."""

    config: str = ""
    options: tuple[Directive, ...] = ()
    readable: bool = True
    by_shell: bool = False


def read_command(words: Sequence[str]) -> Command:
    """What a command asks of the server. Options alone, or a file alone, mean redis-server (docker-entrypoint.sh)."""
    by_shell = len(words) > 2 and posixpath.basename(words[0]) in _SHELLS and words[1].startswith("-")  # noqa: PLR2004 sh -c script
    if by_shell:
        words = [*split_words(words[2])]
    at = next((at for at, word in enumerate(words) if posixpath.basename(word) in _SERVERS), None)
    if at is not None:
        rest = words[at + 1 :]
    elif not words or words[0].startswith("-") or words[0].endswith(".conf"):
        rest = words
    else:
        return Command(readable=False)
    config = rest[0] if rest and not rest[0].startswith("-") else ""
    if rest[:1] == ["-"]:
        return Command(readable=False)
    return Command(config, tuple(_options(rest[1:] if config else rest)), by_shell=by_shell)


def _options(words: Sequence[str]) -> Iterator[Directive]:
    name, arguments = "", list[str]()
    for word in words:
        if word.startswith("--"):
            if name:
                yield Directive(name, tuple(arguments))
            name, arguments = word[2:].lower(), []
        else:
            arguments.append(word)
    if name:
        yield Directive(name, tuple(arguments))
