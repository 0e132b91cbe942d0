"""Merged files in a plan: their steps, what they ask of containers, and what forbids them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from opsctl.merging.keys import dotted
from opsctl.plan.context import Context
from opsctl.plan.merge import Merge
from opsctl.plan.merged import Finding, forgotten, record_name
from opsctl.plan.verdict import Verdict


def service_merges(ctx: Context, verdict: Verdict, *, owes: bool) -> Iterator[Merge]:
    """The merged files of a service whose keys, or records, are not as desired. `owes`: its container is not made anew."""
    for one in ctx.merges.get(verdict.service, ()):
        if not one.why or one.record is None:
            continue
        yield Merge(
            path=one.merge.path,
            why=one.why,
            record_name=record_name(one.merge.path),
            record=one.record.text(),
            content=one.text,
            before=hashlib.sha256(one.found.content).hexdigest(),
            changes=one.changes,
            owes=_owed(one, verdict, owes=owes) if one.changes else (),
        )


def _owed(one: Finding, verdict: Verdict, *, owes: bool) -> tuple[tuple[str, str], ...]:
    """As for a file: a reaction, or that an edit by hand which has reached the container is undone there too."""
    kind = one.merge.reaction.kind
    if owes:
        return ((verdict.service, kind),) if kind not in {"recreate", "none"} else ()
    return ((verdict.service, "recreate"),) if one.merge.path in verdict.edits else ()


def forgetting(ctx: Context, scope: frozenset[str]) -> Iterator[Merge]:
    """One step for each file of which nothing is owned any more: it stays, its record goes."""
    for record in forgotten(ctx.desired, ctx.observed):
        if ctx.request.services is None or record.service in scope:
            keys = ", ".join(map(dotted, record.keys))
            why = f"no longer managed, and left as it is: {keys}"
            yield Merge(path=record.path, why=why, record_name=record_name(record.path), record="")


def refusals(ctx: Context, scope: frozenset[str]) -> Iterator[str]:
    """Files that cannot be merged, of the services that a plan touches."""
    for name, found in sorted(ctx.merges.items()):
        yield from (one.refusal for one in found if one.refusal and name in scope)
