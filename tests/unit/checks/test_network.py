"""Published ports: bound as rendered, answering where they should and nowhere else; and who else listens."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.unit.checks.answers import hold, nobody, printed
from tests.unit.checks.situations import cases_of, check_of, container, replace, service, situation

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.listeners import read_listeners
from opsctl.checks.questions import (
    HERE,
    OnHost,
    Question,
    Ran,
    Reach,
    Reached,
    SourceTo,
    UnansweredError,
    Verdict,
)
from opsctl.checks.situation import HostNow, Situation
from opsctl.model.fleet import Fleet
from opsctl.model.hosts import HostsFile
from opsctl.rules.subject import Subject
from opsctl.state.desired import DesiredPort, DesiredService
from opsctl.state.observed import Observed, ObservedContainer, PublishedPort

VPN, PUBLIC = "100.64.0.14", "192.0.2.1"


def publishing(name: str, *entries: str) -> DesiredService:
    ports = []
    for entry in entries:
        head, _, protocol = entry.partition("/")
        address, _, port = head.rpartition(":")
        if port != "0":
            ports.append(DesiredPort(address, int(port), "udp" if protocol == "udp" else "tcp"))
    written = [f"{one}:80" if not one.endswith("0:0") else "80" for one in entries]
    return service(name, ports=tuple(ports), definition={"ports": written})


def running(name: str, *ports: tuple[str, int], **more: Any) -> ObservedContainer:
    return container(
        name, ports=tuple(PublishedPort(address, port, "tcp") for address, port in ports), **more
    )


def about(
    *services: DesiredService,
    containers: Collection[ObservedContainer] = (),
    addresses: tuple[str, ...] = (PUBLIC, VPN),
    others: tuple[str, ...] = (),
) -> Situation:
    """The host `web`, and others that can be asked."""
    base = situation(*services, containers=containers or [running(one.name) for one in services])
    hosts = {name: {"addresses": ["198.51.100.9"]} for name in others}
    web: dict[str, Any] = {"addresses": addresses} if addresses else {"connection": "local"}
    file = HostsFile.model_validate(
        {"project": "demo", "environments": {"prod": {"hosts": ["web"]}}, "hosts": {"web": web, **hosts}}
    )
    subject = Subject(Fleet(Path("/project"), file, {}, {}), base.subject.desired)
    there = {
        name: HostNow(replace(base.hosts["web"].desired, name=name, services={}), Observed(name))
        for name in others
    }
    return Situation(subject, {**base.hosts, **there})


@dataclass
class Net:
    """Who answers: `via>address:port`; `mute` machines forward nothing."""

    open: frozenset[str] = frozenset()
    mute: frozenset[str] = frozenset()
    source: str = "203.0.113.7"
    asked: list[str] = field(default_factory=list)
    lost: bool = False
    """Whether the host of the service itself is heard no more."""

    def __call__(self, question: Question) -> Any:
        if isinstance(question, SourceTo):
            return self.source
        if isinstance(question, OnHost):
            assert (question.host, question.words) == ("web", ("true",))
            if self.lost:
                raise UnansweredError("the connection was lost")
            return Ran(0, b"", b"")
        assert isinstance(question, Reach)
        if question.via in self.mute:
            raise UnansweredError("forwards nothing")
        way = f"{question.via}>{question.address}:{question.port}"
        self.asked.append(way)
        return Reached(way in self.open, "" if way in self.open else "refused")


def ask(identity: str, about: Situation, answer: Any, name: str = "api") -> Verdict:
    (case,) = [one for one in cases_of(check_of(CHECKS, identity), about) if one.service == name]
    return hold(case.talk(), answer)[0]


@pytest.mark.parametrize(
    "wanted,found,result",
    [
        (["127.0.0.1:8080"], [("127.0.0.1", 8080)], "pass"),
        (["127.0.0.1:8080"], [("0.0.0.0", 8080)], "fail"),
        (["127.0.0.1:8080"], [("127.0.0.1", 8080), ("0.0.0.0", 9090)], "fail"),
        (["127.0.0.1:8080"], [], "fail"),
        (["8080"], [("0.0.0.0", 8080), ("::", 8080)], "pass"),
        (["8080"], [("0.0.0.0", 8080)], "pass"),
        (["8080"], [("192.0.2.1", 8080)], "fail"),
        (["8080/udp"], [("0.0.0.0", 8080)], "fail"),
        (["0:0"], [("0.0.0.0", 32768)], "pass"),
        (["fd7a:115c:a1e0:0::1:80"], [("fd7a:115c:a1e0::1", 80)], "pass"),
        ([], [("0.0.0.0", 8080)], "fail"),
    ],
)
def test_bindings(wanted: list[str], found: list[tuple[str, int]], result: str) -> None:
    here = about(publishing("api", *wanted), containers=[running("api", *found)])
    assert ask("V-NET-001", here, nobody).result == result


def test_bindings_are_told_side_by_side() -> None:
    here = about(publishing("api", "127.0.0.1:8080"), containers=[running("api", ("0.0.0.0", 8080))])
    found = ask("V-NET-001", here, nobody)
    assert (found.expected, found.observed) == ("127.0.0.1:8080/tcp", "*:8080/tcp")


def test_who_publishes_nothing_is_not_asked() -> None:
    here = about(service("api"))
    for identity in ("V-NET-001", "V-NET-002", "V-NET-003"):
        assert cases_of(check_of(CHECKS, identity), here) == []


def test_what_does_not_run_publishes_nothing() -> None:
    here = about(publishing("api", "127.0.0.1:80"), containers=[running("api", state="exited")])
    for identity in ("V-NET-001", "V-NET-002", "V-NET-003"):
        assert ask(identity, here, nobody).result == "skip"


def test_each_port_is_tried_where_it_is_bound() -> None:
    here = about(publishing("api", "127.0.0.1:80", f"{VPN}:443", "8080", "53/udp"))
    net = Net(frozenset({"web>127.0.0.1:80", f"web>{VPN}:443", "web>127.0.0.1:8080"}))
    assert ask("V-NET-002", here, net).result == "pass"
    assert set(net.asked) == net.open
    net.open -= {f"web>{VPN}:443"}
    found = ask("V-NET-002", here, net)
    assert (found.result, found.message) == ("fail", f"nobody answers at {VPN}:443 (refused)")


def test_a_loopback_port_is_tried_from_everywhere_at_every_other_address() -> None:
    net = Net()
    here = about(publishing("api", "127.0.0.1:8080"), others=("other",))
    assert ask("V-NET-003", here, net).result == "pass"
    assert sorted(net.asked) == sorted(
        f"{via}>{address}:8080" for via in (HERE, "other", "web") for address in (PUBLIC, VPN)
    )


@pytest.mark.parametrize("way", [f">{PUBLIC}:8080", f"other>{VPN}:8080", f"web>{PUBLIC}:8080"])
def test_one_answer_is_enough(way: str) -> None:
    here = about(publishing("api", "127.0.0.1:8080"), others=("other",))
    found = ask("V-NET-003", here, Net(frozenset({way})))
    assert found.result == "fail"
    assert found.message.startswith("somebody answers at ")


def test_a_port_of_the_vpn_is_closed_to_who_is_not_in_it() -> None:
    here = about(publishing("api", f"{VPN}:443"))
    stranger = Net(frozenset({f">{VPN}:443"}))
    assert ask("V-NET-003", here, stranger).result == "fail"
    member = Net(frozenset({f">{VPN}:443"}), source="100.64.0.7")
    assert ask("V-NET-003", here, member).result == "pass"
    assert f">{PUBLIC}:443" in member.asked


def test_where_another_service_has_the_port_nobody_tries() -> None:
    for other in (f"{PUBLIC}:443", "443"):
        here = about(publishing("api", "127.0.0.1:443"), publishing("web", other), addresses=(PUBLIC,))
        assert ask("V-NET-003", here, nobody).result == "skip"


def test_nobody_who_may_try_is_no_pass() -> None:
    here = about(publishing("api", "127.0.0.1:8080"))
    found = ask("V-NET-003", here, Net(mute=frozenset({HERE, "web"})))
    assert (found.result, found.message) == ("inconclusive", "forwards nothing")
    assert ask("V-NET-003", here, Net(mute=frozenset({"web"}))).result == "pass"


def test_a_host_that_is_cut_off_hides_nothing() -> None:
    """All are silent then: that its ports are closed is not shown by it."""
    here = about(publishing("api", "127.0.0.1:8080"), others=("other",))
    found = ask("V-NET-003", here, Net(mute=frozenset({"web"}), lost=True))
    assert (found.result, found.message) == ("inconclusive", "the connection was lost")
    way = f"other>{VPN}:8080"
    assert ask("V-NET-003", here, Net(frozenset({way}), lost=True)).result == "fail"


def test_a_host_without_other_addresses_has_nothing_to_try() -> None:
    for addresses in ((), ("localhost",), ("127.0.0.1:2222",)):
        here = about(publishing("api", "127.0.0.1:8080"), addresses=addresses)
        assert ask("V-NET-003", here, nobody).result == "skip"


def test_a_port_on_all_addresses_hides_from_nobody() -> None:
    assert cases_of(check_of(CHECKS, "V-NET-003"), about(publishing("api", "8080"))) == []


ID = "ab" * 32
SSH = 'listen 0.0.0.0:22 users:(("sshd",pid=9,fd=3))'


def listening(*lines: str, containers: Collection[ObservedContainer] = ()) -> Verdict:
    here = about(service("api"), containers=containers)
    (case,) = cases_of(check_of(CHECKS, "V-NET-004"), here)

    def answer(question: Question) -> Any:
        assert isinstance(question, OnHost)
        return printed(*lines)

    return hold(case.talk(), answer)[0]


@pytest.mark.parametrize(
    "line,found",
    [
        (SSH, ""),
        ("listen 0.0.0.0:22 ", ""),
        ('listen *:22 users:(("systemd",pid=1,fd=3))', ""),
        ('listen [::]:2222 users:(("sshd",pid=9,fd=3))', ""),
        ('listen 127.0.0.1:9090 users:(("x",pid=9,fd=3))', ""),
        ('listen 192.0.2.1:9090 users:(("x",pid=9,fd=3))', ""),
        ('listen 127.0.0.53%lo:53 users:(("x",pid=9,fd=3))', ""),
        ('listen 0.0.0.0:9090 users:(("prometheus",pid=9,fd=3))', "9090 (prometheus)"),
        ('listen *:9090 users:(("prometheus",pid=9,fd=3))', "9090 (prometheus)"),
        ("listen [::]:9090 ", "9090 (root alone may know who)"),
        ("listen 0.0.0.0:2222 ", "2222 (root alone may know who)"),
    ],
)
def test_listeners(line: str, found: str) -> None:
    verdict = listening(line)
    assert verdict.message == (f"it listens on all addresses at {found}" if found else "")
    assert verdict.result == ("fail" if found else "pass")


def test_ports_of_services_are_known_and_those_of_other_containers_named() -> None:
    proxy = 'listen 0.0.0.0:8080 users:(("docker-proxy",pid=5,fd=4))'
    assert listening(proxy, containers=[running("api", ("0.0.0.0", 8080))]).result == "pass"
    stranger = replace(running("grafana", ("0.0.0.0", 8080)), labels={})
    found = listening(proxy, containers=[stranger])
    assert found.message == "it listens on all addresses at 8080 (the container demo-grafana-1, of no stack)"


def test_a_service_in_the_host_s_network_is_known_by_its_cgroup() -> None:
    lines = ('listen 0.0.0.0:8080 users:(("caddy",pid=5,fd=4))', f"cgroup 5 {ID}")
    assert listening(*lines, containers=[container("api", id=ID)]).result == "pass"
    assert listening(*lines, containers=[container("api")]).result == "fail"


def test_without_ss_nobody_can_tell() -> None:
    found = listening("missing ss")
    assert (found.result, found.message) == ("inconclusive", "ss is not on the host")


def test_what_ss_prints() -> None:
    facts = {
        "listen": ['0.0.0.0:80 users:(("a b",pid=7,fd=4),("a b",pid=8,fd=4))'],
        "cgroup": ["7 " + ID, "8 "],
    }
    (one,) = read_listeners(facts)
    assert (one.port, one.program, one.container) == (80, "a b", ID)
