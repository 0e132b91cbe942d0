"""Rules about the engine's socket: whoever has it is root on the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")


def _sockets(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for entry in view.definition.get("volumes") or ():
            source = _source(entry)
            if source.rstrip("/") in _SOCKETS or source.rstrip("/") in {"/", "/run", "/var/run", "/var"}:
                hint = "give it a socket proxy that lets through only what it needs"
                yield about(view, view.place("volumes"), f"{source} gives it the engine's socket", hint)


def _source(entry: Mapping[str, Any] | str) -> str:
    if isinstance(entry, Mapping):
        return str(entry.get("source") or "") if entry.get("type") == "bind" else ""
    source, colon, _rest = str(entry).partition(":")
    return source if colon and source.startswith("/") else ""


RULES = (
    Rule(
        "DKR001",
        "docker",
        "error",
        "the engine's socket in a container",
        "Who can write to it starts any container with any mount: that is root on the host. `:ro` protects the file, not the "
        "engine behind it.",
        "A socket proxy (tecnativa/docker-socket-proxy, wollomatic/socket-proxy) with only the calls that are needed; where "
        "it is meant, suppress the rule with a reason and an end.",
        "audit: docker socket not rate-limited; docs.docker.com, protect the Docker daemon socket",
        _sockets,
    ),
)
