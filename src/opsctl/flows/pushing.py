"""Carrying out a push, and what its failures mean."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.argv import compose, docker, push
from opsctl.argv.command import Completed
from opsctl.errors import CommandFailed, EngineUnavailable
from opsctl.flows import containers
from opsctl.flows.site import Progress, Site
from opsctl.model.requirements import OLDEST_COMPOSE
from opsctl.plan.steps import PutFile

# GNU tar 1.34 says "Wrote only 2048 of 10240 bytes" where the last write of a full disk was a short one.
_FULL = ("No space left on device", "Wrote only", "Disk quota exceeded")
_INSTALL = "https://docs.docker.com/compose/install/linux/ says how to install it"


def carry_out_push(site: Site, files: Sequence[PutFile], progress: Progress) -> None:
    """Put files that their programs take. Raises EngineUnavailable and CommandFailed; then no file is half-written."""
    for file in files:
        _require_taken(site, file)
    before = progress.changed
    site.check()
    progress.changed = True
    completed = site.attempt(push.push(site.directory, site.host.project, site.run_id, files))
    if completed.code in push.UNTOUCHED:
        progress.changed = before
    refuse_unusable(site, completed)
    if completed.code == push.NOT_ACCEPTED:
        raise site.failure(completed, "Docker Compose does not accept the files; nothing was touched")
    if completed.code in {push.NOT_STAGED, push.NOT_RENAMED}:
        raise _not_put(site, completed)
    if not completed.ok:
        raise site.failure(completed)


def _require_taken(site: Site, file: PutFile) -> None:
    """Raises CommandFailed where the program of a running service refuses the new file."""
    if file.check is None:
        return
    service, words = file.check
    container = containers.found(site.connection.engine, site.host.project, service, site.name)
    asked = docker.exec_with(site.directory, site.run_id, container, words, file.content)
    completed = site.attempt(asked)
    if not completed.ok:
        raise site.failure(
            completed,
            f"{service} does not take the new {file.path} ({' '.join(words[:2])}: exit {completed.code}); nothing was touched",
        )


def refuse_unusable(site: Site, completed: Completed) -> None:
    """Raises EngineUnavailable where the command found no Compose, or one that is too old."""
    # docker 20.10 without the plugin prints its whole help after the first line.
    said = site.redacted(completed.stderr.decode(errors="replace").strip())[:1]
    if completed.code == compose.NO_COMPOSE:
        raise EngineUnavailable(
            "`docker compose` is missing on the host",
            where=site.name,
            evidence=said,
            hint=f"opsctl needs Docker Compose {OLDEST_COMPOSE} or later; {_INSTALL}",
        )
    if completed.code == compose.COMPOSE_TOO_OLD:
        raise EngineUnavailable(
            f"Docker Compose {''.join(said)} is too old",
            where=site.name,
            hint=f"opsctl needs {OLDEST_COMPOSE} or later; {_INSTALL}",
        )


def _not_put(site: Site, completed: Completed) -> CommandFailed:
    touched = (
        "nothing was touched" if completed.code == push.NOT_STAGED else "some files were put, each whole"
    )
    said = completed.stderr.decode(errors="replace")
    if any(words in said for words in _FULL):
        free = _disk(completed.stdout)
        return site.failure(
            completed,
            f"the disk that holds {site.directory} is full{free}; {touched}",
            hint="make room (`docker system df` shows what Docker holds), then run the same command again",
        )
    return site.failure(completed, f"the files could not be put; {touched}")


def _disk(stdout: bytes) -> str:
    for line in stdout.decode(errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["disk"] and len(words) == 3:  # noqa: PLR2004
            total, available = (int(word) / 1024 for word in words[1:])
            return f" ({available:.1f} MiB of {total:.1f} MiB free)"
    return ""
