"""The step that makes databases and roles."""

from __future__ import annotations

from dataclasses import dataclass, field

from opsctl.state.desired import DesiredDatabase


@dataclass(frozen=True, slots=True)
class Ensure:
    """Make what a service keeps for others, as far as it is missing; nothing is dropped. Its container runs by then.

    `record` is remembered on the host afterwards, beside the container's id: a JSON object of what is there, by database,
    without a value.
    """

    service: str
    databases: tuple[DesiredDatabase, ...] = field(repr=False)
    record: str = field(repr=False)
    causes: tuple[str, ...]
    verb = "ensure"

    def subject(self) -> str:
        return f"databases of {self.service}"

    def reason(self) -> str:
        return ", ".join(self.causes)
