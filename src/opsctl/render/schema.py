"""The Compose specification's own judgement of a document, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, reduce
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from opsctl.errors import InputError, Problem
from opsctl.render.compose import compose_mapping
from opsctl.state.desired import DesiredHost

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError


def require_schema(hosts: Iterable[DesiredHost]) -> None:
    """Raise InputError with everything in the hosts' compose.yml that does not fit the specification.

    Each problem stands at its service; one that is in no service (the template's own doing) at the template.
    """
    problems = []
    for host in hosts:
        for found in schema_problems(compose_mapping(host, lambda _host, _service: {})):
            path, _, what = found.partition(": ")
            section, _, inner = path.partition(".")
            service = next((one for name, one in host.services.items() if _within(inner, name)), None)
            if section == "services" and service is not None:
                file, _, line = service.source.rpartition(":")
                problems.append(Problem(file, int(line), f"{path}: {what}", _HINT))
            else:
                problems.append(Problem("templates/compose.yml.j2", 0, f"{host.name}: {path}: {what}", _HINT))
    if problems:
        raise InputError(problems)


_HINT = "https://docs.docker.com/reference/compose-file says what Compose takes here"


def _within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def schema_problems(data: Mapping[str, Any]) -> list[str]:
    """What compose-spec.json finds wrong, each with its path; an empty list where nothing is.

    Costs 6 ms once, and less than one for fourteen services. The texts of the document are not quoted.
    """
    return sorted({problem for error in _validator().iter_errors(data) for problem in _problems(error)})


@cache
def _validator() -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator  # what the schema declares, since check-jsonschema 0.38

    return Draft202012Validator(compose_spec())


@cache
def compose_spec() -> dict[str, Any]:
    """compose-spec.json (JSON Schema 2020-12) as check-jsonschema 0.39 carries it; none of its code is imported.

    1.5 ms for 91 kB, once per process. Do not change what it returns.
    """
    found = find_spec("check_jsonschema")
    if found is None or found.origin is None:
        raise RuntimeError("check-jsonschema is not installed, though opsctl depends on it")
    schema: dict[str, Any] = json.loads(
        (Path(found.origin).parent / "builtin_schemas/vendor/compose-spec.json").read_bytes()
    )
    return schema


def _problems(error: ValidationError) -> Iterator[str]:
    path = ".".join(map(str, error.instance_path)) or "the document"
    keyword = error.kind.name
    within = [inner for branch in getattr(error.kind, "context", ()) for inner in branch]
    if keyword in {"unevaluatedProperties", "additionalProperties"}:
        known = _known(_at(error.schema_path[:-1]))
        # One wrong value makes the specification's check call its neighbours unexpected too; keys it knows are not.
        for key in getattr(error.kind, "unexpected", ()):
            if key not in known and not str(key).startswith("x-"):
                yield f"{path}: unknown key {key!r}"
    elif keyword in {"oneOf", "anyOf"} and within:
        nearest = max(within, key=lambda inner: len(inner.instance_path))
        if len(nearest.instance_path) > len(error.instance_path):
            yield from _problems(nearest)
        else:
            yield f"{path}: must be {' or '.join(sorted({_wanted(inner) for inner in within}))}"
    else:
        yield f"{path}: must be {_wanted(error)}"


def _at(path: Iterable[str | int]) -> Any:
    """What the specification says at a place of it. An error gives the place after following every reference."""
    return reduce(lambda part, step: part[step], path, cast("Any", compose_spec()))


def _wanted(error: ValidationError) -> str:
    """What would be right, from the rule that was broken; never what is there, which may be private."""
    rule = _at(error.schema_path)
    match error.kind.name:
        case "type":
            return " or ".join(_KINDS.get(kind, kind) for kind in ([rule] if isinstance(rule, str) else rule))
        case "enum":
            return "one of " + ", ".join(map(str, rule))
        case "required":
            return "a mapping with " + ", ".join(rule)
        case "pattern":
            return f"text like {rule}"
        case "const":
            return str(rule)
        case "additionalProperties" | "unevaluatedProperties":
            return "a mapping with keys that Compose knows"
        case "uniqueItems":
            return "a list without repetitions"
    return f"valid ({error.kind.name}: {rule})" if not isinstance(rule, dict | list) else "valid"


_KINDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}


def _known(schema: Mapping[str, Any]) -> frozenset[str]:
    """The keys that a mapping's schema names, itself or by reference."""
    keys = set(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), schema):
        if name := str(part.get("$ref", "")).removeprefix("#/$defs/"):
            keys |= _known(compose_spec()["$defs"][name])
        elif part is not schema:
            keys |= _known(part)
    return frozenset(keys)
