"""`opsctl render`: the files that a deploy would push."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.answer import answer, begin
from opsctl.cli.options import EnvironmentArgument, Hosts, Json


def render(
    context: typer.Context,
    environment: EnvironmentArgument = None,
    host: Hosts = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Write DIR/HOST/… instead of printing.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Write what would be pushed, secrets masked.

    No host is asked anything. Files of DIR that are no longer rendered are left alone.
    """
    from opsctl.cli.project import offline
    from opsctl.cli.request import Request
    from opsctl.cli.views.rendered import rendered_json, rendered_view, written_view
    from opsctl.cli.writing import write_files
    from opsctl.render.output import files

    invocation = begin(context, json=json)
    project = offline(invocation, Request(environment=environment, hosts=tuple(host or ())))
    chosen = project.selection.hosts
    found = {
        path: content
        for path, content in files(project.desired).items()
        if not chosen or path.partition("/")[0] in chosen
    }
    if out is not None:
        write_files(out, found)
    return answer(
        invocation,
        0,
        blocks=written_view(found, out) if out is not None else rendered_view(found),
        data=rendered_json(found),
    )
