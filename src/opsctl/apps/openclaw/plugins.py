"""Rules about channels and plugins: one that is off is not missed by any health check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.openclaw.gateway import Gateway, configured
from opsctl.apps.openclaw.versions import OWNERSHIP
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_NO_CHANNELS = frozenset({"defaults", "modelByChannel"})


def shall_be_on(gateway: Gateway) -> dict[str, bool]:
    """The ids that shall be on, and whether each is a channel: those of the settings, and channels that are configured and not
    switched off.
    """
    channels = {
        name
        for name, entry in gateway.section("channels").items()
        if name not in _NO_CHANNELS and isinstance(entry, Mapping) and entry.get("enabled") is not False
    }
    channels |= set(gateway.settings.channels)
    return dict.fromkeys(gateway.settings.plugins, False) | dict.fromkeys(sorted(channels), True)


def _off(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        for name, is_channel in shall_be_on(gateway).items():
            places = [("plugins", "entries", name), *([("channels", name)] if is_channel else [])]
            off = [one for one in places if gateway.section(*one).get("enabled") is not True]
            if off:
                said = " and ".join(f"{'.'.join(one)}.enabled" for one in off)
                message = f"{name} is not switched on: {said} must be true"
                hint = (
                    "set it in both places: no version needs more, and 2026.2.22 reads plugins.entries alone"
                )
                shown = next((one for one in reversed(places) if gateway.section(*one)), off[0])
                yield config.hit(message, hint if is_channel else "", *shown)


def _shut(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        plugins = gateway.section("plugins")
        expected = shall_be_on(gateway)
        if plugins.get("enabled") is False and expected:
            message = f"plugins.enabled: false switches off {', '.join(expected)}"
            yield config.hit(message, "take it out", "plugins", "enabled")
        denied, allowed = plugins.get("deny"), plugins.get("allow")
        for name in expected:
            if isinstance(denied, list) and name in denied:
                yield config.hit(f"plugins.deny names {name}", "take it out of the list", "plugins", "deny")
            if isinstance(allowed, list) and allowed and name not in allowed:
                message = f"plugins.allow leaves out {name}: what it does not name is off"
                yield config.hit(message, "add it to the list", "plugins", "allow")


def _nobodys(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        told = gateway.section().get("bindings")
        bound = {
            str(one["match"].get("channel"))
            for one in (told if isinstance(told, list) else ())
            if isinstance(one, Mapping) and isinstance(one.get("match"), Mapping)
        }
        asks = gateway.version is None or gateway.version >= OWNERSHIP
        explicit = gateway.section("agents").get("ownership") == "explicit"
        for name, is_channel in shall_be_on(gateway).items():
            if asks and explicit and is_channel and name not in bound and len(list(gateway.entries())) > 1:
                message = f"{name} belongs to none of several agents: the channel ends at its start"
                hint = f'bindings: [{{agentId: "…", match: {{channel: "{name}", accountId: "default"}}}}]'
                yield config.hit(message, hint, "bindings" if told else "agents")


RULES = (
    Rule(
        "OCL004",
        "apps",
        "error",
        "OpenClaw: a channel or plugin that is not switched on in both places",
        "Plugins that come with the program are off by default. 2026.2.22 reads plugins.entries.ID.enabled alone: with "
        "channels.ID.enabled only, the gateway is healthy and the bot silent. From 2026.2.23 either does.",
        "plugins.entries.ID.enabled: true, and channels.ID.enabled: true.",
        "npm 2026.2.22, 2026.9.6, run; audit: plugin enabling not versioned",
        _off,
    ),
    Rule(
        "OCL005",
        "apps",
        "error",
        "OpenClaw: a channel or plugin that a list switches off",
        "plugins.enabled: false, plugins.deny and an allow list that leaves it out win over enabled: true.",
        "Take it out of deny, or into allow.",
        "2026.2.22 dist: the order of decisions about a plugin",
        _shut,
    ),
    Rule(
        "OCL016",
        "apps",
        "error",
        "OpenClaw: a channel that belongs to none of several agents",
        "With more than one agent and agents.ownership: explicit, 2026.9.6 ends a channel at its start that no binding gives to an agent: "
        "`Multiple agents are configured, but telegram account default routing has no explicit owner`. The plugin is loaded, the "
        "gateway healthy and the bot silent; only /readyz says so.",
        "bindings, with an agentId and a match of the channel.",
        "2026.9.6 run (tests/lab/test_prod.py)",
        _nobodys,
    ),
)
