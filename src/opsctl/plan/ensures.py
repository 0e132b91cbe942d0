"""Which databases and roles a plan makes: those that differ from what the host remembers of them.

The memory belongs to one container: one that was made anew may stand on another volume, and is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.errors import UsageError
from opsctl.plan.context import Context
from opsctl.plan.ensure import Ensure
from opsctl.plan.schedule import Task
from opsctl.plan.unsettled import half_rotated, newer_here
from opsctl.secrets.scram import verifier
from opsctl.state.desired import DesiredDatabase, DesiredService
from opsctl.state.fingerprint import value_hash

Entry = Mapping[str, Any]
_LISTS = ("extensions", "member_of", "connect")


@dataclass(frozen=True, slots=True)
class _Memory:
    container: str = ""
    databases: Mapping[str, Entry] = field(default_factory=dict)


def remembered(container: str, record: str) -> str:
    """The text of the marker on the host: one line of JSON."""
    return json.dumps({"container": container, "databases": json.loads(record)})


def steps(ctx: Context, tasks: Mapping[str, Task], scope: frozenset[str]) -> dict[str, Ensure]:
    """By service. Databases whose secret is half-rotated, or newer on the host than in the store, are left as they are."""
    found = {}
    for service in _keepers(ctx):
        if not (ctx.runs(service.name) or service.name in tasks):
            continue
        memory, same = _memory(ctx, service), _is_same(ctx, service, tasks)
        due = [one for one in _chosen(ctx, service, scope) if _differs(ctx, service, one, same=same)]
        if due:
            kept = dict(memory.databases) if same else {}
            kept |= {one.name: _entry(ctx, one) for one in due}
            declared = {one.name for one in service.databases}
            record = json.dumps({name: kept[name] for name in sorted(kept) if name in declared})
            causes = tuple(dict.fromkeys(cause for one in due for cause in _causes(ctx, memory, one)))
            found[service.name] = Ensure(
                service.name, tuple(due), record, causes or ("its container is another one",)
            )
    return found


def pending(ctx: Context, tasks: Mapping[str, Task], scope: frozenset[str]) -> Iterator[str]:
    """What a narrowed plan leaves alone."""
    for service in _keepers(ctx):
        if service.name in scope or not ctx.runs(service.name):
            continue
        memory, same = _memory(ctx, service), _is_same(ctx, service, tasks)
        chosen = _chosen(ctx, service, scope)
        for one in service.databases:
            if one not in chosen and _differs(ctx, service, one, same=same):
                yield f"{service.name}: ensure ({', '.join(_causes(ctx, memory, one)) or one.name})"


def refusals(ctx: Context, scope: frozenset[str]) -> Iterator[str]:
    """Passwords that PostgreSQL could not keep."""
    for service in _keepers(ctx):
        for one in _chosen(ctx, service, scope):
            try:
                verifier(one.password, b"", 1)
            except UsageError as error:
                yield f"{service.name}: {one.secret}, the password of {one.login}: {error.message}"


def notes(ctx: Context) -> Iterator[str]:
    for service in _keepers(ctx):
        memory = _memory(ctx, service)
        for one in service.databases:
            if one.secret in _left_alone(ctx) and memory.databases.get(one.name) != _entry(ctx, one):
                yield f"{service.name}: {one.login} is left as it is, for {one.secret} is not settled"
        for name in sorted(memory.databases.keys() - {one.name for one in service.databases}):
            yield f"{service.name}: database {name} is declared no more; opsctl drops nothing"


def _keepers(ctx: Context) -> Iterator[DesiredService]:
    for _name, service in sorted(ctx.desired.services.items()):
        if service.databases:
            yield service


def _chosen(ctx: Context, service: DesiredService, scope: frozenset[str]) -> list[DesiredDatabase]:
    """All where the service itself is part of the run; else what those use that are, and what is being rotated."""
    if service.name in scope:
        return list(service.databases)
    used = {
        ctx.desired.services[name].uses.get(service.name) for name in scope if name in ctx.desired.services
    }
    return [one for one in service.databases if one.name in used or one.secret in ctx.request.rotating]


def _is_same(ctx: Context, service: DesiredService, tasks: Mapping[str, Task]) -> bool:
    """Whether what is remembered is about the container that will run."""
    container, task = ctx.container(service.name), tasks.get(service.name)
    renewed = task is not None and task.renews
    return container is not None and not renewed and container.id == _memory(ctx, service).container


def _differs(ctx: Context, service: DesiredService, one: DesiredDatabase, *, same: bool) -> bool:
    if one.secret in _left_alone(ctx):
        return False
    return not same or _memory(ctx, service).databases.get(one.name) != _entry(ctx, one)


def _left_alone(ctx: Context) -> frozenset[str]:
    return half_rotated(ctx) | newer_here(ctx).keys()


def _memory(ctx: Context, service: DesiredService) -> _Memory:
    """What cannot be read counts as forgotten: what is made then is there already, and stays."""
    try:
        said = json.loads(ctx.observed.ensured.get(service.name, "{}"))
    except ValueError:
        return _Memory()
    databases = said.get("databases") if isinstance(said, dict) else None
    if not isinstance(databases, dict) or not all(isinstance(one, dict) for one in databases.values()):
        return _Memory()
    return _Memory(str(said.get("container") or ""), databases)


def _entry(ctx: Context, one: DesiredDatabase) -> Entry:
    return {
        "role": one.role,
        "login": one.login,
        "limit": one.connection_limit,
        **{key: list(getattr(one, key)) for key in _LISTS},
        "password": value_hash(ctx.key, "database password", [one.login, one.password]),
    }


def _causes(ctx: Context, memory: _Memory, one: DesiredDatabase) -> Iterator[str]:
    """What differs from what is remembered; nothing where that is the same."""
    before, after = memory.databases.get(one.name), _entry(ctx, one)
    if before is None:
        yield f"database {one.name}: new"
        return
    if before.get("role") != one.role:
        yield f"database {one.name}: role {before.get('role')} -> {one.role}"
    if before.get("login") != one.login:
        yield f"role {one.role}: login {before.get('login')} -> {one.login}"
    elif before.get("password") != after["password"]:
        yield f"role {one.login}: password"
    if before.get("limit") != one.connection_limit:
        yield f"role {one.login}: connection limit {_limit(before.get('limit'))} -> {_limit(one.connection_limit)}"
    for key in _LISTS:
        if before.get(key) != after[key]:
            yield f"database {one.name}: {key} {', '.join(after[key]) or 'none'}"


def _limit(limit: object) -> str:
    return "none" if limit is None else str(limit)
