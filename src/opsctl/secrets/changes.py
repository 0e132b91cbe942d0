"""What people may do to a store by hand; each change is an Edit of the whole store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opsctl.errors import Refused, UsageError
from opsctl.model.secrets import Secret, SecretClass, StoreFile, number
from opsctl.secrets.versions import Edit, require_secret, restored, with_secret, with_value

_WITHOUT_SYSTEM = frozenset({"", "regenerate", "provider"})
"""Drivers that tell no system a new value."""

_DUE = frozenset({"due", "due_reason"})
"""What a new value takes away, unless it is said along with it."""

_OF_THE_DRIVER = frozenset({"class_", "driver"})
"""What says, with the target, how a rotation that is open can be ended."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What to change of a secret beside its value: fields of Secret by their names, and keys of its target ("": drop it)."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.fields or self.target)

    def of(self, secret: Secret) -> Secret:
        target = {key: value for key, value in {**secret.target, **self.target}.items() if value}
        return secret.model_copy(update={**self.fields, "target": target})


@dataclass(frozen=True, slots=True)
class Hand:
    """Whose change it is, of which environment and when, in seconds since the epoch. `only_store`: also where a system
    keeps the value and is not told the new one. `known` are classes by name, where names and uses say one.
    """

    now: float
    by: str
    environment: str
    only_store: bool = False
    known: Mapping[str, SecretClass] = field(default_factory=dict)


def require_version(name: str, secret: Secret, version: str = "") -> str:
    """The version asked for, else the current one. Raises UsageError where there is no such version."""
    asked = version or secret.current
    if asked not in secret.versions:
        known = ", ".join(sorted(secret.versions, key=number)) or "none"
        missing = f"no version {version}" if version else "no current value"
        raise UsageError(f"{name} has {missing}", hint=f"there are: {known}")
    return asked


def require_free(name: str, secret: Secret, hand: Hand) -> None:
    """Raises Refused where a new value in the store alone would part the store from what keeps the old one."""
    if not secret.current or hand.only_store:
        return
    rotate = f"opsctl rotate-secret {name} -e {hand.environment}"
    if "migrate_only" in {secret.class_, hand.known.get(name)}:
        raise Refused(
            f"{name} is for migration only: what was encrypted with its value can be read with that value alone",
            hint=f"{rotate} prints what has to be done; --only-store stores another value and does nothing else",
        )
    if secret.driver not in _WITHOUT_SYSTEM or secret.class_ in {"database", "app_admin"}:
        raise Refused(
            f"a system keeps the value of {name} ({secret.driver or f'class {secret.class_}'}), and this would not tell it",
            hint=f"{rotate} tells it; --only-store, where it knows the new value already",
        )


def stored(
    file: StoreFile,
    name: str,
    value: str | None,
    policy: Policy,
    hand: Hand,
    *,
    login: str = "",
) -> Edit:
    """A new current version of the value (None: the policy alone), in a secret that may be new.

    A new secret has the class that is known by its name, where the policy gives none. The login name stays that of the
    version before where none is given. Raises Refused as `require_free` and while a
    rotation is open, when class, driver and target stay as they are too; UsageError for the policy alone of a secret that
    is not there.
    """
    if value is None:
        secret = require_secret(file, name)
        if secret.pending and (policy.target or policy.fields.keys() & _OF_THE_DRIVER):
            raise _open_rotation(name, hand.environment)
        return Edit(with_secret(file, name, policy.of(secret)))
    before = file.secrets.get(name, Secret(**{"class": hand.known.get(name, "regenerate")}))
    require_free(name, before, hand)
    kept = before.versions[before.current].login if before.current else ""
    with _about(name):
        after, version = with_value(policy.of(before), now=hand.now, by=hand.by, login=login or kept)
        after = after.model_copy(update={key: policy.fields[key] for key in _DUE & policy.fields.keys()})
    return Edit(with_secret(file, name, after), {(name, version): value})


def brought_back(file: StoreFile, name: str, version: str, hand: Hand) -> Edit:
    """An old version current again. Raises as `require_free`, and UsageError for a version that is not there."""
    before = require_secret(file, name)
    require_free(name, before, hand)
    with _about(name):
        return Edit(with_secret(file, name, restored(before, version, now=hand.now)))


def removed(file: StoreFile, name: str, environment: str) -> Edit:
    """Without the secret and all its versions. Raises UsageError for one that is not there, Refused while one is pending."""
    if require_secret(file, name).pending:
        raise _open_rotation(name, environment)
    kept = {one: secret for one, secret in file.secrets.items() if one != name}
    return Edit(file.model_copy(update={"secrets": kept}))


def edited(file: StoreFile, seen: Mapping[str, str], values: Mapping[str, str], hand: Hand) -> Edit:
    """New versions of the values given, by name. `seen` is which version of each name was current when they were made
    ("": none).

    Raises Refused where one has another current version by now, and as `stored`.
    """
    edit = Edit(file)
    made: dict[tuple[str, str], str] = {}
    for name, value in values.items():
        current = file.secrets[name].current if name in file.secrets else ""
        if current != seen.get(name, ""):
            raise Refused(
                f"{name} was changed by another run meanwhile; nothing was stored", hint="edit again"
            )
        edit = stored(edit.file, name, value, Policy(), hand)
        made.update(edit.values)
    return Edit(edit.file, made)


def marked_due(file: StoreFile, names: Iterable[str], reason: str, now: float) -> StoreFile:
    """The secrets named, due now and for that reason: somebody else knows every value that they have had until now."""
    told = {"due": now, "due_reason": reason, "exposed": now}
    marked = {name: file.secrets[name].model_copy(update=told) for name in names}
    return file.model_copy(update={"secrets": {**file.secrets, **marked}})


def _open_rotation(name: str, environment: str) -> Refused:
    return Refused(
        f"a rotation of {name} is open",
        hint=f"end it first: opsctl rotate-secret {name} -e {environment} --resume, or --abort",
    )


@contextmanager
def _about(name: str) -> Iterator[None]:
    """What is refused inside is led by the secret's name."""
    try:
        yield
    except (Refused, UsageError) as error:
        raise type(error)(error.message, where=name, hint=error.hint.replace("NAME", name)) from None
