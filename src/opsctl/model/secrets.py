"""What a secret store tells without a key: each secret's class, policy and versions. No value is ever in here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from opsctl.model.frozen import Frozen
from opsctl.model.values import Name, Unfit, check_name

SecretClass = Literal["regenerate", "database", "app_admin", "provider", "expiring", "migrate_only"]
Stage = Literal["pending", "current", "previous", "failed"]

_VERSION = re.compile(r"v[1-9][0-9]{0,8}")
_SPAN = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_RESERVED = frozenset({"value"})
"""`encrypted_regex: ^value$` would hide everything below a secret of this name."""


def parse_span(value: Any) -> Any:
    """Seconds from `90d`, `12h`, `2w`; a number is seconds. Raises Unfit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Unfit(f"{value!r} is not a span of time", "write a number and one of s, m, h, d, w: 90d")
    return float(int(match[1]) * _SECONDS[match[2]])


def span_text(seconds: float) -> str:
    """`90d` from seconds, in the largest unit that says it exactly."""
    whole = int(seconds)
    unit = next(unit for unit in ("w", "d", "h", "m", "s") if whole % _SECONDS[unit] == 0)
    if unit == "w" and whole:
        unit = "d"
    return f"{whole // _SECONDS[unit]}{unit}"


def parse_moment(value: Any) -> Any:
    """Seconds since the epoch from `2026-11-01T10:00:00Z` or `2026-11-01` (UTC). Raises Unfit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise Unfit(f"{value!r} is not a date", 'write "2026-11-01" or "2026-11-01T10:00:00Z"')


def moment_text(seconds: float) -> str:
    """`2026-11-01T10:00:00Z`; fractions of a second are cut."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_version(value: Any) -> str:
    """`v1`, `v2`, … Raises Unfit."""
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise Unfit(f"{value!r} is not a version", "versions are v1, v2, …")
    return value


def check_secret_name(value: Any) -> str:
    """A name that the store's format can hold. Raises Unfit."""
    name = check_name(value)
    if name in _RESERVED:
        raise Unfit(
            f"a secret cannot be called {name!r}", "the store encrypts whatever stands below that key"
        )
    return name


def _check_keep(value: Any) -> Any:
    """A number; the store writes it as text, since SOPS' MAC covers how a number is spelled."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Span = Annotated[float, BeforeValidator(parse_span), PlainSerializer(span_text)]
Moment = Annotated[float, BeforeValidator(parse_moment), PlainSerializer(moment_text)]
VersionId = Annotated[str, BeforeValidator(check_version)]
SecretName = Annotated[str, BeforeValidator(check_secret_name)]
Keep = Annotated[int, BeforeValidator(_check_keep), PlainSerializer(str), Field(ge=1, le=1000)]
Text = Annotated[str, BeforeValidator(_text)]


class Version(Frozen):
    """One value that a secret has or had. Times are seconds since the epoch.

    pending: stored, and some system or consumer may know it already; current: what a deploy renders; previous: what was
    current before; failed: was pending and came to nothing. A secret has at most one pending and one current version.
    """

    stage: Stage
    created: Moment
    by: Text
    retired: Moment | None = None
    """When it stopped being current (previous), or was given up (failed)."""
    login: Text = ""
    """The login name that the value belongs to, where two roles alternate; empty: the target's only one."""
    note: Text = ""


class Secret(Frozen):
    """A secret's class, policy and versions, by id ("v1", "v2", …).

    `driver` names what tells the system that keeps the value ("" follows from the class); `target` is what that driver
    needs, such as service and role. `keep` counts old versions that stay restorable. `grace` is how long the old value
    stays valid after a rotation. `due` and `due_reason` mark it due whatever its age. Values made before `exposed` are known to
    somebody who should not know them any more.
    """

    class_: SecretClass = Field(default="regenerate", alias="class")
    driver: Text = ""
    target: dict[str, Text] = Field(default_factory=dict)
    rotate_every: Span | None = None
    keep: Keep = 3
    grace: Span = 0.0
    expires: Moment | None = None
    due: Moment | None = None
    due_reason: Text = ""
    exposed: Moment | None = None
    note: Text = ""
    versions: dict[VersionId, Version] = Field(default_factory=dict)

    def at(self, stage: Stage) -> str:
        """The id of the newest version of a stage, or "" where there is none."""
        return max(
            (one for one, version in self.versions.items() if version.stage == stage), key=number, default=""
        )

    @property
    def current(self) -> str:
        return self.at("current")

    @property
    def pending(self) -> str:
        return self.at("pending")

    @property
    def previous(self) -> str:
        """The id of the version that was in force last before the current one, "" where there is none."""
        return max(self.earlier, key=self.retired_at, default="")

    @property
    def earlier(self) -> tuple[str, ...]:
        """The ids of the previous versions, in no order."""
        return tuple(one for one, version in self.versions.items() if version.stage == "previous")

    def retired_at(self, version: str) -> tuple[float, int]:
        """What orders previous versions: when each stopped being in force, then its number. A restored version is in force
        after newer ones.
        """
        return self.versions[version].retired or 0.0, number(version)

    def knows(self, version: str) -> bool:
        """Whether somebody outside knows the value of a version."""
        return self.exposed is not None and self.versions[version].created <= self.exposed

    @property
    def changed(self) -> float:
        """When the current value came into force last, in seconds since the epoch: also by being restored or put back."""
        made = self.versions[self.current].created if self.current else 0.0
        return max([made, *(version.retired or 0.0 for version in self.versions.values())])

    @property
    def next_id(self) -> str:
        """The id that a new version gets; ids are never used again while any newer one is kept."""
        return f"v{max(map(number, self.versions), default=0) + 1}"


class StoreFile(Frozen):
    """All that a store's file says in clear. `recipients` names the age keys that can open it."""

    secrets: dict[SecretName, Secret] = Field(default_factory=dict)
    recipients: dict[Name, Text] = Field(default_factory=dict)


def number(version: str) -> int:
    return int(version[1:])


def as_written(file: StoreFile) -> dict[str, Any]:
    """The tree as the store's file holds it, every leaf text, without the values; what is as by default is left out,
    but for the class.
    """
    tree = file.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    for name, secret in file.secrets.items():
        tree["secrets"][name] = {"class": secret.class_, **tree["secrets"][name]}
    return tree
