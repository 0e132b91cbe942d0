"""Commands of Docker Compose. None reads standard input, none says yes to a question (`-y`)."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded

__all__ = ["CHECK_VERSION", "COMPOSE_TOO_OLD", "NO_COMPOSE", "check_version", "up"]

NO_COMPOSE = 64
COMPOSE_TOO_OLD = 65

# opsctl.model.requirements.OLDEST_COMPOSE in shell; what it found goes to stderr; exit codes as above.
CHECK_VERSION = """\
usable_compose() {
    found=$(docker compose version --short 2>&1 </dev/null) || {
        printf '%s\\n' "$found" >&2
        return 64
    }
    plain=${found#v}
    major=${plain%%.*} minor=${plain#*.}
    minor=${minor%%.*}
    case $major.$minor in .* | *. | *[!0-9.]*) ;; *)
        [ "$major" -eq 2 ] && [ "$minor" -ge 24 ] && return 0
        [ "$major" -gt 2 ] && return 0
        ;;
    esac
    printf '%s\\n' "$found" >&2
    return 65
}
"""


def check_version() -> Command:
    """Whether Compose is there and new enough; changes nothing."""
    return Command(words=script(CHECK_VERSION + "usable_compose\n"), timeout=60.0, label="compose version")


def up(directory: str, project: str, run: str, services: Sequence[str], *, timeout: float = 600.0) -> Command:
    """Create the named services' containers anew and start them, and touch no other.

    A service that is named runs although it has a profile. `--progress quiet`: an orphaned Compose that writes to a
    connection that is gone would die of it in the middle of its work.
    """
    words = (
        *("docker", "compose", "--progress", "quiet"),
        *("--project-directory", directory, "-f", f"{directory}/compose.yml", "-p", project),
        *("up", "--detach", "--no-deps", "--force-recreate", "--pull", "never", "--", *services),
    )
    label = "docker compose up " + " ".join(services)
    return guarded(directory, run, words, timeout=timeout, privilege="both", label=label)
