"""The step that puts owned keys into a file on the host."""

from __future__ import annotations

from dataclasses import dataclass, field

from opsctl.merging.keys import Change


@dataclass(frozen=True, slots=True)
class Merge:
    """Put the owned keys of a file on the host, if it still is as it was looked at, and write down what is owned.

    Without `content` the file stays as it is; `record` is one line for `.opsctl/merged/<record_name>`, "" where that goes.
    `before` is the sha256 of the file as it was looked at.
    """

    path: str
    why: str
    record_name: str
    record: str
    content: bytes | None = field(default=None, repr=False)
    before: str = ""
    changes: tuple[Change, ...] = ()
    owes: tuple[tuple[str, str], ...] = ()
    """(service, reaction) of each mark that is left before the file is renamed."""
    verb = "merge"

    def subject(self) -> str:
        return self.path

    def reason(self) -> str:
        return self.why
