"""Rules about a Headscale as a container: when it reads its configuration, what it must keep, and what can ask it how it is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from opsctl.apps.headscale.configuration import DATA, Control, configured, controls
from opsctl.apps.headscale.key_lists import is_read
from opsctl.apps.mounts import keeper
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_HEALTH = 27
"""The first with `headscale health`."""
_NOISE, _NOISE_PATH = "noise.private_key_path", f"{DATA}/noise_private.key"
_DATABASE_PATH = f"{DATA}/db.sqlite"
_ASKS = re.compile(r"\bheadscale health\b")


def _unheard(subject: Subject) -> Iterator[Hit]:
    for control, configuration in configured(subject):
        kind = configuration.reaction.kind
        if kind not in {"recreate", "restart"}:
            path = ("merge", configuration.merge, "on_change")
            message = f"on_change: {kind} does not make it read its configuration"
            hint = "on_change: restart; SIGHUP reads the policy alone"
            if configuration.whole:
                yield configuration.hit(message, hint)
            else:
                yield control.hit(message, hint, *path)


def _homeless(subject: Subject) -> Iterator[Hit]:
    for control in controls(subject):
        for key, default in _kept(control).items():
            told = control.configuration.value(key) if control.configuration else None
            path = posixpath.normpath(str(told or default))
            mount = keeper(control.view, path)
            if mount is None or not mount.kept:
                message = f"{path} lies in no volume ({key})"
                at = ("volumes",)
                yield control.hit(message, f"volumes: [headscale:{posixpath.dirname(path)}]", *at)


def _kept(control: Control) -> dict[str, str]:
    """The files that it must not lose, by their keys, and where they are by its own example."""
    kind, path = (
        ("database.type", "database.sqlite.path")
        if is_read("database.type", control.minor)
        else ("db_type", "db_path")
    )
    told = control.configuration.value(kind) if control.configuration else None
    return {_NOISE: _NOISE_PATH} | ({} if told == "postgres" else {path: _DATABASE_PATH})


def _too_old_to_ask(subject: Subject) -> Iterator[Hit]:
    for control in controls(subject):
        if _ASKS.search(control.view.probe) and control.minor < _HEALTH:
            message = f"0.{control.minor} has no `headscale health`"
            yield control.hit(message, "it came with 0.27; ask from outside: GET /health", "healthcheck")


RULES = (
    Rule(
        "HSC011",
        "apps",
        "error",
        "Headscale: a changed configuration that it does not read",
        "config.yaml is read at the start alone; SIGHUP reads the policy anew, not this.",
        "on_change: restart where its folder is mounted, else recreate.",
        "hscontrol/app.go, Serve: `Received SIGHUP, reloading ACL policy`",
        _unheard,
    ),
    Rule(
        "HSC012",
        "apps",
        "error",
        "Headscale: a database or a key that goes with the container",
        "With another noise key no client knows the server any more, and every machine must join anew; without the database none is known.",
        "A volume at /var/lib/headscale, or where noise.private_key_path and database.sqlite.path point.",
        "config-example.yaml v0.29.2; hscontrol/app.go, readOrCreatePrivateKey",
        _homeless,
    ),
    Rule(
        "HSC014",
        "apps",
        "error",
        "Headscale: a probe that its version does not have",
        "The command ends with an error: the container is never healthy, and a deploy waits for it in vain.",
        "0.27 or newer, or no healthcheck: the image has nothing else to ask with (HLT005).",
        "CHANGELOG.md 0.27.0",
        _too_old_to_ask,
    ),
)
