"""Merged files of services, rendered: the keys that opsctl owns in files that live on a host."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsctl.merging.keys import fingerprint_text, managed
from opsctl.model.fleet import Place
from opsctl.model.stack import MergeSpec, secret_of
from opsctl.model.values import Unfit
from opsctl.render.context import Asked
from opsctl.render.draft import Draft
from opsctl.render.problems import Problems
from opsctl.render.texts import Texts
from opsctl.state.desired import DesiredMerge, Reaction

# A rename gives the path another inode. A single-file mount keeps the old one until the container starts again, when the
# engine looks the path up anew (moby daemon/oci_linux.go; runc mounts at each start).
_SEEN_AT_START = frozenset({"recreate", "restart"})


def desired_merges(
    texts: Texts,
    problems: Problems,
    specs: Iterable[MergeSpec],
    *,
    context: Mapping[str, Any],
    asked: Asked,
    compose: Mapping[str, Any],
    owner: tuple[str, str],
) -> tuple[DesiredMerge, ...]:
    """The merged files of a service; what is wrong with one goes to `problems`.

    `context` is the service's, with secret(); `compose` its rendered keys of Compose; `owner` its stack and name.
    """
    stack, name = owner
    merges: list[DesiredMerge] = []
    for index, spec in enumerate(specs):
        at = ("services", name, "merge", index)
        asked.place = texts.place(stack, *at)
        with problems.at(asked.place):
            merges.append(_desired_merge(texts, spec, context, compose.get("volumes") or (), stack, *at))
    return tuple(merges)


def _desired_merge(
    texts: Texts,
    spec: MergeSpec,
    context: Mapping[str, Any],
    mounts: Iterable[Any],
    stack: str,
    *at: str | int,
) -> DesiredMerge:
    path = texts.text(spec.path, context, stack, *at, "path")
    keys = _rendered(texts, spec.keys, context, stack, *at, "keys")
    words = tuple(texts.text(word, context, stack, *at, "on_change") for word in spec.on_change.command)
    reaction = Reaction(spec.on_change.kind, words, spec.on_change.signal)
    if posixpath.normpath(path) != path or not path.startswith("/"):
        raise Unfit(f"{path!r} is not the plain absolute path of a file on the host")
    if reaction.kind not in _SEEN_AT_START and path in set(bind_sources(mounts)):
        raise Unfit(
            f"on_change: {reaction.kind} needs a mount of the folder of {path}",
            "a container keeps seeing the old file behind a single-file mount: mount its folder, or write recreate or restart",
        )
    meaning = fingerprint_text(managed(keys))
    return DesiredMerge(path, spec.form, keys, meaning, reaction, texts.place(stack, *at))


def _rendered(
    texts: Texts, keys: Mapping[str, Any], context: Mapping[str, Any], stack: str, *at: str | int
) -> dict[str, Any]:
    return {key: _value(texts, value, context, stack, *at, key) for key, value in keys.items()}


def _value(texts: Texts, value: Any, context: Mapping[str, Any], stack: str, *at: str | int) -> Any:
    if secret := secret_of(value):
        return str(context["secret"](secret))
    if isinstance(value, str):
        return texts.text(value, context, stack, *at)
    if isinstance(value, Mapping):
        return _rendered(texts, value, context, stack, *at)
    if isinstance(value, list | tuple):
        return [_value(texts, entry, context, stack, *at, index) for index, entry in enumerate(value)]
    return value


def bind_sources(mounts: Iterable[Any]) -> Iterator[str]:
    """What a service's `volumes` mount from the host, in Compose's short and long forms; volumes' names and "" with it."""
    for mount in mounts:
        if isinstance(mount, Mapping):
            if mount.get("type") == "bind":
                yield posixpath.normpath(str(mount.get("source") or ""))
        else:
            yield posixpath.normpath(str(mount).partition(":")[0])


def merged_twice(drafts: Iterable[Draft]) -> Iterator[tuple[Place, str]]:
    """Files that two entries of a host name: where the second one stands, and what is wrong."""
    owners: dict[str, str] = {}
    for draft in drafts:
        for merge in draft.merges:
            if merge.path in owners:
                yield merge.origin, f"{merge.path} is merged by {owners[merge.path]} already"
            owners.setdefault(merge.path, draft.name)
