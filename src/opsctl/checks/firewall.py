"""Whether a host drops what nobody let in. Docker's published ports pass by such rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from opsctl.checks.check import Check
from opsctl.checks.questions import Talk, UnansweredError, failed, passed
from opsctl.checks.scripts import Facts, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

# iptables may be the one that writes nft tables or the old one; both are asked, and either counts. The last field of if_inet6
# but two is the scope: 00 is global.
_RULES = """\
found=
if command -v nft >/dev/null 2>&1; then
    if rules=$(nft list ruleset 2>/dev/null); then
        found=yes
        printf '%s\\n' "$rules" | while IFS= read -r line; do echo "nft $line"; done
    fi
fi
for program in iptables ip6tables; do
    for kind in "$program" "$program-legacy"; do
        if command -v "$kind" >/dev/null 2>&1 && rules=$("$kind" -S INPUT 2>/dev/null); then
            found=yes
            printf '%s\\n' "$rules" | while IFS= read -r line; do echo "$kind $line"; done
        fi
    done
done
if [ -r /proc/net/if_inet6 ]; then
    while read -r address number length scope rest; do
        [ "$scope" = 00 ] && echo "global $address"
    done </proc/net/if_inet6
fi
if [ -z "$found" ]; then
    if command -v nft >/dev/null 2>&1 || command -v iptables >/dev/null 2>&1; then echo unread; else need nft; fi
fi
"""
_TABLE = re.compile(r"table (\w+) \S+ \{")
_HOOK = re.compile(r"type filter hook input priority [^;]+;(?: policy (\w+);)?")
_ALL_OF_IT = re.compile(r"(?:meta nfproto ipv[46] )?(?:counter packets \d+ bytes \d+ )?(?:drop|reject\b.*)")
_LAST = re.compile(
    r"-A INPUT(?: -m comment --comment (?:\"[^\"]*\"|\S+))? -j (?:DROP|REJECT)(?: --reject-with \S+)?"
)
_FAMILIES = {"inet": ("4", "6"), "ip": ("4",), "ip6": ("6",)}
_TABLES = (("iptables", "4"), ("iptables-legacy", "4"), ("ip6tables", "6"), ("ip6tables-legacy", "6"))


def _rules(host: HostNow) -> Talk:
    facts = yield from told(host.name, _RULES, privilege="files")
    if "unread" in facts:
        raise UnansweredError("the rules of the firewall are root's alone to read")
    closed = closed_families(facts)
    needed = {"4", "6"} if "global" in facts else {"4"}
    missing = [f"IPv{family}" for family in sorted(needed - closed)]
    if missing:
        return failed(f"no rule drops by default what comes in over {' and '.join(missing)}")
    return passed("it drops by default; published ports of containers pass it by")


def closed_families(facts: Facts) -> frozenset[str]:
    """Of "4" and "6", those of which the input is dropped unless a rule accepts it."""
    found = set(_closed_by_nft(facts.get("nft", ())))
    for program, family in _TABLES:
        rules = facts.get(program, ())
        if "-P INPUT DROP" in rules or _LAST.fullmatch(rules[-1] if rules else ""):
            found.add(family)
    return frozenset(found)


def _closed_by_nft(lines: Sequence[str]) -> Iterator[str]:
    """Families with an input chain whose policy is drop, or that ends with a rule which drops or rejects all."""
    family = ""
    for chain in _blocks(lines):
        if table := _TABLE.match(chain[0]):
            family = table[1]
        hook = next(filter(None, map(_HOOK.match, chain)), None)
        if hook and (hook[1] == "drop" or _ALL_OF_IT.fullmatch(chain[-1])):
            yield from _FAMILIES.get(family, ())


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines of each chain; each head of a table by itself."""
    chain: list[str] = []
    for line in map(str.strip, lines):
        if _TABLE.match(line):
            yield [line]
        elif line.startswith("chain "):
            chain = []
        elif line == "}":
            if chain:
                yield chain
            chain = []
        else:
            chain.append(line)


CHECKS = (
    Check(
        id="V-HST-002",
        title="A firewall drops what nobody let in",
        severity="medium",
        proves="What comes in for the host itself is dropped or rejected unless a rule accepts it, over IPv6 too where it has an address "
        "there. It says nothing of published ports: Docker's DNAT sends them past the input rules, those of ufw and firewalld too.",
        mend="ufw default deny incoming, ufw allow OpenSSH, ufw enable; or nftables. A firewall of the provider is not seen from here: who relies on it waives this",
        source="nft list ruleset, iptables -S INPUT; docs.docker.com/engine/network/packet-filtering-firewalls",
        cases=asked_of_each_host(_rules),
        tags=frozenset({"host", "network"}),
    ),
)
