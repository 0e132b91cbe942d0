"""Arguments and options that several commands share, each described once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from opsctl.cli.completion import environments, hosts, secrets, services, stacks, words

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ENV|SERVICE",
        help="The environment, then the services to narrow it to (default: all).",
        autocompletion=words,
        show_default=False,
    ),
]
EnvironmentArgument = Annotated[
    str | None,
    typer.Argument(metavar="ENV", help="The environment.", autocompletion=environments, show_default=False),
]
EnvironmentOption = Annotated[
    str | None,
    typer.Option(
        "-e", "--env", metavar="ENV", help="The environment.", autocompletion=environments, show_default=False
    ),
]
ServiceArgument = Annotated[
    str, typer.Argument(metavar="SERVICE", autocompletion=services, show_default=False)
]
ServiceArguments = Annotated[
    list[str], typer.Argument(metavar="SERVICE", autocompletion=services, show_default=False)
]
SecretArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The secret.", autocompletion=secrets, show_default=False),
]
SecretClassOption = Annotated[
    Literal["regenerate", "database", "app_admin", "provider", "expiring", "migrate_only"] | None,
    typer.Option(
        "--class",
        metavar="CLASS",
        help="What a new value means; default: as the name says, else regenerate.",
        show_default=False,
    ),
]
OnlyStore = Annotated[
    bool,
    typer.Option("--only-store", help="Also where a system keeps the value and is not told the new one."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="HOST",
        help="Only this host; repeat for more.",
        autocompletion=hosts,
        show_default=False,
    ),
]
OneHost = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="HOST",
        help="The host meant, where several run the service.",
        autocompletion=hosts,
        show_default=False,
    ),
]
Stacks = Annotated[
    list[str] | None,
    typer.Option(
        "--stack",
        metavar="STACK",
        help="Only services of this stack; repeat for more.",
        autocompletion=stacks,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON envelope on stdout.")]
KeepHostEdits = Annotated[
    bool,
    typer.Option(
        "--keep-host-edits", help="Stop where a file was edited on the host, instead of mending it."
    ),
]
Heal = Annotated[bool, typer.Option("--heal", help="Also restart services that stay unhealthy.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for health at the end.")]
NoVerify = Annotated[
    bool, typer.Option("--no-verify", help="Ask no checks at the end (--no-wait asks none either).")
]
NoGate = Annotated[
    bool,
    typer.Option("--no-gate", help="Try no new version before the old one stops, and count nothing after."),
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed without a terminal.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="The same as plan.")]
Serial = Annotated[bool, typer.Option("--serial", help="One host at a time; a failure stops those after it.")]
Parallel = Annotated[int, typer.Option("--parallel", metavar="N", min=1, help="Hosts changed at a time.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")]
LogTail = Annotated[int, typer.Option("--tail", "-n", metavar="N", min=0, help="The last N lines of each.")]
Since = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Not older than 15m, 2h30m ..., or an ISO 8601 time.",
        show_default=False,
    ),
]
