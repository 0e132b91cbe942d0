"""An OpenClaw service as the rules see it: its version, its openclaw.json, its agents and their sandboxes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsctl.apps.config_file import ConfigFile, config_file
from opsctl.apps.openclaw.settings import Settings
from opsctl.apps.openclaw.versions import Version, version_of
from opsctl.model.json5_document import read_json5
from opsctl.model.values import Unfit, parse_size
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

# The image runs as node, whose home is /home/node (Dockerfile 2026.2.23).
_STATE = "/home/node/.openclaw"
_FILE = "openclaw.json"
_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")
DEFAULT_IMAGE = "openclaw-sandbox:bookworm-slim"
_LOCAL = ("docker", "podman")


@dataclass(frozen=True, slots=True)
class Agent:
    """`sandbox` is what counts for it: its own keys over those of agents.defaults, `docker` and `browser` too. `path` leads to it
    in the file.
    """

    name: str
    sandbox: Mapping[str, Any]
    path: tuple[str | int, ...]

    @property
    def sandboxed(self) -> bool:
        """Whether its tools run in containers of this host's engine."""
        backend = self.sandbox.get("backend") or _LOCAL[0]
        return self.sandbox.get("mode", "off") != "off" and backend in _LOCAL

    @property
    def scope(self) -> str:
        return str(self.sandbox.get("scope") or "agent")

    @property
    def docker(self) -> Mapping[str, Any]:
        return _mapping(self.sandbox.get("docker"))

    @property
    def containers(self) -> int:
        """How many it can have at once, a browser of its own counted; not for the scope session, which has no bound."""
        return 2 if _mapping(self.sandbox.get("browser")).get("enabled") is True else 1


@dataclass(frozen=True, slots=True)
class Gateway:
    """`config` is None where its configuration is no file that opsctl mounts: `path` is where it would be."""

    view: ServiceView
    config: ConfigFile | None
    path: str

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def version(self) -> Version | None:
        """As the tag says it; of a built image, that of the OpenClaw it is built on."""
        service = self.view.service
        if service.build is None:
            return version_of(service.asked_image or service.image)
        found = (version_of(base.image) for base in service.build.bases if "openclaw" in base.image)
        return next((one for one in found if one), None)

    @property
    def state(self) -> str:
        """The folder that it keeps everything in, as the container sees it."""
        return state_of(self.view)

    def section(self, *path: str) -> Mapping[str, Any]:
        return self.config.section(*path) if self.config else {}

    def text(self, value: object) -> str:
        """A value with the variables of the environment that it names (`${NAME}`); "" for None."""
        env = self.view.service.env
        return "" if value is None else _VARIABLE.sub(lambda found: env.get(found[1], ""), str(value))

    def agents(self) -> tuple[Agent, ...]:
        """Those of agents.entries or agents.list; without any there is one, main."""
        defaults = _mapping(self.section("agents", "defaults").get("sandbox"))
        top = ("agents", "defaults", "sandbox")
        found = tuple(
            Agent(name, _over(defaults, _mapping(entry.get("sandbox"))), path)
            for name, entry, path in self.entries()
        )
        return found or (Agent("main", defaults, top),)

    def entries(self) -> Iterator[tuple[str, Mapping[str, Any], tuple[str | int, ...]]]:
        """Id, keys and path of each agent that is written down, in both spellings."""
        for name, entry in self.section("agents", "entries").items():
            yield name, _mapping(entry), ("agents", "entries", name)
        listed = self.section("agents").get("list")
        for at, entry in enumerate(listed if isinstance(listed, list) else ()):
            yield str(_mapping(entry).get("id", at)), _mapping(entry), ("agents", "list", at)

    def sandboxed(self) -> tuple[Agent, ...]:
        """The agents that may have a sandbox; of those that share one, the first, with what all of them share."""
        defaults = _mapping(self.section("agents", "defaults").get("sandbox"))
        found: list[Agent] = []
        shared = False
        for agent in self.agents():
            if not agent.sandboxed or (agent.scope == "shared" and shared):
                continue
            if agent.scope == "shared":
                shared = True
                # dist, resolveSandboxDockerConfig: with this scope an agent's own docker keys do not count.
                whole = {**agent.sandbox, "docker": _mapping(defaults.get("docker"))}
                agent = Agent("shared", whole, ("agents", "defaults", "sandbox"))  # noqa: PLW2901 - the same one, seen whole
            found.append(agent)
        return tuple(found)

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        """About a part of the stack file."""
        return about(self.view, self.view.place(*path), message, hint)


def gateways(subject: Subject) -> tuple[Gateway, ...]:
    """Every service with `app: openclaw`."""
    return subject.once(_gateways)


def _gateways(subject: Subject) -> Iterator[Gateway]:
    for view in subject.services():
        if view.written.app == "openclaw":
            yield gateway_of(view)


def gateway_of(view: ServiceView) -> Gateway:
    path = view.service.env.get("OPENCLAW_CONFIG_PATH") or posixpath.join(state_of(view), _FILE)
    return Gateway(view, config_file(view, path, read_json5), path)


def configured(subject: Subject) -> Iterator[tuple[Gateway, ConfigFile]]:
    """Those whose configuration can be looked at."""
    for gateway in gateways(subject):
        if gateway.config and isinstance(gateway.config.document.value, Mapping):
            yield gateway, gateway.config


def state_of(view: ServiceView) -> str:
    env = view.service.env
    home = env.get("OPENCLAW_HOME", "")
    return env.get("OPENCLAW_STATE_DIR") or (posixpath.join(home, ".openclaw") if home else _STATE)


def docker_bytes(value: object) -> int | None:
    """A size as `docker run --memory` takes it, in bytes; None for what is none, and for 0, which is no limit."""
    try:
        return int(parse_size(value)) or None
    except Unfit:
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _over(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = {**defaults, **own}
    for key in ("docker", "browser", "prune"):
        if key in merged:
            merged[key] = {**_mapping(defaults.get(key)), **_mapping(own.get(key))}
    return merged
