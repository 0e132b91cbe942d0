"""`opsctl secrets list`, `history`, `log` and `doctor`: what can be told without showing a value."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, EnvironmentOption, Json, SecretArgument

_TAIL = 20


def list_secrets(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="End with 4 if one is overdue, expired, missing, half-rotated or misjudged."
        ),
    ] = False,
    json: Json = False,
) -> int:
    """List secrets with class, age, due date, version and users; needs no key."""
    from opsctl.cli.secret_store import keeper
    from opsctl.cli.views.secrets import list_json, list_view
    from opsctl.errors import Exit
    from opsctl.flows.secret_inventory import inventory

    invocation = begin(context, json=json)
    keep = keeper(invocation, environment, changes=False)
    file = keep.describe()
    items = inventory(file, keep.uses_if_known(), keep.now, keep.journals(file.secrets))
    return answer(
        invocation,
        Exit.NO if check and any(item.urgent for item in items) else Exit.YES,
        blocks=list_view(items, keep.environment, keep.now, width=invocation.data.width),
        data=list_json(items, keep.environment),
    )


def history(
    context: typer.Context, name: SecretArgument, *, environment: EnvironmentOption = None, json: Json = False
) -> int:
    """Show the versions of a secret: when, by whom, in which stage; needs no key."""
    from opsctl.cli.secret_store import keeper
    from opsctl.cli.views.secrets import history_json, history_view
    from opsctl.secrets.versions import require_secret

    invocation = begin(context, json=json)
    keep = keeper(invocation, environment, changes=False)
    secret = require_secret(keep.describe(), name, where=keep.file)
    return answer(invocation, 0, blocks=history_view(name, secret, keep.now), data=history_json(name, secret))


def log(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    *,
    tail: Annotated[int, typer.Option("--tail", metavar="N", min=1, help="The last N lines.")] = _TAIL,
    json: Json = False,
) -> int:
    """Show who looked at which secret on this machine, and why.

    Without ENV of all environments. Ends with 4 where the log was tampered with.
    """
    from opsctl.cli.arguments import require_known
    from opsctl.cli.meant import hosts_file_of
    from opsctl.cli.secret_store import access_log_path
    from opsctl.cli.views.secrets_log import log_json, log_view
    from opsctl.edges.access_log import AccessLog
    from opsctl.errors import Exit
    from opsctl.inputs.hosts_file import find_root

    invocation = begin(context, json=json)
    file = hosts_file_of(find_root(invocation.folder))
    if environment is not None:
        require_known("environment", [environment], file.environments)
        invocation.environment = environment
    path = access_log_path(file.project)
    found = AccessLog(path)
    flaw = found.verify()
    told = [one for one in found.accesses() if environment in {None, one.environment}]
    return answer(
        invocation,
        Exit.NO if flaw else Exit.YES,
        blocks=log_view(told[-tail:], flaw, str(path)),
        data=log_json(told[-tail:], flaw, str(path)),
    )


def doctor(context: typer.Context, environment: EnvironmentArgument = None, *, json: Json = False) -> int:
    """Check the store, the keys that open it, every secret's state and the access log.

    Ends with 4 where something must be mended, with 5 where something could not be checked.
    """
    from opsctl.cli.secret_store import keeper
    from opsctl.cli.views.secrets_doctor import doctor_json, doctor_view
    from opsctl.flows.secrets_doctor import examine

    invocation = begin(context, json=json)
    keep = keeper(invocation, environment, changes=False)
    report = examine(keep.patient())
    return answer(
        invocation,
        report.exit,
        blocks=doctor_view(report, keep.environment, width=invocation.data.width),
        data=doctor_json(report),
    )
