"""From a tag to its digest and platforms, in one repository."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from opsctl.edges.registry import manifests
from opsctl.edges.registry.repository import Repository
from opsctl.edges.registry.transport import Answer
from opsctl.errors import RegistryUnavailable
from opsctl.images.resolved import Resolved

_OK, _NOT_FOUND = 200, 404
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
        words, hint = manifests.SCHEMA_1_ONLY
        raise repository.unavailable(f"has it {words}", hint)
    if not media_type:
        raise repository.unavailable("answers what is no manifest of an image")
    _compare(repository, manifests.proper_digest(answer.headers.get(_DIGEST, "")) or digest, digest)
    return digest, media_type, answer.body


def _platforms(
    repository: Repository, digest: str, media_type: str, content: bytes | None
) -> tuple[str, ...]:
    """Empty where they cannot be had. Raises RegistryUnavailable where the digest gives something else, or nothing."""
    if content is None:
        answer = _answered(lambda: repository.manifest("GET", digest))
        if answer and answer.status == _NOT_FOUND:
            raise repository.unavailable(
                f"tells the digest {digest}, and has nothing of that digest: no host could pull it",
                "ask again when it has settled, or ask the registry without its mirror",
            )
        if not answer or answer.status != _OK:
            return ()
        content = answer.body
        _compare(repository, digest, manifests.digest_of(content))
    if manifests.is_index(media_type):
        return manifests.index_platforms(content)
    wanted = manifests.config_digest(content)
    config = _answered(lambda: repository.blob(wanted)) if wanted else None
    if not config or config.status != _OK or manifests.digest_of(config.body) != wanted:
        return ()
    return manifests.config_platforms(config.body)


def _answered(ask: Callable[[], Answer]) -> Answer | None:
    with contextlib.suppress(RegistryUnavailable):
        return ask()
    return None


def _compare(repository: Repository, wanted: str, found: str) -> None:
    if wanted != found:
        raise repository.unavailable(
            f"answers with something else than {wanted}: its digest is {found}",
            "a proxy or a mirror may have changed it on its way; nothing of it was taken",
        )
