"""Who needs whom on a host: every name there, no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.inputs.scopes import Member, Scope
from opsctl.model.nearest import nearest

_NAMESPACES = ("network_mode", "ipc", "pid")


@dataclass(frozen=True, slots=True)
class _Need:
    """One service named by another; `path` is where, below the service."""

    service: str
    path: tuple[str | int, ...]


def check_dependencies(scope: Scope) -> None:
    graph: dict[str, list[str]] = {}
    members = {member.name: member for member in scope.members()}
    for member in members.values():
        for need in _needs(member):
            graph.setdefault(member.name, []).append(need.service)
            if need.service not in scope.services:
                _report(scope, member, need)
    for circle in _circles(graph):
        member = members[circle[0]]
        scope.draft.add(
            scope.place(member, "depends_on"),
            f"services.{member.name}: a circle of dependencies: {' -> '.join([*circle, circle[0]])}",
            "one of them has to start first",
        )


def _report(scope: Scope, member: Member, need: _Need) -> None:
    place = scope.place(member, *need.path)
    key = need.path[1] if need.path[0] == "compose" else need.path[0]
    message = f"services.{member.name}.{key}: there is no service {need.service!r} {scope.where}"
    elsewhere = sorted(
        {
            host
            for stack, names in scope.draft.services.items()
            if need.service in names
            for environment, host in scope.draft.users(stack)
            if environment == scope.environment
        }
    )
    if elsewhere:
        hint = f"it runs on {', '.join(elsewhere)}; a service depends only on services of its own host"
    elif any(need.service in names for names in scope.draft.services.values()):
        stack = next(stack for stack, names in scope.draft.services.items() if need.service in names)
        hint = f"the stack {stack!r} has it: add that to the stacks of the host"
    else:
        hint = nearest(need.service, scope.services - {member.name})
    scope.draft.add(place, message, hint)


def _needs(member: Member) -> Iterator[_Need]:
    service, compose = member.service, member.service.compose
    for name in service.depends_on:
        yield _Need(name, ("depends_on", name))
    for key in _NAMESPACES:
        kind, _, name = str(compose.get(key) or "").partition(":")
        if kind == "service" and "{{" not in name:
            yield _Need(name, ("compose", key))
    for key in ("volumes_from", "links"):
        entries = compose.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            name = str(entry).partition(":")[0]
            if not str(entry).startswith("container:") and "{{" not in name:
                yield _Need(name, ("compose", key, index))


def _circles(graph: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Each circle once, beginning with its first name in the alphabet."""
    done: set[str] = set()
    seen: set[frozenset[str]] = set()
    for start in sorted(graph):
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(graph[start]))] if start not in done else []
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(name)
                stack.pop()
                continue
            trail = [entry for entry, _ in stack]
            if following in trail:
                circle = trail[trail.index(following) :]
                if frozenset(circle) not in seen:
                    seen.add(frozenset(circle))
                    lead = circle.index(min(circle))
                    yield circle[lead:] + circle[:lead]
            elif following not in done:
                stack.append((following, iter(graph.get(following, ()))))
