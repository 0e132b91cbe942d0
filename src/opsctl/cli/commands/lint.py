"""`opsctl lint`: what can be known to be wrong without asking a host."""

from __future__ import annotations

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, Json


def lint(context: typer.Context, environment: EnvironmentArgument = None, json: Json = False) -> int:
    """Check all that can be checked without a host.

    Files, templates, Compose's schema, the memory policy, pins. Ends with 2 where a file is wrong, with 4 where a policy
    forbids a deploy.
    """
    from opsctl.cli.budgets import budgets_of, exit_of, image_refusals
    from opsctl.cli.project import offline
    from opsctl.cli.request import Request
    from opsctl.cli.views.lint import lint_json, lint_view
    from opsctl.errors import Exit

    invocation = begin(context, json=json)
    project = offline(invocation, Request(environment=environment))
    budgets = budgets_of(project)
    refused = {
        host.name: image_refusals(project.fleet, project.environment, host) for host in project.desired.hosts
    }
    return answer(
        invocation,
        Exit.NO if any(refused.values()) else exit_of(budgets),
        blocks=lint_view(project.fleet, project.desired, budgets, refused),
        data=lint_json(project.fleet, project.desired, budgets, refused),
    )
