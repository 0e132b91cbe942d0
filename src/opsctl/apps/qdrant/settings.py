"""What the operator states of a Qdrant: the collections that its memory has to hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from opsctl.model.frozen import Frozen

_OVERHEAD = 1.5
"""For indexes, versions of points and segments that are rebuilt (qdrant.tech, capacity planning)."""
_FLOAT, _INT8 = 4, 1


class Collection(Frozen):
    """How large it is expected to become. `on_disk`: its vectors are on disk and only cached in memory. `quantization: scalar`
    keeps a byte for each number in memory besides.
    """

    points: Annotated[int, Field(ge=1)]
    dimension: Annotated[int, Field(ge=1)]
    on_disk: bool = False
    quantization: Literal["none", "scalar"] = "none"

    @property
    def raw(self) -> int:
        """Bytes of its vectors as they are stored."""
        return self.points * self.dimension * _FLOAT

    @property
    def memory(self) -> int:
        """Bytes that have to be in memory: numbers times their size times 1.5; what is only cached counts as nothing."""
        size = (0 if self.on_disk else _FLOAT) + (_INT8 if self.quantization == "scalar" else 0)
        return int(self.points * self.dimension * size * _OVERHEAD)


class Settings(Frozen):
    """`collections` by name. `allowed_keys` are keys of the configuration that the rules shall take although no list has them,
    as `storage.NAME`.
    """

    collections: dict[str, Collection] = Field(default_factory=dict)
    allowed_keys: tuple[str, ...] = ()

    @property
    def memory(self) -> int:
        """Bytes for all of them."""
        return sum(one.memory for one in self.collections.values())
