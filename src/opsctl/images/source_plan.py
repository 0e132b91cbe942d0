"""Digests into the operator's own files, beside their tags: which scalars, and why some stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsctl.images.source import with_digest_in_dockerfile, with_digest_in_yaml
from opsctl.images.uses import ImageUse
from opsctl.model.fleet import Place
from opsctl.model.values import Unfit


@dataclass(frozen=True, slots=True)
class Rewrite:
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """`files` are those that change, by path below the project's folder; `written` the places in them.

    `kept` are places that stay as they are, with the reason.
    """

    files: Mapping[str, Rewrite]
    written: tuple[Place, ...] = ()
    kept: tuple[tuple[Place, str], ...] = ()


def plan_sources(
    uses: Iterable[ImageUse], digests: Mapping[str, str], texts: Mapping[str, str]
) -> SourcePlan:
    """Put the digest of each image beside its tag, wherever a service or a Dockerfile names it.

    `uses` are those of every environment, as a place that is another image elsewhere gets no digest. `digests` by key; images
    without one, and what a template names, are left alone. `texts` are the files by their path.
    """
    named: dict[Place, dict[str, ImageUse]] = {}
    for use in uses:
        if use.kind in {"service", "dockerfile"} and use.place.line and use.place.file in texts:
            named.setdefault(use.place, {})[use.key] = use
    wanted = {place: by_key for place, by_key in named.items() if digests.keys() & by_key.keys()}
    files = dict(texts)
    written, kept = [], []
    for place in sorted(wanted, key=lambda one: (one.file, one.line)):
        try:
            files[place.file] = _spliced(files[place.file], wanted[place], digests)
        except Unfit as reason:
            kept.append((place, f"{reason}; {reason.hint}" if reason.hint else str(reason)))
        else:
            written.append(place)
    changed = {path: Rewrite(texts[path], text) for path, text in files.items() if text != texts[path]}
    return SourcePlan(changed, tuple(one for one in written if one.file in changed), tuple(kept))


def _spliced(text: str, named: Mapping[str, ImageUse], digests: Mapping[str, str]) -> str:
    if len(named) > 1:
        raise Unfit(f"it is {', '.join(sorted(named))}, by environment or host: the digests stay in the lock")
    ((key, use),) = named.items()
    if use.kind == "dockerfile":
        return with_digest_in_dockerfile(text, use.place.line, use.image, digests[key])
    return with_digest_in_yaml(text, use.place.line, digests[key])
