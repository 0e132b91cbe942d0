"""Compose's spellings and opsctl's own, folded into the one form that `opsctl.model.stack.Service` reads.

A service can be pasted from a compose file: env lists, mem_limit, deploy.resources and depends_on lists are understood
here and nowhere else. The result is not yet validated; it is what overrides are merged into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.model.build_spelling import read_build
from opsctl.model.env_spelling import read_env
from opsctl.model.nearest import nearest
from opsctl.model.spelled import Path, Spelled
from opsctl.model.values import Unfit, parse_size

OWN_KEYS = frozenset(
    {
        "image",
        "build",
        "kind",
        "start",
        "depends_on",
        "memory",
        "env",
        "files",
        "merge",
        "wait",
        "lint",
        "app",
        "settings",
        "databases",
        "connections",
        "checks",
        "waive",
        "site",
        "compose",
        "overrides",
    }
)
_SPELLINGS = frozenset({"environment", "mem_limit", "mem_reservation"})
REFUSED = {
    "env_file": "put the keys under env; opsctl writes the env file",
    "profiles": "write start: on_demand for a service that is not started by a deploy",
    "extends": "use a YAML anchor (x-…: &name, <<: *name), or overrides for what differs by environment",
    "secrets": "write {secret: name} as a value of env, or secret('name') in a file of files",
    "configs": "write the file under files",
    "label_file": "write the labels under labels",
    "scale": "one container of each service runs: give a second one a name of its own",
}
"""Keys of Compose that opsctl does not take, with the way to say it instead."""


def spell(raw: object, at: Path, written: Mapping[Path, str], compose_keys: frozenset[str]) -> Spelled:
    """The one form of a service (or of an override of it) that stands at the path `at` of its file.

    `written` has the text of numbers that do not print as written; `compose_keys` the keys that Compose knows.
    Overrides are left out: they are spelled on their own.
    """
    out = Spelled()
    if not isinstance(raw, Mapping):
        out.fault(at, f"{at[-1]} is a mapping of keys such as image")
        return out
    for key, value in raw.items():
        here = (*at, key)
        if key.startswith("x-") or key == "overrides":
            continue
        if key in _READERS:
            if value is not None:
                _READERS[key](value, here, out, written)
        elif key in REFUSED:
            out.fault(here, f"{key} is not taken", REFUSED[key])
        elif key in OWN_KEYS:
            out.put((key,), value, here)
        elif key in compose_keys:
            _raw_key(key, value, here, out)
        else:
            out.fault(here, f"unknown key {key!r}", nearest(key, (OWN_KEYS | compose_keys) - REFUSED.keys()))
    if "env" in raw and "environment" in raw:
        out.fault((*at, "environment"), "env and environment are both given", "they are the same; keep env")
    return out


def merge(form: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `form`: mappings merge, the rest is replaced."""
    result = dict(form)
    for key, value in over.items():
        present = result.get(key)
        both = isinstance(value, Mapping) and isinstance(present, Mapping)
        result[key] = merge(present, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return result


def overlaid(form: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A service with its override: `merge`, and an override's image stands in for a build, its build for an image."""
    result = merge(form, over)
    for key, other in (("image", "build"), ("build", "image")):
        if key in over and other not in over:
            result.pop(other, None)
    return result


def _raw_key(key: str, value: Any, here: Path, out: Spelled) -> None:
    if key in out.form.get("compose", {}):
        out.fault(here, f"{key} is given twice, beside and under compose")
        return
    out.put(("compose", key), value, here)


def _read_compose(value: Any, here: Path, out: Spelled, _written: Mapping[Path, str]) -> None:
    if not isinstance(value, Mapping):
        out.fault(here, "compose is a mapping of raw keys for Compose")
        return
    for key, inner in value.items():
        if key in OWN_KEYS | _SPELLINGS:
            out.fault((*here, key), f"{key} belongs to the service itself", f"write {key} one level up")
        elif key in REFUSED:
            out.fault((*here, key), f"{key} is not taken", REFUSED[key])
        elif key == "deploy":
            _read_deploy(inner, (*here, key), out, _written)
        else:
            _raw_key(key, inner, (*here, key), out)


def _read_memory(value: Any, here: Path, out: Spelled, _written: Mapping[Path, str]) -> None:
    if not isinstance(value, Mapping):
        _fold(out, "limit", value, here)
        return
    for key, inner in value.items():
        if key in {"limit", "reservation"}:
            _fold(out, key, inner, (*here, key))
        else:
            out.put(("memory", key), inner, (*here, key))


def _read_mem_limit(value: Any, here: Path, out: Spelled, _written: Mapping[Path, str]) -> None:
    _fold(out, "limit", value, here)


def _read_mem_reservation(value: Any, here: Path, out: Spelled, _written: Mapping[Path, str]) -> None:
    _fold(out, "reservation", value, here)


def _fold(out: Spelled, key: str, value: Any, here: Path) -> None:
    """A size into memory; said twice, it must be said alike."""
    first = out.form.get("memory", {}).get(key)
    if first is not None and _bytes(first) != _bytes(value):
        other = ".".join(str(part) for part in out.origins["memory", key][2:])
        out.fault(here, f"the memory {key} {value} contradicts {other}: {first}", "keep one of them")
        return
    out.put(("memory", key), value, here)
    out.origins.setdefault(("memory",), here)


def _bytes(value: Any) -> Any:
    try:
        return parse_size(value)
    except Unfit:
        return value


def _read_deploy(value: Any, here: Path, out: Spelled, _written: Mapping[Path, str]) -> None:
    rest = value
    if isinstance(value, Mapping) and value.get("replicas", 1) != 1:
        out.fault((*here, "replicas"), "replicas other than 1 are not taken", REFUSED["scale"])
    if isinstance(value, Mapping) and isinstance(resources := value.get("resources"), Mapping):
        kept = dict(resources)
        for part, key in (("limits", "limit"), ("reservations", "reservation")):
            sizes = resources.get(part)
            if isinstance(sizes, Mapping) and "memory" in sizes:
                _fold(out, key, sizes["memory"], (*here, "resources", part, "memory"))
                kept[part] = {name: size for name, size in sizes.items() if name != "memory"}
        kept = {name: sizes for name, sizes in kept.items() if sizes != {}}
        rest = {name: part for name, part in value.items() if name != "resources"} | (
            {"resources": kept} if kept else {}
        )
    if rest:
        _raw_key("deploy", rest, here, out)


def _read_depends_on(value: Any, here: Path, out: Spelled, _written: Mapping[Path, str]) -> None:
    out.form.setdefault("depends_on", {})
    out.origins[("depends_on",)] = here
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _read_dependency(name, inner, (*here, name), out)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, name in enumerate(value):
            if isinstance(name, str):
                out.put(("depends_on", name), {}, (*here, index))
            else:
                out.fault((*here, index), "an item of depends_on is the name of a service")
    else:
        out.fault(here, "depends_on is a list of services or a mapping of service: {condition, restart}")


def _read_dependency(name: str, value: Any, here: Path, out: Spelled) -> None:
    if not isinstance(value, Mapping | None):
        out.fault(here, f"{name} is a mapping such as {{condition: service_healthy, restart: true}}")
        return
    entry = dict(value or {})
    if entry.pop("required", True) is not True:
        out.fault(
            (*here, "required"),
            "required: false is not taken",
            "opsctl starts every dependency; leave it out",
        )
    out.put(("depends_on", name), entry, here)


def _read_files(value: Any, here: Path, out: Spelled, written: Mapping[Path, str]) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str):
        out.fault(here, "files is a list of mappings such as {template: …, target: …}")
        return
    files: list[Any] = []
    for index, item in enumerate(value):
        entry = dict(item) if isinstance(item, Mapping) else item
        if isinstance(entry, dict) and isinstance(entry.get("mode"), int):
            entry["mode"] = written.get((*here, index, "mode"), str(entry["mode"]))
            if not entry["mode"].startswith("0"):
                out.fault(
                    (*here, index, "mode"),
                    f"the mode {entry['mode']} is not octal",
                    f'write mode: "0{entry["mode"]}"',
                )
                del entry["mode"]
        files.append(entry)
    out.put(("files",), files, here)


_READERS = {
    "build": read_build,
    "env": read_env,
    "environment": read_env,
    "memory": _read_memory,
    "mem_limit": _read_mem_limit,
    "mem_reservation": _read_mem_reservation,
    "deploy": _read_deploy,
    "depends_on": _read_depends_on,
    "files": _read_files,
    "compose": _read_compose,
}
