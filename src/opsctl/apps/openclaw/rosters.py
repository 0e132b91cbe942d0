"""What an OpenClaw must not lose on the way to another version: plugins that are loaded, channels that run, and agents."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import Any

from opsctl.apps.openclaw.gateway import gateway_of
from opsctl.apps.openclaw.versions import version_of
from opsctl.checks.gates import Crossing, Gate, Roster, lost
from opsctl.checks.questions import (
    Inside,
    Question,
    Ran,
    Talk,
    UnansweredError,
    failed,
    passed,
    ran,
    skipped,
)
from opsctl.checks.situation import ServiceNow
from opsctl.checks.throwaway import Throwaway

_OPENCLAW = ("node", "/app/openclaw.mjs")
PLUGINS = ("plugins", "list", "--json")
_AGENTS = ("agents", "list", "--json")
# As the running gateway tells it, without asking the channels themselves; the list of 2026.9.6 answers none of several agents.
_CHANNELS = ("channels", "status", "--json")
# The configuration comes on stdin, and the program reads files only.
_WITH_CONFIG = 'umask 077; cat >"$HOME/opsctl.json" && OPENCLAW_CONFIG_PATH=$HOME/opsctl.json exec "$@"'
SECONDS = 90.0
"""A command of OpenClaw loads all of it: several seconds on a quiet machine."""
_MEMORY = 2**30
"""Node with all plugins; the old gateway runs meanwhile."""


def _loaded(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
    return _names(plugins_of((yield from inside(now, PLUGINS))))


def _agents(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
    told = _listed(_read((yield from inside(now, _AGENTS))))
    return frozenset(str(one["id"]) for one in told if "id" in one)


def _listed(told: Any) -> list[Mapping[str, Any]]:
    entries = told.get("agents", ()) if isinstance(told, Mapping) else told
    return [one for one in entries if isinstance(one, Mapping)]


def workspaces(now: ServiceNow) -> Generator[Question, Any, tuple[str, ...]]:
    """The folders that its agents work in, as the gateway's container sees them. Raises UnansweredError."""
    told = _listed(_read((yield from inside(now, _AGENTS))))
    return tuple(sorted({str(one["workspace"]) for one in told if one.get("workspace")}))


def _channels(now: ServiceNow) -> Generator[Question, Any, frozenset[str]]:
    """Channels by account, as many as run."""
    told = _read((yield from inside(now, _CHANNELS)))
    channels = told.get("channelAccounts") if isinstance(told, Mapping) else None
    if not isinstance(channels, Mapping):
        raise UnansweredError("openclaw channels status --json: its gateway tells nothing of channels")
    return frozenset(
        f"{name} ({account.get('accountId')})"
        for name, accounts in channels.items()
        for account in accounts
        if account.get("running") is True
    )


def keeps_its_plugins(crossing: Crossing) -> Talk:
    """Every plugin of the old image that is loaded now is loaded by the new image with the new configuration. Those that
    were installed into the state folder are not in an image, and are counted after the change.
    """
    gateway = gateway_of(crossing.now.view)
    if gateway.config is None:
        return skipped(f"opsctl mounts no {gateway.path}")
    if not crossing.now.runs:
        return skipped("nothing runs to compare with")
    running = plugins_of((yield from inside(crossing.now, PLUGINS)))
    bundled = _names([one for one in running if one.get("origin", "bundled") == "bundled"])
    service = crossing.now.service
    told = yield from ran(
        Throwaway(
            crossing.now.host.name,
            service.image,
            ("sh", "-c", _WITH_CONFIG, "opsctl", *_OPENCLAW, *PLUGINS),
            gateway.config.file.content,
            env=service.env,
            memory=_MEMORY,
            timeout=SECONDS,
        )
    )
    if told.code:
        return failed(f"it does not take its configuration: {told.last_line()}")
    listed = plugins_of(told)
    if missing := lost(bundled, _names(listed)):
        return failed(f"it would not load {', '.join(_why(one, listed) for one in missing)}")
    return passed(f"it loads all {len(bundled)} bundled plugins")


def inside(now: ServiceNow, words: tuple[str, ...]) -> Generator[Question, Any, Ran]:
    """A command of OpenClaw in its container. Raises UnansweredError where it fails."""
    told = yield from ran(Inside(now.host.name, now.name, (*_OPENCLAW, *words), timeout=SECONDS))
    if told.code:
        raise UnansweredError(f"openclaw {' '.join(words)}: {told.last_line()}")
    return told


def _read(told: Ran) -> Any:
    """Lines of a log may come before the JSON, which is an object or a list of objects."""
    text, decoder, at = told.text, json.JSONDecoder(), 0
    for line in text.splitlines(keepends=True):
        if line.startswith(("{", "[")):
            with suppress(ValueError):
                found = decoder.raw_decode(text[at:])[0]
                if isinstance(found, Mapping) or all(isinstance(one, Mapping) for one in found):
                    return found
        at += len(line)
    raise UnansweredError("openclaw printed no JSON")


def plugins_of(told: Ran) -> list[Mapping[str, Any]]:
    """What `plugins list --json` says of each. Raises UnansweredError where it says nothing."""
    found = _read(told)
    entries = found.get("plugins") if isinstance(found, Mapping) else None
    if not isinstance(entries, list):
        raise UnansweredError("openclaw plugins list --json gives no plugins")
    return [one for one in entries if isinstance(one, Mapping)]


def _names(plugins: list[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(str(one.get("id")) for one in plugins if one.get("status") == "loaded")


def _why(name: str, listed: list[Mapping[str, Any]]) -> str:
    found = next((one for one in listed if one.get("id") == name), None)
    if found is None:
        return f"{name} (not in the new image)"
    return f"{name} ({found.get('error') or found.get('status')})"


GATE = Gate(
    "openclaw 2026.2.22, 2026.2.23 and 2026.9.6 (plugins list and channels status --json); state is migrated at the start",
    trial=keeps_its_plugins,
    rosters=(
        Roster("loaded plugins", _loaded),
        Roster("running channels", _channels),
        Roster("agents", _agents),
    ),
    version=version_of,
)
