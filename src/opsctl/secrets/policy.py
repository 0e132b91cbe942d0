"""How a secret stands against its policy at a moment: how old its value is, when it is due, what there is to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opsctl.model.secrets import Secret, span_text

Severity = Literal["high", "warn", "note"]
OfTime = Literal[
    "no value", "rotation open", "expired", "overdue", "marked due", "expires soon", "due soon", "failed"
]
OfJournal = Literal["not withdrawn", "journal left"]
"""What is said of a rotation whose journal lies in the project's folder; nothing in this module looks for one."""
OfPlace = Literal["missing", "unused", "class by name", "class by use"]
"""What is said of a secret's place in a project; nothing in this module looks at one."""
RemarkKind = OfTime | OfJournal | OfPlace

SOON = 0.8
"""The share of its term from which a value is due soon."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to say of a secret. `text` is a clause without the secret's name: "100d old, rotate_every is 90d"."""

    kind: RemarkKind
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Seconds throughout; `due` since the epoch, the earliest of what rotate_every, expires and a mark ask for.

    `share` is how much of its term the current value has used up: of rotate_every or of its life until it expires,
    whichever is more; above 1 it is over. None where nothing bounds it, or where there is no value.
    """

    age: float | None
    share: float | None
    due: float | None
    remarks: tuple[Remark, ...]

    @property
    def urgent(self) -> bool:
        """Overdue, expired, half-rotated or without a value."""
        return any(remark.severity == "high" for remark in self.remarks)


def standing(secret: Secret, now: float) -> Standing:
    """At `now`, seconds since the epoch."""
    age = max(now - secret.versions[secret.current].created, 0.0) if secret.current else None
    shares = [share for share in (_of_policy(secret, age), _of_life(secret, now)) if share is not None]
    return Standing(
        age=age,
        share=max(shares, default=None),
        due=due_at(secret),
        remarks=tuple(_remarks(secret, age, now)),
    )


def due_at(secret: Secret) -> float | None:
    """The earliest of what rotate_every, expires and a mark ask for, in seconds since the epoch."""
    moments = [moment for moment in (secret.due, secret.expires) if moment is not None]
    if secret.current and secret.rotate_every is not None:
        moments.append(secret.versions[secret.current].created + secret.rotate_every)
    return min(moments, default=None)


def _of_policy(secret: Secret, age: float | None) -> float | None:
    if age is None or secret.rotate_every is None:
        return None
    return age / secret.rotate_every if secret.rotate_every else 1.0


def _of_life(secret: Secret, now: float) -> float | None:
    """Of the time between the current value's making and its end."""
    if not secret.current or secret.expires is None:
        return None
    made = secret.versions[secret.current].created
    life = secret.expires - made
    return max(now - made, 0.0) / life if life > 0 else 1.0


def _remarks(secret: Secret, age: float | None, now: float) -> Iterator[Remark]:
    if not secret.current and not secret.pending:
        yield Remark("no value", "high", "it has no current value")
    if secret.pending:
        since = span_in_words(now - secret.versions[secret.pending].created)
        yield Remark("rotation open", "high", f"{secret.pending} is pending for {since}")
    yield from _of_expiry(secret, now)
    share = _of_policy(secret, age)
    if share is not None and share >= SOON and age is not None and secret.rotate_every is not None:
        text = f"{span_in_words(age)} old, rotate_every is {span_text(secret.rotate_every)}"
        yield Remark("overdue", "high", text) if share >= 1 else Remark("due soon", "warn", text)
    if secret.due is not None:
        over = now >= secret.due
        when = "marked due" if over else f"marked due in {span_in_words(secret.due - now)}"
        text = f"{when}: {secret.due_reason}" if secret.due_reason else when
        yield Remark("marked due", "high" if over else "warn", text)
    for version in (one for one, made in secret.versions.items() if made.stage == "failed"):
        yield Remark("failed", "warn", f"{version} failed; it is kept until a rotation succeeds")


def _of_expiry(secret: Secret, now: float) -> Iterator[Remark]:
    if secret.expires is None:
        return
    if now >= secret.expires:
        yield Remark("expired", "high", f"expired {span_in_words(now - secret.expires)} ago")
    elif (share := _of_life(secret, now)) is not None and share >= SOON:
        yield Remark("expires soon", "warn", f"expires in {span_in_words(secret.expires - now)}")


def span_in_words(seconds: float) -> str:
    """In its largest unit up to days, rounded down: `100d`, `5h`, `12m`, `3s`."""
    whole = max(int(seconds), 0)
    for unit, letter in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if whole >= unit:
            return f"{whole // unit}{letter}"
    return f"{whole}s"
