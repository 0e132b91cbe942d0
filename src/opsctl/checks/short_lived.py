"""A container of a host that lives for one question: bounded, labelled, and removed whatever comes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any
from zlib import crc32

from opsctl.checks.questions import OnHost, Question, Ran, leaving, ran
from opsctl.checks.situation import HostNow
from opsctl.checks.throwaway import LABEL, RUN_LABEL, Claim

# 20.10 and later know every option.
_OPTIONS = (
    *("--rm", "--pull", "never", "--network", "none", "--read-only", "--log-driver", "none"),
    *("--memory", "64m", "--pids-limit", "64", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
_SECONDS = 60.0

LIFE = 600.0
"""Seconds after which each of them has to have ended by itself: who started it may be gone."""


def name_of(host: HostNow, purpose: str, image: str) -> str:
    """Of its own for each look of each run at each host."""
    key = f"{host.desired.directory} {image} {host.run}".encode()
    return f"opsctl-{purpose}-{crc32(key):08x}-{int(host.observed.now)}"


def short_lived(
    host: HostNow, purpose: str, image: str, words: Sequence[str], *options: str
) -> Generator[Question, Any, Ran]:
    """What docker run said of `words` in an image that the host has. That the container is to be removed is said before.

    It has to end by itself within LIFE. Not a Throwaway: no lease is held, and it may mount.
    """
    name, (first, *rest) = name_of(host, purpose, image), words
    yield Claim(host.name)
    yield from leaving(_engine(host, "docker", "rm", "--force", "--volumes", name))
    named = ("--name", name, "--label", f"{LABEL}={purpose}", "--label", f"{RUN_LABEL}={host.run}")
    run = ("docker", "run", *named, *_OPTIONS, *options, "--entrypoint", first, image, *rest)
    return (yield from ran(_engine(host, *run)))


def why(answer: Ran) -> str:
    """The line of docker run that says what went wrong: a hint to its help follows it."""
    lines = answer.stderr.decode(errors="replace").splitlines()
    return next((line for line in lines if line.startswith("docker: ")), "") or answer.last_line()


def _engine(host: HostNow, *words: str) -> OnHost:
    return OnHost(host.name, words, timeout=_SECONDS, privilege="engine")
