"""What manifests, indexes and image configurations say (OCI image-spec 1.1, Docker image manifest 2.2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SINGLE = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MEDIA_TYPES = _INDEXES + _SINGLE
"""Without all four in Accept, distribution 2.8 makes a schema 1 manifest with another digest, and ghcr.io says 404."""
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
SCHEMA_1_ONLY = (
    "only as an image manifest of schema 1, which current engines refuse",
    "push it again with a current engine, or take another tag",
)
"""Words and a hint. Docker refuses it since 26.0 (moby/moby 47459); its digest is another one, too: that of the content
without its signature.
"""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAMELESS = "unknown"
"""How buildx marks attestations in an index: unknown/unknown."""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def proper_digest(text: str) -> str:
    """The digest, "" for text that is none."""
    return text if _DIGEST.fullmatch(text) else ""


def media_type_of(content_type: str, content: bytes = b"") -> str:
    """From the header; where that is none of a manifest (text/plain, application/json), from the content; "" at worst."""
    told = content_type.partition(";")[0].strip().lower()
    if told in MEDIA_TYPES or told in _SCHEMA_1:
        return told
    document = _document(content)
    named = document.get("mediaType")
    if named in MEDIA_TYPES:
        return str(named)
    if document.get("schemaVersion") == 1:
        return _SCHEMA_1[0]
    # In OCI documents the field is only recommended.
    if isinstance(document.get("manifests"), list):
        return _INDEXES[0]
    return _SINGLE[0] if isinstance(document.get("config"), dict) else ""


def is_schema_1(media_type: str) -> bool:
    return media_type in _SCHEMA_1


def is_index(media_type: str) -> bool:
    return media_type in _INDEXES


def index_platforms(content: bytes) -> tuple[str, ...]:
    """`os/architecture[/variant]` of the images that an index lists, sorted; attestations are none."""
    listed = _document(content).get("manifests")
    found = {_platform(_mapping(_mapping(one).get("platform"))) for one in _list(listed)}
    return tuple(sorted(found - {""}))


def config_digest(content: bytes) -> str:
    """The digest of the configuration of a single manifest, "" where it names none."""
    return proper_digest(str(_mapping(_document(content).get("config")).get("digest")))


def config_platforms(content: bytes) -> tuple[str, ...]:
    """As `index_platforms`, from the configuration of one image."""
    platform = _platform(_document(content))
    return (platform,) if platform else ()


def _platform(told: Mapping[str, Any]) -> str:
    parts = [told.get("os"), told.get("architecture"), told.get("variant")]
    if not all(isinstance(part, str) and part and part != _NAMELESS for part in parts[:2]):
        return ""
    return "/".join(part for part in parts if isinstance(part, str) and part)


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(content))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
