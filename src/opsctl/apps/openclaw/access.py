"""Rules about who may use a gateway, and about how it is asked whether it is well."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.openclaw.gateway import Gateway, configured, gateways
from opsctl.apps.openclaw.versions import HEALTHZ
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_LOOPBACK = frozenset({"loopback", "auto", ""})
_SHORTEST = 20
_PLACEHOLDER = re.compile(r"__secret_.+?__")
_TOKEN, _PASSWORD = "OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"
_READY = re.compile(r"/ready(?:z)?(?![\w/-])")
_LIVE = re.compile(r"/health(?:z)?(?![\w/-])")


def _open(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        auth = gateway.section("gateway", "auth")
        written = [gateway.text(auth.get(key)) for key in ("token", "password") if auth.get(key)]
        env = gateway.view.service.env
        values = [*written, *(env[key] for key in (_TOKEN, _PASSWORD) if env.get(key))]
        hint = f"opsctl secrets set openclaw_gateway_token; env: {{{_TOKEN}: {{secret: openclaw_gateway_token}}}}"
        if not any(values) and auth.get("mode") != "trusted-proxy":
            yield gateway.hit("the gateway has no token: it does not start beyond loopback", hint, "env")
        for value in values:
            if value and not _PLACEHOLDER.search(value) and len(value) < _SHORTEST:
                yield gateway.hit("its token is short enough to be guessed", hint, "env")
        if auth.get("token") and auth.get("password") and not auth.get("mode"):
            message = "gateway.auth has a token and a password, and no mode: it does not start since 2026.3.7"
            yield config.hit(message, "gateway: {auth: {mode: token}}", "gateway", "auth")


def _origins(subject: Subject) -> Iterator[Hit]:
    for gateway, config in configured(subject):
        section = gateway.section("gateway")
        bind, control = str(section.get("bind", "")), gateway.section("gateway", "controlUi")
        if bind in _LOOPBACK or control.get("enabled") is False:
            continue
        origins = control.get("allowedOrigins")
        if not origins:
            message = "the Control UI has no allowedOrigins: a browser is refused at every name but localhost"
            hint = 'gateway: {controlUi: {allowedOrigins: ["https://NAME"]}}'
            yield config.hit(message, hint, "gateway", "controlUi")
        elif isinstance(origins, list) and "*" in origins:
            message = "the Control UI takes every origin: any page that a browser has open may speak to it"
            yield config.hit(message, "name the origins", "gateway", "controlUi", "allowedOrigins")


def _probe(subject: Subject) -> Iterator[Hit]:
    for gateway in gateways(subject):
        probe = gateway.view.probe
        if _READY.search(probe):
            message = (
                "its healthcheck asks /readyz, which fails while a channel is broken or the gateway starts"
            )
            yield _probed(gateway, message, "ask /healthz; /readyz is for whoever looks into it")
        elif _LIVE.search(probe) and gateway.version and gateway.version < HEALTHZ:
            message = (
                "before 2026.3.1 there is no /healthz: the page of the Control UI answers every path with 200"
            )
            yield _probed(gateway, message, "test: [CMD, node, openclaw.mjs, health]")


def _probed(gateway: Gateway, message: str, hint: str) -> Hit:
    return gateway.hit(message, hint, "healthcheck")


RULES = (
    Rule(
        "OCL011",
        "apps",
        "error",
        "OpenClaw: a gateway that anybody may use, or that does not start",
        "Who has the token runs tools as the agents do. Without one the gateway does not start beyond loopback; with a token and a "
        "password in its file and no gateway.auth.mode neither, since 2026.3.7.",
        "A long random value in OPENCLAW_GATEWAY_TOKEN, from the secret store.",
        "2026.9.6 run: refusing to bind gateway to lan without auth; CHANGELOG 2026.3.7, Breaking",
        _open,
    ),
    Rule(
        "OCL012",
        "apps",
        "warning",
        "OpenClaw: a Control UI that refuses its browsers, or takes any",
        "Beyond loopback the Control UI takes the origins that gateway.controlUi.allowedOrigins names. The first versions after "
        "2026.2.23 do not start without; later ones put localhost there.",
        "The address that people type, such as https://claw.example.org.",
        "CHANGELOG 2026.2.24 to 2026.3.1; 2026.9.6 run",
        _origins,
    ),
    Rule(
        "OCL013",
        "apps",
        "warning",
        "OpenClaw: a healthcheck that proves too little or too much",
        "/readyz is 503 while a channel is broken or sidecars start: as a healthcheck it makes a deploy fail for what a restart does "
        "not mend. /healthz came with 2026.3.1, before it everything answers 200.",
        "GET /healthz from 2026.3.1 on; before it, the command health.",
        "2026.9.6, 2026.2.23 run; CHANGELOG 2026.3.1",
        _probe,
    ),
)
