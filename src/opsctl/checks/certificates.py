"""What a certificate must be to pass: for the name, trusted, and not about to end."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime

from opsctl.checks.questions import Certificate, Verdict, failed, passed

DAY = 86400.0
NOTICE = 14 * DAY
"""Seconds before its end in which a certificate of 90 days counts as not renewed (Let's Encrypt renews at 30 days)."""
_SHARE = 4
"""Of one that lives less than 56 days, a quarter of its life: authorities give out some for hours (Caddy's own: 12)."""


def judge(certificate: Certificate, name: str, now: float, *, trusted: bool = True) -> Verdict:
    """`now` in seconds since the epoch; `trusted`: the trust store here must take it."""
    ends = datetime.fromtimestamp(certificate.not_after, UTC).strftime("%Y-%m-%d %H:%M UTC")
    left = certificate.not_after - now
    lifetime = certificate.not_after - certificate.not_before
    if not covers(certificate.names, name):
        return failed(
            "it is for other names", expected=name, observed=", ".join(certificate.names) or "no name"
        )
    if left <= 0:
        return failed(f"it ended at {ends}")
    if certificate.not_before > now:
        return failed("it is not valid yet: is a clock wrong?")
    if left < min(NOTICE, lifetime / _SHARE):
        return failed(f"it ends at {ends}, in {_lasting(left)}, and was not renewed")
    if trusted and certificate.distrust:
        return failed(f"not trusted: {certificate.distrust}", observed=f"issuer {certificate.issuer}")
    return passed(f"until {ends}, of {certificate.issuer}")


def covers(names: Sequence[str], name: str) -> bool:
    """Whether one of a certificate's names is this one; a wildcard stands for one label (RFC 6125, 6.4.3)."""
    try:
        return str(ipaddress.ip_address(name)) in names
    except ValueError:
        _, _, parent = name.lower().partition(".")
        return any(one.lower() in {name.lower(), f"*.{parent}"} for one in names)


def _lasting(seconds: float) -> str:
    if seconds >= 2 * DAY:
        return f"{seconds // DAY:.0f} days"
    return f"{seconds / 3600:.0f} hours"
