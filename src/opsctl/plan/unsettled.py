"""Secrets whose rotation is open: nothing may be planned that gives one of their values to somebody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from opsctl.plan.context import Context
from opsctl.plan.schedule import Task
from opsctl.plan.steps import PutFile


def unsettled(ctx: Context, tasks: Mapping[str, Task], files: Iterable[PutFile]) -> Iterator[str]:
    """A refusal for each open rotation whose consumers the plan touches.

    Which value is in force is not known then: the stored one may be what the system has just forgotten.
    """
    paths = {file.path for file in files}
    for secret in sorted((ctx.request.unsettled | set(ctx.observed.rotating)) - ctx.request.rotating):
        touched = [
            name
            for name, service in sorted(ctx.desired.services.items())
            if secret in service.secrets
            and (
                (name in tasks and tasks[name].renews)
                or paths & {service.env_path, *(file.path for file in service.files)}
            )
        ]
        if touched:
            yield (
                f"{secret} is half-rotated{_by(ctx.observed.rotating.get(secret, ''))}, and this would touch "
                f"{', '.join(touched)}; end the rotation first: `opsctl rotate-secret {secret} --resume`, or --abort"
            )


def _by(record: str) -> str:
    try:
        facts = json.loads(record)
    except ValueError:
        return ""
    if not isinstance(facts, dict):
        return ""
    person = f"{facts.get('user', 'somebody')}@{facts.get('machine', 'somewhere')}"
    return f" (by {person} since {facts.get('since', 'some time')})"
