"""`opsctl explain`: where a value comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.completion import environments
from opsctl.cli.options import Json


def explain(
    context: typer.Context,
    environment: Annotated[
        str, typer.Argument(metavar="ENV", autocompletion=environments, show_default=False)
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="Such as api.memory.limit, vars.domain or hosts.web.user.",
            show_default=False,
        ),
    ],
    json: Json = False,
) -> int:
    """Say which file and line a value comes from."""
    from opsctl.cli.views.explain import explain_json, explain_view
    from opsctl.inputs.explain import explain as look_up
    from opsctl.inputs.hosts_file import find_root
    from opsctl.inputs.project import load

    invocation = begin(context, json=json)
    invocation.environment = environment
    found = look_up(load(find_root(invocation.folder)), environment, path)
    return answer(invocation, 0, blocks=explain_view(found), data=explain_json(found))
