"""Rules about who may use a Qdrant, and about where its data is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from opsctl.apps.config_file import ConfigFile
from opsctl.apps.mounts import keeper
from opsctl.apps.qdrant.node import HOME, nodes
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

KEYS = ("service.api_key", "service.alt_api_key")
_READ_ONLY = "service.read_only_api_key"
_STORAGE = "storage.storage_path"
_LITERAL = re.compile(r"\s*[\"']?(?:api_key|alt_api_key|read_only_api_key)[\"']?\s*:\s*(?P<value>[^\s#].*)")


def _open(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        if not any(node.value(key) for key in KEYS):
            said = next((node.said[key] for key in KEYS if key in node.said), None)
            message = "no API key: every service of its networks may read and delete every collection"
            hint = "env: {QDRANT__SERVICE__API_KEY: {secret: qdrant_api_key}}"
            yield node.hit(message, hint, said)


def _in_clear(subject: Subject) -> Iterator[Hit]:
    """In files; a variable with a literal value is found by SEC001."""
    for node in nodes(subject):
        for key in (*KEYS, _READ_ONLY):
            said = node.said.get(key)
            if said is None or said.config is None or not said.value:
                continue
            written = _LITERAL.match(_line(said.config, said.place.line))
            if written and "{{" not in written["value"]:
                message = f"{key} stands in the file in clear"
                yield node.hit(message, f"{key.rpartition('.')[2]}: {{{{ secret('qdrant_api_key') }}}}", said)


def _line(config: ConfigFile, number: int) -> str:
    """A line of the template or copied file; "" for text of the stack file, which SEC001 does not see either."""
    source = config.view.fleet.templates.get(config.file.origin.file.removeprefix("templates/"))
    lines = source.decode(errors="replace").splitlines() if source is not None else []
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _homeless(subject: Subject) -> Iterator[Hit]:
    for node in nodes(subject):
        folder = posixpath.normpath(posixpath.join(HOME, str(node.value(_STORAGE) or "storage")))
        mount = keeper(node.view, folder)
        if mount is None or not mount.kept:
            message = f"no volume at {folder}: the collections go with the container"
            hint = f"volumes: [qdrant:{folder}], and qdrant: below volumes of the stack"
            yield node.hit(message, hint, None, "volumes")


RULES = (
    Rule(
        "QDR004",
        "apps",
        "warning",
        "Qdrant: no API key",
        "Without one, or with an empty one, whoever reaches the port may read, change and delete everything.",
        "QDRANT__SERVICE__API_KEY from the secret store. /healthz, /livez and /readyz need none.",
        "qdrant v1.19.0, src/settings.rs, validate_and_warn: an empty key is treated as unset",
        _open,
    ),
    Rule(
        "QDR005",
        "apps",
        "error",
        "Qdrant: an API key in clear",
        "Whoever reads the repository, or any copy of its history, has it; and no rotation knows of it.",
        "{{ secret('qdrant_api_key') }} in the template, or QDRANT__SERVICE__API_KEY: {secret: qdrant_api_key}.",
        "mechanisms 4.2",
        _in_clear,
    ),
    Rule(
        "QDR011",
        "apps",
        "error",
        "Qdrant: collections that go with the container",
        "A service whose image or definition changes gets a new container. Without a volume the collections of the old one are not "
        "in it. A kill for memory loses nothing that is in a volume: the write-ahead log is read again.",
        "A named volume at /qdrant/storage, or where storage_path points.",
        "qdrant v1.19.0 Dockerfile: no VOLUME; facts: services 0 (22)",
        _homeless,
    ),
)
