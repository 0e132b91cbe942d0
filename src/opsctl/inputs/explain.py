"""Where a value comes from: file and line, and what it was laid over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from opsctl.errors import UsageError
from opsctl.model.fleet import Fleet, Place
from opsctl.model.hosts import HostsFile
from opsctl.model.nearest import nearest
from opsctl.model.stack import SecretRef, Service
from opsctl.model.values import Unfit, parse_size

Path = tuple[str | int, ...]
_SPELLINGS: Mapping[str, Path] = {
    "environment": ("env",),
    "mem_limit": ("memory", "limit"),
    "mem_reservation": ("memory", "reservation"),
}
_SIZES = {("memory",), ("reserve_memory",)}
_HEADS = ("vars", "hosts", "environments", "project", "services")


@dataclass(frozen=True, slots=True)
class Layer:
    """One saying of a value. `source` is "[hosts.web.vars]", "overrides of prod", "the service" or "default"; a default
    has no place.
    """

    source: str
    value: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.place}  {self.source}" if self.place else self.source


@dataclass(frozen=True, slots=True)
class Explanation:
    """The layer that holds, and those it was laid over, nearest first.

    Where hosts differ, `by_host` has one explanation for each, and beside it only the path and `uses` are filled in.
    Values are as written: templates are not rendered, secrets are `secret NAME`; `uses` explains the variables in them.
    """

    path: str
    holds: Layer | None
    overrode: tuple[Layer, ...] = ()
    host: str = ""
    by_host: tuple[Explanation, ...] = ()
    uses: tuple[Explanation, ...] = ()

    @property
    def value(self) -> str:
        return self.holds.value if self.holds else "differs by host"

    @property
    def place(self) -> Place | None:
        return self.holds.place if self.holds else None

    def lines(self) -> Iterator[str]:
        on = f" on {self.host}" if self.host else ""
        yield f"{self.path}{on} = {self.value}"
        if self.holds:
            yield f"  {self.holds}"
        for layer in self.overrode:
            yield f"  over {layer}: {layer.value}"
        for explanation in self.by_host:
            yield from explanation.lines()
        for variable in self.uses:
            yield from (f"  {line}" for line in variable.lines())

    def __str__(self) -> str:
        return "\n".join(self.lines())


def explain(fleet: Fleet, environment: str, path: str) -> Explanation:
    """Of `vars.NAME`, `hosts.NAME.…`, `environments.NAME.…`, `project`, or a service's `NAME.…` in one environment.

    Raises UsageError for a path that leads nowhere.
    """
    environments = fleet.hosts_file.environments
    if environment not in environments:
        raise UsageError(f"there is no environment {environment!r}", hint=nearest(environment, environments))
    head, _, rest = path.partition(".")
    if head == "vars":
        return _variable(fleet, environment, rest)
    if head in {"hosts", "environments", "project"}:
        return _of_hosts_file(fleet, path)
    return _of_service(fleet, environment, rest if head == "services" else path, path)


def _variable(fleet: Fleet, environment: str, name: str) -> Explanation:
    hosts = fleet.environment(environment).hosts
    found = _variable_on(fleet, environment, name, hosts)
    if not found:
        known = {known for host in hosts for known in fleet.variables(environment, host)}
        raise UsageError(f"there is no variable {name!r} in {environment}", hint=nearest(name, known))
    return _together(f"vars.{name}", found)


def _variable_on(fleet: Fleet, environment: str, name: str, hosts: Iterable[str]) -> dict[str, list[Layer]]:
    """The layers by host, without the hosts that have no such variable."""
    found = {host: list(_variable_layers(fleet, environment, host, name)) for host in hosts}
    return {host: layers for host, layers in found.items() if layers}


def _uses(fleet: Fleet, environment: str, found: Mapping[str, list[Layer]]) -> Iterator[Explanation]:
    """The variables that the values name, on the hosts that hold them."""
    texts = [
        layers[0].value for layers in found.values() if "{{" in layers[0].value or "{%" in layers[0].value
    ]
    if not texts:
        return
    from opsctl.inputs.template_names import Reader  # Jinja costs 45 ms

    reader = Reader(fleet.templates)
    names = [named.name for text in texts for named in reader.read(text).names if named.owner == "vars"]
    for name in dict.fromkeys(names):
        if layers := _variable_on(fleet, environment, name, found):
            yield _together(f"vars.{name}", layers)


def _variable_layers(fleet: Fleet, environment: str, host: str, name: str) -> Iterator[Layer]:
    """The strongest first."""
    tables: tuple[tuple[Path, Mapping[str, Any]], ...] = (
        (("hosts", host, "vars"), fleet.host(host).vars),
        (("environments", environment, "vars"), fleet.environment(environment).vars),
        (("vars",), fleet.hosts_file.vars),
    )
    for path, table in tables:
        if name in table:
            yield Layer(f"[{'.'.join(map(str, path))}]", _shown(table[name]), fleet.place(*path, name))


def _of_hosts_file(fleet: Fleet, path: str) -> Explanation:
    steps, value = _walk(fleet.hosts_file, path.split("."), path)
    if steps in fleet.places:
        source = f"[{'.'.join(map(str, steps[:-1]))}]" if len(steps) > 1 else "hosts.toml"
        return Explanation(path, Layer(source, _shown(value, steps), fleet.places[steps]))
    return Explanation(path, Layer("default", _shown(value, steps)))


def _of_service(fleet: Fleet, environment: str, inner: str, path: str) -> Explanation:
    found: dict[str, list[Layer]] = {}
    names: set[str] = set()
    for host in fleet.environment(environment).hosts:
        for stack, file in fleet.stacks_of(environment, host).items():
            names |= file.services.keys()
            for name in file.services:
                if inner == name or inner.startswith(f"{name}."):
                    parts = inner.removeprefix(name).split(".")[1:]
                    service = file.services[name]
                    found[host] = list(
                        _service_layers(fleet, (environment, stack, name), service, parts, path)
                    )
    if not found:
        head = inner.partition(".")[0]
        hint = nearest(head, {*names, *_HEADS})
        raise UsageError(f"there is no service {head!r} in {environment}", where=path, hint=hint)
    return replace(_together(path, found), uses=tuple(_uses(fleet, environment, found)))


def _service_layers(
    fleet: Fleet, key: tuple[str, str, str], service: Service, parts: list[str], path: str
) -> Iterator[Layer]:
    environment, stack, name = key
    steps, value = _walk(service, _spelled(service, parts), path)
    over = fleet.places.get((f"stacks@{environment}", stack, "services", name, *steps))
    base = fleet.places.get(("stacks", stack, "services", name, *steps))
    if over:
        yield Layer(f"overrides of {environment}", _shown(value, steps), over)
        before = fleet.before_overrides.get((stack, name), {})
        value = _reach(before, steps)
    if base and value is not None:
        yield Layer("the service", _shown(value, steps), base)
    elif not over:
        yield Layer("default", _shown(value, steps))


def _spelled(service: Service, parts: list[str]) -> list[str]:
    """Compose's own keys stand below `compose` in the model; other spellings have one place there."""
    if parts and parts[0] in _SPELLINGS:
        return [*map(str, _SPELLINGS[parts[0]]), *parts[1:]]
    if parts and parts[0] not in Service.model_fields and parts[0] in service.compose:
        return ["compose", *parts]
    return parts


def _together(path: str, found: Mapping[str, list[Layer]]) -> Explanation:
    first, *others = found.values()
    if all(layers == first for layers in others):
        return Explanation(path, first[0], tuple(first[1:]))
    return Explanation(
        path,
        None,
        by_host=tuple(
            Explanation(path, layers[0], tuple(layers[1:]), host) for host, layers in found.items()
        ),
    )


def _walk(value: Any, parts: list[str], path: str) -> tuple[Path, Any]:
    """The value at a dotted path, and the path in steps: a key may hold dots. Raises UsageError."""
    steps: Path = ()
    while parts:
        keys, get = _inside(value)
        for end in range(len(parts), 0, -1):
            key = ".".join(parts[:end])
            if key in keys:
                steps, value, parts = (*steps, keys[key]), get(keys[key]), parts[end:]
                break
        else:
            where = ".".join(map(str, steps)) or (
                "hosts.toml" if isinstance(value, HostsFile) else "the service"
            )
            raise UsageError(f"there is no {parts[0]!r} in {where}", where=path, hint=nearest(parts[0], keys))
    return steps, value


def _inside(value: Any) -> tuple[dict[str, str | int], Callable[[Any], Any]]:
    """What can follow in a path, and how to get it."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        names = {info.alias or name: name for name, info in fields.items()}
        return {key: key for key in names}, lambda key: getattr(value, names[key])
    if isinstance(value, Mapping):
        return {str(key): key for key in value}, value.__getitem__
    if isinstance(value, list | tuple):
        return {str(index): index for index in range(len(value))}, value.__getitem__
    return {}, lambda _key: None


def _reach(value: Any, steps: Path) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _shown(value: Any, steps: Path = ()) -> str:
    """As text; `steps` tells sizes from other numbers."""
    if steps[:1] == ("memory",) or steps[-1:] in _SIZES:
        value = _size(value)
    match value:
        case None:
            return "not set"
        case str():
            return value
        case SecretRef():
            return f"secret {value.secret}"
        case {"secret": str(name)} if len(value) == 1:
            return f"secret {name}"
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _size(value: Any) -> Any:
    """512MiB for a size in bytes or in any other spelling; other values as they are."""
    try:
        size = parse_size(value)
    except Unfit:
        return value
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return f"{size}B"


def _plain(value: Any) -> Any:
    if isinstance(value, SecretRef):
        return f"secret {value.secret}"
    if isinstance(value, BaseModel):
        return {key: inner for key, inner in value if inner is not None}
    return str(value)
