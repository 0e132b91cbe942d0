"""What is asked of an OpenClaw gateway: its plugins and channels, and, of its host, whether sandboxes can be what they should."""

from __future__ import annotations

from functools import partial

from opsctl.apps.openclaw.asking import each_gateway
from opsctl.apps.openclaw.gateway import Gateway
from opsctl.apps.openclaw.plugins import shall_be_on
from opsctl.apps.openclaw.rosters import PLUGINS, SECONDS, inside, plugins_of
from opsctl.apps.openclaw.sandbox_checks import CHECKS as SANDBOXES
from opsctl.apps.openclaw.versions import HEALTHZ
from opsctl.apps.options import option
from opsctl.checks.check import Check, Patience
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk, failed, passed, skipped
from opsctl.checks.situation import ServiceNow

_PORT = "18789"
_LOADED = "loaded"


def _plugins(now: ServiceNow, gateway: Gateway) -> Talk:
    listed = {str(one.get("id")): one for one in plugins_of((yield from inside(now, PLUGINS)))}
    wrong = []
    for name in sorted(shall_be_on(gateway)):
        one = listed.get(name)
        if one is None:
            wrong.append(f"{name} is not there: it is to be installed, or this version has none of the name")
        elif one.get("status") != _LOADED:
            why = f" ({one['error']})" if one.get("error") else ""
            wrong.append(f"{name} is {one.get('status')}{why}")
    broken = [name for name, one in sorted(listed.items()) if one.get("status") == "error"]
    wrong += [
        f"{name} could not be loaded: {listed[name].get('error') or 'it does not say why'}"
        for name in broken
        if name not in shall_be_on(gateway)
    ]
    if wrong:
        return failed("; ".join(wrong))
    return passed(f"loaded: {', '.join(sorted(shall_be_on(gateway))) or 'none was asked for'}")


def _channels(now: ServiceNow, gateway: Gateway) -> Talk:
    if gateway.version and gateway.version < HEALTHZ:
        return skipped("before 2026.3.1 every path answers 200 with the page of the Control UI")
    said = option(gateway.view.words("entrypoint", "command"), "--port")
    port = (
        said
        or gateway.view.service.env.get("OPENCLAW_GATEWAY_PORT")
        or gateway.section("gateway").get("port")
    )
    return (yield from answers_ok(now, str(port or _PORT), "/readyz"))


CHECKS = (
    Check(
        id="V-OCL-001",
        title="OpenClaw has loaded every plugin and channel that shall be on",
        severity="critical",
        proves="Each of settings.plugins, settings.channels and the channels of openclaw.json is loaded, and no other failed. One that "
        "is disabled is a bot that does not answer, while the gateway is healthy.",
        mend="plugins.entries.ID.enabled: true and channels.ID.enabled: true (OCL004), or openclaw plugins install",
        source="plugins list --json of 2026.2.22, 2026.2.23 and 2026.9.6 (run); the last tells what its registry has",
        cases=partial(each_gateway, _plugins),
        tags=frozenset({"deploy", "upgrade"}),
        timeout=SECONDS + 30.0,
        software=True,
    ),
    Check(
        id="V-OCL-002",
        title="OpenClaw's channels answer",
        severity="high",
        proves="/readyz answers 200: the gateway is through with its start, and no channel is broken.",
        mend="opsctl logs SERVICE; the channel's token; gateway.bind: lan where its address refuses",
        source="OpenClaw 2026.9.6 (run); CHANGELOG 2026.3.1",
        cases=partial(each_gateway, _channels),
        tags=frozenset({"deploy", "nightly"}),
        patience=Patience(deadline=60.0, interval=5.0),
        software=True,
    ),
    *SANDBOXES,
)
