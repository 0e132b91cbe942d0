"""Rules about serverless-redis-http, by which OpenCut reaches Redis over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.mounts import keeper
from opsctl.apps.opencut.editor import Editor, Proxy, editors, host_and_port, proxies
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_TOKENS = "/app/srh-config/tokens.json"
_URL, _TOKEN = "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"
_NEWEST = (0, 0, 10)
"""The newest tag of github.com/hiett/serverless-redis-http, of 2024-05-11."""
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def _starts_not(subject: Subject) -> Iterator[Hit]:
    for one in proxies(subject):
        mounted = any(file.target == _TOKENS for file in one.view.service.files) or keeper(one.view, _TOKENS)
        if one.mode == "file" and not mounted:
            message = (
                f"SRH_MODE is file, which is the default, and there is no {_TOKENS}: it ends at its start"
            )
            hint = "SRH_MODE: env, with SRH_TOKEN and SRH_CONNECTION_STRING"
            yield one.hit(message, hint, "env", "SRH_MODE")
        elif one.mode == "env":
            for name in ("SRH_TOKEN", "SRH_CONNECTION_STRING"):
                if not one.env.get(name):
                    yield one.hit(f"{name} is not set, and SRH_MODE env needs it", f"set {name}", "env", name)
            most = one.env.get("SRH_MAX_CONNECTIONS", "3")
            if not most.isdecimal():
                yield one.hit(
                    "SRH_MAX_CONNECTIONS is no number: it ends at its start",
                    "3",
                    "env",
                    "SRH_MAX_CONNECTIONS",
                )
        elif one.mode != "file":
            yield one.hit(
                "SRH_MODE is neither env nor file: it knows no token", "SRH_MODE: env", "env", "SRH_MODE"
            )


def _no_such_tag(subject: Subject) -> Iterator[Hit]:
    for one in proxies(subject):
        found = _VERSION.fullmatch(one.reference.tag)
        if found and tuple(map(int, found.groups())) > _NEWEST:
            message = f"there was no {one.reference.tag} when this was written; the newest was 0.0.10"
            yield one.hit(message, "0.0.10, and opsctl pin-images", "image")


def _tokens(subject: Subject) -> Iterator[Hit]:
    known = {(one.view.host.name, one.view.name): one for one in proxies(subject)}
    for editor in editors(subject):
        url = editor.env.get(_URL, "")
        read = host_and_port(url, 443 if url.startswith("https:") else 80)
        if not url or (read and "." in read[0]):
            continue
        proxy = known.get((editor.view.host.name, read[0])) if read else None
        if proxy is None:
            names = ", ".join(name for host, name in known if host == editor.view.host.name)
            hint = f"{_URL}: http://{names or 'serverless-redis-http'}:80"
            yield editor.hit(f"{_URL} names no serverless-redis-http of its host", hint, "env", _URL)
        else:
            yield from _mismatch(editor, proxy, url, str(read[1]) if read else "")


def _mismatch(editor: Editor, proxy: Proxy, url: str, port: str) -> Iterator[Hit]:
    name = proxy.view.name
    if port != proxy.port or url.startswith("https:"):
        message = f"{_URL} does not lead to {name}, which answers HTTP on port {proxy.port}"
        yield editor.hit(message, f"{_URL}: http://{name}:{proxy.port}", "env", _URL)
    if proxy.mode == "env" and editor.env.get(_TOKEN) != proxy.env.get("SRH_TOKEN"):
        message = f"{_TOKEN} is not the SRH_TOKEN of {name}: every request is refused"
        yield editor.hit(message, "the same secret at both: {secret: opencut_redis_token}", "env", _TOKEN)


_SOURCE = "hiett/serverless-redis-http 0.0.10, lib/srh/auth/token_resolver.ex, lib/srh.ex, README.md"
RULES = (
    Rule(
        "OCT004",
        "apps",
        "error",
        "serverless-redis-http: a mode without what it needs",
        "Without SRH_MODE it reads tokens.json, and ends where there is none. SRH_TOKEN alone does nothing.",
        "SRH_MODE: env, SRH_TOKEN and SRH_CONNECTION_STRING; or a tokens.json.",
        _SOURCE,
        _starts_not,
    ),
    Rule(
        "OCT005",
        "apps",
        "warning",
        "serverless-redis-http: a tag that does not exist",
        "The audit says to pin 1.0.0. Its tags are 0.0.1 to 0.0.10.",
        "0.0.10, with its digest in images.lock.yaml.",
        "tags of github.com/hiett/serverless-redis-http (2024-05-11); facts: services 0 (17)",
        _no_such_tag,
    ),
    Rule(
        "OCT006",
        "apps",
        "error",
        "OpenCut: a token or an address that its serverless-redis-http does not have",
        "It answers HTTP alone, on SRH_PORT or 80, and only to SRH_TOKEN. OpenCut runs without it until somebody signs in.",
        "One secret in UPSTASH_REDIS_REST_TOKEN and SRH_TOKEN; UPSTASH_REDIS_REST_URL: http://SERVICE:80.",
        _SOURCE,
        _tokens,
    ),
)
