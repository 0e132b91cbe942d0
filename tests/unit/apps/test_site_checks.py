"""Who is asked about a site, from where, and what the answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps.edits import changed
from tests.unit.apps.linted import subject
from tests.unit.apps.sites import CADDY, HOSTS, N8N, SHOP, project
from tests.unit.checks.answers import hold
from tests.unit.checks.situations import check_of

from opsctl.apps.caddy.checks import CHECKS
from opsctl.apps.caddy.entrances import Entrance, entrances, within
from opsctl.apps.caddy.front import fronts
from opsctl.checks.certificates import DAY
from opsctl.checks.questions import (
    HERE,
    Certificate,
    Fetch,
    Fetched,
    Handshake,
    OnHost,
    Question,
    Ran,
    Shown,
    SourceTo,
    UnansweredError,
    Verdict,
)
from opsctl.checks.situation import HostNow, Situation
from opsctl.state.observed import Observed

VPN, PUBLIC = "100.64.0.14", "192.0.2.1"
ADMIN, WWW = "n8n.vpn.example.org", "www.example.com"
REFUSED = Fetched(0, reason="closed without an answer")
OK = Fetched(200)


def with_(text: str, old: str, new: str) -> str:
    return changed(text, [(old, new)])


SILENT = Shown(None, "no answer")


@dataclass
class Net:
    """What every machine is told. `sources` are where it comes from, by machine; who is not there knows no way."""

    sources: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Fetched] = field(default_factory=dict)
    """By machine and address, `via>address`; others are refused."""
    shown: Shown = SILENT
    asked: list[Fetch | Handshake] = field(default_factory=list)

    def __call__(self, question: Question) -> Any:
        match question:
            case SourceTo():
                return self._source(HERE)
            case OnHost(host=via, words=words):
                assert words[:4] == ("ip", "-o", "route", "get")
                return Ran(0, f"{words[4]} dev eth0 src {self._source(via)} uid 0 \\".encode(), b"")
            case Fetch():
                self.asked.append(question)
                return self.answers.get(f"{question.via}>{question.address}", REFUSED)
            case Handshake():
                self.asked.append(question)
                return self.shown
            case _:
                raise AssertionError(question)

    def _source(self, via: str) -> str:
        if via not in self.sources:
            raise UnansweredError("no way")
        return self.sources[via]


def about(root: Path) -> Situation:
    found = subject(root)
    return Situation(found, {one.name: HostNow(one, Observed(one.name)) for one in found.desired.hosts})


def ask(root: Path, identity: str, net: Net, name: str = ADMIN) -> Verdict:
    (case,) = [one for one in check_of(CHECKS, identity).cases(about(root)) if one.subject == name]
    return hold(case.talk(), net)[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path)


def test_a_member_of_the_vpn_is_asked_and_told_from_where(root: Path) -> None:
    net = Net({HERE: "100.64.0.7"}, {f">{VPN}": Fetched(302)})
    found = ask(root, "V-SIT-001", net)
    assert (found.result, found.message) == ("pass", f"302, from this machine to {VPN}:443")
    (asked,) = net.asked
    assert (asked.url, asked.address) == (f"https://{ADMIN}:443/", VPN)  # type: ignore[union-attr]


def test_where_this_machine_is_outside_a_host_of_the_vpn_is_asked(root: Path) -> None:
    net = Net({HERE: "192.0.2.77", "web": VPN}, {f"web>{VPN}": OK})
    assert ask(root, "V-SIT-001", net).message == f"200, from web to {VPN}:443"


def test_where_nobody_of_the_vpn_is_there_nobody_can_tell(root: Path) -> None:
    assert ask(root, "V-SIT-001", Net({HERE: "192.0.2.77"})).result == "inconclusive"
    assert ask(root, "V-SIT-001", Net()).result == "inconclusive"


@pytest.mark.parametrize(
    "answer,words",
    [(REFUSED, "closed without an answer"), (Fetched(502), "502; Caddy answers, n8n does not")],
)
def test_no_answer_or_that_of_a_dead_service_fails(root: Path, answer: Fetched, words: str) -> None:
    found = ask(root, "V-SIT-001", Net({HERE: "100.64.0.7"}, {f">{VPN}": answer}))
    assert (found.result, found.message) == ("fail", f"from this machine to {VPN}:443: {words}")


def test_strangers_are_this_machine_and_the_loopback_of_the_host(root: Path) -> None:
    net = Net({HERE: "192.0.2.77", "web": VPN})
    found = ask(root, "V-SIT-002", net)
    assert (found.result, found.message) == ("pass", "asked 2 times from outside the VPN")
    assert [(one.via, one.address) for one in net.asked] == [(HERE, VPN), ("web", "127.0.0.1")]


@pytest.mark.parametrize("place", [f">{VPN}", "web>127.0.0.1"])
def test_one_stranger_who_gets_an_answer_is_enough(root: Path, place: str) -> None:
    found = ask(root, "V-SIT-002", Net({HERE: "192.0.2.77", "web": VPN}, {place: Fetched(401)}))
    assert found.result == "fail"
    assert "401" in found.message


def test_a_public_site_is_for_everybody_and_refuses_nobody(tmp_path: Path) -> None:
    project(tmp_path, caddy=with_(CADDY, '"100.64.0.14:443:443"', '"443:443"'), shop=SHOP)
    net = Net({HERE: "192.0.2.77"}, {f">{VPN}": OK})
    assert ask(tmp_path, "V-SIT-001", net, WWW).result == "pass"
    refused = check_of(CHECKS, "V-SIT-002").cases(about(tmp_path))
    assert WWW not in {one.subject for one in refused}


def test_a_front_without_a_published_port_reaches_nobody(tmp_path: Path) -> None:
    project(tmp_path, caddy=with_(CADDY, ', "100.64.0.14:443:443"', ""))
    assert ask(tmp_path, "V-SIT-001", Net({HERE: "100.64.0.7"})).result == "fail"
    assert ask(tmp_path, "V-SIT-003", Net()).result == "fail"


def certificate(*names: str, left: float = 60 * DAY, distrust: str = "") -> Shown:
    now = 1_800_000_000.0
    return Shown(Certificate(now + left - 90 * DAY, now + left, names, "CA", distrust))


def test_the_certificate_is_asked_for_by_name_from_its_own_host(root: Path) -> None:
    net = Net(shown=certificate(ADMIN))
    assert ask(root, "V-SIT-003", net).result == "pass"
    assert net.asked == [Handshake(VPN, 443, ADMIN, via="web")]
    assert ask(root, "V-SIT-003", Net(shown=certificate(ADMIN, left=-1.0))).result == "fail"
    assert ask(root, "V-SIT-003", Net(shown=certificate(ADMIN, distrust="unknown"))).result == "fail"
    silent = ask(root, "V-SIT-003", Net())
    assert silent.message == f"no certificate at {VPN}:443: no answer"


def test_an_authority_of_caddy_s_own_need_not_be_trusted_here(tmp_path: Path) -> None:
    project(tmp_path, caddy=with_(CADDY, "  email: ops@example.org\n", "  certificates: internal\n"))
    assert ask(tmp_path, "V-SIT-003", Net(shown=certificate(ADMIN, distrust="unknown"))).result == "pass"


@pytest.mark.parametrize(
    "ports,doors",
    [
        ('["100.64.0.14:443:443"]', [(VPN, 443)]),
        ('["443:443"]', [(VPN, 443), (PUBLIC, 443)]),
        ('["192.0.2.1:8443:443", "100.64.0.14:443:443"]', [(VPN, 443), (PUBLIC, 8443)]),
        ('["440-445:440-445"]', [(VPN, 443), (PUBLIC, 443)]),
        ('["443:443/udp", "80:80"]', []),
    ],
)
def test_entrances(tmp_path: Path, ports: str, doors: list[tuple[str, int]]) -> None:
    project(tmp_path, caddy=with_(CADDY, '["100.64.0.14:80:80", "100.64.0.14:443:443"]', ports))
    (front,) = fronts(subject(tmp_path))
    assert entrances(front) == tuple(Entrance(*door) for door in doors)


def test_a_front_with_the_host_s_network_listens_on_all_its_addresses(tmp_path: Path) -> None:
    settings = "settings:\n  upstreams: published\n"
    caddy = with_(CADDY, 'ports: ["100.64.0.14:80:80", "100.64.0.14:443:443"]\n', "network_mode: host\n")
    project(
        tmp_path,
        caddy=with_(caddy, "settings:\n", settings),
        n8n=N8N + 'ports: ["127.0.0.1:5678:5678"]\n',
        llm="",
        shop="",
    )
    (front,) = fronts(subject(tmp_path))
    assert [one.address for one in entrances(front)] == [VPN, PUBLIC]


def test_ranges() -> None:
    assert within("100.64.0.7", ["100.64.0.0/10"])
    assert within("fd7a:115c:a1e0::7", ["100.64.0.0/10", "fd7a:115c:a1e0::/48"])
    assert not within("172.17.0.1", ["100.64.0.0/10"])
    assert not within("nonsense", ["100.64.0.0/10"])


def test_hosts_are_as_the_tests_say() -> None:
    assert VPN in HOSTS
    assert PUBLIC in HOSTS
