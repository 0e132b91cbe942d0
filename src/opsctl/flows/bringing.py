"""What brings an image to a host, for a deploy and for a trial before it. Nothing of it touches a container."""

from __future__ import annotations

from opsctl.argv import build as argv
from opsctl.flows.building import build
from opsctl.flows.pulling import pull
from opsctl.flows.site import Site
from opsctl.plan.steps import Build, Pull, Tag


def bring(site: Site, step: Pull | Build | Tag) -> None:
    """Raises CommandFailed, and what `Site.run` raises."""
    match step:
        case Pull():
            pull(site, step)
        case Build():
            build(site, step)
        case Tag():
            site.run(argv.tag(site.directory, site.run_id, step.image_id, step.name))
