"""Rules about sandboxes: containers that OpenClaw asks the engine for, beside its own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from opsctl.apps.mounts import keeper, mounts
from opsctl.apps.openclaw.gateway import DEFAULT_IMAGE, Agent, Gateway, configured, docker_bytes
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_CLI = "docker"
_SOCKET = "docker.sock"


def _unbounded(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        for agent in gateway.sandboxed():
            if agent.scope == "session":
                message = f"agent {agent.name}: a sandbox for every session has no bound, and no budget can count it"
                yield config.hit(
                    message, "scope: agent (one for each agent) or shared", *_path(gateway, agent, "scope")
                )


def _unlimited(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        for agent in gateway.sandboxed():
            memory = docker_bytes(gateway.text(agent.docker.get("memory")))
            pids = agent.docker.get("pidsLimit")
            missing = [
                *(["docker.memory"] if memory is None else []),
                *([] if isinstance(pids, int) and pids > 0 else ["docker.pidsLimit"]),
            ]
            if missing:
                message = f"agent {agent.name}: its sandbox has no {' and no '.join(missing)}"
                hint = 'sandbox: {docker: {memory: "512m", pidsLimit: 256, cpus: 1}}'
                yield config.hit(message, hint, *_path(gateway, agent, "docker"))


def _image(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        built = {one.build.image for one in gateway.view.host.services.values() if one.build}
        for agent in gateway.sandboxed():
            image = gateway.text(agent.docker.get("image")) or DEFAULT_IMAGE
            if image not in built and not _is_pinned(image):
                message = (
                    f"agent {agent.name}: its sandbox runs {image}, which nothing builds and nothing pins"
                )
                hint = "a service of the host that builds it, and image: {{ services['NAME'].image }}; or {{ image('…') }} and opsctl pin-images"
                yield config.hit(message, hint, *_path(gateway, agent, "docker", "image"))


def _is_pinned(image: str) -> bool:
    try:
        return bool(parse_reference(image).digest)
    except Unfit:
        return False


def _paths(subject: Subject) -> Iterator[Hit]:
    for gateway, _config in configured(subject):
        if not gateway.sandboxed():
            continue
        mount = keeper(gateway.view, posixpath.normpath(gateway.state))
        if mount is None or not mount.source.startswith("/"):
            message = f"its state {gateway.state} is no folder of the host, and sandboxes mount their workspace from it"
        elif posixpath.normpath(mount.source) != mount.target:
            message = f"its state is {mount.source} on the host and {mount.target} in the container: a sandbox would mount an empty folder"
        else:
            continue
        hint = 'volumes: ["/opt/openclaw:/opt/openclaw"] and env: {OPENCLAW_STATE_DIR: /opt/openclaw}'
        yield gateway.hit(message, hint, "volumes")


def _engine(subject: Subject) -> Iterator[Hit]:
    for gateway, _config in configured(subject):
        view = gateway.view
        if not gateway.sandboxed():
            continue
        targets = [one.target for one in mounts(view)]
        reached = view.service.env.get("DOCKER_HOST") or any(one.endswith(_SOCKET) for one in targets)
        if not reached:
            message = "it has sandboxes, and no way to an engine"
            yield gateway.hit(message, "a socket proxy, and env: {DOCKER_HOST: tcp://NAME:2375}", "env")
        if view.service.build is None and not any(posixpath.basename(one) == _CLI for one in targets):
            message = "it starts sandboxes by the docker command line, which published images do not have"
            yield gateway.hit(message, "build on the image, and copy docker into it", "image")


def _many(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        containers = sum(one.containers for one in gateway.sandboxed())
        most = gateway.settings.sandboxes
        if containers > most:
            message = f"up to {containers} sandboxes at once, and settings.sandboxes lets {most} live"
            hint = "raise it with the memory of the host, or scope: shared"
            yield config.hit(message, hint, "agents")


def _path(gateway: Gateway, agent: Agent, *keys: str) -> tuple[str | int, ...]:
    """To a key of an agent's sandbox where it has it itself, else to that of the defaults."""
    found: object = gateway.config.document.value if gateway.config else None
    for step in (*agent.path, *(() if agent.path[-1] == "sandbox" else ("sandbox",)), *keys):
        if isinstance(found, dict):
            found = found.get(step)
        else:
            found = found[step] if isinstance(found, list) and isinstance(step, int) else None
    if found is not None and agent.path[-1] != "sandbox":
        return (*agent.path, "sandbox", *keys)
    return ("agents", "defaults", "sandbox", *keys)


RULES = (
    Rule(
        "OCL006",
        "apps",
        "error",
        "OpenClaw: sandboxes without a bound",
        "No key of OpenClaw caps the number of sandboxes. The scope session makes one for every session, and each is a container "
        "beside the gateway: its limits of memory and processes do not hold them.",
        "scope: agent (the default: one for each agent) or shared (one).",
        "2026.2.23, 2026.9.6 dist: buildSandboxCreateArgs, names of sandboxes; audit: socket access not rate-limited",
        _unbounded,
    ),
    Rule(
        "OCL007",
        "apps",
        "warning",
        "OpenClaw: a sandbox that may take all there is",
        "docker.memory and docker.pidsLimit are unset by default, and unset is without a limit: one agent takes the memory of the "
        "host, and no budget counts it.",
        "docker.memory and docker.pidsLimit under agents.defaults.sandbox.",
        "2026.9.6 dist: buildSandboxCreateArgs; docs/gateway/sandboxing",
        _unlimited,
    ),
    Rule(
        "OCL008",
        "apps",
        "error",
        "OpenClaw: a sandbox image that nothing builds",
        "openclaw-sandbox:bookworm-slim is in no registry. Where it is missing, 2026.2.23 tags a bare debian as it, without python3 "
        "and git; 2026.9.6 refuses the sandbox. That an image of the name is there proves nothing.",
        "A service that builds it, whose name of the image holds a hash of all files; or image() of one that is pinned.",
        "2026.2.23, 2026.9.6 dist: ensureDockerImage; audit: sandbox image build not cached",
        _image,
    ),
    Rule(
        "OCL009",
        "apps",
        "error",
        "OpenClaw: a state folder that sandboxes cannot mount",
        "Sandboxes are made by the engine of the host, from paths as the gateway sees them. Where the host has another folder at "
        "that path, or none, the workspace is empty: ENOENT for AGENTS.md. Volumes with a name never work.",
        "The same path on both sides, and OPENCLAW_STATE_DIR naming it.",
        "2026.2.23 dist: createSandboxContainer; 2026.9.6 maps mounts, not volumes; audit: sandbox path mounting",
        _paths,
    ),
    Rule(
        "OCL010",
        "apps",
        "warning",
        "OpenClaw: sandboxes that cannot be started",
        "The gateway runs the command docker, which published images do not have (the build argument "
        "OPENCLAW_INSTALL_DOCKER_CLI=1 is off by default), and needs an engine to reach.",
        "An image built on it with docker, and DOCKER_HOST naming a socket proxy.",
        "2026.3.13 docs/install/docker.md; 2026.2.23 dist: spawn docker",
        _engine,
    ),
    Rule(
        "OCL014",
        "apps",
        "warning",
        "OpenClaw: more sandboxes than the reaper lets live",
        "Every agent may have a sandbox at once; what is above settings.sandboxes is removed while it works.",
        "Raise settings.sandboxes, and see with opsctl memory whether the host has room.",
        "2026.9.6 docs/gateway/sandboxing: scope",
        _many,
    ),
)
