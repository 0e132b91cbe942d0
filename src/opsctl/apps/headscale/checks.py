"""What is asked of a Headscale: its health, the DNS that its clients get, and which keys let machines join for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from opsctl.apps.headscale.configuration import Control, controls
from opsctl.apps.headscale.join_keys import joining, judge_keys
from opsctl.apps.headscale.said import Said, said_by
from opsctl.apps.headscale.split_dns import follows, names_lead
from opsctl.checks.check import Case, Check, Patience
from opsctl.checks.paths import answers_ok
from opsctl.checks.questions import Talk
from opsctl.checks.seen import asked_of_each
from opsctl.checks.situation import ServiceNow, Situation

_PORT = "8080"
_TLS = ("tls_cert_path", "tls_letsencrypt_hostname")
_Course = Callable[[ServiceNow, Control, Situation], Talk]


def _cases(course: _Course, situation: Situation) -> Iterator[Case]:
    known = {(one.view.host.name, one.view.name): one for one in controls(situation.subject)}
    yield from asked_of_each("headscale", lambda now: course(now, known[now.host.name, now.name], situation))(
        situation
    )


def _well(now: ServiceNow, control: Control, _situation: Situation) -> Talk:
    said = said_by(now, control)
    port = str(_told(said, "listen_addr")).rpartition(":")[2]
    scheme = "https" if any(_told(said, key) for key in _TLS) else "http"
    return (yield from answers_ok(now, port if port.isdecimal() else _PORT, "/health", scheme=scheme))


def _told(said: Said | str, key: str) -> Any:
    """Of a file that cannot be read the example's values are taken: who asks at the wrong port is told so."""
    return "" if isinstance(said, str) else said.value(key) or ""


def _keys(now: ServiceNow, control: Control, _situation: Situation) -> Talk:
    keys = yield from joining(now, control)
    return judge_keys(keys, now.host.observed.now)


CHECKS = (
    Check(
        id="V-HSC-001",
        title="Headscale is well",
        severity="critical",
        proves="/health answers 200 at the container's address: it listens for others, and its database answers.",
        mend="opsctl logs SERVICE; listen_addr: 0.0.0.0:8080 where nobody but itself reaches it",
        source="Headscale v0.29.2 hscontrol/handlers.go (read, not run)",
        cases=partial(_cases, _well),
        tags=frozenset({"deploy", "network"}),
        patience=Patience(deadline=15.0, interval=2.0),
        software=True,
    ),
    Check(
        id="V-HSC-002",
        title="Headscale's file says of clients' DNS what was stated",
        severity="high",
        proves="dns.override_local_dns in the config.yaml of the host is what the stack file owns, and no variable says another.",
        mend="opsctl deploy: it puts the key back, and restarts Headscale",
        source="the look at the file; hscontrol/types/config.go v0.22.3 to v0.29.2: the key was away from 0.23 to 0.25",
        cases=partial(_cases, follows),
        tags=frozenset({"deploy", "network"}),
    ),
    Check(
        id="V-HSC-003",
        title="A machine of the VPN is led to VPN-only sites",
        severity="high",
        proves="A host that asks the VPN's DNS gets the address of each record for each name.",
        mend="tailscale set --accept-dns=true on the host that shall; opsctl lint: HSC008 to HSC010",
        source="getent ahosts on a host with an address in the VPN that asks 100.100.100.100 (Tailscale's quad100)",
        cases=partial(_cases, names_lead),
        tags=frozenset({"network", "nightly"}),
        software=True,
    ),
    Check(
        id="V-HSC-004",
        title="Reusable pre-auth keys end, and not within a week",
        severity="medium",
        proves="Each reusable key that still lets machines join ends by itself, in 7 days or later.",
        mend="headscale preauthkeys create --reusable --expiration 720h, into the store; then expire the old one (see the page)",
        source="cmd/headscale/cli/preauthkeys.go v0.22.3 to v0.29.2 (read, not run)",
        cases=partial(_cases, _keys),
        tags=frozenset({"secrets", "nightly"}),
        software=True,
    ),
)
