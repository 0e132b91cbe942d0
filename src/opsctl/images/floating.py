"""Which tags float: may name another image tomorrow without anybody writing another tag.

A tag is fixed where it holds what only one build has: a full version, a date, a commit, a counted pre-release. Words around
it (`v1.81.3-stable`, `nightly-20260803`) change nothing then. Everything else floats. Fixed here means what publishers
mean by such a tag; whether it really stays is what the digest in the lock is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal


@dataclass(frozen=True, slots=True)
class TwoParts:
    """A repository whose full versions have two parts, from this major version on; what a step of the second part is."""

    since: int
    step: Literal["patch", "minor"]


TWO_PARTS: Mapping[str, TwoParts] = {
    # postgresql.org/support/versioning: since 10 the second number counts the minor releases, which only mend.
    "library/postgres": TwoParts(10, "patch"),
    "cloudnative-pg/postgresql": TwoParts(10, "patch"),
    # official-images library/debian: 12.13 is the point release of bookworm.
    "library/debian": TwoParts(0, "patch"),
    # jenkins.io/download: the weekly line is 2.470; the LTS line, 2.462.1, has three.
    "jenkins/jenkins": TwoParts(2, "minor"),
}
"""By the path of the repository below its registry."""
_COPIES = {
    name.removeprefix("library/"): known for name, known in TWO_PARTS.items() if name.startswith("library/")
}

# fmt: off
CHANNELS = frozenset({
    # Branches and what is built from them.
    "master", "main", "trunk", "head", "tip", "dev", "devel", "develop", "development", "ci", "nightly", "daily", "weekly",
    "snapshot", "snapshots",
    # Stages on the way to a release.
    "alpha", "beta", "rc", "pre", "prerelease", "preview", "next", "canary", "edge", "unstable", "experimental", "testing",
    "test", "staging", "insiders", "insider", "ea",
    # The newest of a kind: mssql/server 2022-latest, nginx mainline, jenkins lts, immich release.
    "latest", "newest", "current", "stable", "mainline", "release", "released", "rolling", "lts", "prod", "production", "live",
    # official-images library/debian.
    "oldstable", "oldoldstable", "backports", "sid",
})
"""Words that name a line of builds; no version."""

# maven.apache.org, "What is a SNAPSHOT version?"; docker.elastic.co has 8.15.0-SNAPSHOT, built anew every night.
_MOVES_BY_DEFINITION = frozenset({"snapshot", "latest"})
BASES = frozenset({
    # Distributions and their releases.
    "alpine", "debian", "ubuntu", "fedora", "centos", "rocky", "rockylinux", "almalinux", "ubi", "ol", "oraclelinux",
    "amazonlinux", "al", "photon", "distroless", "windowsservercore", "nanoserver", "ltsc",
    "buster", "bullseye", "bookworm", "trixie", "forky", "xenial", "bionic", "focal", "jammy", "noble", "resolute",
    # Languages and run times that an image brings along.
    "python", "py", "php", "ruby", "rails", "node", "nodejs", "go", "golang", "rust", "java", "jdk", "jre", "openjdk",
    "temurin", "corretto", "graalvm", "dotnet", "perl", "elixir", "erlang", "otp", "pg", "postgres", "postgresql", "mysql",
    "cuda", "cudnn", "rocm",
    # Architectures: arm64v8, arm32v7, amd64, i386.
    "amd", "arm", "aarch", "armhf", "armv", "x", "i", "riscv", "ppc", "s",
})
"""What a number behind these words counts is not the version of the image."""
# fmt: on

_PRE = r"(?:alpha|beta|rc|pre|preview|dev|milestone|cr|canary|nightly|[abcm])"
_DATE = re.compile(r"(?<!\d)20\d\d([-._]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)")
_VERSION = re.compile(r"(?P<word>[a-z]*)(?P<numbers>\d+(?:\.\d+)*)(?P<rest>.*)")
_COUNTED_PRE = re.compile(rf"(?<=\d)[-._+]?{_PRE}[-._]?\d+(?![a-z0-9])")
_COMMIT = re.compile(r"g?(?=[0-9a-f]*\d)[0-9a-f]{7,64}")
# eclipse-temurin and openjdk: 8u342.
_UPDATE = re.compile(r"\d+u\d+")
# `version-1.2.3` of lscr.io, `release-1.2.3`, `v1.2.3`, `r1.2.3`.
_SAYS_VERSION = frozenset({"", "v", "ver", "version", "r", "rel", "release"})
_SAYS_BUILD = frozenset({"sha", "git", "commit", "build"})
_FULL = 3
# photoprism/photoprism:240711, and numbers of builds; no software has come to a fifth digit in its major version.
_DIGITS_OF_A_BUILD = 5


def floating(tag: str, repository: str = "") -> str:
    """Why a tag floats, as a short reason; "" where it names one version.

    `repository` is its path below the registry (`library/postgres`): in some, two numbers are a full version. The reasons
    are "no tag", "no version: WORD", "major version only", "major and minor version only" and "moves by definition: WORD".
    """
    if not tag:
        return "no tag"
    lower = tag.lower()
    words = re.split(r"[-_.+]", lower)
    if _DATE.search(lower) or any(is_commit(word) for word in words):
        return ""
    pieces = re.split(r"[-_+]", lower)
    versions = [numbers for at in range(len(pieces)) if (numbers := _version(pieces, at))]
    longest = max(versions, key=lambda numbers: numbers.count("."), default="")
    if _names_a_build(lower, pieces) or _is_full(longest, repository):
        moving = next((word for word in words if word in _MOVES_BY_DEFINITION), "")
        return f"moves by definition: {moving}" if moving and longest else ""
    if longest:
        return "major and minor version only" if "." in versions[0] else "major version only"
    return f"no version: {next((word for word in words if word in CHANNELS), tag)}"


def is_commit(word: str) -> bool:
    """Whether a word is a commit's hash, short or long, or a number of that length."""
    return _COMMIT.fullmatch(word) is not None


def _version(pieces: list[str], at: int) -> str:
    """The numbers of one piece, such as `1.81.3` of `v1.81.3`, where they count the image itself; else ""."""
    match = _VERSION.match(pieces[at])
    if not match:
        return ""
    word, numbers, before = match["word"], match["numbers"], pieces[at - 1] if at else ""
    if word not in _SAYS_VERSION:
        return numbers if numbers.count(".") >= _FULL - 1 and word not in BASES else ""
    return "" if word == "" and before in BASES else numbers


def two_parts(repository: str) -> TwoParts | None:
    """What is known of a repository whose versions have two parts; a copy elsewhere bears the same last name."""
    return TWO_PARTS.get(repository) or _COPIES.get(repository.rpartition("/")[2])


def _is_full(numbers: str, repository: str) -> bool:
    parts = numbers.split(".")
    two = two_parts(repository)
    return len(parts) >= _FULL or (two is not None and len(parts) == _FULL - 1 and int(parts[0]) >= two.since)


def _names_a_build(tag: str, pieces: list[str]) -> bool:
    """Whether a word of it, or two neighbours, can only be one build's: `19beta3`, `240711`, `sha-abcdefa`, `build-12`."""
    if any(
        (piece.isdecimal() and len(piece) >= _DIGITS_OF_A_BUILD) or _UPDATE.match(piece) for piece in pieces
    ):
        return True
    return _COUNTED_PRE.search(tag) is not None or any(
        first in _SAYS_BUILD and re.fullmatch(r"[0-9a-f]{7,64}|\d+", second)
        for first, second in pairwise(pieces)
    )
