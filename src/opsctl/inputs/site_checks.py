"""`site` of a service: the paths that its software is known for, names that have a domain, and names that are one's own."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.inputs.draft import Draft
from opsctl.model.fleet import Place
from opsctl.model.sites import Site, SitePaths, host_name
from opsctl.model.stack import Service
from opsctl.model.values import Unfit


def with_login_paths(service: Service) -> Service:
    """The service with the login paths of its software beside those that were written."""
    if service.site is None:
        return service
    from opsctl.apps.login_paths import login_paths  # a project without sites does not need it

    written = service.site.paths
    paths = SitePaths(
        login=tuple(dict.fromkeys((*login_paths(service.image), *written.login))), public=written.public
    )
    return service.model_copy(update={"site": service.site.model_copy(update={"paths": paths})})


def check_sites(draft: Draft) -> None:
    """Sites of an environment: each has a domain, and no two have one name."""
    for name, environment in draft.hosts.environments.items():
        taken: dict[str, tuple[str, str, Place]] = {}
        for host, service, site, place in _sites(draft, name):
            lead = f"services.{service}.site"
            try:
                whole = host_name(site, environment)
            except Unfit as reason:
                draft.add(place, f"{lead}: {reason} in {name}", reason.hint)
                continue
            mine = (service, host, place)
            claims = dict.fromkeys(taken.setdefault(key, mine) for key in (site.name, whole))
            for other, at, first in claims:
                if (other, at) != (service, host):
                    message = f"{lead}: {other} on {at} has the name {site.name} too ({first}), in {name}"
                    draft.add(place, message, "a name is one site's alone in an environment")


def _sites(draft: Draft, environment: str) -> Iterator[tuple[str, str, Site, Place]]:
    """Host, service, site and the place of its name."""
    for host in draft.hosts.environments[environment].hosts:
        entry = draft.hosts.hosts.get(host)
        for stack in dict.fromkeys(entry.stacks if entry else ()):
            file = draft.stacks.get((environment, stack))
            for name, service in file.services.items() if file else ():
                if service.site is not None:
                    place = draft.in_stack(environment, stack, "services", name, "site", "name")
                    yield host, name, service.site, place
