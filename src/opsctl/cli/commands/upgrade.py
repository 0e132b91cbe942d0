"""`opsctl upgrade`: another version of one service, and the old one back where the new one does not work out."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentOption, Json, NoGate, NoVerify, ServiceArgument, Yes

Tag = Annotated[
    str,
    typer.Argument(
        metavar="TAG",
        help="Default: the newest of the smallest step that the app takes.",
        show_default=False,
    ),
]


def upgrade(
    context: typer.Context,
    service: ServiceArgument,
    tag: Tag = "",
    *,
    environment: EnvironmentOption = None,
    yes: Yes = False,
    no_gate: NoGate = False,
    no_verify: NoVerify = False,
    json: Json = False,
) -> int:
    """Write another tag of a service into the files, pin it, and deploy it.

    Where that ends badly, the files are put back byte for byte: always before anything was stopped, and afterwards where the app
    opens what a newer version left; the old version is deployed again then.
    """
    from opsctl.cli.upgrading import Asked, run

    asked = Asked(service, tag, environment, yes=yes, gate=not no_gate, verify=not no_verify)
    return run(begin(context, json=json), asked)
