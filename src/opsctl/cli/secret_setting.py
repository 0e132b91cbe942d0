"""Storing one value: what was asked for, whether it may be, and what follows from it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opsctl.cli.answer import answer
from opsctl.cli.consent import ask
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_prompts import read_value
from opsctl.cli.secret_store import Keeper, keeper
from opsctl.cli.views.blocks import line
from opsctl.cli.views.secrets_change import Stored, stored_json, stored_view
from opsctl.errors import Exit, Refused, UsageError
from opsctl.flows.rotation.drivers.generated import letters_and_digits
from opsctl.flows.secret_inventory import check_target
from opsctl.model.secrets import Secret, StoreFile, check_secret_name, parse_moment, parse_span
from opsctl.model.values import Unfit
from opsctl.secrets.changes import Hand, Policy, removed, require_free, stored
from opsctl.secrets.versions import Edit, require_secret

NEVER = "never"


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of a value and its policy. `generate` is a number of characters."""

    policy: Policy
    generate: int | None = None
    policy_only: bool = False
    login: str = ""
    only_store: bool = False


def wanted_policy(*, target: Iterable[str] = (), **given: Any) -> Policy:
    """The fields that were given (not None), read. Raises UsageError that names the option."""
    spans = {"rotate_every": parse_span, "grace": parse_span, "expires": parse_moment, "due": parse_moment}
    fields = {}
    for name, value in given.items():
        if value is not None:
            option = f"--{name.rstrip('_').replace('_', '-')}"
            fields[name] = _read(option, value, spans[name]) if name in spans else value
    if "due" in fields:
        fields["due_reason"] = ""
    return Policy(fields, dict(_pair(word) for word in target))


def _read(option: str, value: str, read: Any) -> float | None:
    if value == NEVER and option != "--grace":
        return None
    try:
        found: float = read(value)
    except Unfit as reason:
        raise UsageError(f"{option}: {reason}", hint=reason.hint) from None
    return found


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not key or not equals:
        raise UsageError(f"--target: {word!r} is not KEY=VALUE")
    return key, value


def secret_name(name: str) -> str:
    """Raises UsageError for a name that no store can hold."""
    try:
        return check_secret_name(name)
    except Unfit as reason:
        raise UsageError(str(reason), hint=reason.hint) from None


def set_one(invocation: Invocation, name: str, environment: str | None, given: Given) -> int:
    """What may not be is refused before a value is asked for, and again in the store's own transaction."""
    keep = keeper(invocation, environment, changes=True)
    _consistent(given)
    hand = keep.hand([secret_name(name)], only_store=given.only_store)
    file = keep.describe()
    value = None if given.policy_only else _value(keep, file, name, given, hand)

    def edit(now: StoreFile) -> Edit:
        made = stored(now, name, value, given.policy, hand, login=given.login)
        if given.policy.target or "driver" in given.policy.fields:
            check_target(name, made.file.secrets[name])
        return made

    after = keep.store.change(edit)
    follows = what_follows(keep, name, after, policy_alone=value is None)
    return answer(invocation, 0, blocks=stored_view(follows), data=stored_json(follows))


def _value(keep: Keeper, file: StoreFile, name: str, given: Given, hand: Hand) -> str:
    require_free(name, file.secrets.get(name, Secret()), hand)
    value = (
        letters_and_digits(given.generate, os.urandom)
        if given.generate
        else read_value(keep.invocation, name)
    )
    keep.redactor.add(value)
    _require_another(keep, file, name, value)
    return value


def _consistent(given: Given) -> None:
    if given.policy_only and (given.generate or given.login):
        raise UsageError("--policy-only stores no value", hint="leave out --generate and --login")
    if given.policy_only and not given.policy:
        raise UsageError("--policy-only changes nothing alone", hint="add --class, --rotate-every, --keep …")


def _require_another(keep: Keeper, file: StoreFile, name: str, value: str) -> None:
    """Raises Refused for the value that is current already: storing it again would only make it look young."""
    current = file.secrets[name].current if name in file.secrets else ""
    if current and keep.values({name: current})[name] == value:
        raise Refused(
            f"that is the current value of {name} already ({current})",
            hint="storing it again would only make it look new; --policy-only changes the rest",
        )


def what_follows(keep: Keeper, name: str, after: StoreFile, *, policy_alone: bool = False) -> Stored:
    uses = keep.uses_if_known()
    return Stored(
        name=name,
        secret=after.secrets[name],
        environment=keep.environment,
        uses=None if uses is None else uses.get(name, ()),
        policy_alone=policy_alone,
        now=keep.now,
    )


def remove_one(invocation: Invocation, name: str, environment: str | None, *, yes: bool) -> int:
    """Raises Refused while a stack uses it, InputError where the project's files cannot tell."""
    keep = keeper(invocation, environment, changes=True)
    secret = require_secret(keep.describe(), name, where=keep.file)
    if secret.pending:
        raise Refused(
            f"a rotation of {name} is open",
            hint=f"end it first: opsctl rotate-secret {name} -e {keep.environment} --abort",
        )
    if uses := keep.uses().get(name, ()):
        raise Refused(
            f"{name} is used",
            where=str(uses[0].place),
            evidence=[f"{use.place}: {use.user}" for use in uses],
        )
    if not yes and not invocation.can_ask:
        raise UsageError("removing it needs a yes, and there is no terminal to ask on", hint="add --yes")
    count = len(secret.versions)
    if not yes and not ask(invocation, f"Remove {name} and its {count} version{'s' if count != 1 else ''}?"):
        return answer(invocation, Exit.YES, blocks=[line("nothing done")], data={"removed": None})

    def edit(file: StoreFile) -> Edit:
        return removed(file, name, keep.environment)

    keep.store.change(edit)
    told = line(f"{name} removed; the history of the repository still has it, encrypted")
    return answer(invocation, Exit.YES, blocks=[told], data={"removed": name})
