"""What a template can name: `env`, `environment`, `project`, `host`, `hosts`, `vars`, `services`, `sites`, `stack`, `service`,
`sites_dns()`, `secret()`, `login()`, `image()`; in compose.yml.j2 `compose` too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from opsctl.errors import UsageError
from opsctl.images.pins import Pins
from opsctl.model.fleet import NOWHERE, Fleet
from opsctl.model.references import parse_reference
from opsctl.model.stack import Service
from opsctl.model.values import split_address
from opsctl.render.sites import site_views, sites_dns
from opsctl.state.desired import Mention


class Secrets:
    """The values that one rendering asked for, so that no message of it can quote them."""

    def __init__(self, get: Callable[[str], str], login: Callable[[str], str]) -> None:
        self._get = get
        self._login = login
        self._values: dict[str, str] = {}

    def of(self, name: str) -> str:
        if name not in self._values:
            self._values[name] = self._get(name)
        return self._values[name]

    def login(self, name: str) -> str:
        """The login name that goes with the value; it is no secret."""
        return self._login(name)

    def scrub(self, text: str) -> str:
        """`text` without any value, whatever its length."""
        for value in sorted(filter(None, self._values.values()), key=len, reverse=True):
            text = text.replace(value, "***").replace(repr(value)[1:-1], "***")
        return text


class Asked:
    """secret(), login() and image() as one service's texts and files call them, with what they were asked for.

    `place` is where the text that is being rendered begins.
    """

    def __init__(self, secrets: Secrets, pins: Pins) -> None:
        self._secrets = secrets
        self._pins = pins
        self.names: set[str] = set()
        self.mentions: list[Mention] = []
        self.place = NOWHERE

    def secret(self, name: str) -> str:
        self.names.add(name)
        return self._secrets.of(name)

    def login(self, name: str) -> str:
        self.names.add(name)
        return self._secrets.login(name)

    def image(self, image: str) -> str:
        """The image as a service of this host would get it: pinned where the lock has it. Raises Unfit."""
        self.mentions.append(Mention(image, self._pins.digest(parse_reference(image)), self.place))
        return self._pins.of(image)


def no_logins(name: str) -> NoReturn:
    """Stands for login() where the secrets come from no store."""
    raise UsageError(
        f"{name} has no login name here",
        hint="login names come from a secret store (opsctl secrets init); else write the name itself",
    )


def no_secrets(_name: str) -> NoReturn:
    """Stands for secret(), and for login() which goes with it, where a value would end in compose.yml, in labels or in an argv."""
    raise UsageError(
        "secret() may be used in env values and in files only: compose.yml is readable by more people than those are",
        hint="put the value into `env`, or into a file that is mounted",
    )


class ServicesNotYet:
    """Stands for `services` in image, ports and settings, of which `services` is made."""

    def __getitem__(self, name: object) -> NoReturn:
        raise UsageError(
            "services cannot be used in image and ports, nor in settings: it is made of them",
            hint="give both the same variable: {{ vars.NAME }}",
        )


def host_context(fleet: Fleet, environment: str, host: str, pins: Pins) -> dict[str, Any]:
    """The part of the context that every text of a host shares, with no secrets and no `services` yet."""
    return {
        "env": environment,
        "environment": environment,
        "project": fleet.project,
        "host": _host_view(fleet, environment, host),
        "hosts": {
            name: _host_view(fleet, environment, name)
            for name in sorted(fleet.environment(environment).hosts)
        },
        "vars": fleet.variables(environment, host),
        "services": ServicesNotYet(),
        "sites": site_views(fleet, environment),
        "sites_dns": lambda of=environment: sites_dns(fleet, of),
        "secret": no_secrets,
        "login": no_secrets,
        "image": pins.of,
    }


def service_view(
    name: str,
    stack: str,
    service: Service,
    image: str,
    ports: list[dict[str, Any]],
    *,
    settings: Mapping[str, Any],
    site: Mapping[str, Any] | None,
) -> Mapping[str, Any]:
    """How a service appears to the templates of its host."""
    return {
        "name": name,
        "stack": stack,
        "kind": service.kind,
        "on_demand": service.start == "on_demand",
        "image": image,
        "ports": ports,
        "settings": settings,
        "site": site,
    }


def _host_view(fleet: Fleet, environment: str, name: str) -> Mapping[str, Any]:
    host = fleet.host(name)
    stacks = fleet.stacks_of(environment, name)
    return {
        "name": name,
        "address": split_address(host.addresses[0])[0] if host.addresses else "127.0.0.1",
        "platform": host.platform,
        "memory": host.memory,
        "vars": fleet.variables(environment, name),
        "stacks": list(stacks),
        "services": sorted(service for stack in stacks.values() for service in stack.services),
    }
