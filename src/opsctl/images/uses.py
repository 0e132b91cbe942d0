"""Where the operator's files name images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from opsctl.model.fleet import Place
from opsctl.model.references import Reference, parse_reference
from opsctl.model.values import Unfit

Kind = Literal["service", "mention", "found", "dockerfile"]


@dataclass(frozen=True, slots=True)
class ImageUse:
    """One image at one place, for one host.

    `image` is the reference as rendered, without the lock. `kind`: a service runs it; `image()` names it in a file or a text
    of a service; it was found in a file or variable by its looks, so that only a person can pin it; a Dockerfile builds on
    it. `source` is where a variable that says the tag was written. `service`, `environment` and `host` are "" for a
    Dockerfile that no service builds, and `platforms` are then those of all hosts.
    """

    image: str
    place: Place
    kind: Kind
    service: str = ""
    environment: str = ""
    host: str = ""
    platforms: tuple[str, ...] = ()
    source: Place | None = None

    @property
    def reference(self) -> Reference | None:
        """None for what is no reference, such as a Dockerfile's variable without a value."""
        try:
            return parse_reference(self.image)
        except Unfit:
            return None

    @property
    def key(self) -> str:
        """What the lock calls it; the text itself where it is no reference."""
        read = self.reference
        return read.key if read else self.image

    @property
    def lockable(self) -> bool:
        """Whether the lock can pin it; images that opsctl builds are pinned by what they are built of."""
        read = self.reference
        return read is not None and not read.is_built_here and self.kind != "found"

    @property
    def places(self) -> str:
        """`stacks/apps.yml:12`, and where the tag comes from."""
        return f"{self.place} ({self.source})" if self.source else str(self.place)


def places_text(uses: Iterable[ImageUse]) -> str:
    """`stacks/a.yml:3,12, stacks/b.yml:4 (hosts.toml:5)`: lines of one file together, and once where the tag comes from."""
    grouped: dict[str, dict[str, set[int]]] = {}
    for use in uses:
        tail = f" ({use.source})" if use.source else ""
        grouped.setdefault(tail, {}).setdefault(use.place.file, set()).add(use.place.line)
    return ", ".join(
        ", ".join(_in_file(file, lines) for file, lines in sorted(files.items())) + tail
        for tail, files in grouped.items()
    )


def _in_file(file: str, lines: set[int]) -> str:
    known = ",".join(str(line) for line in sorted(lines) if line)
    return f"{file}:{known}" if known else file
