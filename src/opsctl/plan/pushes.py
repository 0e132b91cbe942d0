"""Which files go to the host, and what their arrival asks of running containers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.plan.context import Context
from opsctl.plan.merge import Merge
from opsctl.plan.steps import COMPOSE_FILE, PutFile
from opsctl.plan.verdict import Verdict
from opsctl.render import envfile
from opsctl.render.compose import compose_text
from opsctl.state.desired import DesiredFile, DesiredMerge, DesiredService
from opsctl.state.fingerprint import ENV_LABEL, FILES_LABEL

ENV_MODE = 0o600
COMPOSE_MODE = 0o644
OWN_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Reactions:
    """What is owed to one service: distinct reload commands and signals, or a restart, with the files that ask."""

    service: str
    kind: str
    files: tuple[DesiredFile | DesiredMerge, ...]
    causes: tuple[str, ...]


def service_files(
    ctx: Context, service: DesiredService, verdict: Verdict, *, owes: bool
) -> Iterator[PutFile]:
    """The env file and files of a service that differ on the host. `owes`: its container will not be made anew.

    Where it will be, a put that undoes an edit by hand owes just that: once the file is right again, neither it nor any
    label would tell that the container still has the edit.
    """
    content = ctx.desired.env_files.get(service.name)
    if content is not None:
        why = _why(ctx, service.env_path, content, ENV_MODE, verdict, label=ENV_LABEL)
        if why:
            keys = _env_keys(ctx, service)
            owed = () if owes else _undoing(service.env_path, verdict)
            yield PutFile(service.env_path, content, ENV_MODE, f"{why} {keys}" if keys else why, owed)
    for file in service.files:
        why = _why(ctx, file.path, file.content, file.mode, verdict, label=FILES_LABEL)
        if why:
            marked = owes and file.reaction.kind not in {"recreate", "none"}
            reaction = ((service.name, file.reaction.kind),) if marked else ()
            owed = reaction if owes else _undoing(file.path, verdict)
            yield PutFile(
                file.path, file.content, file.mode, why, owed, _check(ctx, service, file) if marked else None
            )


def _check(ctx: Context, service: DesiredService, file: DesiredFile) -> tuple[str, tuple[str, ...]] | None:
    """A container that restarts for ever may do so for its old file: nobody is asked there."""
    container = ctx.container(service.name)
    asks = bool(file.reaction.check) and container is not None and container.state == "running"
    return (service.name, file.reaction.check) if asks else None


def own_files(ctx: Context) -> Iterator[PutFile]:
    """The files of the host itself that differ there; no container is touched for their sake."""
    for path, content in sorted(ctx.desired.own_files.items()):
        if ctx.file_differs(path, content):
            yield PutFile(path, content, OWN_MODE, "changed" if path in ctx.observed.files else "new")


def _undoing(path: str, verdict: Verdict) -> tuple[tuple[str, str], ...]:
    return ((verdict.service, "recreate"),) if path in verdict.edits else ()


def _why(ctx: Context, path: str, content: bytes, mode: int, verdict: Verdict, *, label: str) -> str:
    """Why a file must be put; "" where it is as desired. A container that bears the desired `label` had it once."""
    found = ctx.observed.files.get(path)
    if found is None:
        container = ctx.container(verdict.service)
        wanted = ctx.fingerprints[verdict.service].labels()[label]
        return "gone from the host" if container and container.labels.get(label) == wanted else "new"
    if ctx.file_differs(path, content):
        return "edited on the host" if path in verdict.edits else "changed"
    return "" if found.mode == mode else f"mode {found.mode:04o} -> {mode:04o}"


def _env_keys(ctx: Context, service: DesiredService) -> str:
    """The keys in which the env file on the host differs, or "" where its text is not at hand or is no env file."""
    found = ctx.observed.files.get(service.env_path)
    if found is None or found.content is None:
        return ""
    try:
        before = envfile.parse(found.content)
    except ValueError:
        return ""
    return ", ".join(
        sorted(key for key in {*before, *service.env} if before.get(key) != service.env.get(key))
    )


def compose_file(
    ctx: Context, document: Mapping[str, Any], verdicts: Mapping[str, Verdict], renewed: Collection[str]
) -> PutFile | None:
    """compose.yml where it is not `document`. Of services that are made anew it owes the undoing of edits by hand."""
    if document is ctx.rendered and ctx.as_rendered:
        return None
    text = compose_text(document)
    if text == ctx.observed.compose:
        return None
    edited = [name for name, verdict in verdicts.items() if COMPOSE_FILE in verdict.edits]
    owes = [mark for name in edited if name in renewed for mark in _undoing(COMPOSE_FILE, verdicts[name])]
    why = compose_why(ctx.read_present(), document, edited)
    return PutFile(COMPOSE_FILE, text, COMPOSE_MODE, why, tuple(owes))


def compose_why(present: Mapping[str, Any], rendered: Mapping[str, Any], edited: Collection[str] = ()) -> str:
    """In words what differs between two compose.yml: the names of services, networks and volumes.

    `edited` are services whose present mapping was edited by hand.
    """
    if not present:
        return "new"
    names: dict[str, None] = {}
    for section in ("services", "networks", "volumes"):
        before, after = present.get(section) or {}, rendered.get(section) or {}
        names |= dict.fromkeys(
            name for name in sorted({*before, *after}) if before.get(name) != after.get(name)
        )
    by_hand = [name for name in names if name in edited]
    ours = [name for name in names if name not in edited]
    words = [f"changed {', '.join(ours)}"] if ours else []
    words += [f"edited on the host {', '.join(by_hand)}"] if by_hand else []
    return "; ".join(words) or "changed"


def reactions(ctx: Context, pushed: Iterable[PutFile | Merge], renewed: frozenset[str]) -> list[Reactions]:
    """What running containers that are not made anew are owed: by this push, and by markers of earlier ones."""
    owed: dict[tuple[str, str], list[str]] = {}
    for put in pushed:
        for mark in put.owes:
            owed.setdefault(mark, []).append(put.path)
    for marker in sorted(ctx.observed.owed):
        owed.setdefault(marker, [])
    found = []
    for (name, kind), paths in sorted(owed.items()):
        service = ctx.desired.services.get(name)
        owned: tuple[DesiredFile | DesiredMerge, ...] = (*service.files, *service.merges) if service else ()
        files = [file for file in owned if file.reaction.kind == kind]
        if kind == "recreate" or name in renewed or not files or not ctx.runs(name):
            continue
        targets = [file.target for file in files if file.path in paths]
        cause = f"file {', '.join(targets)}" if targets else "owed since an earlier push"
        found.append(Reactions(name, kind, tuple(files), (cause,)))
    return found


def settled_markers(
    ctx: Context, pushed: Iterable[PutFile | Merge], wanted: Iterable[Reactions], chosen: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    """Markers that ask for nothing once the waves are done: the service is gone, made anew, restarted or stopped, or
    its file changed its reaction.
    """
    markers = ctx.observed.owed | {mark for put in pushed for mark in put.owes}
    live = {(one.service, one.kind) for one in wanted}
    here = {marker for marker in markers if marker[0] in chosen or marker[0] not in ctx.desired.services}
    return tuple(sorted(here - live))
