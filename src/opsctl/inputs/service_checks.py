"""What is wrong with a service by itself, whatever else runs beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from opsctl.inputs.build_checks import check_build
from opsctl.inputs.scopes import Member, Scope
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit, parse_size

_FOREIGN_LABELS = ("opsctl.", "com.docker.compose.")
_DURATIONS = (
    ("stop_grace_period",),
    *(("healthcheck", key) for key in ("interval", "timeout", "start_period", "start_interval")),
)
# compose-go types/duration.go: Go's durations, and days and weeks by xhit/go-str2duration.
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:w|d|h|m|s|ms|us|µs|ns))+", re.ASCII)


def check_service(scope: Scope, member: Member) -> None:
    lead = f"services.{member.name}"
    _check_labels(
        scope, lead, member.service.compose.get("labels"), partial(scope.place, member, "compose", "labels")
    )
    _check_measures(scope, member)
    _check_files(scope, member)
    check_build(scope, member)
    for path in _secret_mappings(member.service.compose, ("compose",)):
        scope.draft.add(
            scope.place(member, *path),
            f"services.{member.name}: {{secret: …}} can stand only as a value of env",
            "compose.yml is read by more people than env files are; put the value into env, or into a file",
        )
    if "$" in member.service.image:
        scope.draft.add(
            scope.place(member, "image"),
            f"services.{member.name}.image: opsctl takes nothing from your shell's environment",
            "write {{ vars.NAME }} and set NAME under vars in hosts.toml",
        )


def check_service_names(scope: Scope) -> None:
    """Commands take environments and services side by side, so that no name may be both."""
    for stack in scope.stacks:
        for name in scope.draft.services[stack] & scope.draft.environment_names:
            scope.draft.add(
                scope.draft.in_stack(scope.environment, stack, "services", name),
                f"services.{name}: an environment has this name",
                "commands take [ENV] [SERVICE…]: give the service another name",
            )


def check_resource_labels(scope: Scope) -> None:
    for stack, file in scope.stacks.items():
        for part, entries in (("networks", file.networks), ("volumes", file.volumes)):
            for name, entry in entries.items():
                place = partial(scope.draft.in_stack, scope.environment, stack, part, name, "labels")
                _check_labels(scope, f"{part}.{name}", entry.get("labels"), place)


def _check_labels(scope: Scope, lead: str, labels: object, place: Callable[..., Place]) -> None:
    for key, at in _label_keys(labels):
        if key.startswith(_FOREIGN_LABELS):
            scope.draft.add(
                place(at),
                f"{lead}.labels: {key!r} is not yours to set",
                "labels that begin with opsctl. or com.docker.compose. belong to the tools",
            )


def _check_measures(scope: Scope, member: Member) -> None:
    """Durations and sizes among Compose's own keys: Compose would refuse them on the host only."""
    for path in _DURATIONS:
        value = _inside(member.service.compose, path)
        if isinstance(value, str) and "{{" not in value and not _DURATION.fullmatch(value):
            message = (
                f"services.{member.name}.{'.'.join(path)}: {value!r} is not a duration such as 30s or 1m30s"
            )
            scope.draft.add(scope.place(member, "compose", *path), message)
    size = member.service.compose.get("shm_size")
    if isinstance(size, str) and "{{" not in size:
        try:
            parse_size(size)
        except Unfit as reason:
            scope.draft.add(
                scope.place(member, "compose", "shm_size"), f"services.{member.name}.shm_size: {reason}"
            )


def _inside(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _label_keys(labels: object) -> Iterator[tuple[str, str | int]]:
    if isinstance(labels, Mapping):
        yield from ((str(key), str(key)) for key in labels)
    elif isinstance(labels, Sequence) and not isinstance(labels, str):
        yield from ((str(item).partition("=")[0], index) for index, item in enumerate(labels))


def _check_files(scope: Scope, member: Member) -> None:
    targets = [file.target for file in member.service.files]
    for index, file in enumerate(member.service.files):
        if file.target in targets[:index]:
            place = scope.place(member, "files", index, "target")
            scope.draft.add(place, f"services.{member.name}.files: two files have the target {file.target}")
        for key, name in (("template", file.template), ("source", file.source)):
            if name is not None and name not in scope.draft.templates:
                scope.draft.add(
                    scope.place(member, "files", index, key),
                    f"services.{member.name}: there is no file templates/{name}",
                    nearest(name, scope.draft.templates),
                )


def _secret_mappings(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, Mapping):
        if set(value) == {"secret"}:
            yield path
        for key, inner in value.items():
            yield from _secret_mappings(inner, (*path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _secret_mappings(inner, (*path, index))
