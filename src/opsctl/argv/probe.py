"""A container that lives for one question: it asks a service over the network, as a consumer would, and is gone."""

from __future__ import annotations

from opsctl.argv.command import Command, script
from opsctl.argv.guard import guarded
from opsctl.checks.throwaway import LABEL

__all__ = ["LABEL", "probe"]

# 20.10 and later know every option. Nothing of the container reaches a disk: its root is read-only, /tmp is memory, no
# log is kept. The engine removes it, with the volumes that its image declares, also when the client that made it is gone.
_OPTIONS = (
    *("--rm", "--pull", "never", "--interactive", "--read-only", "--tmpfs", "/tmp:mode=1777,size=1m"),  # noqa: S108 - its own
    *("--memory", "64m", "--cap-drop", "ALL", "--log-driver", "none", "--no-healthcheck"),
)


def probe(
    directory: str,
    run: str,
    *,
    image: str,
    network: str,
    source: str,
    arguments: tuple[str, ...],
    stdin: bytes,
    timeout: float,
) -> Command:
    """Run a constant shell script in a container of `image` on `network`; what is secret goes to its standard input."""
    options = (*_OPTIONS, "--network", network, "--label", f"{LABEL}={run}")
    sh, *words = script(source, *arguments)
    return guarded(
        directory,
        run,
        ("docker", "run", *options, "--entrypoint", sh, image, *words),
        stdin=stdin,
        timeout=timeout,
        privilege="both",
        label="docker run (probe)",
    )
