"""`opsctl connections`: what services may hold open, against what each PostgreSQL server lets in."""

from __future__ import annotations

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, Hosts, Json


def connections(
    context: typer.Context, environment: EnvironmentArgument = None, host: Hosts = None, json: Json = False
) -> int:
    """Show pools of connections against what PostgreSQL lets in.

    What the stack files say; no host is asked anything. Ends with 4 where a deploy would be refused.
    """
    from opsctl.apps.postgresql.budget import budgets
    from opsctl.cli.project import offline
    from opsctl.cli.request import Request
    from opsctl.cli.views.connections import connections_json, connections_view
    from opsctl.errors import Exit
    from opsctl.rules.subject import Subject

    invocation = begin(context, json=json)
    project = offline(invocation, Request(environment=environment, hosts=tuple(host or ())))
    chosen = project.selection.hosts
    every = budgets(Subject(project.fleet, project.desired))
    found = [one for one in every if not chosen or one.host in chosen]
    code = Exit.YES if all(one.fits for one in found) else Exit.NO
    return answer(invocation, code, blocks=connections_view(found), data=connections_json(found))
