"""Secrets of which it is not known which value is in force: nothing may be planned that gives one of them to somebody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from opsctl.plan.context import Context
from opsctl.plan.merge import Merge
from opsctl.plan.schedule import Task
from opsctl.plan.steps import PutFile
from opsctl.render.secret_metrics import PATH, changed_moments


def unsettled(ctx: Context, tasks: Mapping[str, Task], files: Iterable[PutFile | Merge]) -> Iterator[str]:
    """A refusal for each secret whose rotation is open, or whose value on the host is newer than the stored one, and whose
    consumers the plan touches. A service that sleeps has nobody to give a value to.
    """
    paths = {file.path for file in files}
    half, newer = half_rotated(ctx), newer_here(ctx)
    for secret in sorted(half | newer.keys()):
        touched = ", ".join(_touched(ctx, secret, tasks, paths))
        if touched and secret in half:
            yield (
                f"{secret} is half-rotated{_by(ctx.observed.rotating.get(secret, ''))}, and this would touch "
                f"{touched}; end the rotation first: `opsctl rotate-secret {secret} --resume`, or --abort"
            )
        elif touched:
            yield (
                f"{secret} has a value here since {_moment(newer[secret])} that this checkout's store does not know, and this "
                f"would give {touched} an older one; take the newer store first (git pull)"
            )


def half_rotated(ctx: Context) -> frozenset[str]:
    """The secrets whose rotation is open, by the store or by the host, but for those that this run rotates."""
    return frozenset((ctx.request.unsettled | set(ctx.observed.rotating)) - ctx.request.rotating)


def _touched(ctx: Context, secret: str, tasks: Mapping[str, Task], paths: set[str]) -> Iterator[str]:
    for name, service in sorted(ctx.desired.services.items()):
        if secret in service.secrets and not ctx.sleeps(service):
            own = {service.env_path, *(file.path for file in service.files)}
            own |= {merge.path for merge in service.merges}
            if (name in tasks and tasks[name].renews) or paths & own:
                yield name


def newer_here(ctx: Context) -> dict[str, int]:
    """Secrets that came into force on the host later than in the store, with the moment."""
    file, wanted = ctx.observed.files.get(PATH), ctx.desired.own_files.get(PATH)
    if file is None or file.content is None or wanted is None:
        return {}
    known = changed_moments(wanted)
    return {
        secret: moment
        for secret, moment in changed_moments(file.content).items()
        if secret in known and moment > known[secret] and secret not in ctx.request.rotating
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _by(record: str) -> str:
    try:
        facts = json.loads(record)
    except ValueError:
        return ""
    if not isinstance(facts, dict):
        return ""
    person = f"{facts.get('user', 'somebody')}@{facts.get('machine', 'somewhere')}"
    return f" (by {person} since {facts.get('since', 'some time')})"
