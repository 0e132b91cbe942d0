"""Building images on a host, and what their failures mean."""

from __future__ import annotations

import re
from dataclasses import replace

from opsctl.argv import build as argv
from opsctl.flows.site import Site
from opsctl.plan.steps import Build

# The engine's builder paints what a command says on stderr red (moby builder/dockerfile, 20.10).
_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_NEEDS_BUILDKIT = re.compile(rb"requires? BuildKit")


def build(site: Site, step: Build) -> None:
    """Raises CommandFailed with the end of what the build said, and what `Site.attempt` raises."""
    completed = site.attempt(argv.build(site.directory, site.run_id, step.build))
    if completed.ok:
        return
    said = replace(completed, stderr=_COLOUR.sub(b"", completed.stderr))
    named = ", ".join(step.services)
    hint = f"see {step.build.source}"
    if _NEEDS_BUILDKIT.search(said.stderr):
        hint += "; opsctl builds with the engine's own builder, which has no --mount and no heredocs"
    raise site.failure(said, f"cannot build {step.build.image} for {named}; no container was touched", hint)
