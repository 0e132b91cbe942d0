"""Pulling images, with a login where hosts.toml has one for their registry."""

from __future__ import annotations

from opsctl.argv import docker
from opsctl.flows.site import Site
from opsctl.flows.world import World
from opsctl.images.credentials import Credentials
from opsctl.model.references import brief, parse_reference
from opsctl.model.values import Unfit
from opsctl.plan.plans import Plan
from opsctl.plan.steps import Pull


def require_logins(world: World, plan: Plan) -> None:
    """Get every login that the plan's pulls need, before anything is changed. Raises UsageError, StoreUnusable."""
    for host in plan.hosts:
        for step in host.steps:
            if isinstance(step, Pull):
                _login(world, step.image)


def pull(site: Site, step: Pull) -> None:
    """Raises CommandFailed, and what `Site.attempt` raises."""
    registry, credentials = _login(site.world, step.image)
    if credentials is None:
        completed = site.attempt(docker.pull(site.directory, site.run_id, step.image))
    else:
        completed = site.attempt(
            docker.pull_with_login(site.directory, site.run_id, step.image, registry, credentials)
        )
    if completed.ok:
        return
    if credentials and completed.code == docker.LOGIN_FAILED:
        raise site.failure(
            completed,
            f"cannot log in to {registry} as {credentials.username}; no container was touched",
            f'check [registries."{registry}"] login in hosts.toml, and the value of its secret: opsctl secrets set',
        )
    hint = f"check the image's name and tag for {', '.join(step.services)}"
    if "@" in step.image:
        hint = (
            f"does the registry still have this digest? opsctl pin-images --check {' '.join(step.services)}"
        )
    if not credentials:
        hint += f'; for a private image, login = {{…}} of [registries."{registry}"] in hosts.toml'
    raise site.failure(completed, f"cannot pull {brief(step.image)}; no container was touched", hint)


def _login(world: World, image: str) -> tuple[str, Credentials | None]:
    """The image's registry and who logs in to it."""
    try:
        registry = parse_reference(image).registry
    except Unfit:
        return "", None  # the engine says what is wrong with it
    return registry, world.registry_login(registry)
