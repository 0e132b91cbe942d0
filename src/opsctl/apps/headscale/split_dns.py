"""Whether clients get the DNS that was stated: by the file on the host, and by what a machine of the VPN is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.apps.headscale.configuration import Control
from opsctl.apps.headscale.dns import OVERRIDE
from opsctl.apps.headscale.key_lists import is_read
from opsctl.apps.headscale.said import said_by
from opsctl.checks.questions import Talk, UnansweredError, Verdict, failed, passed, settled, skipped, unknown
from opsctl.checks.scripts import Facts, told
from opsctl.checks.situation import ServiceNow, Situation
from opsctl.model.sites import vpn_address
from opsctl.render.sites import sites_dns

# 100.100.100.100 is where Tailscale's client answers; with systemd-resolved it stands beside the interface.
_NAMES = """\
need getent
if grep -q '^nameserver 100\\.100\\.100\\.100' /etc/resolv.conf 2>/dev/null; then echo vpn
elif command -v resolvectl >/dev/null 2>&1 && resolvectl dns 2>/dev/null | grep -q '100\\.100\\.100\\.100'; then echo vpn
fi
for name; do
    getent ahosts "$name" | while read -r address kind; do echo "of $name $address"; done
done
"""


def follows(now: ServiceNow, control: Control, _situation: Situation) -> Talk:
    """The override of the clients' own DNS, as the file on the host has it."""
    return settled(_judged(now, control))


def _judged(now: ServiceNow, control: Control) -> Verdict:
    if not is_read(OVERRIDE, control.minor):
        return skipped(f"0.{control.minor} does not read {OVERRIDE}")
    configuration = control.configuration
    if configuration is None or not configuration.owns(OVERRIDE):
        return skipped(f"the stack file does not own {OVERRIDE}")
    said = said_by(now, control)
    if isinstance(said, str):
        return unknown(said)
    wanted, found = _is_on(configuration.value(OVERRIDE)), _is_on(said.value(OVERRIDE))
    if wanted != found:
        return failed(f"{OVERRIDE} is another", expected=_word(wanted), observed=_word(found))
    return passed(_word(found))


def _is_on(value: Any) -> bool:
    """As viper reads it; true where nothing is said, since 0.26."""
    return value is None or value is True or str(value).lower() in {"true", "1", "t"}


def _word(on: bool) -> str:
    return str(on).lower()


def names_lead(_now: ServiceNow, _control: Control, situation: Situation) -> Talk:
    """The names of VPN-only sites, asked on the first host of the VPN that asks its DNS."""
    subject = situation.subject
    records = sites_dns(subject.fleet, subject.environment)
    if not records:
        return skipped("no VPN-only site has a record")
    reasons: list[str] = []
    for name in sorted(situation.hosts):
        if not vpn_address(subject.fleet.host(name)):
            continue
        try:
            facts = yield from told(name, _NAMES, *(one["name"] for one in records))
        except UnansweredError as error:
            reasons.append(f"{name}: {error}")
            continue
        if "vpn" not in facts:
            reasons.append(f"{name} does not ask the VPN's DNS (100.100.100.100)")
            continue
        wrong = list(_misled(records, facts))
        return (
            failed(f"on {name}: {'; '.join(wrong)}") if wrong else passed(f"{len(records)} names, on {name}")
        )
    return unknown("; ".join(reasons) or "no host with an address in the VPN was looked at")


def _misled(records: list[Mapping[str, str]], facts: Facts) -> Iterator[str]:
    answers = [line.split() for line in facts.get("of", ())]
    for record in records:
        got = sorted({address for name, address in answers if name == record["name"]})
        if record["value"] not in got:
            yield f"{record['name']} leads to {', '.join(got) or 'nowhere'}, not to {record['value']}"
