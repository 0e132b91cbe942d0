"""`opsctl memory`: limits, reservations and peaks against what each host has."""

from __future__ import annotations

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, Hosts, Json


def memory(
    context: typer.Context, environment: EnvironmentArgument = None, host: Hosts = None, json: Json = False
) -> int:
    """Show memory limits against what hosts have.

    RAM is `memory` of hosts.toml; no host is asked anything. Ends with 4 where a deploy would be refused.
    """
    from opsctl.cli.budgets import budgets_of, exit_of
    from opsctl.cli.project import offline
    from opsctl.cli.request import Request
    from opsctl.cli.views.memory import memory_json, memory_view

    invocation = begin(context, json=json)
    project = offline(invocation, Request(environment=environment, hosts=tuple(host or ())))
    budgets = budgets_of(project)
    return answer(invocation, exit_of(budgets), blocks=memory_view(budgets), data=memory_json(budgets))
