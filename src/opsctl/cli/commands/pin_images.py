"""`opsctl pin-images`: the digest of every image, so that nothing floats."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.cli.answer import begin
from opsctl.cli.completion import hosts, pinned
from opsctl.cli.options import EnvironmentOption, Json

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="Services or images (default: all); with --running hosts too.",
        autocompletion=pinned,
        show_default=False,
    ),
]
Update = Annotated[bool, typer.Option("--update", help="Take what the tags name now.")]
Outdated = Annotated[bool, typer.Option("--outdated", help="List tags that moved, and newer ones.")]
Running = Annotated[bool, typer.Option("--running", help="Lock what runs and is healthy on the hosts named.")]
Check = Annotated[bool, typer.Option("--check", help="Change nothing; end with 4 where anything floats.")]
Rollback = Annotated[bool, typer.Option("--rollback", help="Go back to the digests before.")]
Offline = Annotated[bool, typer.Option("--offline", help="With --check: ask no registry.")]
Strict = Annotated[bool, typer.Option("--strict", help="With --check: notes count too.")]
WriteSource = Annotated[
    bool, typer.Option("--write-source", help="Also put the digests beside the tags in the files.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be written.")]
Via = Annotated[
    str,
    typer.Option(
        "--via",
        metavar="HOST",
        help="Let the engine of this host ask the registries.",
        autocompletion=hosts,
        show_default=False,
    ),
]
AtOnce = Annotated[int, typer.Option("--parallel", metavar="N", min=1, max=32, help="Questions at a time.")]


def pin_images(
    context: typer.Context,
    names: Names = None,
    *,
    environment: EnvironmentOption = None,
    update: Update = False,
    outdated: Outdated = False,
    running: Running = False,
    check: Check = False,
    rollback: Rollback = False,
    offline: Offline = False,
    strict: Strict = False,
    write_source: WriteSource = False,
    dry_run: DryRun = False,
    via: Via = "",
    parallel: AtOnce = 8,
    json: Json = False,
) -> int:
    """Write the digest of every image that lacks one to images.lock.yaml.

    Deploys then run `repository:tag@digest`. What is locked already stays as it is, until --update or --rollback.
    """
    from opsctl.cli.pinning import run
    from opsctl.cli.pinning_asked import Asked, one_mode

    asked = Asked(
        mode=one_mode(update=update, outdated=outdated, running=running, check=check, rollback=rollback),
        names=tuple(names or ()),
        environment=environment,
        offline=offline,
        strict=strict,
        write_source=write_source,
        dry_run=dry_run,
        via=via,
        parallel=parallel,
    )
    return run(begin(context, json=json), asked)
