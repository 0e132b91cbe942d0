"""Resolving a store's merge conflict: what both sides changed is asked, the rest is merged, one file is saved."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.cli.answer import answer
from opsctl.cli.invocation import Invocation
from opsctl.cli.secret_store import identities_of, keeper, store_path
from opsctl.cli.views.secrets_resolve import conflict_view, conflicts_text, resolved_json, resolved_view
from opsctl.edges.git_stages import read_stages
from opsctl.errors import Exit, UsageError
from opsctl.flows.secret_resolve import marked, open_sides, resolved, save, working_copy
from opsctl.secrets.merging import Choices, Conflict, merge
from opsctl.secrets.merging_versions import Side

_ANSWERS: dict[str, Side] = {"o": "ours", "ours": "ours", "t": "theirs", "theirs": "theirs"}


def resolve_store(invocation: Invocation, environment: str | None, *, ours: bool, theirs: bool) -> int:
    """Raises UsageError where there is no conflict, or a choice is needed and nobody can be asked; what git, keys and the
    store raise; nothing is written then.
    """
    if ours and theirs:
        raise UsageError("--ours or --theirs, not both")
    keep = keeper(invocation, environment, changes=True)
    path = store_path(keep.root, keep.environment)
    stages = read_stages(path, invocation.environ)
    before = working_copy(path, stages)
    sides = open_sides(stages, keep.file, identities_of(invocation.environ))
    for side in sides.three:
        keep.redactor.add(*side.values.values())
    now = keep.now
    side_of_all: Side | None = "ours" if ours else "theirs" if theirs else None
    conflicts = merge(*sides.three, now=now).conflicts
    choices = _choices(invocation, conflicts, side_of_all)
    merged, exposed = marked(sides, merge(*sides.three, now=now, choices=choices), now)
    save(path, resolved(sides, merged, now), before)
    return answer(
        invocation,
        Exit.YES,
        blocks=resolved_view(sides, merged, choices, exposed, keep.file),
        data=resolved_json(sides, merged, choices, exposed),
    )


def _choices(invocation: Invocation, conflicts: Sequence[Conflict], side: Side | None) -> Choices:
    """Raises UsageError where nobody can be asked, or does not answer."""
    if side:
        return {conflict.key: side for conflict in conflicts}
    if conflicts and not invocation.can_ask:
        raise _open(conflicts)
    return {conflict.key: _asked(invocation, conflict, conflicts) for conflict in conflicts}


def _asked(invocation: Invocation, conflict: Conflict, conflicts: Sequence[Conflict]) -> Side:
    invocation.side.show(conflict_view(conflict))
    while True:
        invocation.err.write("take [o]urs or [t]heirs? ")
        typed = invocation.stdin.readline()
        if not typed:
            raise _open(conflicts)
        if side := _ANSWERS.get(typed.strip().lower()):
            return side


def _open(conflicts: Sequence[Conflict]) -> UsageError:
    count = len(conflicts)
    return UsageError(
        f"{count} thing{'s were' if count > 1 else ' was'} changed on both sides; nothing was written",
        evidence=conflicts_text(conflicts),
        hint="on a terminal each is asked; --ours or --theirs takes one side for all of them",
    )
