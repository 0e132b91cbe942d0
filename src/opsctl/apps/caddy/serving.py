"""Rules about a Caddy that serves sites: it must reach them, have them, limit logins, and keep its certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.caddy.front import Front, SiteView, fronts, site_hit
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.render.sites import site_views
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import Subject

_MODULE = "mholt/caddy-ratelimit"
_OFFICIAL = frozenset({"library/caddy"})


def _apart(subject: Subject) -> Iterator[Hit]:
    for front in fronts(subject):
        for site in front.sites:
            service = front.view.host.services.get(site["service"])
            if service is None:
                continue
            if front.settings.upstreams == "published":
                continue  # the template finds the port, or cannot be rendered
            if not set(service.networks) & set(front.view.service.networks):
                own = ", ".join(front.view.service.networks) or "none that has names"
                message = f"{front.view.name} cannot reach {site['upstream']}: they share no network (its own: {own})"
                yield site_hit(subject, site, message, "put both on one network")


def _unserved(subject: Subject) -> Iterator[Hit]:
    by_host: dict[str, list[Front]] = {}
    for front in fronts(subject):
        by_host.setdefault(front.view.host.name, []).append(front)
    for site in site_views(subject.fleet, subject.environment).values():
        here = by_host.get(site["host"], [])
        if not here:
            yield site_hit(
                subject, site, f"no Caddy runs on {site['host']}", "add a service with app: caddy there"
            )
        elif not any(_has(front, site) for front in here):
            hint = "{% include 'opsctl/caddy/sites' %} in the template of its Caddyfile"
            yield site_hit(
                subject, site, f"{here[0].view.name} has no {site['host_name']} in its Caddyfile", hint
            )


def _has(front: Front, site: SiteView) -> bool:
    name = re.compile(rf"(?<![\w.*-]){re.escape(site['host_name'])}(?![\w.-])")
    return any(name.search(line.text) for line in front.lines())


def _lacking(subject: Subject) -> Iterator[Hit]:
    for front in fronts(subject):
        if not front.limits:
            continue
        at = ("settings", "rate_limit") if front.settings.rate_limit else ("app",)
        build, image = front.view.service.build, front.view.service.asked_image
        if build is not None:
            dockerfile = next((one.content for one in build.files if one.path == build.dockerfile), b"")
            if _MODULE.encode() not in dockerfile:
                message = f"rate_limit is asked for, and {build.source} does not build {_MODULE} in"
                yield front.hit(message, f"xcaddy build … --with github.com/{_MODULE}@COMMIT", *at)
        elif _is_official(image):
            message = f"rate_limit is asked for, and {image} does not have that module"
            yield front.hit(message, "build an image that has it: docs/stacks/caddy.md", *at)
        else:
            message = f"rate_limit is asked for, and whether {image} has that module cannot be told from here"
            hint = "look with caddy list-modules; build: tells it without looking"
            yield about(front.view, front.view.place(*at), message, hint, unknown=True)


def _is_official(image: str) -> bool:
    try:
        return parse_reference(image).path in _OFFICIAL
    except Unfit:
        return False


def _unlimited(subject: Subject) -> Iterator[Hit]:
    for front in fronts(subject):
        for site in front.sites if not front.limits else ():
            if site["login_paths"]:
                message = f"passwords can be tried at {', '.join(site['login_paths'])} as fast as the software answers"
                hint = f"settings: {{rate_limit: {{events: 10, window: 1m}}}} at {front.view.name}; it needs a module"
                yield site_hit(subject, site, message, hint)


def _forgetful(subject: Subject) -> Iterator[Hit]:
    for front in fronts(subject):
        targets = {_target(entry) for entry in front.view.definition.get("volumes") or ()}
        if "/data" not in targets:
            message = "nothing is mounted at /data, where certificates and keys are kept"
            yield front.hit(message, "volumes: [caddy_data:/data, caddy_config:/config]", "volumes")


def _target(entry: object) -> str:
    if isinstance(entry, dict):
        return str(entry.get("target", "")).rstrip("/")
    parts = str(entry).split(":")
    return (parts[1] if len(parts) > 1 else parts[0]).rstrip("/")


RULES = (
    Rule(
        "SIT002",
        "apps",
        "error",
        "a site that Caddy cannot reach",
        "Caddy names the service by the network that they share; without one every request ends in 502.",
        "Put the service and Caddy on one network. With network_mode: host, use the setting upstreams: published.",
        "docs.docker.com, Compose networking",
        _apart,
    ),
    Rule(
        "SIT004",
        "apps",
        "error",
        "a rate limit without its module",
        "rate_limit is not in Caddy: a Caddyfile that names it is refused, and Caddy does not start.",
        "Build an image with github.com/mholt/caddy-ratelimit, or leave rate_limit out.",
        "github.com/mholt/caddy-ratelimit; run: Caddy 2.11.7 answers `unrecognized directive: rate_limit`",
        _lacking,
    ),
    Rule(
        "SIT005",
        "apps",
        "note",
        "a login without a rate limit",
        "Whoever reaches the site can try passwords as fast as the software answers.",
        "Set rate_limit at Caddy. n8n limits logins by itself.",
        "audit: no rate limiting on admin UIs; routes as read in n8n, Grafana, NocoDB and LiteLLM",
        _unlimited,
    ),
    Rule(
        "SIT007",
        "apps",
        "warning",
        "a site that nothing serves",
        "Its name leads to a server that does not know it.",
        "Run a Caddy on its host, with opsctl/caddy/sites in its Caddyfile.",
        "opsctl",
        _unserved,
    ),
    Rule(
        "SIT008",
        "apps",
        "warning",
        "Caddy without a place for its certificates",
        "A new container then asks for all certificates again; Let's Encrypt gives five a week for one set of names.",
        "Mount a volume at /data, and one at /config.",
        "hub.docker.com/_/caddy; letsencrypt.org/docs/rate-limits",
        _forgetful,
    ),
)
