"""Rules about the keys of config.yaml: LiteLLM takes nearly all of them, and reads few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.config_file import ConfigFile
from opsctl.apps.litellm.budgets import MISPLACED
from opsctl.apps.litellm.key_lists import LISTS, ROUTER, SECTIONS, TOP
from opsctl.apps.litellm.proxy import Proxy, proxies
from opsctl.model.nearest import nearest
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_FATAL = ("health_check_interval", "health_check_concurrency")
_WHEELS = "PyPI wheels 1.81.3, 1.89.1, 1.109.1: proxy/proxy_server.py, proxy/_types.py, router.py"


def known_keys(version: tuple[int, int, int] | None) -> Mapping[str, frozenset[str]]:
    """By section, for a version. Between two lists a key of either is known; above the newest, and for a version that nobody
    knows, those of the newest count.
    """
    if version is None:
        return LISTS[-1].keys
    minor = version[:2]
    older = [one for one in LISTS if one.version <= minor]
    newer = [one for one in LISTS if one.version > minor]
    if not older or not newer or older[-1].version == minor:
        return (older or newer)[-1 if older else 0].keys
    return {section: keys | newer[0].keys[section] for section, keys in older[-1].keys.items()}


def _unknown(subject: Subject) -> Iterator[Hit]:
    for proxy in proxies(subject):
        if proxy.unread:
            message = (
                f"its configuration {proxy.unread} is no file that opsctl mounts: nothing of it was looked at"
            )
            hint = "mount it with files, so that the rules see it"
            yield about(proxy.view, proxy.view.place("command"), message, hint, unknown=True)
        if proxy.config:
            yield from _malformed(proxy.config)
            yield from _unknown_keys(proxy, proxy.config)


def _malformed(config: ConfigFile) -> Iterator[Hit]:
    for problem in config.document.problems:
        place = config.place()
        if problem.line:
            line = config.place_of_line(problem.line)
            yield about(config.view, line, f"config.yaml: {problem.message}", problem.hint)
        else:
            yield config.hit(f"config.yaml: {problem.message} ({place})", problem.hint)
    for section in SECTIONS:
        value = config.section().get(section)
        if value is not None and not isinstance(value, Mapping):
            yield config.hit(f"{section} is a mapping", "", section)


def _unknown_keys(proxy: Proxy, config: ConfigFile) -> Iterator[Hit]:
    known, allowed = known_keys(proxy.version), set(proxy.settings.allowed_keys)
    for section in (TOP, *SECTIONS):
        path = (section,) if section else ()
        for key in config.section(*path):
            dotted = ".".join((*path, key))
            told = (section, key) in MISPLACED or (section == ROUTER and key in _FATAL)
            if key not in known[section] and dotted not in allowed and not told:
                yield config.hit(f"{dotted}: unknown key {key!r}", _hint(key, section, known), *path, key)


def _hint(key: str, section: str, known: Mapping[str, frozenset[str]]) -> str:
    homes = [home for home in (TOP, *SECTIONS) if home != section and key in known[home]]
    if homes:
        return f"write it under {' or '.join(homes)}" if homes[0] else "write it at the top of the file"
    return nearest(key, known[section])


def _fatal(subject: Subject) -> Iterator[Hit]:
    for proxy in proxies(subject):
        for key in _FATAL:
            if proxy.config and key in proxy.section(ROUTER):
                message = f"router_settings.{key}: LiteLLM does not start with it"
                hint = "it belongs to general_settings, and does something only with background_health_checks"
                yield proxy.config.hit(message, hint, ROUTER, key)


def _version(subject: Subject) -> Iterator[Hit]:
    newest = LISTS[-1].version
    for proxy in proxies(subject):
        version = proxy.version
        if version is None or version[:2] > newest:
            said = f"{version[0]}.{version[1]}" if version else "a tag that tells no version"
            message = f"{said}: its keys are held against those of {newest[0]}.{newest[1]}"
            hint = "a key that is right and not known: settings: {allowed_keys: [general_settings.NAME]}"
            yield proxy.hit(message, hint, "image")


RULES = (
    Rule(
        "LLM001",
        "apps",
        "error",
        "LiteLLM: a key that it does not know, or a configuration that cannot be read",
        "LiteLLM takes unknown keys without a word: what they should do does not happen. Keys are held against the lists of the "
        "image's version.",
        "Write the key where it is read; one that is right and not listed goes into `allowed_keys` of the settings.",
        _WHEELS,
        _unknown,
    ),
    Rule(
        "LLM002",
        "apps",
        "error",
        "LiteLLM: a health check's key under router_settings",
        "Since 1.81.3 (health_check_concurrency since 1.82.6) the proxy ends at its start with a ValueError, again and again.",
        "Move it to general_settings. Health checks are off by default: without background_health_checks it does nothing.",
        "1.81.3 proxy_server.py 2742, 1.109.1 7421; run; audit: configuration mistake risk",
        _fatal,
    ),
    Rule(
        "LLM014",
        "apps",
        "note",
        "LiteLLM: a version whose keys opsctl does not know",
        "The keys are held against the newest list; what came later is taken for a mistake.",
        "Pin a version by its tag; name a key that is right in `allowed_keys` of the settings.",
        _WHEELS,
        _version,
    ),
)
