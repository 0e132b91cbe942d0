"""The build of a service, from Compose's spellings: a folder alone, or a mapping with args as a mapping or a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opsctl.model.env_spelling import scalar_text
from opsctl.model.nearest import nearest
from opsctl.model.spelled import Path, Spelled

BUILD_KEYS = frozenset({"context", "dockerfile", "args", "target"})
_SHARED = "the image is built on the host that runs it, from its own files and nothing else"
_BUILDKIT = "the engine's own builder has no such thing; see docs/decisions/0016"
REFUSED_BUILD_KEYS = {
    "additional_contexts": "put the files below the context",
    "cache_from": _SHARED,
    "cache_to": _SHARED,
    "dockerfile_inline": "write it as Dockerfile into the context",
    "entitlements": _BUILDKIT,
    "extra_hosts": "name the address in the Dockerfile or in args",
    "isolation": "it is of Windows",
    "labels": "write LABEL in the Dockerfile",
    "network": "the build gets the engine's default network",
    "no_cache": "an image is built once for the same files; change an arg to build it anew",
    "no_cache_filter": _BUILDKIT,
    "platforms": "it is built for the host: `platform` in hosts.toml",
    "privileged": _BUILDKIT,
    "provenance": _BUILDKIT,
    "pull": "opsctl pin-images says which base it is built on",
    "sbom": _BUILDKIT,
    "secrets": "an image is no place for a secret: give it to the container, by env or files",
    "shm_size": "the build gets the engine's default",
    "ssh": _BUILDKIT,
    "tags": "opsctl names the image by what it is made of",
    "ulimits": "the build gets the engine's default",
}
"""Keys of Compose's build that opsctl does not take, with the reason or the way to say it instead."""


def read_build(value: Any, here: Path, out: Spelled, written: Mapping[Path, str]) -> None:
    if isinstance(value, str):
        out.put(("build", "context"), _folder(value), here)
        out.origins["build",] = here
        return
    if not isinstance(value, Mapping):
        out.put(("build",), value, here)
        return
    out.form.setdefault("build", {})
    out.origins["build",] = here
    for key, inner in value.items():
        at = (*here, key)
        if key == "args":
            _read_args(inner, at, out, written)
        elif key in BUILD_KEYS:
            plain = key != "target" and isinstance(inner, str)
            out.put(("build", key), _folder(inner) if plain else inner, at)
        elif key in REFUSED_BUILD_KEYS:
            out.fault(at, f"{key} is not taken", REFUSED_BUILD_KEYS[key])
        elif not key.startswith("x-"):
            out.fault(at, f"unknown key {key!r}", nearest(key, BUILD_KEYS))


def _folder(text: str) -> str:
    """Without `./` and a last `/`, which mean nothing."""
    while text.startswith("./"):
        text = text.removeprefix("./").lstrip("/")
    return text.rstrip("/") if text != "/" else text


def _read_args(value: Any, here: Path, out: Spelled, written: Mapping[Path, str]) -> None:
    out.form["build"].setdefault("args", {})
    out.origins["build", "args"] = here
    for key, inner, at in _pairs(value, here, out):
        if inner is None:
            hint = f'write {key}: "" for an empty value; opsctl takes none from your shell'
            out.fault(at, f"{key} has no value", hint)
        elif key in out.form["build"]["args"]:
            out.fault(at, f"{key} is given twice")
        elif (text := scalar_text(inner, written.get(at))) is None:
            said = written.get(at, repr(inner))
            out.fault(at, f"{key} is text, a number, true or false", f'put it in quotes: {key}: "{said}"')
        else:
            out.put(("build", "args", key), text, at)


def _pairs(value: Any, here: Path, out: Spelled) -> Iterable[tuple[str, Any, Path]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key), inner, (*here, key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            key, equals, text = str(item).partition("=")
            yield key, text if equals else None, (*here, index)
    elif value is not None:
        out.fault(here, "args is a mapping of KEY: value, or a list of KEY=value")
