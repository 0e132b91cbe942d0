"""JSON Schemas (2020-12) of hosts.toml and of stack files, for editors: they accept what `load` accepts as spelling."""

from __future__ import annotations

import copy
from typing import Any, Literal

from opsctl.apps.app import App
from opsctl.apps.catalogue import built_in_apps
from opsctl.inputs.compose_spec import keys_of
from opsctl.model.checks import KINDS, OwnCheck
from opsctl.model.compose_spelling import REFUSED
from opsctl.model.databases import Connection, Database
from opsctl.model.hosts import HostsFile
from opsctl.model.sites import Site
from opsctl.model.stack import Build, DependsOn, FileSpec, Lint, MergeSpec, OnChange, SecretRef, Service, Wait
from opsctl.model.waivers import Waiver
from opsctl.render.schema import compose_spec

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAMES = "^[a-z0-9][a-z0-9_.-]{0,62}$"
_SIZE = {"type": ["string", "integer"], "examples": ["512MiB", "2g"]}
_EXTENSIONS: dict[str, Any] = {"^x-": {}}
_WORDS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
# What opsctl reads itself; all other keys of a service are as Compose has them.
_FOLDED = frozenset({"image", "depends_on", "environment", "mem_limit", "mem_reservation"})


def json_schema(kind: Literal["hosts", "stack"]) -> dict[str, Any]:
    """The schema of hosts.toml or of a file in stacks/."""
    if kind == "hosts":
        schema = HostsFile.model_json_schema()
        _close(schema)
        return {"$schema": _DRAFT, **schema, "title": "hosts.toml of opsctl"}
    return _stack_schema()


def _close(schema: Any) -> None:
    """Pydantic leaves mappings open to names that do not fit the pattern of their keys."""
    if isinstance(schema, dict):
        if "patternProperties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _close(part)


def _stack_schema() -> dict[str, Any]:
    compose = copy.deepcopy(compose_spec()["$defs"])
    return {
        "$schema": _DRAFT,
        "title": "A stack of opsctl",
        "type": "object",
        "properties": {
            "services": _named({"$ref": "#/$defs/opsctl_service"}, "What runs, by name."),
            "networks": _named({"$ref": "#/$defs/network"}, "Compose's networks."),
            "volumes": _named({"$ref": "#/$defs/volume"}, "Compose's volumes."),
        },
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
        "$defs": compose
        | {"opsctl_service": _service_schema(), "opsctl_override": _override_schema()}
        | _check_schemas()
        | {f"app_{app.name}": _settings_schema(app) for app in built_in_apps()},
    }


def _settings_schema(app: App) -> dict[str, Any]:
    """What the model accepts; its own definitions stand inside it."""
    return app.settings.model_json_schema(ref_template=f"#/$defs/app_{app.name}/$defs/{{model}}")


def _named(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "patternProperties": {_NAMES: schema},
        "additionalProperties": False,
        "description": description,
    }


def _service_schema() -> dict[str, Any]:
    overrides = {
        "type": "object",
        "patternProperties": {_NAMES: {"$ref": "#/$defs/opsctl_override"}},
        "additionalProperties": False,
        "description": "By environment: keys laid over the service; mappings merge, the rest replaces.",
    }
    return {
        "type": "object",
        "properties": _own_properties() | {"overrides": overrides} | _compose_properties(),
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
        "not": {"required": ["env", "environment"]},
        "dependentRequired": {"settings": ["app"]},
        "allOf": [
            {
                "if": {"properties": {"app": {"const": app.name}}, "required": ["app"]},
                "then": {"properties": {"settings": {"$ref": f"#/$defs/app_{app.name}"}}},
            }
            for app in built_in_apps()
        ],
    }


def _override_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": _own_properties() | _compose_properties(),
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
    }


def _compose_properties() -> dict[str, Any]:
    """Every key that Compose owns, with the schema Compose gives it."""
    taken = keys_of("service") - REFUSED.keys() - _FOLDED - Service.model_fields.keys()
    return {key: schema for key, schema in _compose_service().items() if key in taken}


def _compose_service() -> dict[str, Any]:
    parts = compose_spec()["$defs"]
    return {
        key: schema
        for name in ("service", "container_spec", "workload_spec")
        for key, schema in parts.get(name, {}).get("properties", {}).items()
    }


def _own_properties() -> dict[str, Any]:
    fields = Service.model_json_schema()["properties"]
    env = _env_schema()
    return {
        "image": {
            "type": "string",
            "minLength": 1,
            "description": "Reference of the image; may be a template.",
        },
        "build": _build_schema(),
        "kind": fields["kind"],
        "start": fields["start"],
        "depends_on": _depends_on_schema(),
        "memory": _memory_schema(),
        "mem_limit": _SIZE,
        "mem_reservation": _SIZE,
        "env": env,
        "environment": env,
        "files": {"type": "array", "items": _file_schema()},
        "merge": {"type": "array", "items": _merge_schema()},
        "lint": _lint_schema(),
        "wait": _inline(Wait.model_json_schema()),
        "app": {"type": "string", "description": "What kind of software it is, by the name of an app."},
        "settings": {"type": "object", "description": "The settings of its app."},
        "databases": _databases_schema(),
        "connections": {
            "type": "object",
            "patternProperties": {_NAMES: _inline(Connection.model_json_schema())},
            "additionalProperties": False,
            "description": "By the service that keeps the database: what this one may hold open.",
        },
        "site": _site_schema(),
        "checks": {
            "type": "array",
            "items": {"$ref": "#/$defs/opsctl_check"},
            "description": "What opsctl verify asks of it.",
        },
        "waive": _waive_schema(),
        "compose": {"type": "object", "description": "Raw keys passed to Compose as they are."},
    }


def _build_schema() -> dict[str, Any]:
    mapping = _inline(Build.model_json_schema())
    mapping["properties"]["args"] = {
        "anyOf": [
            {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
            {"type": "array", "items": {"type": "string", "pattern": "="}},
        ]
    }
    mapping["patternProperties"] = _EXTENSIONS
    return {
        "description": "An image that the host builds, in place of image: a folder below templates/, or a mapping.",
        "anyOf": [{"type": "string", "pattern": "^[^/]"}, mapping],
    }


def _databases_schema() -> dict[str, Any]:
    entry = _inline(Database.model_json_schema())
    entry["properties"]["password"] = _inline(SecretRef.model_json_schema())
    return {
        "type": "object",
        "additionalProperties": entry,
        "description": "What a service of the app postgresql keeps for others, by name.",
    }


def _lint_schema() -> dict[str, Any]:
    """Its entries stand inside it."""
    schema = Lint.model_json_schema()
    schema["properties"]["ignore"]["items"] = _inline(schema["$defs"]["Ignore"])
    return _inline(schema) | {"description": "Findings of rules that are meant."}


def _waive_schema() -> dict[str, Any]:
    entry = _inline(Waiver.model_json_schema())
    return {"type": "array", "items": entry, "description": "Failures of checks that are accepted."}


def _check_schemas() -> dict[str, Any]:
    schema = OwnCheck.model_json_schema(ref_template="#/$defs/opsctl_{model}")
    inner = {f"opsctl_{name}": part for name, part in schema.pop("$defs").items()}
    schema["oneOf"] = [{"required": [kind]} for kind in KINDS]
    return {"opsctl_check": schema, **inner}


def _site_schema() -> dict[str, Any]:
    """Its paths stand inside it."""
    schema = Site.model_json_schema()
    schema["properties"]["paths"] = _inline(schema["$defs"]["SitePaths"])
    return _inline(schema) | {"description": "How it is reached from outside, by a Caddy on the same host."}


def _env_schema() -> dict[str, Any]:
    values = {"anyOf": [{"type": ["string", "number", "boolean"]}, _inline(SecretRef.model_json_schema())]}
    return {
        "description": "The environment of the container: KEY: value, KEY: {secret: name}, or a list of KEY=value.",
        "anyOf": [
            {"type": "object", "additionalProperties": values},
            {"type": "array", "items": {"type": "string", "pattern": "="}},
            {"type": "null"},
        ],
    }


def _depends_on_schema() -> dict[str, Any]:
    entry = _inline(DependsOn.model_json_schema())
    entry["properties"]["required"] = {"const": True}
    return {
        "anyOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"anyOf": [entry, {"type": "null"}]}},
            {"type": "null"},
        ]
    }


def _memory_schema() -> dict[str, Any]:
    properties = {"limit": _SIZE, "reservation": _SIZE, "peak": _SIZE}
    mapping = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"anyOf": [_SIZE, mapping], "description": "The limit alone, or {limit, reservation, peak}."}


def _file_schema() -> dict[str, Any]:
    schema = _inline(FileSpec.model_json_schema())
    schema["properties"]["on_change"] = _reaction_schema({"check": _WORDS})
    schema["properties"]["mode"]["type"] = ["string", "integer"]
    schema["oneOf"] = [{"required": [key]} for key in ("template", "source", "content")]
    return schema


def _merge_schema() -> dict[str, Any]:
    schema = _inline(MergeSpec.model_json_schema())
    schema["properties"]["on_change"] = _reaction_schema({})
    return schema


def _reaction_schema(more: dict[str, Any]) -> dict[str, Any]:
    """`more` are keys that may stand beside a command or a signal."""
    kinds = [
        kind for kind in OnChange.model_json_schema()["properties"]["kind"]["enum"] if kind not in _WITH_VALUE
    ]
    reactions: list[dict[str, Any]] = [{"enum": kinds}]
    for key, value in _WITH_VALUE.items():
        reactions.append(
            {
                "type": "object",
                "properties": {key: value, **more},
                "required": [key],
                "additionalProperties": False,
            }
        )
    return {"anyOf": reactions, "description": "What a change of the file asks for."}


_WITH_VALUE: dict[str, Any] = {"reload": _WORDS, "signal": {"type": "string"}}


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """A model's schema that refers to none of its own definitions."""
    return {key: value for key, value in schema.items() if key != "$defs"}
