"""Reading a secret's target: what its driver must know, checked before anything begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsctl.errors import UsageError
from opsctl.flows.rotation.drivers.generated import LENGTH, LONGEST, SHORTEST
from opsctl.model.nearest import nearest

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """The target of the secret `name` for the driver called `driver`; `keys` are those that the driver knows."""

    name: str
    driver: str
    values: Mapping[str, str]
    keys: frozenset[str]

    @classmethod
    def read(cls, name: str, driver: str, values: Mapping[str, str], keys: Iterable[str]) -> Target:
        """Raises UsageError for a key that the driver does not know."""
        target = cls(name, driver, values, frozenset(keys))
        for key in sorted(values):
            if key not in target.keys:
                raise target.wrong(key, f"the driver {driver} knows no such key", nearest(key, target.keys))
        return target

    def get(self, key: str, default: str = "") -> str:
        return self.values.get(key, "") or default

    def need(self, key: str, hint: str) -> str:
        """Raises UsageError where it is missing."""
        value = self.get(key)
        if not value:
            raise self.wrong(key, "is missing", hint)
        return value

    def number(self, key: str, default: int, least: int, most: int) -> int:
        """Raises UsageError where it is not a number in these bounds."""
        text = self.get(key, str(default))
        if not text.isdecimal() or not least <= int(text) <= most:
            raise self.wrong(key, f"{text!r} is not a number from {least} to {most}")
        return int(text)

    def port(self, default: int) -> str:
        return str(self.number("port", default, 1, _LAST_PORT))

    def length(self) -> int:
        """Of generated values."""
        return self.number("length", LENGTH, SHORTEST, LONGEST)

    def wrong(self, key: str, message: str, hint: str = "") -> UsageError:
        return UsageError(f"target.{key}: {message}", where=f"secret {self.name}", hint=hint)
