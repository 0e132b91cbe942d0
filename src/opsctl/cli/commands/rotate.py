"""`opsctl rotate-secret`: a new value, told to what keeps it, given to who uses it, the old one withdrawn."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentOption, Json, Yes

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="The secrets.", show_default=False)]
Due = Annotated[bool, typer.Option("--due", help="All that are due, and what waits for its end.")]
OfClass = Annotated[
    str | None, typer.Option("--class", metavar="CLASS", help="All of a class.", show_default=False)
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an open rotation.")]
Abort = Annotated[bool, typer.Option("--abort", help="End an open rotation with the old value in force.")]
Rollback = Annotated[bool, typer.Option("--rollback", help="Rotate to the value before.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
Revoked = Annotated[bool, typer.Option("--revoked", help="The old key was revoked at its provider.")]


def rotate_secret(
    context: typer.Context,
    names: Names = None,
    *,
    environment: EnvironmentOption = None,
    due: Due = False,
    of_class: OfClass = None,
    resume: Resume = False,
    abort: Abort = False,
    rollback: Rollback = False,
    dry_run: DryRun = False,
    revoked: Revoked = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Rotate secrets: create, set, test, deliver, finish, retire.

    Only who uses a secret is made anew, in the order of the dependencies, and must become healthy. What fails is put back.
    """
    from opsctl.cli.rotating import Wanted, require_class, require_one_choice, require_one_way, run

    way = require_one_way(resume=resume, abort=abort, rollback=rollback)
    require_one_choice(names or (), way, due=due, of_class=of_class)
    wanted = Wanted(
        names=tuple(names or ()),
        due=due,
        of_class=require_class(of_class),
        way=way,
        dry_run=dry_run,
        yes=yes,
        revoked=revoked,
    )
    return run(begin(context, json=json), environment, wanted)
