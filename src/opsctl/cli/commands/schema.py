"""`opsctl schema`: JSON Schemas for editors."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from opsctl.cli.answer import begin


def schema(
    context: typer.Context,
    kind: Annotated[Literal["hosts", "stack"], typer.Argument(metavar="hosts|stack", show_default=False)],
) -> int:
    """Print the JSON Schema of a file, for editors."""
    import json

    from opsctl.inputs.schemas import json_schema

    invocation = begin(context)
    invocation.out.write(json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n")
    return 0
