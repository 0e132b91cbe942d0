"""What is asked of Caddy and its sites: who comes in and who does not, certificates, what it runs with, its limit of logins."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any

from opsctl.apps.caddy.entrances import Vantage, entrances, vantages
from opsctl.apps.caddy.front import CADDYFILE, Front, SiteView, fronts
from opsctl.checks.certificates import judge
from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.questions import (
    Fetch,
    Fetched,
    Handshake,
    Inside,
    Question,
    Talk,
    failed,
    fetched,
    passed,
    ran,
    shown,
    skipped,
    unknown,
)
from opsctl.checks.situation import Situation

_SERVER_ERROR = 500
_TOO_MANY = 429
_MOST_TRIES = 50
_NOBODY = b'{"email": "opsctl-check@invalid.invalid", "password": "none"}'
# Of Alpine's images busybox has wget; 2019 is the admin API, which listens inside the container alone.
_CONFIG = "url=http://127.0.0.1:2019/config/; wget -qO- $url 2>/dev/null || curl -fsS $url"
_Course = Callable[[Front, SiteView, Situation], Talk]


def _each(course: _Course, *, vpn_only: bool = False) -> Callable[[Situation], Iterator[Case]]:
    """A case for every site of a host whose service, or whose Caddy, is asked about."""

    def cases(situation: Situation) -> Iterator[Case]:
        chosen = {(one.host.name, one.name) for one in situation.services()}
        for front in fronts(situation.subject):
            host = front.view.host.name
            for site in front.sites:
                if chosen & {(host, site["service"]), (host, front.view.name)} and (
                    site["access"] == "vpn" or not vpn_only
                ):
                    talk = partial(course, front, site, situation)
                    yield Case(host, site["service"], talk, site["host_name"])

    return cases


def _answers(front: Front, site: SiteView, situation: Situation) -> Talk:
    doors = entrances(front)
    if not doors:
        return failed(f"no published port leads to {front.view.name}'s port 443")
    asking = yield from vantages(front, situation, doors)
    public = site["access"] == "public"
    fit = [one for one in asking if one.inside or (public and one.entrance in doors)]
    if not fit:
        ranges = ", ".join(front.settings.vpn_ranges)
        return unknown(f"nobody in {ranges} to ask from: neither this machine nor a host that was looked at")
    one = fit[0]
    answer = yield from _ask(one, site)
    if not answer.status:
        return failed(f"from {one}: {answer.reason or 'no answer'}")
    if answer.status >= _SERVER_ERROR:
        return failed(f"from {one}: {answer.status}; Caddy answers, {site['service']} does not")
    return passed(f"{answer.status}, from {one}")


def _refuses(front: Front, site: SiteView, situation: Situation) -> Talk:
    asking = yield from vantages(front, situation, entrances(front))
    strangers = [one for one in asking if not one.inside]
    if not strangers:
        return unknown("nobody outside the VPN to ask from")
    let_in = []
    for one in strangers:
        answer = yield from _ask(one, site)
        if answer.status:
            let_in.append(f"from {one}: {answer.status}")
    if let_in:
        return failed(f"answered a stranger {'; '.join(let_in)}", expected="the connection is closed")
    return passed(f"asked {len(strangers)} times from outside the VPN")


def _ask(
    one: Vantage, site: SiteView, path: str = "/", body: bytes = b""
) -> Generator[Question, Any, Fetched]:
    url = f"https://{site['host_name']}:{one.entrance.port}{path}"
    headers = {"Content-Type": "application/json"} if body else {}
    method = "POST" if body else "GET"
    request = Fetch(url, one.via, method, headers, body, address=one.entrance.address)
    return (yield from fetched(request))


def _certificate(front: Front, site: SiteView, situation: Situation) -> Talk:
    doors = entrances(front)
    if not doors:
        return failed(f"no published port leads to {front.view.name}'s port 443")
    # From its own host: TLS comes before the door that keeps strangers out.
    door, host = doors[0], front.view.host.name
    found = yield from shown(Handshake(door.address, door.port, site["host_name"], via=host))
    if found.certificate is None:
        return failed(f"no certificate at {door}: {found.reason}")
    trusted = front.settings.certificates != "internal"
    return judge(found.certificate, site["host_name"], situation.subject.now, trusted=trusted)


def _running(front: Front) -> Talk:
    host, name = front.view.host.name, front.view.name
    told = yield from ran(Inside(host, name, ("sh", "-c", _CONFIG)))
    if told.code:
        return unknown(f"its admin API at 127.0.0.1:2019 did not answer: {told.last_line()}")
    adapt = ("caddy", "adapt", "--config", CADDYFILE, "--adapter", "caddyfile")
    adapted = yield from ran(Inside(host, name, adapt))
    if adapted.code < 0:
        return unknown(f"caddy adapt: {adapted.last_line()}")
    if adapted.code:
        return failed(f"it does not take the Caddyfile that is mounted: {adapted.last_line()}")
    try:
        same = json.loads(told.stdout) == json.loads(adapted.stdout)
    except ValueError:
        return unknown("its configuration is no JSON")
    return passed() if same else failed("it runs with another configuration than the mounted Caddyfile")


def _configurations(situation: Situation) -> Iterator[Case]:
    chosen = {(one.host.name, one.name) for one in situation.services("caddy")}
    for front in fronts(situation.subject):
        if (front.view.host.name, front.view.name) in chosen:
            yield Case(front.view.host.name, front.view.name, partial(_running, front))


def _limited(front: Front, site: SiteView, situation: Situation) -> Talk:
    limit, paths = front.settings.rate_limit, site["login_paths"]
    if limit is None or not paths:
        return skipped("no rate_limit" if limit is None else "no login path is known")
    if limit.events > _MOST_TRIES:
        return skipped(f"{limit.events} events are more than the {_MOST_TRIES} that are sent at most")
    asking = yield from vantages(front, situation, entrances(front))
    fit = [one for one in asking if one.inside or site["access"] == "public"]
    if not fit:
        return unknown("nobody who may come in to ask from")
    for number in range(limit.events + 1):
        answer = yield from _ask(fit[0], site, paths[0], _NOBODY)
        if answer.status == _TOO_MANY:
            if "retry-after" not in answer.headers:
                return failed("429 without Retry-After")
            return passed(f"429 at the {number + 1}th, Retry-After {answer.headers['retry-after']}")
        if not answer.status:
            return unknown(f"from {fit[0]}: {answer.reason}")
    return failed(f"{limit.events + 1} logins within {limit.window} were let through to {site['service']}")


CHECKS = (
    Check(
        id="V-SIT-001",
        title="A site answers those who may come in",
        severity="high",
        proves="Somebody whom Caddy must let in gets an answer of the service under the site's name, over TLS.",
        mend="opsctl why SERVICE; opsctl logs of the service and of Caddy",
        source="asked over HTTP/1.1, from this machine or through a host, whichever has an address that may",
        cases=_each(_answers),
        tags=frozenset({"deploy", "network"}),
        patience=Patience(deadline=15.0, interval=2.0),
        software=True,
    ),
    Check(
        id="V-SIT-002",
        title="A VPN-only site refuses strangers",
        severity="critical",
        proves="No machine outside the VPN that could be asked got an answer, the host's own loopback among them.",
        mend="opsctl lint: SIT001 and SIT003; publish the port on the VPN's address alone",
        source="Docker's userland proxy connects from the bridge's gateway (engine 20.10, run)",
        cases=_each(_refuses, vpn_only=True),
        tags=frozenset({"deploy", "network"}),
        timeout=60.0,
        software=True,
    ),
    Check(
        id="V-SIT-003",
        title="The certificate of a site is valid, and is being renewed",
        severity="high",
        proves="It is for the name, more than 14 days from its end (a quarter of its life where that is shorter), and trusted "
        "here unless the setting certificates is internal.",
        mend="opsctl logs of Caddy: what the authority answered",
        source="a TLS handshake from its own host; RFC 6125, 6.4.3",
        cases=_each(_certificate),
        tags=frozenset({"network"}),
        software=True,
    ),
    Check(
        id="V-SIT-004",
        title="Caddy runs with the Caddyfile that is mounted",
        severity="high",
        proves="What its admin API says it runs with is what `caddy adapt` makes of the mounted file: no reload was lost, and "
        "nobody changed it by the API.",
        mend="docker exec CONTAINER caddy reload --config /etc/caddy/Caddyfile; opsctl deploy where the file differs",
        source="GET /config/ of Caddy 2.11.7, and caddy adapt (run)",
        cases=_configurations,
        tags=frozenset({"deploy"}),
        software=True,
    ),
    Check(
        id="V-SIT-005",
        title="The rate limit of a site's login answers 429",
        severity="medium",
        proves="One more login than allowed, from one address and for a user that does not exist, gets 429 with Retry-After.",
        mend="caddy list-modules in the container must show http.handlers.rate_limit",
        source="github.com/mholt/caddy-ratelimit; who asks cannot log in from there until the window ends",
        cases=_each(_limited),
        tags=frozenset({"nightly"}),
        timeout=120.0,
        software=True,
        on_request=True,
    ),
)
