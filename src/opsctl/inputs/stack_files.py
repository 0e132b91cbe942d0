"""stacks/*.yml into a draft: every stack, read for every environment that may run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from opsctl.inputs.app_settings import with_settings
from opsctl.inputs.compose_spec import keys_of
from opsctl.inputs.draft import Draft
from opsctl.inputs.site_checks import with_login_paths
from opsctl.inputs.validation import faults
from opsctl.model.compose_spelling import overlaid, spell
from opsctl.model.document import Document, Path
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.spelled import Spelled
from opsctl.model.stack import Service, StackFile
from opsctl.model.values import Unfit, check_name
from opsctl.model.yaml_document import read_yaml

_TOP = ("services", "networks", "volumes")
_REFUSED = {
    "version": "leave it out: Compose ignores it",
    "name": "leave it out: the project's name is `project` in hosts.toml",
    "secrets": "write {secret: name} as a value of env, or secret('name') in a file of files",
    "configs": "write the file under files of the service",
    "include": "write one file per stack, and list the stacks of a host in hosts.toml",
}


def read_stack(draft: Draft, name: str, data: bytes) -> None:
    """Fill in one stack for every environment, its places, and what is wrong with it."""
    file = f"stacks/{name}.yml"
    document = read_yaml(file, data)
    draft.extend(document.problems)
    draft.places["stacks", name] = Place(file, 0)
    value = document.value if document.value is not None else {}
    if not isinstance(value, dict):
        draft.extend([document.problem((), "a stack is a mapping with services, networks and volumes")])
        value = {}
    _check_top(draft, document, value)
    parts = {part: _entries(draft, document, value, part) for part in _TOP}
    draft.services[name] = frozenset(parts["services"])
    draft.networks[name] = frozenset(parts["networks"])
    draft.volumes[name] = frozenset(parts["volumes"])
    for part in ("networks", "volumes"):
        _note(draft, document, ("stacks", name, part), (part,), {})
        parts[part] = _resources(draft, document, part, parts[part])
    services = _Services(draft, document, name)
    for environment in sorted(draft.environments_read()):
        draft.stacks[environment, name] = StackFile.model_construct(
            services=services.read(environment, parts["services"]),
            networks=parts["networks"],
            volumes=parts["volumes"],
        )


def _check_top(draft: Draft, document: Document, value: Mapping[str, Any]) -> None:
    for key in value:
        if key.startswith("x-") or key in _TOP:
            continue
        if key in _REFUSED:
            draft.extend([document.problem((key,), f"{key} has no place in a stack", _REFUSED[key])])
        else:
            draft.extend([document.problem((key,), f"unknown key {key!r}", nearest(key, _TOP))])


def _entries(draft: Draft, document: Document, value: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The entries of a top-level mapping whose names can be names."""
    entries = value.get(part)
    if not isinstance(entries, dict | None):
        draft.extend([document.problem((part,), f"{part} is a mapping")])
        return {}
    good = {}
    for name, entry in (entries or {}).items():
        try:
            good[check_name(name)] = entry
        except Unfit as reason:
            draft.extend([document.problem((part, name), str(reason), reason.hint)])
    return good


def _resources(
    draft: Draft, document: Document, part: str, entries: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Networks or volumes, their keys those of Compose."""
    known = keys_of(part.removesuffix("s"))
    good: dict[str, dict[str, Any]] = {}
    for name, entry in entries.items():
        if not isinstance(entry, dict | None):
            draft.extend([document.problem((part, name), f"{part}: {name} is a mapping, or empty")])
            continue
        good[name] = {key: value for key, value in (entry or {}).items() if not key.startswith("x-")}
        for key in good[name]:
            if key not in known:
                message = f"{part}.{name}: unknown key {key!r}"
                draft.extend([document.problem((part, name, key), message, nearest(key, known))])
    return good


class _Services:
    """The services of one stack: spelled once, merged with overrides and validated for each environment."""

    def __init__(self, draft: Draft, document: Document, stack: str) -> None:
        self._draft, self._document, self._stack = draft, document, stack
        self._forms: dict[str, Spelled] = {}
        self._plain: dict[str, Service | None] = {}

    def read(self, environment: str, raws: Mapping[str, Any]) -> dict[str, Service]:
        found = {}
        for name, raw in raws.items():
            service = self._service(environment, name, raw)
            if service is not None:
                found[name] = service
        return found

    def _service(self, environment: str, name: str, raw: object) -> Service | None:
        if name not in self._forms:
            self._forms[name] = self._spell(name, raw, ("services", name), "stacks")
            self._check_overrides(name, raw)
        base = self._forms[name]
        if not isinstance(raw, dict):
            return None
        over = self._override(environment, name, raw)
        if over is not None:
            self._draft.before_overrides[self._stack, name] = base.form
            return self._validate(environment, name, overlaid(base.form, over.form))
        if name not in self._plain:
            self._plain[name] = self._validate(environment, name, base.form)
        return self._plain[name]

    def _spell(self, name: str, raw: object, at: Path, head: str) -> Spelled:
        spelled = spell(raw, at, self._document.written, keys_of("service"))
        for fault in spelled.faults:
            lead = ".".join(map(str, fault.path[:-1]))
            problem = self._document.problem(fault.path, f"{lead}: {fault.message}", fault.hint)
            self._draft.extend([problem])
        _note(self._draft, self._document, (head, self._stack, "services", name), at, spelled.origins)
        return spelled

    def _override(self, environment: str, name: str, raw: object) -> Spelled | None:
        overrides = raw.get("overrides") if isinstance(raw, dict) else None
        if not isinstance(overrides, dict) or environment not in overrides:
            return None
        at = ("services", name, "overrides", environment)
        return self._spell(name, overrides[environment], at, f"stacks@{environment}")

    def _check_overrides(self, name: str, raw: object) -> None:
        overrides = raw.get("overrides") if isinstance(raw, dict) else None
        at = ("services", name, "overrides")
        if not isinstance(overrides, dict | None):
            message = f"services.{name}: overrides is a mapping of environments"
            self._draft.extend([self._document.problem(at, message)])
            return
        for environment, keys in (overrides or {}).items():
            here = (*at, environment)
            if self._draft.environment_names and environment not in self._draft.environment_names:
                message = f"services.{name}.overrides: there is no environment {environment!r}"
                hint = nearest(environment, self._draft.environment_names)
                self._draft.extend([self._document.problem(here, message, hint)])
            if isinstance(keys, dict) and "overrides" in keys:
                message = f"services.{name}: overrides cannot stand in overrides"
                self._draft.extend([self._document.problem((*here, "overrides"), message)])

    def _validate(self, environment: str, name: str, form: Mapping[str, Any]) -> Service | None:
        try:
            service = Service.model_validate(form)
        except ValidationError as error:
            for fault in faults(error, Service, ("services", name)):
                place = self._draft.in_stack(environment, self._stack, *fault.path)
                self._draft.add(place, fault.message, fault.hint)
            return None
        return with_login_paths(with_settings(self._draft, environment, self._stack, name, service))


def _note(draft: Draft, document: Document, to: Path, at: Path, origins: Mapping[Path, Path]) -> None:
    """Places of everything written below `at`, under the paths as written and under those of the one form."""
    forms = {origin: path for path, origin in origins.items()}
    depth = len(at)
    draft.places[to] = document.place(at)
    for form, origin in origins.items():
        draft.places[*to, *form] = document.place(origin)
    for path in document.lines:
        if path[:depth] == at and len(path) > depth and path[depth] != "overrides":
            for below in {path[depth:], _form_path(path, depth, forms)}:
                draft.places[*to, *below] = document.place(path)
                if path in document.blocks:
                    draft.blocks[*to, *below] = Place(document.file, document.blocks[path])


def _form_path(path: Path, depth: int, forms: Mapping[Path, Path]) -> Path:
    for end in range(len(path), depth, -1):
        if path[:end] in forms:
            return (*forms[path[:end]], *path[end:])
    return path[depth:]
