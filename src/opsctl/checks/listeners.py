"""Whether a host listens on all its addresses for nobody but its services and sshd."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from opsctl.checks.check import Case, Check
from opsctl.checks.exposure import EVERYWHERE
from opsctl.checks.questions import Talk, failed, passed
from opsctl.checks.scripts import Facts, told
from opsctl.checks.situation import HostNow, Situation
from opsctl.model.values import split_address
from opsctl.state.observed import ObservedContainer

_SSH = 22

# Names of other users' processes are root's alone to see; so are their cgroups where /proc hides them.
_LISTENERS = """\
need ss
ss -ltnpH | while read -r state received sent local peer users; do echo "listen $local $users"; done
for pid in $(ss -ltnpH | grep -o 'pid=[0-9]*' | sort -u); do
    pid=${pid#pid=}
    echo "cgroup $pid $(grep -o '[0-9a-f]\\{64\\}' "/proc/$pid/cgroup" 2>/dev/null | head -n 1)"
done
"""
_PROGRAM = re.compile(r'\("([^"]+)",pid=(\d+)')


@dataclass(frozen=True, slots=True)
class Listener:
    """`program` is "" where nobody may know it; `container` the id of the one that it belongs to, or ""."""

    address: str
    port: int
    program: str = ""
    container: str = ""


def _listeners(situation: Situation, host: HostNow) -> Talk:
    facts = yield from told(host.name, _LISTENERS, privilege="files")
    found = sorted(set(_foreign(situation, host, facts)))
    if found:
        return failed(f"it listens on all addresses at {', '.join(found)}")
    return passed()


def _foreign(situation: Situation, host: HostNow, facts: Facts) -> Iterator[str]:
    ours = _on_all(one for one in host.observed.containers if one.project == host.desired.project)
    theirs = _on_all(one for one in host.observed.containers if one.project != host.desired.project)
    ids = {one.id: one for one in host.observed.containers if one.project == host.desired.project}
    known = ours.keys() | theirs.keys() | _ssh_ports(situation, host)
    for listener in read_listeners(facts):
        if listener.port not in known and listener.program != "sshd" and listener.container not in ids:
            yield f"{listener.port} ({listener.program or 'root alone may know who'})"
    for number, name in theirs.items():
        yield f"{number} (the container {name}, of no stack)"


def _on_all(containers: Iterable[ObservedContainer]) -> dict[int, str]:
    """By port that the engine opens on all addresses, the container's name."""
    return {
        port.published: one.name
        for one in containers
        for port in one.ports
        if port.protocol == "tcp" and port.address in EVERYWHERE
    }


def _ssh_ports(situation: Situation, host: HostNow) -> frozenset[int]:
    """Of some it is systemd that listens for sshd (ssh.socket of Ubuntu), so the port counts as well as the program."""
    addresses = situation.subject.fleet.host(host.name).addresses
    return frozenset(split_address(text)[1] or _SSH for text in addresses) or frozenset({_SSH})


def read_listeners(facts: Facts) -> Iterator[Listener]:
    """Those on all addresses, of either family."""
    containers = _containers(facts)
    for line in facts.get("listen", ()):
        local, _, users = line.partition(" ")
        address, _, port = local.rpartition(":")
        if address.strip("[]") in EVERYWHERE | {"*"} and port.isdecimal():
            who = _PROGRAM.search(users)
            program, pid = (who[1], who[2]) if who else ("", "")
            yield Listener(address, int(port), program, containers.get(pid, ""))


def _containers(facts: Facts) -> Mapping[str, str]:
    found = (line.split() for line in facts.get("cgroup", ()))
    return {words[0]: words[1] for words in found if len(words) > 1}


def _cases(situation: Situation) -> Iterator[Case]:
    for host in situation.whole_hosts():
        yield Case(host.name, "", partial(_listeners, situation, host))


CHECKS = (
    Check(
        id="V-NET-004",
        title="Nobody but services and sshd listens on all addresses",
        severity="medium",
        proves="Every TCP port that is open on all addresses belongs to a container of the project, or is sshd's.",
        mend="ss -ltnp on the host as root: stop it, or bind it to 127.0.0.1 or to the VPN's address",
        source="ss -ltnp",
        cases=_cases,
        tags=frozenset({"host", "network"}),
    ),
)
