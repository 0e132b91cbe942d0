"""Failures of checks that are accepted: `waive` of a service in a stack file, and of a host in hosts.toml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from opsctl.model.frozen import Frozen
from opsctl.model.values import Day


class Waiver(Frozen):
    """A failure of a check that is accepted. `until` is the last day it holds, `2027-01-31`; `subject` narrows it to one of
    the things that the check is about there.
    """

    check: Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^V-[A-Z0-9]{3}-\d{3}$"})]
    reason: Annotated[str, Field(min_length=8)]
    until: Day
    subject: str = ""
