"""What a run tells while it goes on; views turn it into lines, live tables or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "connecting",
    "connected",
    "lease",  # taken, waited for, or released: see detail
    "looking",
    "looked",
    "step",  # a step of the plan begins: subject is its verb and subject
    "step_done",
    "step_failed",  # the host goes on without it: see detail
    "waiting",  # progress inside a wait: subject is the service, detail its present health
    "checking",  # checks begin: detail is how many cases this host has
    "check",  # a case begins: subject is the check, the service and what it is about
    "check_done",  # detail is its result
    "checked",
    "failed",
    "finished",
]


@dataclass(frozen=True, slots=True)
class Event:
    """`seconds` since the run began; `detail` is already redacted."""

    host: str
    kind: EventKind
    subject: str = ""
    detail: str = ""
    seconds: float = 0.0


Listener = Callable[[Event], None]
