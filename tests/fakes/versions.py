"""Fakes of VersionedStore and Journal, in memory; `hurdle` hears of every write before it and may raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opsctl.edges.ports import Journal, VersionedStore
from opsctl.errors import UsageError
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.secrets.journal import Line, Opened
from opsctl.secrets.versions import Edit


def no_hurdle(_what: str) -> None:
    return


@dataclass
class FakeVersionedStore:
    file: StoreFile = field(default_factory=StoreFile)
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    hurdle: Callable[[str], None] = no_hurdle

    def put(self, name: str, value: str, **policy: object) -> None:
        """A secret with one current version, v1, made at second 1."""
        made = Version(stage="current", created=1.0, by="ann")
        secret = Secret.model_validate({"versions": {"v1": made}, **policy})
        self.file = self.file.model_copy(update={"secrets": {**self.file.secrets, name: secret}})
        self.values[name, "v1"] = value

    def describe(self) -> StoreFile:
        return self.file

    def get(self, name: str) -> str:
        return self.value(name)

    def value(self, name: str, version: str = "") -> str:
        if name not in self.file.secrets:
            raise UsageError(f"no secret {name}", hint=f"opsctl secrets set {name}")
        return self.values[name, version or self.file.secrets[name].current]

    def login(self, name: str) -> str:
        secret = self.file.secrets[name]
        return secret.versions[secret.current].login or secret.target["role"]

    def names(self) -> frozenset[str]:
        return frozenset(self.file.secrets)

    def change(self, edit: Callable[[StoreFile], Edit]) -> StoreFile:
        self.hurdle("store")
        done = edit(self.file)
        self.file = done.file
        self.values |= done.values
        return self.file

    def stages(self, name: str) -> Mapping[str, str]:
        return {one: version.stage for one, version in self.file.secrets[name].versions.items()}


@dataclass
class FakeJournal:
    kept: Opened | None = None
    steps: list[Line] = field(default_factory=list)
    hurdle: Callable[[str], None] = no_hurdle

    def opened(self) -> Opened | None:
        return self.kept

    def lines(self) -> list[Line]:
        return self.steps

    def begin(self, opened: Opened) -> None:
        self.hurdle("begin")
        self.kept, self.steps = opened, []

    def write(self, line: Line) -> None:
        self.hurdle(line.step)
        self.steps.append(line)

    def close(self) -> None:
        self.hurdle("close")
        self.kept = None


def _they_implement_the_ports() -> tuple[VersionedStore, Journal]:
    """Checked by mypy; never called."""
    return FakeVersionedStore(), FakeJournal()
