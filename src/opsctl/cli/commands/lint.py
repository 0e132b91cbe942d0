"""`opsctl lint`: what can be known to be wrong without asking a host."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import Json, Words

Strict = Annotated[bool, typer.Option("--strict", help="Warnings and notes end with 4 too.")]
Sarif = Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for code scanning.")]
GitHub = Annotated[bool, typer.Option("--github", help="Print GitHub's workflow commands, for annotations.")]
Explain = Annotated[
    str,
    typer.Option(
        "--explain", metavar="ID", help="Tell of one rule, or of all with `all`.", show_default=False
    ),
]


def lint(
    context: typer.Context,
    words: Words = None,
    *,
    strict: Strict = False,
    sarif: Sarif = False,
    github: GitHub = False,
    explain: Explain = "",
    json: Json = False,
) -> int:
    """Check all that can be checked without a host: files, templates, Compose's schema, and the rules.

    Ends with 2 where a file is wrong, with 4 where a rule forbids a deploy, with 5 where one could not look.
    """
    from opsctl.cli.linting import explained, linted

    invocation = begin(context, json=json)
    if explain:
        return explained(invocation, explain)
    return linted(invocation, words, strict=strict, sarif=sarif, github=github)
