"""`opsctl hosts`: the machines, and whose host keys are trusted."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli import completion
from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, Hosts, Json, Yes
from opsctl.errors import UsageError

hosts = typer.Typer(name="hosts", no_args_is_help=True, rich_markup_mode=None)


@hosts.callback()
def about() -> None:
    """List the hosts, check that they answer, trust their keys."""


@hosts.command("list")
def list_hosts(context: typer.Context, json: Json = False) -> int:
    """List the hosts of hosts.toml; none is asked anything."""
    from opsctl.cli.meant import hosts_file_of
    from opsctl.cli.views.hosts import hosts_json, hosts_view
    from opsctl.inputs.hosts_file import find_root

    invocation = begin(context, json=json)
    file = hosts_file_of(find_root(invocation.folder))
    return answer(invocation, 0, blocks=hosts_view(file), data=hosts_json(file))


@hosts.command("check")
def check(
    context: typer.Context, environment: EnvironmentArgument = None, host: Hosts = None, json: Json = False
) -> int:
    """Look at each host once and say whether it is ready."""
    from opsctl.cli.progress import progress
    from opsctl.cli.request import Request
    from opsctl.cli.session import online
    from opsctl.cli.views.hosts import checked_json, checked_view
    from opsctl.errors import worst
    from opsctl.flows.hosts import chosen_hosts, on_each
    from opsctl.flows.look import look

    invocation = begin(context, json=json)
    request = Request(environment=environment, hosts=tuple(host or ()))
    with (
        progress(invocation.side, tell_steps=False) as listen,
        online(invocation, request, listen) as session,
    ):
        connect = session.world.connect
        asked = chosen_hosts(session.desired, session.selection)
        looks, errors = on_each(asked, lambda one: look(connect(one.name), one))
    return answer(
        invocation,
        worst(error.exit for error in errors.values()),
        blocks=checked_view(looks, errors),
        data=checked_json(looks, errors),
        errors=errors,
    )


@hosts.command("trust")
def trust(
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", autocompletion=completion.hosts, show_default=False)],
    yes: Yes = False,
) -> int:
    """Show a host's key and add it to known_hosts.

    Compare the fingerprint with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host itself.
    """
    from opsctl.cli.trusting import trust_host

    invocation = begin(context)
    if not yes and not invocation.can_ask:
        raise UsageError(
            "there is no terminal to ask on",
            hint="compare the fingerprint in another way first, then add --yes",
        )
    return trust_host(invocation, host, yes=yes)
