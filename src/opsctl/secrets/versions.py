"""How versions of a secret move from stage to stage; each move is a new Secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsctl.errors import Refused, UsageError
from opsctl.model.nearest import nearest
from opsctl.model.secrets import Secret, Stage, StoreFile, Version, number


@dataclass(frozen=True, slots=True)
class Edit:
    """A store as it shall be, and the values of those versions that are new in it, by secret and version id."""

    file: StoreFile
    values: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)


def require_secret(file: StoreFile, name: str, *, where: str = "") -> Secret:
    """Raises UsageError with the nearest name."""
    if name not in file.secrets:
        raise UsageError(f"the store has no secret {name}", where=where, hint=nearest(name, file.secrets))
    return file.secrets[name]


def with_secret(file: StoreFile, name: str, secret: Secret) -> StoreFile:
    return file.model_copy(update={"secrets": {**file.secrets, name: secret}})


def with_value(secret: Secret, *, now: float, by: str, login: str = "", note: str = "") -> tuple[Secret, str]:
    """A new current version; the one before becomes previous. Also gives the new version's id.

    Raises Refused while a rotation is open: its pending version would be lost sight of.
    """
    if secret.pending:
        raise Refused(
            "a rotation of it is open", hint="end it first: opsctl rotate-secret NAME --resume, or --abort"
        )
    identity = secret.next_id
    new = Version(stage="current", created=now, by=by, login=login, note=note)
    return pruned(_undue(_with(_retired(secret, now), identity, new))), identity


def with_pending(
    secret: Secret, *, now: float, by: str, login: str = "", note: str = ""
) -> tuple[Secret, str]:
    """A new pending version, stored before any system knows it. Raises Refused where there is one already."""
    if secret.pending:
        raise Refused(f"{secret.pending} is pending already")
    identity = secret.next_id
    return _with(
        secret, identity, Version(stage="pending", created=now, by=by, login=login, note=note)
    ), identity


def finished(secret: Secret, *, now: float) -> Secret:
    """Pending becomes current, current becomes previous, what is over `keep` goes; so does the end of the old value's life,
    which says nothing of the new one's.
    """
    if not secret.pending:
        return secret
    renewed = _staged(_retired(secret, now), secret.pending, "current")
    return pruned(_undue(renewed.model_copy(update={"expires": None})))


def failed(secret: Secret, *, now: float) -> Secret:
    """Pending becomes failed; it is kept until there is a newer current version, in case a system took it after all."""
    if not secret.pending:
        return secret
    return _staged(secret, secret.pending, "failed", retired=now)


def put_back(secret: Secret, before: str, *, now: float) -> Secret:
    """The current version becomes failed, and `before` current again. Raises Refused where that is not there."""
    if before not in secret.earlier:
        raise Refused(f"there is no earlier version {before} to put back")
    return _staged(_staged(secret, secret.current, "failed", retired=now), before, "current")


def restored(secret: Secret, version: str, *, now: float) -> Secret:
    """An old version is current again. Raises UsageError for one that is not there, Refused while one is pending."""
    if version not in secret.versions:
        known = ", ".join(sorted(secret.versions, key=number))
        raise UsageError(f"there is no version {version}", hint=f"there are: {known}")
    if secret.pending:
        raise Refused("a rotation of it is open", hint="end it first: --resume or --abort")
    if version == secret.current:
        return secret
    back = _staged(_retired(secret, now), version, "current")
    if secret.due is None and secret.knows(version):
        return back.model_copy(update={"due": now, "due_reason": f"{version} is known to somebody who left"})
    return back


def pruned(secret: Secret) -> Secret:
    """Without the previous versions over `keep`, those first that were in force longest ago, and without failed ones older
    than the current version.
    """
    old = sorted(secret.earlier, key=secret.retired_at)
    current = number(secret.current) if secret.current else 0
    gone = {*old[: -secret.keep]} | {
        one for one, v in secret.versions.items() if v.stage == "failed" and number(one) < current
    }
    kept = {one: version for one, version in secret.versions.items() if one not in gone}
    return secret.model_copy(update={"versions": kept})


def _with(secret: Secret, identity: str, version: Version) -> Secret:
    return secret.model_copy(update={"versions": {identity: version, **secret.versions}})


def _staged(secret: Secret, identity: str, stage: Stage, retired: float | None = None) -> Secret:
    moved = secret.versions[identity].model_copy(update={"stage": stage, "retired": retired})
    return secret.model_copy(update={"versions": {**secret.versions, identity: moved}})


def _retired(secret: Secret, now: float) -> Secret:
    return _staged(secret, secret.current, "previous", retired=now) if secret.current else secret


def _undue(secret: Secret) -> Secret:
    return secret.model_copy(update={"due": None, "due_reason": ""})
