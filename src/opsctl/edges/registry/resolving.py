"""From a tag to its digest and platforms, in one repository."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from opsctl.edges.registry import manifests
from opsctl.edges.registry.repository import Repository
from opsctl.edges.registry.transport import Answer
from opsctl.errors import RegistryUnavailable
from opsctl.images.resolved import Resolved

_OK = 200
_REFUSED = {401, 403}
_DIGEST = "Docker-Content-Digest"


def resolve(repository: Repository) -> Resolved:
    """Docker Hub counts GETs of manifests as pulls, and not HEADs: this costs one. Raises NotInRegistry,
    RegistryUnavailable.
    """
    image = repository.image
    named = image.digest or image.known_tag
    head = repository.manifest("HEAD", named)
    if head.status in _REFUSED:
        raise repository.refusal(head)
    digest = manifests.proper_digest(head.headers.get(_DIGEST, ""))
    media_type = manifests.media_type_of(head.headers.get("Content-Type", ""))
    content = None
    if head.status != _OK or not digest or media_type not in manifests.MEDIA_TYPES:
        # A HEAD has no body to say why not, and older registries tell no digest (distribution-spec 1.1: SHOULD).
        digest, media_type, content = _read_whole(repository, named)
    _compare(repository, image.digest or digest, digest)
    return Resolved(digest, media_type, _platforms(repository, digest, media_type, content))


def _read_whole(repository: Repository, named: str) -> tuple[str, str, bytes]:
    """Digest by our own count, media type and content."""
    answer = repository.manifest("GET", named)
    if answer.status != _OK:
        raise repository.refusal(answer)
    digest = manifests.digest_of(answer.body)
    media_type = manifests.media_type_of(answer.headers.get("Content-Type", ""), answer.body)
    if manifests.is_schema_1(media_type):
        # Docker since 26.0 (moby/moby 47459); its digest is another one, too: that of the content without its signature.
        raise repository.unavailable(
            "has it only as an image manifest of schema 1, which current engines refuse",
            "push it again with a current engine, or take another tag",
        )
    if not media_type:
        raise repository.unavailable("answers what is no manifest of an image")
    _compare(repository, manifests.proper_digest(answer.headers.get(_DIGEST, "")) or digest, digest)
    return digest, media_type, answer.body


def _platforms(
    repository: Repository, digest: str, media_type: str, content: bytes | None
) -> tuple[str, ...]:
    """Empty where they cannot be had. Raises RegistryUnavailable where the digest gives something else."""
    if content is None:
        content = _had(lambda: repository.manifest("GET", digest))
        if content is None:
            return ()
        _compare(repository, digest, manifests.digest_of(content))
    if manifests.is_index(media_type):
        return manifests.index_platforms(content)
    wanted = manifests.config_digest(content)
    config = _had(lambda: repository.blob(wanted)) if wanted else None
    return manifests.config_platforms(config) if config and manifests.digest_of(config) == wanted else ()


def _had(ask: Callable[[], Answer]) -> bytes | None:
    with contextlib.suppress(RegistryUnavailable):
        answer = ask()
        return answer.body if answer.status == _OK else None
    return None


def _compare(repository: Repository, wanted: str, found: str) -> None:
    if wanted != found:
        raise repository.unavailable(
            f"answers with something else than {wanted}: its digest is {found}",
            "a proxy or a mirror may have changed it on its way; nothing of it was taken",
        )
