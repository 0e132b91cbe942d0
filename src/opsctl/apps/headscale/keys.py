"""Rules about the keys of Headscale's configuration: it reads past those that it does not know, and ends with some of them."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.apps.headscale.configuration import Configuration, Control, configured, controls, dotted
from opsctl.apps.headscale.key_lists import (
    FATAL,
    FATAL_ALONE,
    MOVED,
    NEWEST,
    OLDEST,
    SPANS,
    is_read,
    told_span,
)
from opsctl.model.nearest import nearest
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_CONFIG = "juanfont/headscale hscontrol/types/config.go, v0.22.3 to v0.29.2"


def _unread_keys(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        if configuration.file:
            for problem in configuration.file.document.problems:
                place = configuration.file.place_of_line(problem.line)
                yield about(control.view, place, f"config.yaml: {problem.message}", problem.hint)
        allowed = {key.lower() for key in control.settings.allowed_keys}
        for path, value in configuration.values.items():
            key = dotted(path)
            # A mapping without a key says nothing; null takes a key out.
            silent = value is None or value == {} or key in allowed
            if silent or is_read(key, control.minor) or _ends(configuration, key, control.minor):
                continue
            yield configuration.hit(f"{key} is not read by 0.{control.minor}", _hint(key, control.minor), key)


def _hint(key: str, minor: int) -> str:
    if key in MOVED and minor > SPANS.get(key, (0, 0))[1]:
        return f"it is {MOVED[key]} now"
    if key in SPANS:
        older = next((old for old, new in MOVED.items() if new == key and is_read(old, minor)), "")
        return told_span(key) + (f"; here it is {older}" if older else "")
    return nearest(key, (one for one in SPANS if is_read(one, minor)))


def _fatal(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        for path, value in configuration.values.items():
            key = dotted(path)
            if value is None or not _ends(configuration, key, control.minor):
                continue
            now = f"it is {MOVED[key]} now" if key in MOVED else "leave it out"
            hint = now if configuration.whole else f"{now}; {path[-1]}: null takes it out of the file"
            yield configuration.hit(f"0.{control.minor} does not start with {key}", hint, key)


def _ends(configuration: Configuration, key: str, minor: int) -> bool:
    if minor >= FATAL.get(key, minor + 1):
        return True
    return minor >= FATAL_ALONE.get(key, minor + 1) and configuration.value(MOVED[key]) is None


def _outvoted(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        by_name = {variable_of(dotted(path)): dotted(path) for path in configuration.values}
        for name in control.view.service.env:
            if key := by_name.get(name):
                message = f"{name} wins over {key} of config.yaml"
                yield control.hit(message, "say it in one place: leave the variable out", "env", name)


def variable_of(key: str) -> str:
    """The variable that viper reads before a key of the file (LoadConfig: prefix, replacer, AutomaticEnv)."""
    return "HEADSCALE_" + key.replace(".", "_").upper()


def _unseen(subject: Subject) -> Iterator[Hit]:
    for control in controls(subject):
        if control.configuration is None:
            message = f"its configuration {control.path} is neither merged nor mounted by opsctl: nothing of it was looked at"
            hint = "merge: [{path: …/config.yaml, keys: {dns: …}}], and mount its folder there"
            yield about(control.view, control.view.place("merge"), message, hint, unknown=True)
        if not _is_known(control):
            minor = control.known_minor
            said = f"0.{minor}" if minor is not None else "a tag that tells no version"
            message = f"{said}: its keys are held against those of 0.{control.minor if minor is None or minor < OLDEST else NEWEST}"
            hint = "a key that is right and not known: settings: {allowed_keys: [dns.NAME]}"
            yield control.hit(message, hint, "image")


def _is_known(control: Control) -> bool:
    minor = control.known_minor
    return minor is not None and OLDEST <= minor <= NEWEST


RULES = (
    Rule(
        "HSC001",
        "apps",
        "error",
        "Headscale: a key that its version does not read",
        "Headscale reads past keys that it does not know, at most with a warning: what they should do does not happen. "
        "override_local_dns moved away with 0.23, and came back elsewhere with 0.26.",
        "Write the key as the image's version reads it; one that is right and not listed goes into `allowed_keys`.",
        _CONFIG,
        _unread_keys,
    ),
    Rule(
        "HSC002",
        "apps",
        "error",
        "Headscale: a key that it does not start with",
        "Some keys that were taken away end it at its start, whatever their value: no machine can join, and the VPN's names "
        "and routes stay as the clients last heard of them.",
        "Leave it out. In a merged file, own it as null: that counts as not set.",
        _CONFIG + ", validateServerConfig; viper, IsSet",
        _fatal,
    ),
    Rule(
        "HSC013",
        "apps",
        "warning",
        "Headscale: a variable that wins over its configuration",
        "Whoever reads config.yaml, or sees it put right by a deploy, is told another value than the one that counts.",
        "Leave the variable out, or the key.",
        "hscontrol/types/config.go, LoadConfig; config_test.go, TestReadConfigFromEnv",
        _outvoted,
    ),
    Rule(
        "HSC015",
        "apps",
        "note",
        "Headscale: what could not be looked at",
        "Keys differ from version to version; those of a file that opsctl does not know, or of a version that it does not, were not "
        "held against anything better than the newest list.",
        "Pin a version by its tag (0.29.2), and own the keys of its config.yaml that matter.",
        _CONFIG,
        _unseen,
    ),
)
