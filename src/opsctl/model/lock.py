"""images.lock.yaml: the digest of each image, so that what was tried is what runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.frozen import Frozen
from opsctl.model.references import Digest, parse_reference
from opsctl.model.values import Unfit

LOCK_FILE = "images.lock.yaml"


def check_moment(value: Any) -> str:
    """A time as the lock writes it, `2026-11-26T16:20:00Z`. Raises Unfit."""
    try:
        read = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ") if isinstance(value, str) else None  # noqa: DTZ007
    except ValueError:
        read = None
    if read is None:
        raise Unfit(f"{value!r} is not a time such as 2026-11-26T16:20:00Z")
    return str(value)


def moment(seconds: float) -> str:
    """Seconds since the epoch as the lock writes them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(moment_text: str) -> float:
    """Seconds since the epoch of a time that the lock holds."""
    return datetime.fromisoformat(moment_text).timestamp()


def _check_key(value: Any) -> str:
    read = parse_reference(value if isinstance(value, str) else "")
    if read.key != value:
        raise Unfit(f"{value!r} is not how the lock calls this image", f"write {read.key}")
    return str(value)


Moment = Annotated[str, BeforeValidator(check_moment), WithJsonSchema({"type": "string"})]
ImageKey = Annotated[str, BeforeValidator(_check_key), WithJsonSchema({"type": "string"})]


class Previous(Frozen):
    """What an image was locked to before."""

    digest: Digest
    resolved_at: Moment
    media_type: str = ""
    platforms: tuple[str, ...] = ()
    validated_at: Moment | None = None


class Pinned(Frozen):
    """One image. `digest` is that of its index where it has several platforms.

    `media_type` is "" and `platforms` empty where nobody could tell. `resolved_by` is "registry", or "engine of HOST" where
    a host was asked, or "running on HOST". `validated_at` is when a verify first was green with this digest.
    """

    tag: str
    digest: Digest
    media_type: str = ""
    platforms: tuple[str, ...] = ()
    resolved_at: Moment
    resolved_by: str = "registry"
    validated_at: Moment | None = None
    previous: Previous | None = None


class Lock(Frozen):
    """`images` by `repository:tag` as the engine lists it; official images without docker.io/library/."""

    version: Literal[1] = 1
    images: dict[ImageKey, Pinned] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tags_fit(self) -> Self:
        for key, entry in self.images.items():
            if not key.endswith(f":{entry.tag}"):
                raise Unfit(f"the tag of {key} is not {entry.tag!r}", "opsctl pin-images writes both alike")
        return self

    def of(self, image: str) -> Pinned | None:
        """The entry of an image by its reference. Raises Unfit."""
        return self.images.get(parse_reference(image).key)


EMPTY_LOCK = Lock()
