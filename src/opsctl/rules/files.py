"""Rules about the files of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.model.fleet import Place
from opsctl.render.merged import bind_sources
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_NAMED = re.compile(r"\{%-?\s*(?:include|import|extends|from)\s+['\"]([^'\"]+)['\"]")
_OF_OPSCTL = frozenset({"compose.yml.j2"})


def _unused(subject: Subject) -> Iterator[Hit]:
    """Over all environments: a template of another environment is not unused."""
    fleet = subject.fleet
    used = set(_OF_OPSCTL)
    for stack in fleet.stacks.values():
        for service in stack.services.values():
            used |= {name for file in service.files for name in (file.template, file.source) if name}
            if service.build:
                used |= {name for name in fleet.templates if name.startswith(f"{service.build.context}/")}
    todo = list(used)
    while todo:
        text = fleet.templates.get(todo.pop(), b"").decode(errors="replace")
        named = set(_NAMED.findall(text)) - used
        used |= named
        todo += named
    for name in fleet.templates:
        if name not in used and not _is_context(name):
            yield Hit(Place(f"templates/{name}", 0), f"{name} is used by no service", "remove it, or name it")


def _is_context(name: str) -> bool:
    """Dockerfiles may be of use to somebody else."""
    return "dockerfile" in name.lower() or name.rpartition("/")[2].startswith(".")


def _unmounted(subject: Subject) -> Iterator[Hit]:
    """A file inside a volume of the engine's is left out: nothing here tells where the engine keeps those."""
    for view in subject.services():
        sources = [source.rstrip("/") for source in bind_sources(view.definition.get("volumes") or ())]
        for merge in view.service.merges:
            seen = any(source and f"{merge.path}/".startswith(f"{source}/") for source in sources)
            if not seen and "/_data/" not in merge.path:
                message = f"it mounts neither {merge.path} nor a folder above it"
                hint = "mount it under volumes, or write merge at the service that does"
                yield about(view, merge.origin, message, hint)


RULES = (
    Rule(
        "FIL001",
        "files",
        "note",
        "a template that nothing uses",
        "It looks as if it did something, and whoever edits it wonders why nothing happens.",
        "Remove it, or name it under files of a service.",
        "opsctl",
        _unused,
    ),
    Rule(
        "FIL002",
        "files",
        "warning",
        "a merged file that its service does not mount",
        "Its keys change on the host, the service is made anew for it, and reads another file.",
        "Mount the file or its folder under volumes, or write merge at the service that mounts it.",
        "decision 17",
        _unmounted,
    ),
)
