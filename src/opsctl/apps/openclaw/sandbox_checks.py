"""Whether sandboxes can be what they should: their image, the workspace in them, and how many there are."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Generator
from functools import partial
from typing import Any

from opsctl.apps.mounts import keeper
from opsctl.apps.openclaw.asking import each_with_sandboxes
from opsctl.apps.openclaw.gateway import DEFAULT_IMAGE, Gateway
from opsctl.apps.openclaw.rosters import SECONDS, workspaces
from opsctl.checks.check import Check, Patience
from opsctl.checks.questions import (
    EngineGet,
    Inside,
    Question,
    Ran,
    Talk,
    Verdict,
    engine,
    failed,
    passed,
    ran,
    settled,
    skipped,
    unknown,
)
from opsctl.checks.short_lived import short_lived, why
from opsctl.checks.situation import HostNow, ServiceNow
from opsctl.state.local_images import image_id

# What OpenClaw gives each of its sandboxes (dist of 2026.2.23 and 2026.9.6: buildSandboxCreateArgs).
_SANDBOX = "openclaw.sandbox=1"
_FILE = "/workspace/AGENTS.md"
_THERE_OR_NOT = (0, 1)
"""Exit codes of test."""
_REFUSED, _NOT_STARTED = 125, (126, 127)
"""Exit codes of docker run: by the engine, and by the image, which does not have the program."""


def images_of(gateway: Gateway) -> list[str]:
    """Those that its sandboxes are made of, by the names that it asks the engine for."""
    named = (gateway.text(agent.docker.get("image")) or DEFAULT_IMAGE for agent in gateway.sandboxed())
    return sorted(set(named))


def _images(now: ServiceNow, gateway: Gateway) -> Talk:
    wrong = [said for image in images_of(gateway) if (said := _missing(now.host, image))]
    return settled(failed("; ".join(wrong)) if wrong else passed(", ".join(images_of(gateway))))


def _missing(host: HostNow, image: str) -> str:
    """What is wrong with an image on the host; "" for one that is what it shall be."""
    found = image_id(host.observed.images, image)
    built = next(
        (one.build for one in host.desired.services.values() if one.build and one.build.image == image), None
    )
    if built is None:
        return "" if found else f"{image} is not on the host, and nothing of the host builds it"
    labelled = host.observed.built.get(built.hash)
    if not labelled:
        return f"no image on the host has the label of what {image} shall be built of"
    if found != labelled:
        return f"{image} is {'another image than the one that was built for it' if found else 'not the name of it'}"
    return ""


def _workspace(now: ServiceNow, gateway: Gateway) -> Talk:
    folders = yield from workspaces(now)
    used = []
    for folder in folders:
        question = Inside(now.host.name, now.name, ("test", "-e", f"{folder}/AGENTS.md"))
        answer = yield from ran(question)
        if answer.code not in _THERE_OR_NOT:
            return unknown(f"test -e in the gateway: {why(answer)}")
        if not answer.code:
            used.append(folder)
    if not used:
        return skipped(f"no agent has worked yet: no AGENTS.md in {', '.join(folders) or 'any workspace'}")
    for folder in used:
        if verdict := (yield from _read_by_sandboxes(now, gateway, folder)):
            return verdict
    return passed(", ".join(f"{folder}/AGENTS.md" for folder in used))


def _read_by_sandboxes(
    now: ServiceNow, gateway: Gateway, folder: str
) -> Generator[Question, Any, Verdict | None]:
    """None where a container of each image reads it."""
    source = on_host(gateway, folder)
    if not source:
        return failed(f"the workspace {folder} is no folder of the host: sandboxes cannot mount it (OCL009)")
    for image in images_of(gateway):
        mount = f"type=bind,source={source},target=/workspace,readonly"
        words = ("head", "-c", "1", _FILE)
        answer = yield from short_lived(
            now.host, "sandbox", image, words, "--no-healthcheck", "--mount", mount
        )
        if verdict := judge(answer, source):
            return verdict
    return None


def on_host(gateway: Gateway, path: str) -> str:
    """Where the host has a folder of the gateway's container; "" where it has it in a volume, or not at all."""
    path = posixpath.normpath(path)
    mount = keeper(gateway.view, path)
    if mount is None or not mount.source.startswith("/"):
        return ""
    return posixpath.normpath(mount.source + path.removeprefix(mount.target))


def judge(answer: Ran, source: str) -> Verdict | None:
    """What a sandbox said that was asked for the first byte of AGENTS.md; None where it read one."""
    if not answer.code:
        return None if answer.stdout else failed(f"{source}/AGENTS.md is empty")
    if answer.code == _REFUSED and "bind source path does not exist" in answer.stderr.decode(
        errors="replace"
    ):
        return failed(f"the host has no {source}: the workspace is elsewhere")
    if answer.code == _REFUSED or answer.code in _NOT_STARTED or answer.code < 0:
        return unknown(f"docker run: {why(answer)}")
    return failed(f"a sandbox cannot read AGENTS.md in {source}: {answer.last_line()}")


def _count(now: ServiceNow, gateway: Gateway) -> Talk:
    query = {"filters": json.dumps({"label": [_SANDBOX]})}
    listed = yield from engine(EngineGet(now.host.name, "/containers/json", query))
    count, most = len(listed or ()), gateway.settings.sandboxes
    message = f"{count} run, settings.sandboxes allows {most}"
    return failed(message) if count > most else passed(message)


CHECKS = (
    Check(
        id="V-OCL-003",
        title="The image of OpenClaw's sandboxes is the one that was built",
        severity="high",
        proves="The host has an image with the label of the files that it shall be built of, under the name that OpenClaw asks for; one that "
        "is not built is there.",
        mend="opsctl deploy: it builds it, and the job beside the gateway proves what is in it",
        source="the look at the host's images; labels opsctl.build-hash",
        cases=partial(each_with_sandboxes, _images),
        tags=frozenset({"deploy", "upgrade"}),
    ),
    Check(
        id="V-OCL-004",
        title="A sandbox reads AGENTS.md in its workspace",
        severity="high",
        proves="A container of the sandboxes' image, made by the host's engine with the workspace mounted, read a byte of AGENTS.md, for "
        "each agent that has one: the gateway makes it when an agent works for the first time.",
        mend="the same path on both sides, and OPENCLAW_STATE_DIR naming it (OCL009); the folder's owner is uid 1000",
        source="OpenClaw 2026.2.23 dist: -v WORKSPACE:/workspace to the host's engine; agents list --json of 2026.9.6 and docker run, exit "
        "codes, with Docker 20.10 (run)",
        cases=partial(each_with_sandboxes, _workspace),
        tags=frozenset({"nightly", "data"}),
        timeout=SECONDS + 150.0,
    ),
    Check(
        id="V-OCL-005",
        title="No more sandboxes run than the settings allow",
        severity="medium",
        proves="At most settings.sandboxes containers of the host have the label openclaw.sandbox=1.",
        mend="opsctl logs of the reaper; opsctl memory: each of them takes memory that the budget must have",
        source="labels of 2026.2.23 and 2026.9.6 (dist: buildSandboxCreateArgs)",
        cases=partial(each_with_sandboxes, _count),
        tags=frozenset({"nightly"}),
        # The reaper of the page comes once a minute.
        patience=Patience(deadline=75.0, interval=15.0),
    ),
)
