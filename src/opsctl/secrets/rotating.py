"""Where a rotation stands, told from the store, and the edits of the store along its way. Journals only remind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import Refused
from opsctl.model.secrets import Secret, Stage, StoreFile
from opsctl.secrets import versions
from opsctl.secrets.candidate import Candidate
from opsctl.secrets.journal import Opened
from opsctl.secrets.versions import Edit, require_secret, with_secret

Situation = Literal["nothing", "elsewhere", "ended elsewhere", "pending", "finished", "given up"]
"""nothing: no new value was stored, so no system knows one. elsewhere: a host says that the rotation is open, and this store
does not hold its new value. ended elsewhere: stored as pending here, and the hosts, which were told of it, bear no mark any
more. pending: stored, and any system or consumer may know it. finished: the store calls the new value current, and what comes
after may be missing. given up: the old value was put back, and only the tidying is missing.
"""


@dataclass(frozen=True, slots=True)
class Signs:
    """What says that a rotation is open: this checkout's journal, and the mark of a host. `told`: by the journal, the hosts
    were marked once.
    """

    journal: Opened | None = None
    mark: Opened | None = None
    told: bool = False

    @property
    def clash(self) -> bool:
        """Whether they speak of two rotations."""
        return self.journal is not None and self.mark is not None and self.journal.id != self.mark.id


def where(secret: Secret, signs: Signs) -> Situation:
    """Where the rotation of a secret stands. A mark that this checkout's journal knows nothing of is another checkout's."""
    if secret.pending:
        return "ended elsewhere" if signs.told and signs.mark is None else "pending"
    if signs.mark is not None and (signs.journal is None or signs.clash):
        return "elsewhere"
    after = secret.versions.get(signs.journal.after) if signs.journal else None
    if after is None:
        return "elsewhere" if signs.mark else "nothing"
    stages: Mapping[Stage, Situation] = {"current": "finished", "failed": "given up"}
    return stages.get(after.stage, "nothing")


@dataclass(frozen=True, slots=True)
class Onward:
    """What ends an open rotation: an act, with the version to put back or withdraw (`before`) and the new one (`after`, ""
    where the store does not hold it).
    """

    situation: Situation
    act: Literal["go on", "ensure", "put back", "give up", "tidy", "not here", "over"]
    before: str
    after: str = ""


def onward(secret: Secret, signs: Signs, way: Literal["resume", "abort"]) -> Onward:
    """The way on from where a rotation stands. Raises Refused where two are open and this store holds one of them."""
    if signs.clash and secret.pending:
        raise Refused(
            f"two rotations are open, {signs.journal}, and {signs.mark}",
            hint="end the other one first, from the checkout where it was begun",
        )
    situation, back = where(secret, signs), way == "abort"
    match situation:
        case "nothing" | "given up":
            return Onward(situation, "tidy", secret.current)
        case "elsewhere":
            return Onward(situation, "put back" if back else "not here", secret.current)
        case "ended elsewhere":
            return Onward(situation, "give up" if back else "over", secret.current, secret.pending)
        case "pending":
            return Onward(situation, "put back" if back else "go on", secret.current, secret.pending)
    before = signs.journal.before if signs.journal else secret.previous
    return Onward(situation, "put back" if back else "ensure", before, secret.current)


def storing(
    candidate: Candidate, name: str, *, now: float, by: str, note: str
) -> Callable[[StoreFile], Edit]:
    """Store a candidate as pending. Raises Refused where the store moved on since the candidate was made."""

    def edit(file: StoreFile) -> Edit:
        secret, version = versions.with_pending(
            require_secret(file, name), now=now, by=by, login=candidate.login, note=note
        )
        if version != candidate.version:
            raise Refused(f"{name} was changed in the store meanwhile", hint="nothing was done; run it again")
        return Edit(with_secret(file, name, secret), {(name, version): candidate.value})

    return edit


def finishing(candidate: Candidate, name: str, *, now: float, by: str) -> Callable[[StoreFile], Edit]:
    """The candidate becomes current. Where the file was put back to one from before it (by git, say), it is stored again:
    every system has it by now, and nothing else would.

    Raises Refused where the store has gone another way meanwhile.
    """

    def edit(file: StoreFile) -> Edit:
        secret, values = require_secret(file, name), dict[tuple[str, str], str]()
        if secret.current == candidate.version:
            return Edit(file)
        if not secret.pending and candidate.version == secret.next_id:
            secret, _ = versions.with_pending(secret, now=now, by=by, login=candidate.login)
            values[name, candidate.version] = candidate.value
        if secret.pending != candidate.version:
            raise Refused(
                f"the store does not hold {candidate.version} of {name} any more, and the systems have it",
                hint="was its file replaced, by git for instance? Put the one back that has it, then --resume; or --abort",
            )
        return Edit(with_secret(file, name, versions.finished(secret, now=now)), values)

    return edit


def giving_up(opened: Opened, *, now: float) -> Callable[[Secret], Secret]:
    """The new version of a rotation becomes failed, from wherever it got to; another one's is left alone."""

    def move(secret: Secret) -> Secret:
        if secret.pending == opened.after:
            return versions.failed(secret, now=now)
        if secret.current == opened.after and opened.before in secret.earlier:
            return versions.put_back(secret, opened.before, now=now)
        return secret

    return move


def moving(name: str, move: Callable[[Secret], Secret]) -> Callable[[StoreFile], Edit]:
    """Move versions of one secret from stage to stage."""

    def edit(file: StoreFile) -> Edit:
        return Edit(with_secret(file, name, move(require_secret(file, name))))

    return edit


def as_if_current(file: StoreFile, name: str, version: str, *, now: float) -> StoreFile:
    """The file as it is once a version is in force: for what is told of the secret along with its value."""
    secret = require_secret(file, name)
    if version == secret.current:
        return with_secret(file, name, versions.failed(secret, now=now))
    if version not in secret.versions:
        secret, version = versions.with_pending(secret, now=now, by="")
    if version == secret.pending:
        return with_secret(file, name, versions.finished(secret, now=now))
    return with_secret(file, name, versions.put_back(secret, version, now=now))
