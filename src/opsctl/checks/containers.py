"""Whether containers do what they should: healthy, not restarting, of the locked image, and nobody's but ours."""

from __future__ import annotations

from opsctl.checks.check import Check
from opsctl.checks.questions import Verdict, failed, passed, skipped, unknown
from opsctl.checks.seen import each_host, each_service
from opsctl.checks.situation import HostNow, ServiceNow
from opsctl.model.references import brief
from opsctl.state.observed import ObservedContainer
from opsctl.state.pinned import pin_state
from opsctl.state.standing import is_bad, strays_of

_LATELY = 600.0
"""Seconds after a restart of Docker's in which it counts as one of a row."""


def _health(one: ServiceNow) -> Verdict:
    if one.mark in {"held", "on demand"}:
        return skipped(one.mark)
    container = one.container
    if container is None:
        return failed("missing")
    if is_bad(one.service, container, one.mark):
        return failed(_state(container), expected="healthy" if one.service.has_healthcheck else "running")
    if container.health == "starting" or container.state not in {"running", "exited"}:
        return unknown(_state(container))
    return passed(one.mark or _state(container))


def _state(container: ObservedContainer) -> str:
    if container.state == "running":
        return container.health or "running"
    return f"{container.state} {container.exit_code}" if container.exit_code is not None else container.state


def _restarts(one: ServiceNow) -> Verdict:
    container = one.container
    if container is None or one.service.kind == "job":
        return skipped(one.mark or "a job")
    seen = container.inspected
    if seen is None:
        return unknown("it was not inspected")
    if container.state == "restarting":
        return failed(f"restarting, {seen.restart_count} times so far")
    if seen.oom_killed:
        return failed("killed for want of memory (OOMKilled)")
    ago = one.host.observed.now - seen.started_at
    if seen.restart_count and ago < _LATELY:
        return failed(f"Docker restarted it {seen.restart_count} times, the last time {ago:.0f} s ago")
    return passed(f"{seen.restart_count} restarts, none lately" if seen.restart_count else "")


def _image(one: ServiceNow) -> Verdict:
    if one.container is None:
        return skipped("no container")
    service = one.service
    strict = one.view.fleet.environment(one.view.environment).require_pins
    match pin_state(service, one.container, one.host.observed.images):
        case "unpinned":
            message = "no digest pins it: opsctl pin-images"
            return failed(message) if strict else skipped(message)
        case "other":
            return failed(f"runs another image than {brief(service.digest or service.image)}")
        case _:
            return passed(brief(service.digest or service.image))


def _strays(host: HostNow) -> Verdict:
    found = sorted(f"{one.name} ({one.state})" for one in strays_of(host.desired, host.observed))
    if found:
        return failed(f"no stack names {', '.join(found)}")
    return passed()


CHECKS = (
    Check(
        id="V-CTR-001",
        title="The container is healthy",
        severity="critical",
        proves="Docker calls it healthy; without a healthcheck, that it runs. A job: that it ended with 0.",
        mend="opsctl why SERVICE, opsctl logs SERVICE",
        source="Docker's State.Health; compose up --wait passes without a healthcheck (compose-traps)",
        cases=each_service(_health),
        tags=frozenset({"deploy"}),
    ),
    Check(
        id="V-CTR-002",
        title="The container is not restarting, and was not killed for memory",
        severity="high",
        proves="Docker did not restart it in the last ten minutes, and its last process was not killed for want of memory.",
        mend="opsctl why SERVICE; more memory where it was killed: memory.limit",
        source="RestartCount and State.OOMKilled of the engine",
        cases=each_service(_restarts),
        tags=frozenset({"deploy"}),
    ),
    Check(
        id="V-CTR-003",
        title="No container of the project that no stack names",
        severity="medium",
        proves="What was taken out of the stacks is gone from the host.",
        mend="docker rm -f on the host, once its data is elsewhere: a deploy removes no container that no stack names",
        source="the label com.docker.compose.project",
        cases=each_host(_strays),
    ),
    Check(
        id="V-IMG-001",
        title="The running image is the locked one",
        severity="high",
        proves="The engine knows the container's image by the digest of images.lock.yaml, or by the hash of its build.",
        mend="opsctl deploy; without a digest: opsctl pin-images",
        source="RepoDigests of the engine, not the name of the image",
        cases=each_service(_image),
        tags=frozenset({"deploy"}),
    ),
)
