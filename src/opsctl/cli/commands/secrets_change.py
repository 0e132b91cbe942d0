"""`opsctl secrets set`, `restore` and `remove`: one secret changed by hand."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentOption, Json, OnlyStore, SecretArgument, Yes

_SHORTEST, _LONGEST = 8, 4096

_Class = Literal["regenerate", "database", "app_admin", "provider", "expiring", "migrate_only"]


def _option(name: str, metavar: str, text: str) -> object:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


def set_secret(
    context: typer.Context,
    name: SecretArgument,
    *,
    environment: EnvironmentOption = None,
    generate: Annotated[
        int | None,
        typer.Option(
            "--generate",
            metavar="N",
            min=_SHORTEST,
            max=_LONGEST,
            help="Make the value up: N letters and digits.",
            show_default=False,
        ),
    ] = None,
    class_: Annotated[
        _Class | None,
        _option("--class", "CLASS", "What a new value means; default: by its name, else regenerate."),
    ] = None,
    rotate_every: Annotated[
        str | None, _option("--rotate-every", "SPAN", "How old a value may get: 90d; never.")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="N",
            min=1,
            max=1000,
            help="How many old values stay restorable (3).",
            show_default=False,
        ),
    ] = None,
    grace: Annotated[
        str | None, _option("--grace", "SPAN", "How long the old value stays valid after a rotation: 1h.")
    ] = None,
    expires: Annotated[
        str | None, _option("--expires", "DATE", "When the value ends by itself: 2026-11-01; never.")
    ] = None,
    driver: Annotated[
        str | None, _option("--driver", "DRIVER", "What tells the system that keeps the value.")
    ] = None,
    target: Annotated[
        list[str] | None,
        _option("--target", "KEY=VALUE", "What the driver needs; repeat for more, KEY= drops one."),
    ] = None,
    note: Annotated[str | None, _option("--note", "TEXT", "A word about the secret, not encrypted.")] = None,
    login: Annotated[str, _option("--login", "NAME", "The login name that the value belongs to.")] = "",
    policy_only: Annotated[
        bool, typer.Option("--policy-only", help="Change class, terms and target; the value stays.")
    ] = False,
    only_store: OnlyStore = False,
    json: Json = False,
) -> int:
    """Store a new value: asked for twice, piped in, or made up; never an argument.

    The old one stays restorable. Consumers get it with the next deploy.
    """
    from opsctl.cli.secret_setting import Given, set_one, wanted_policy

    invocation = begin(context, json=json)
    policy = wanted_policy(
        class_=class_,
        rotate_every=rotate_every,
        keep=keep,
        grace=grace,
        expires=expires,
        driver=driver,
        note=note,
        target=target or (),
    )
    given = Given(
        generate=generate, policy=policy, policy_only=policy_only, login=login, only_store=only_store
    )
    return set_one(invocation, name, environment, given)


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
