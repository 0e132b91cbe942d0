"""Who uses which secret, found in the operator's files without a value and without rendering."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.model.fleet import Fleet, Place
from opsctl.model.stack import SecretRef, Service, secret_of
from opsctl.render.fleet import require_environment, services_of
from opsctl.render.own_checks import texts_of
from opsctl.render.problems import Problems, locate

if TYPE_CHECKING:
    from opsctl.render.secrets_used import SecretFinder


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One place where a secret is asked for: by a service, in a variable of its env, a file by its target, a merged file by its
    path, a database that it keeps (with the role) or a check of its own; or, without stack and service, by the login of a registry or by notify.
    """

    stack: str
    service: str
    place: Place
    env_key: str = ""
    target: str = ""
    merged: str = ""
    registry: str = ""
    database: str = ""
    role: str = ""
    check: str = ""

    @property
    def user(self) -> str:
        return self.service or (f"registry {self.registry}" if self.registry else "notify")


def secret_uses(fleet: Fleet, environment: str) -> Mapping[str, tuple[SecretUse, ...]]:
    """Every secret that rendering the environment may ask for, with its uses: in env, in URLs, in files and includes.

    Raises InputError where a name cannot be known before (`secret(vars.x)`, an include whose name is computed).
    """
    from opsctl.render.secrets_used import SecretFinder  # Jinja costs 45 ms

    require_environment(fleet, environment)
    problems, found = Problems(), dict[str, list[SecretUse]]()
    finder = SecretFinder(fleet.templates)
    for stack, name, service in services_of(fleet, environment):
        for use in _places(fleet, environment, stack, name, service):
            with problems.at(use.place):
                for secret in _asked(finder, service, use):
                    found.setdefault(secret, []).append(use)
    problems.raise_any()
    return {secret: tuple(uses) for secret, uses in sorted(found.items())}


def secret_names(fleet: Fleet, environment: str) -> frozenset[str]:
    """The secrets of `secret_uses`; raises as it does."""
    return frozenset(secret_uses(fleet, environment))


def login_uses(fleet: Fleet) -> Mapping[str, tuple[SecretUse, ...]]:
    """The secrets that hosts.toml names: logins of registries, which a pull may ask for, and whom a watch tells."""
    found = dict[str, list[SecretUse]]()
    for name, entry in fleet.hosts_file.registries.items():
        if entry.login:
            place = fleet.place("registries", name, "login")
            found.setdefault(entry.login.password.secret, []).append(SecretUse("", "", place, registry=name))
    notify = fleet.hosts_file.notify
    if notify:
        found.setdefault(notify.secret, []).append(SecretUse("", "", fleet.place("notify")))
    return {secret: tuple(uses) for secret, uses in sorted(found.items())}


def _places(fleet: Fleet, environment: str, stack: str, name: str, service: Service) -> Iterator[SecretUse]:
    for key in service.env:
        place = locate(fleet, environment, stack, "services", name, "env", key)
        yield SecretUse(stack, name, place, env_key=key)
    for index, file in enumerate(service.files):
        place = locate(fleet, environment, stack, "services", name, "files", index)
        yield SecretUse(stack, name, place, target=file.target)
    for index, merge in enumerate(service.merge):
        place = locate(fleet, environment, stack, "services", name, "merge", index)
        yield SecretUse(stack, name, place, merged=merge.path)
    for database, wanted in service.databases.items():
        place = locate(fleet, environment, stack, "services", name, "databases", database, "password")
        yield SecretUse(stack, name, place, database=database, role=wanted.role or database)
    for index, check in enumerate(service.checks):
        place = locate(fleet, environment, stack, "services", name, "checks", index)
        yield SecretUse(stack, name, place, check=check.name)


def _asked(finder: SecretFinder, service: Service, use: SecretUse) -> frozenset[str]:
    if use.database:
        return frozenset({service.databases[use.database].password.secret})
    if use.check:
        own = next(one for one in service.checks if one.name == use.check)
        return frozenset[str]().union(*(finder.in_text(text, use.place) for text, _, _ in texts_of(own)))
    if use.env_key:
        value = service.env[use.env_key]
        return frozenset({value.secret}) if isinstance(value, SecretRef) else finder.in_text(value, use.place)
    if use.merged:
        keys = next(one.keys for one in service.merge if one.path == use.merged)
        return frozenset[str]().union(*(_in_data(finder, value, use.place) for value in keys.values()))
    file = next(one for one in service.files if one.target == use.target)
    inner = finder.in_template(file.template) if file.template else frozenset()
    return finder.in_text(file.content or "", use.place) | inner


def _in_data(finder: SecretFinder, value: Any, place: Place) -> frozenset[str]:
    if secret := secret_of(value):
        return frozenset({secret})
    if isinstance(value, str):
        return finder.in_text(value, place)
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return frozenset[str]().union(*(_in_data(finder, entry, place) for entry in inner))
