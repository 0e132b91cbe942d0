"""Secrets of another tool on their way into a store: which are taken, under which names, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opsctl.errors import InputError, Problem, Refused, UsageError
from opsctl.model.nearest import nearest
from opsctl.model.secrets import Secret, SecretClass, StoreFile, check_secret_name
from opsctl.model.values import Unfit
from opsctl.secrets.changes import Hand, Policy, require_free, stored
from opsctl.secrets.versions import Edit

Outcome = Literal["new", "replaced", "same", "empty", "refused"]
_ANOTHER = "the store has another value"


@dataclass(frozen=True, slots=True)
class Found:
    """One value of a foreign file. `path` is how the file names it, `line` where (1-based).

    With a `trouble` it cannot be a secret's value, and there is none; `hint` says what to do about it.
    """

    path: tuple[str, ...]
    line: int
    value: str = field(default="", repr=False)
    trouble: str = ""
    hint: str = ""

    @property
    def label(self) -> str:
        return ".".join(self.path)


class Selection:
    """Which names are taken: all, or those of --only, given as the file or as the store names them."""

    def __init__(self, only: Iterable[str] = (), prefix: str = "") -> None:
        self.prefix = prefix
        self._only = frozenset(only)
        self._met: set[str] = set()
        self._known: set[str] = set()

    def name(self, path: Sequence[str]) -> str:
        """What the store would call it: lower case, the levels joined by `_`, after the prefix."""
        return f"{self.prefix}{'_'.join(path)}".lower()

    def __call__(self, path: Sequence[str]) -> bool:
        names = {".".join(path), self.name(path), "_".join(path).lower()}
        self._known |= {".".join(path), self.name(path)}
        self._met |= names & self._only
        return not self._only or bool(names & self._only)

    def require_all_met(self, where: str) -> None:
        """Raises UsageError for a name of --only that nothing in the file has."""
        for name in sorted(self._only - self._met):
            raise UsageError(
                f"there is nothing called {name}", where=where, hint=nearest(name, sorted(self._known))
            )


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of one value. `seen` is the version that was current ("": none), `why` what speaks against it."""

    name: str
    label: str
    line: int
    outcome: Outcome
    class_: SecretClass
    seen: str = ""
    why: str = ""
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the class of all new secrets, whatever their names say, and whether other values give way."""

    class_: SecretClass | None = None
    overwrite: bool = False


def named(file: str, found: Iterable[Found], selection: Selection) -> dict[str, Found]:
    """The values by their names in the store. Raises InputError with everything that cannot be taken, all at once."""
    problems: list[Problem] = []
    taken: dict[str, Found] = {}
    for one in found:
        name = selection.name(one.path)
        if one.trouble:
            problems.append(Problem(file, one.line, f"{one.label} {one.trouble}", one.hint))
            continue
        try:
            check_secret_name(name)
        except Unfit as unfit:
            problems.append(Problem(file, one.line, f"{one.label}: {unfit}", unfit.hint))
            continue
        if name in taken:
            first = taken[name]
            problems.append(
                Problem(
                    file,
                    one.line,
                    f"{one.label} and {first.label} (line {first.line}) would both be called {name}",
                    "name the ones to take: --only NAME",
                )
            )
            continue
        taken[name] = one
    if problems:
        raise InputError(problems)
    return taken


class Planner:
    """Decides what becomes of each value. `current` gives the current value of a secret that has one."""

    def __init__(self, file: StoreFile, current: Callable[[str], str], wish: Wish, hand: Hand) -> None:
        self._file = file
        self._current = current
        self._wish = wish
        self._hand = hand

    def rows(self, taken: Mapping[str, Found]) -> tuple[Row, ...]:
        """By name."""
        return tuple(self._row(name, taken[name]) for name in sorted(taken))

    def _row(self, name: str, found: Found) -> Row:
        secret = self._file.secrets.get(name)
        of_new = self._wish.class_ or self._hand.known.get(name, "regenerate")
        class_ = secret.class_ if secret else of_new
        seen = secret.current if secret else ""
        outcome, why = self._outcome(name, found, secret)
        return Row(name, found.label, found.line, outcome, class_, seen, why, found.value)

    def _outcome(self, name: str, found: Found, secret: Secret | None) -> tuple[Outcome, str]:
        if not found.value:
            return "empty", "it has no value"
        if secret and secret.current and self._current(name) == found.value:
            return "same", ""
        if secret and secret.pending:
            return "refused", f"a rotation of it is open ({secret.pending} is pending)"
        if not secret or not secret.current:
            return "new", ""
        if not self._wish.overwrite:
            return "refused", _ANOTHER
        try:
            require_free(name, secret, self._hand)
        except Refused as refused:
            return "refused", refused.message
        return "replaced", ""


def require_none_refused(planned: Iterable[Row]) -> None:
    """Raises Refused that names all that stand in the way."""
    refused = [row for row in planned if row.outcome == "refused"]
    if not refused:
        return
    differing = all(row.why == _ANOTHER for row in refused)
    raise Refused(
        f"{len(refused)} of the values cannot be stored: {', '.join(row.name for row in refused)}; nothing was stored",
        hint="--overwrite stores them as new versions; --only NAME leaves the others out"
        if differing
        else "--only NAME imports the others; `opsctl secrets set NAME --only-store` stores one of these",
    )


def imported(file: StoreFile, planned: Iterable[Row], hand: Hand) -> Edit:
    """All that is new or replaced, in one edit. Raises Refused where a secret has another current version than it had
    when the rows were made, and as `opsctl.secrets.changes.stored`.
    """
    edit = Edit(file)
    values: dict[tuple[str, str], str] = {}
    for row in planned:
        if row.outcome not in {"new", "replaced"}:
            continue
        before = file.secrets.get(row.name)
        if (before.current if before else "") != row.seen:
            raise Refused(
                f"{row.name} was changed by another run meanwhile; nothing was stored", hint="import again"
            )
        policy = Policy({"class_": row.class_}) if before is None else Policy()
        edit = stored(edit.file, row.name, row.value, policy, hand)
        values.update(edit.values)
    return Edit(edit.file, values)
