"""`opsctl secrets set`, `restore` and `remove`: one secret changed by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentOption, Json, OnlyStore, SecretArgument, SecretClassOption, Yes
from opsctl.errors import UsageError

_SHORTEST, _LONGEST = 8, 4096


def _option(
    name: str, metavar: str, text: str, *, least: int | None = None, most: int | None = None
) -> object:
    return typer.Option(name, metavar=metavar, help=text, min=least, max=most, show_default=False)


_Generate = Annotated[
    int | None,
    _option("--generate", "N", "Make the value up: N letters and digits.", least=_SHORTEST, most=_LONGEST),
]
_RotateEvery = Annotated[
    str | None, _option("--rotate-every", "SPAN", "How old a value may get: 90d; never.")
]
_Keep = Annotated[
    int | None, _option("--keep", "N", "How many old values stay restorable.", least=1, most=1000)
]
_Grace = Annotated[
    str | None, _option("--grace", "SPAN", "How long the old value stays valid after a rotation: 1h.")
]
_Expires = Annotated[
    str | None, _option("--expires", "DATE", "When the value ends by itself: 2026-11-01; never.")
]
_Due = Annotated[
    str | None, _option("--due", "DATE", "Mark it due from a date on, whatever its age; never: it is not.")
]
_Words = Annotated[list[str] | None, typer.Argument(hidden=True)]
_Driver = Annotated[str | None, _option("--driver", "DRIVER", "What tells the system that keeps the value.")]
_Target = Annotated[
    list[str] | None,
    _option("--target", "KEY=VALUE", "What the driver needs; repeat for more, KEY= drops one."),
]
_Note = Annotated[str | None, _option("--note", "TEXT", "A word about the secret, not encrypted.")]
_Login = Annotated[str, _option("--login", "NAME", "The login name that the value belongs to.")]
_PolicyOnly = Annotated[
    bool, typer.Option("--policy-only", help="Change class, terms and target; the value stays.")
]


def set_secret(
    context: typer.Context,
    name: SecretArgument,
    words: _Words = None,
    *,
    environment: EnvironmentOption = None,
    generate: _Generate = None,
    class_: SecretClassOption = None,
    rotate_every: _RotateEvery = None,
    keep: _Keep = None,
    grace: _Grace = None,
    expires: _Expires = None,
    due: _Due = None,
    driver: _Driver = None,
    target: _Target = None,
    note: _Note = None,
    login: _Login = "",
    policy_only: _PolicyOnly = False,
    only_store: OnlyStore = False,
    json: Json = False,
) -> int:
    """Store a new value: asked for twice, piped in, or made up; never an argument.

    The old one stays restorable. Consumers get it with the next deploy.
    """
    from opsctl.cli.secret_setting import Given, set_one, wanted_policy

    terms = {"rotate_every": rotate_every, "keep": keep, "grace": grace, "expires": expires, "due": due}
    if words:
        raise UsageError("a value is never an argument", hint="leave it out: it is asked for, or piped in")
    policy = wanted_policy(class_=class_, driver=driver, note=note, target=target or (), **terms)
    given = Given(policy, generate, policy_only=policy_only, login=login, only_store=only_store)
    return set_one(begin(context, json=json), name, environment, given)


def restore(
    context: typer.Context,
    name: SecretArgument,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Such as v3; see secrets history.")],
    *,
    environment: EnvironmentOption = None,
    only_store: OnlyStore = False,
    json: Json = False,
) -> int:
    """Make an old version of a secret the current one again."""
    from opsctl.cli.secret_setting import what_follows
    from opsctl.cli.secret_store import keeper
    from opsctl.cli.views.secrets_change import stored_json, stored_view
    from opsctl.secrets.changes import brought_back

    invocation = begin(context, json=json)
    keep = keeper(invocation, environment, changes=True)
    hand = keep.hand([name], only_store=only_store)
    after = keep.store.change(lambda file: brought_back(file, name, version, hand))
    follows = what_follows(keep, name, after)
    return answer(invocation, 0, blocks=stored_view(follows), data=stored_json(follows))


def remove(
    context: typer.Context,
    name: SecretArgument,
    *,
    environment: EnvironmentOption = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Remove a secret with all its versions; refused while a stack uses it."""
    from opsctl.cli.secret_setting import remove_one

    return remove_one(begin(context, json=json), name, environment, yes=yes)
