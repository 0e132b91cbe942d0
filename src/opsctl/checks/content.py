"""Whether what containers hold is what was rendered: nothing left to deploy, their environment, their mounted files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial

from opsctl.checks.check import Case, Check
from opsctl.checks.questions import (
    FilesInside,
    Talk,
    Verdict,
    failed,
    passed,
    skipped,
    sums_inside,
    unknown,
)
from opsctl.checks.seen import each_host, each_service
from opsctl.checks.situation import HostNow, ServiceNow, Situation


def _drift(one: ServiceNow) -> Verdict:
    cause = one.host.pending.get(one.name, "")
    return failed(cause) if cause else passed()


def _plan(host: HostNow) -> Verdict:
    if host.steps:
        return failed(f"a deploy would take {host.steps} step{'s' if host.steps != 1 else ''}: opsctl plan")
    return passed()


def _environment(one: ServiceNow) -> Verdict:
    if one.container is None:
        return skipped(one.mark)
    if one.mark in {"held", "on demand"} and not one.runs:
        return skipped(one.mark)  # its next start makes it anew
    seen = one.container.inspected
    own = one.host.observed.image_env.get(one.container.image_id)
    if seen is None or own is None:
        return unknown("the engine did not tell its environment")
    wrong = different_keys(one.service.env, seen.env, own)
    if wrong:
        return failed(", ".join(wrong))
    return passed(f"{len(one.service.env)} as rendered")


def different_keys(
    rendered: Mapping[str, str], inside: Mapping[str, str], own: Mapping[str, str]
) -> list[str]:
    """In words, key by key and without a value, how an environment differs from the rendered one. `own` comes with the image."""
    found = [
        f"{key} {'is not there' if key not in inside else 'has another value'}"
        for key in sorted(rendered)
        if inside.get(key) != rendered[key]
    ]
    extra = [key for key in sorted(inside) if key not in rendered and inside[key] != own.get(key)]
    return found + [f"{key} was not rendered" for key in extra]


def _files(situation: Situation) -> Iterator[Case]:
    for one in situation.services():
        if one.service.files:
            yield Case(one.host.name, one.name, partial(_look_inside, one))


def _look_inside(one: ServiceNow) -> Talk:
    if not one.runs:
        return skipped(one.mark or "it does not run")
    wanted = {file.target: hashlib.sha256(file.content).hexdigest() for file in one.service.files}
    found = yield from sums_inside(FilesInside(one.host.name, one.name, tuple(sorted(wanted))))
    other = sorted(target for target, sha in found.items() if sha and sha != wanted[target])
    unread = sorted(target for target, sha in found.items() if not sha)
    if other:
        return failed(f"{', '.join(other)}: the container sees another content")
    if unread:
        return unknown(f"{', '.join(unread)} cannot be read in the container")
    return passed(f"{len(wanted)} as rendered")


CHECKS = (
    Check(
        id="V-PLN-001",
        title="A deploy would leave the service as it is",
        severity="high",
        proves="Its definition, image, environment and files are those of the project's files.",
        mend="opsctl plan, opsctl diff; then opsctl deploy",
        source="the plan",
        cases=each_service(_drift),
        tags=frozenset({"deploy"}),
    ),
    Check(
        id="V-PLN-002",
        title="A deploy would do nothing on the host",
        severity="high",
        proves="No file, network, volume or mark of the host is left to be put right.",
        mend="opsctl plan",
        source="the plan",
        cases=each_host(_plan),
        tags=frozenset({"deploy"}),
    ),
    Check(
        id="V-ENV-001",
        title="The environment inside the container is the rendered one",
        severity="critical",
        proves="Key by key, the container was made with what was rendered; an edited env file and a restart do not do that.",
        mend="opsctl deploy: it makes the container anew",
        source="Config.Env of the container, beside that of its image; docker compose restart does not read env files (compose-traps)",
        cases=each_service(_environment),
        tags=frozenset({"deploy"}),
    ),
    Check(
        id="V-FIL-001",
        title="Mounted files inside the container are the rendered ones",
        severity="high",
        proves="What the container sees behind each mount has the rendered bytes; a replaced file may leave it the old inode.",
        mend="opsctl deploy; a file that was edited on the host: opsctl diff",
        source="/proc/<pid>/root, else sha256sum or cat in the container; the archive API shows the host's file (compose-traps 10)",
        cases=_files,
        tags=frozenset({"deploy"}),
    ),
)
