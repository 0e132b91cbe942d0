"""Rules about the keys of openclaw.json: with one that it does not know the gateway does not start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.config_file import ConfigFile
from opsctl.apps.openclaw.gateway import Gateway, configured, gateways
from opsctl.apps.openclaw.key_lists import LISTED, Path, known_keys, unknown_keys
from opsctl.apps.openclaw.versions import ENTRIES, OWNERSHIP
from opsctl.model.nearest import nearest
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_PACKAGES = "npm packages 2026.2.23, 2026.3.13, 2026.5.7, 2026.9.6: OpenClawSchema, config schema; run"
_INCLUDE = "$include"


def _unknown(subject: Subject) -> Iterator[Hit]:
    for gateway in gateways(subject):
        config = gateway.config
        if config is None:
            message = (
                f"its configuration {gateway.path} is no file that opsctl mounts: nothing of it was looked at"
            )
            hint = (
                "mount it with files, so that the rules see it, and name it: env: {OPENCLAW_CONFIG_PATH: …}"
            )
            yield about(gateway.view, gateway.view.place(), message, hint, unknown=True)
            continue
        yield from _malformed(config)
        if isinstance(config.document.value, Mapping):
            yield from _unknown_keys(gateway, config)


def _malformed(config: ConfigFile) -> Iterator[Hit]:
    for problem in config.document.problems:
        line = config.place_of_line(problem.line)
        yield about(config.view, line, f"openclaw.json: {problem.message}", problem.hint)
    if not config.document.problems and not isinstance(config.document.value, Mapping):
        yield config.hit("openclaw.json: it must be a mapping", "")


def _unknown_keys(gateway: Gateway, config: ConfigFile) -> Iterator[Hit]:
    allowed = set(gateway.settings.allowed_keys)
    for path, known in unknown_keys(config.document.value, known_keys(gateway.version)):
        key, dotted = str(path[-1]), _dotted(path)
        if key == _INCLUDE:
            message = f"{dotted} names a file that was not looked at"
            yield about(gateway.view, config.place(*path), message, "write it into this file", unknown=True)
        elif dotted not in allowed and not _is_moved(gateway, path):
            message = f"{dotted}: unknown key {key!r}: the gateway does not start with it"
            yield config.hit(message, _hint(path, known), *path)


def _hint(path: Path, known: frozenset[str]) -> str:
    if path == ("agents", "entries"):
        return "up to 2026.7.1 agents are a list: agents.list, each with an id"
    return nearest(str(path[-1]), known)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))


def _is_moved(gateway: Gateway, path: Path) -> bool:
    """agents.list where agents.entries took its place."""
    return path == ("agents", "list") and (gateway.version is None or gateway.version >= ENTRIES)


def _moved(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        if _is_moved(gateway, ("agents", "list")) and "list" in gateway.section("agents"):
            message = "agents.list is agents.entries since 2026.8.1: it is read anew as that at every start"
            yield config.hit(message, "agents: {entries: {ID: {…}}}, the id as the key", "agents", "list")


def _unowned(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        agents = [entry for _name, entry, _path in gateway.entries()]
        marked = sum(entry.get("default") is True for entry in agents)
        explicit = gateway.section("agents").get("ownership") == "explicit"
        asks = gateway.version is None or gateway.version >= OWNERSHIP
        if asks and len(agents) > 1 and marked != 1 and not explicit:
            message = f"{len(agents)} agents and no agents.ownership: the gateway does not start"
            key = "entries" if "entries" in gateway.section("agents") else "list"
            yield config.hit(message, 'agents: {ownership: "explicit"}', "agents", key)


def _version(subject: Subject) -> Iterator[Hit]:
    newest = LISTED[-1]
    for gateway in gateways(subject):
        version = gateway.version
        if version is None or version > newest:
            said = _dotted(version) if version else "a tag that tells no version"
            message = f"{said}: its keys are held against those of {_dotted(newest)}"
            hint = "a key that is right and not known: settings: {allowed_keys: [gateway.NAME]}"
            place = "build" if gateway.view.service.build else "image"
            yield gateway.hit(message, hint, place)


RULES = (
    Rule(
        "OCL001",
        "apps",
        "error",
        "OpenClaw: a key that it does not know, or a configuration that cannot be read",
        "Since 2026.1 the gateway refuses to start with an unknown key: a template that is newer than the image is a loop of "
        "restarts. Keys are held against the lists of the image's version.",
        "Write the key that this version has; one that is right and not listed goes into `allowed_keys` of the settings.",
        _PACKAGES,
        _unknown,
    ),
    Rule(
        "OCL002",
        "apps",
        "warning",
        "OpenClaw: agents in the list of before 2026.8.1",
        "2026.9.6 takes agents.list with a warning, moves it to agents.entries in memory at every start, and may take it no more "
        "one day.",
        "agents.entries, a mapping with the ids as its keys.",
        "2026.8.1 docs; 2026.9.6 run: config validate, gateway",
        _moved,
    ),
    Rule(
        "OCL003",
        "apps",
        "note",
        "OpenClaw: a version whose keys opsctl does not know",
        "The keys are held against the newest list; what came later is taken for a mistake.",
        "Pin a version by its tag; name a key that is right in `allowed_keys` of the settings.",
        _PACKAGES,
        _version,
    ),
    Rule(
        "OCL015",
        "apps",
        "error",
        "OpenClaw: several agents without an owner",
        "2026.9.6 does not start with more than one agent, unless agents.ownership is explicit or exactly one of "
        "them says default: true.",
        'agents.ownership: "explicit".',
        "2026.9.6 run: config validate",
        _unowned,
    ),
)
