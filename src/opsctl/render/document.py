"""The compose template of a host, rendered, parsed and checked for shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit
from opsctl.render.split import pairs
from opsctl.render.templating import COMPOSE_TEMPLATE, Templates

PROJECT_TEMPLATE = "compose.yml.j2"
"""In templates/: a project's own compose template, in place of the one that opsctl ships."""


@dataclass(frozen=True, slots=True)
class Document:
    """A Compose file's content: plain data, single `$`, none of opsctl's labels."""

    name: str
    services: Mapping[str, Mapping[str, Any]] = field(repr=False)
    networks: Mapping[str, Mapping[str, Any]]
    volumes: Mapping[str, Mapping[str, Any]]


def compose_document(templates: Templates, context: Mapping[str, Any], asked: Document) -> Document:
    """What the compose template makes of `asked`. Raises InputError or ValueError."""
    name = PROJECT_TEMPLATE if PROJECT_TEMPLATE in templates.sources else COMPOSE_TEMPLATE
    compose = {
        "name": asked.name,
        "services": asked.services,
        "networks": asked.networks,
        "volumes": asked.volumes,
    }
    place = document_place(templates)
    data = _parse(templates.file(name, {**context, "compose": compose}, place))
    if unknown := [key for key in data if key not in compose and not str(key).startswith("x-")]:
        raise ValueError(
            f"the rendered Compose file has the top-level key {unknown[0]!r}; "
            "opsctl knows services, networks, volumes and x-*"
        )
    if data.get("name", asked.name) != asked.name:
        raise ValueError(
            f"the rendered Compose file is named {data['name']!r}, the project is {asked.name!r}"
        )
    services = _mappings(data, "services")
    for service in services.keys() ^ asked.services.keys():
        what = "adds the service" if service in services else "leaves out the service"
        hint = nearest(service, asked.services) if service in services else ""
        raise Unfit(f"the compose template {what} {service!r}", hint)
    return Document(asked.name, services, _mappings(data, "networks"), _mappings(data, "volumes"))


def document_place(templates: Templates) -> Place:
    """The file to look into when the compose template goes wrong."""
    own = PROJECT_TEMPLATE in templates.sources
    return Place(f"templates/{PROJECT_TEMPLATE}" if own else "opsctl's compose.yml.j2", 0)


def _parse(text: str) -> Mapping[str, Any]:
    """JSON where it is JSON, as the shipped template writes it; else YAML."""
    try:
        data = json.loads(text)
    except ValueError:
        from opsctl.render.compose import read_yaml

        data = read_yaml(text)
    if not isinstance(data, Mapping):
        raise ValueError("the rendered Compose file is not a mapping")  # noqa: TRY004
    return data


def _mappings(data: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    section = data.get(key) or {}
    if not isinstance(section, Mapping):
        raise ValueError(f"`{key}` of the rendered Compose file is not a mapping")  # noqa: TRY004
    found: dict[str, dict[str, Any]] = {}
    for name, entry in section.items():
        if entry is not None and not isinstance(entry, Mapping):
            raise ValueError(f"`{key}.{name}` of the rendered Compose file is not a mapping")
        found[str(name)] = dict(entry or {})
        if found[str(name)].get("labels"):
            found[str(name)]["labels"] = pairs(found[str(name)]["labels"])
    return found
