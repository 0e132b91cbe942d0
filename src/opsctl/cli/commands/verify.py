"""`opsctl verify`: whether an environment is as its files say, and does what it should."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import Hosts, Json, Stacks, Words
from opsctl.errors import UsageError

Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="TAG",
        help="Only checks with this tag (docs/reference/checks.md); repeat for more.",
        show_default=False,
    ),
]
Least = Annotated[
    Literal["low", "medium", "high", "critical"],
    typer.Option("--severity", help="Only checks that matter at least so much."),
]
AllowMetered = Annotated[
    bool, typer.Option("--allow-metered", help="Also checks that cost money, such as a call of a model.")
]
All = Annotated[bool, typer.Option("--all", help="Show every check, those that passed too.")]
Junit = Annotated[
    Path | None,
    typer.Option(
        "--junit", metavar="FILE", help="Also write the results as JUnit XML, for CI.", show_default=False
    ),
]
Prometheus = Annotated[
    Path | None,
    typer.Option(
        "--prometheus",
        metavar="FILE",
        help="Also write the results as metrics, for node_exporter's textfile collector.",
        show_default=False,
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Go on, round after round, and show what changes; ^C ends it.")
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="TIME",
        help="With --watch: from the begin of a round to the next; default 60s.",
        show_default=False,
    ),
]
After = Annotated[
    int | None,
    typer.Option(
        "--after",
        metavar="N",
        min=1,
        help="With --notify: told when it has lasted N rounds; default 2.",
        show_default=False,
    ),
]
Notify = Annotated[
    bool, typer.Option("--notify", help="With --watch: tell whom [notify] in hosts.toml names.")
]


def verify(
    context: typer.Context,
    words: Words = None,
    *,
    host: Hosts = None,
    stack: Stacks = None,
    tag: Tags = None,
    severity: Least = "low",
    allow_metered: AllowMetered = False,
    show_all: All = False,
    junit: Junit = None,
    prometheus: Prometheus = None,
    watch: Watch = False,
    every: Every = None,
    notify: Notify = False,
    after: After = None,
    json: Json = False,
) -> int:
    """Check what runs: healthy, as rendered down to the environment and files inside, the locked images, and what apps answer.

    Ends with 4 where a check failed, with 5 where one could not be told. Images that pass for the first time with their digest
    get `validated_at` in images.lock.yaml; where a file cannot be written, it ends with 1 after all was told.
    """
    from opsctl.cli.request import Request
    from opsctl.cli.verifying import Files, Wanted, verified

    files = Files(junit, prometheus)
    wanted = Wanted(
        tuple(tag or ()), severity, files, allow_metered=allow_metered, show_all=show_all, notify=notify
    )
    request = Request.about(words, hosts=host, stacks=stack)
    if watch:
        from opsctl.cli.watching import pause_of, watched

        watched(begin(context, json=json), request, wanted, every=pause_of(every or "60s"), rounds=after or 2)
    if every or notify or after:
        raise UsageError("--every, --notify and --after go with --watch")
    return verified(begin(context, json=json), request, wanted)
