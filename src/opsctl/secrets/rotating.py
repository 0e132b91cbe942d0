"""Where a rotation stands, told from the store, and the edits of the store along its way. Journals only remind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import Refused, UsageError
from opsctl.model.secrets import Secret, Stage, StoreFile
from opsctl.secrets import versions
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.journal import Opened
from opsctl.secrets.versions import Edit

Standing = Literal["nothing", "elsewhere", "pending", "finished", "given up"]
"""nothing: no new value was stored, so no system knows one. elsewhere: a host says that the rotation is open, and this store
does not hold its new value. pending: stored, and any system or consumer may know it. finished: the store calls the new
value current, and what comes after may be missing. given up: the old value was put back, and only the tidying is missing.
"""


def where(secret: Secret, opened: Opened | None, *, marked: bool) -> Standing:
    """Where the rotation of a secret stands; `marked`: a host bears its mark."""
    if secret.pending:
        return "pending"
    if opened is None:
        return "nothing"
    after = secret.versions.get(opened.after)
    if after is None:
        return "elsewhere" if marked else "nothing"
    stages: Mapping[Stage, Standing] = {"current": "finished", "failed": "given up"}
    return stages.get(after.stage, "nothing")


@dataclass(frozen=True, slots=True)
class Onward:
    """What ends an open rotation: an act, with the version to put back or withdraw (`before`) and the new one (`after`, ""
    where the store does not hold it).
    """

    standing: Standing
    act: Literal["go on", "ensure", "put back", "tidy", "not here"]
    before: str
    after: str = ""


def onward(secret: Secret, opened: Opened | None, way: Literal["resume", "abort"], *, marked: bool) -> Onward:
    """The way on from where a rotation stands. The store is believed, then the marks; of the journal only the ids count."""
    standing = where(secret, opened, marked=marked)
    if standing in {"nothing", "given up"}:
        return Onward(standing, "tidy", secret.current)
    if standing == "elsewhere":
        return Onward(standing, "put back" if way == "abort" else "not here", secret.current)
    if standing == "pending":
        return Onward(standing, "put back" if way == "abort" else "go on", secret.current, secret.pending)
    before = opened.before if opened else secret.previous
    return Onward(standing, "put back" if way == "abort" else "ensure", before, secret.current)


def storing(
    candidate: Candidate, name: str, *, now: float, by: str, note: str
) -> Callable[[StoreFile], Edit]:
    """Store a candidate as pending. Raises Refused where the store moved on since the candidate was made."""

    def edit(file: StoreFile) -> Edit:
        secret, version = versions.with_pending(
            secret_of(file, name), now=now, by=by, login=candidate.login, note=note
        )
        if version != candidate.version:
            raise Refused(f"{name} was changed in the store meanwhile", hint="nothing was done; run it again")
        return Edit(_with(file, name, secret), {(name, version): candidate.value})

    return edit


def moving(name: str, move: Callable[[Secret], Secret]) -> Callable[[StoreFile], Edit]:
    """Move versions of one secret from stage to stage."""

    def edit(file: StoreFile) -> Edit:
        return Edit(_with(file, name, move(secret_of(file, name))))

    return edit


def as_if_current(file: StoreFile, name: str, version: str, *, now: float) -> StoreFile:
    """The file as it is once a version is in force: for what is told of the secret along with its value."""
    secret = secret_of(file, name)
    if version == secret.current:
        return file
    if version not in secret.versions:
        secret, version = versions.with_pending(secret, now=now, by="")
    if version == secret.pending:
        return _with(file, name, versions.finished(secret, now=now))
    return _with(file, name, versions.put_back(secret, version, now=now))


def secret_of(file: StoreFile, name: str) -> Secret:
    """Raises UsageError where the store has none of this name."""
    if name not in file.secrets:
        raise UsageError(f"the store has no secret {name}", hint=f"opsctl secrets set {name}")
    return file.secrets[name]


def _with(file: StoreFile, name: str, secret: Secret) -> StoreFile:
    return file.model_copy(update={"secrets": {**file.secrets, name: secret}})
