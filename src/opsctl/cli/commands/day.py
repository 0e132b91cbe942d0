"""`opsctl start`, `stop`, `restart` and `recreate`: one thing done to the services named."""

from __future__ import annotations

from typing import Literal

import typer

from opsctl.cli.answer import begin
from opsctl.cli.options import EnvironmentOption, Json, NoWait, OneHost, ServiceArguments


def start(
    context: typer.Context,
    services: ServiceArguments,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    no_wait: NoWait = False,
    json: Json = False,
) -> int:
    """Start services that were stopped, or run on demand."""
    return _act(context, "start", services, environment, host, no_wait=no_wait, json=json)


def stop(
    context: typer.Context,
    services: ServiceArguments,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    json: Json = False,
) -> int:
    """Stop services and keep them down until start.

    Later deploys and a typed `docker compose up -d` leave them down too.
    """
    return _act(context, "stop", services, environment, host, no_wait=True, json=json)


def restart(
    context: typer.Context,
    services: ServiceArguments,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    no_wait: NoWait = False,
    json: Json = False,
) -> int:
    """Restart containers as they are.

    A restart never reads a changed environment: that needs deploy.
    """
    return _act(context, "restart", services, environment, host, no_wait=no_wait, json=json)


def recreate(
    context: typer.Context,
    services: ServiceArguments,
    *,
    environment: EnvironmentOption = None,
    host: OneHost = "",
    no_wait: NoWait = False,
    json: Json = False,
) -> int:
    """Make containers anew, also where nothing changed."""
    return _act(context, "recreate", services, environment, host, no_wait=no_wait, json=json)


def _act(
    context: typer.Context,
    verb: Literal["start", "stop", "restart", "recreate"],
    services: list[str],
    environment: str | None,
    host: str,
    *,
    no_wait: bool,
    json: bool,
) -> int:
    from opsctl.cli.changing import change
    from opsctl.cli.request import Request
    from opsctl.flows.verbs import act

    return change(
        begin(context, json=json),
        Request.of_things(services, environment, host=host, changes=True),
        lambda session, consent: act(
            session.world,
            session.desired,
            verb,
            services,
            host=host,
            confirm=consent,
            wait=not no_wait,
            policy=session.policy,
        ),
        yes=True,
    )
