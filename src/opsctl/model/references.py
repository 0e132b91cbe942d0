"""References of images: `repository[:tag][@digest]`, as the engine reads them (distribution/reference, v0.6.0)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from opsctl.model.values import Unfit

DOCKER_HUB = "docker.io"
IMPLIED_TAG = "latest"
"""What the engine takes where a reference has neither tag nor digest."""
BUILT_HERE = "opsctl.local"
"""The registry's part of the names of images that opsctl builds; nothing answers there."""

_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_REGISTRY = re.compile(_HOST)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_NAME = 255
# Not registry-1.docker.io, where Docker Hub answers: to an engine (20.10) that is another registry, with names of its own.
_HUB_NAMES = frozenset({"index.docker.io", DOCKER_HUB})


@dataclass(frozen=True, slots=True)
class Reference:
    """One image, taken apart.

    `registry` is host[:port], docker.io where the text names none; `path` is the repository below it, with `library/` for
    the official images. `tag` and `digest` are "" where the text has none. `name` is the repository as it was written.
    """

    registry: str
    path: str
    tag: str
    digest: str
    name: str

    @property
    def known_tag(self) -> str:
        """The tag that the engine would pull: the written one, `latest` where there is neither tag nor digest."""
        return self.tag or ("" if self.digest else IMPLIED_TAG)

    @property
    def familiar_name(self) -> str:
        """The repository as the engine lists it: docker.io/ and library/ are left out."""
        if self.registry != DOCKER_HUB:
            return f"{self.registry}/{self.path}"
        return self.path.removeprefix("library/") if self.path.count("/") == 1 else self.path

    @property
    def key(self) -> str:
        """What the lock calls it: `repository:tag` as the engine lists it, whatever its digest."""
        return f"{self.familiar_name}:{self.tag or IMPLIED_TAG}"

    @property
    def is_built_here(self) -> bool:
        return self.registry == BUILT_HERE

    def pinned(self, digest: str) -> Reference:
        """The same with its tag spelled out and this digest."""
        return replace(self, tag=self.tag or IMPLIED_TAG, digest=digest)

    def __str__(self) -> str:
        """`name[:tag][@digest]`, the repository as it was written."""
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Raises Unfit for what the engine would refuse."""
    name, at, digest = text.partition("@")
    head, slash, last = name.rpartition("/")
    repository, colon, tag = last.partition(":")
    name = head + slash + repository
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    registry, path = (first, rest) if has_host else (DOCKER_HUB, name)
    if registry in _HUB_NAMES:
        registry, path = DOCKER_HUB, path if "/" in path else f"library/{path}"
    if not _REGISTRY.fullmatch(registry) or not _PATH.fullmatch(path) or len(name) > _LONGEST_NAME:
        hint = "a repository is written in small letters" if text != text.lower() else ""
        raise Unfit(f"{text!r} is not the name of an image", hint or "write repository:tag")
    if colon and not _TAG.fullmatch(tag):
        raise Unfit(f"{text!r} has no proper tag", "a tag is letters, digits, '_', '.' and '-', at most 128")
    if at and not _DIGEST.fullmatch(digest):
        raise Unfit(f"{text!r} has no proper digest", "a digest is sha256: and 64 hexadecimal digits")
    return Reference(registry, path, tag, digest, name)


def familiar(text: str) -> str:
    """A reference as the engine writes it in RepoTags and RepoDigests; text that is none stays as it is.

    docker.io/ and library/ are left out, a missing tag is `latest`, and a digest makes the tag disappear
    (distribution/reference FamiliarString; engine 20.10 ignores the tag of `repo:tag@digest`, compose-traps 12).
    """
    try:
        read = parse_reference(text)
    except Unfit:
        return text
    return f"{read.familiar_name}@{read.digest}" if read.digest else read.key


def brief(text: str) -> str:
    """A reference, or any text, with each digest cut to 12 digits: enough to tell two apart."""
    return _DIGEST.sub(lambda found: f"{found[0][:19]}…", text)


def check_digest(value: Any) -> str:
    """Raises Unfit."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise Unfit("this is no digest", "a digest is sha256: and 64 hexadecimal digits")
    return value


def check_registry(value: Any) -> str:
    """host[:port] of a registry; Docker Hub is docker.io. Raises Unfit."""
    if not isinstance(value, str) or not _REGISTRY.fullmatch(value):
        raise Unfit(f"{value!r} is not a registry", "write host or host:port, without https:// and path")
    return DOCKER_HUB if value in _HUB_NAMES else value


Digest = Annotated[
    str, BeforeValidator(check_digest), WithJsonSchema({"type": "string", "pattern": f"^{_DIGEST.pattern}$"})
]
RegistryName = Annotated[str, BeforeValidator(check_registry), WithJsonSchema({"type": "string"})]
