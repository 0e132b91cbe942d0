"""Basics of a host: sshd, firewall, updates, logs. Texts are those that the programs print (OpenSSH 9.2, nft 1.0.6, iptables 1.8.9)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.checks.answers import hold, printed
from tests.unit.checks.situations import cases_of, check_of, container, service, situation

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.firewall import closed_families
from opsctl.checks.logs import is_bounded
from opsctl.checks.questions import EngineGet, OnHost, Question, Verdict
from opsctl.checks.scripts import read_facts
from opsctl.checks.ssh_server import keys_needed


def ask(identity: str, *lines: str) -> Verdict:
    about = situation(service("api"), containers=[container("api")])
    (case,) = cases_of(check_of(CHECKS, identity), about)
    return hold(case.talk(), lambda _question: printed(*lines))[0]


GOOD = {
    "permitrootlogin": "without-password",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "permitemptypasswords": "no",
    "authenticationmethods": "any",
}


@pytest.mark.parametrize(
    "changes,words",
    [
        ({}, ""),
        ({"permitrootlogin": "no"}, ""),
        ({"permitrootlogin": "yes"}, "PermitRootLogin yes"),
        ({"passwordauthentication": "yes"}, "PasswordAuthentication yes"),
        ({"kbdinteractiveauthentication": "yes"}, "KbdInteractiveAuthentication yes"),
        ({"permitemptypasswords": "yes"}, "PermitEmptyPasswords yes"),
        ({"passwordauthentication": "yes", "authenticationmethods": "publickey"}, ""),
        (
            {"passwordauthentication": "yes", "authenticationmethods": "publickey password"},
            "PasswordAuthentication",
        ),
        ({"permitemptypasswords": "yes", "authenticationmethods": "publickey"}, "PermitEmptyPasswords"),
    ],
)
def test_sshd(changes: dict[str, str], words: str) -> None:
    found = ask("V-HST-001", *(f"{word} {value}" for word, value in {**GOOD, **changes}.items()))
    assert found.result == ("fail" if words else "pass")
    assert words in found.message


def test_the_older_name_of_a_setting_counts_too() -> None:
    old = {word: value for word, value in GOOD.items() if word != "kbdinteractiveauthentication"}
    lines = [f"{word} {value}" for word, value in old.items()]
    assert ask("V-HST-001", *lines, "challengeresponseauthentication yes").result == "fail"
    assert ask("V-HST-001", *lines, "challengeresponseauthentication no").result == "pass"


def test_settings_that_may_not_be_read_are_no_pass() -> None:
    assert ask("V-HST-001").result == "inconclusive"
    assert ask("V-HST-001", "missing sshd").message == "sshd is not on the host"


@pytest.mark.parametrize(
    "methods,needed",
    [
        ("any", False),
        ("publickey", True),
        ("publickey,password publickey,keyboard-interactive", True),
        ("publickey keyboard-interactive:pam", False),
        ("", False),
    ],
)
def test_lists_of_methods(methods: str, needed: bool) -> None:
    assert keys_needed(methods) is needed


def nft(policy: str = "accept", last: str = "", family: str = "inet") -> list[str]:
    text = f"""\
table {family} filter {{
	set trusted {{
		type ipv4_addr
	}}
	chain input {{
		type filter hook input priority filter; policy {policy};
		ct state established,related accept
		tcp dport 22 accept
		{last}
	}}
	chain forward {{
		type filter hook forward priority filter; policy drop;
	}}
}}"""
    return [f"nft {line}" for line in text.splitlines() if line.strip()]


GLOBAL = "global 20010db8000000000000000000000001"


@pytest.mark.parametrize(
    "lines,result",
    [
        (nft("drop"), "pass"),
        (nft("accept"), "fail"),
        (nft("accept", "drop"), "pass"),
        (nft("accept", "counter packets 12 bytes 720 drop"), "pass"),
        (nft("accept", "reject with icmpx admin-prohibited"), "pass"),
        (nft("accept", 'iifname "eth1" drop'), "fail"),
        (nft("drop", family="ip"), "pass"),
        ([*nft("drop", family="ip"), GLOBAL], "fail"),
        ([*nft("drop", family="ip"), *nft("drop", family="ip6"), GLOBAL], "pass"),
        ([*nft("drop"), GLOBAL], "pass"),
        (nft("drop", family="ip6"), "fail"),
        (["iptables -P INPUT DROP"], "pass"),
        (["iptables -P INPUT ACCEPT"], "fail"),
        (
            ["iptables -P INPUT ACCEPT", "iptables -A INPUT -j REJECT --reject-with icmp-host-prohibited"],
            "pass",
        ),
        (["iptables -P INPUT ACCEPT", "iptables -A INPUT -i eth1 -j DROP"], "fail"),
        (
            ["iptables -P INPUT ACCEPT", "iptables -A INPUT -j DROP", "iptables -A INPUT -i lo -j ACCEPT"],
            "fail",
        ),
        (["iptables -P INPUT DROP", "ip6tables -P INPUT ACCEPT", GLOBAL], "fail"),
        (["iptables -P INPUT DROP", "ip6tables -P INPUT ACCEPT"], "pass"),
        (["iptables -P INPUT ACCEPT", "iptables-legacy -P INPUT DROP"], "pass"),
        ([], "fail"),
        (["unread"], "inconclusive"),
        (["missing nft"], "inconclusive"),
    ],
)
def test_firewalls(lines: list[str], result: str) -> None:
    assert ask("V-HST-002", *lines).result == result


def test_what_a_firewall_lets_pass_is_told() -> None:
    assert "published ports of containers pass it by" in ask("V-HST-002", *nft("drop")).message
    open_to_six = ask("V-HST-002", "iptables -P INPUT DROP", GLOBAL)
    assert open_to_six.message == "no rule drops by default what comes in over IPv6"


def test_a_chain_of_another_table_is_not_taken_for_one_of_the_last() -> None:
    lines = [*nft("accept", family="ip"), *nft("drop", family="ip6")]
    told = "".join(f"{one}\n" for one in lines).encode()
    assert closed_families(read_facts(told)) == {"6"}


@pytest.mark.parametrize(
    "lines,result,words",
    [
        (["running 6.1.0-18-amd64", "kernel 6.1.0-18-amd64"], "pass", ""),
        (["running 6.1.0-18-amd64", "kernel 6.1.0-18-amd64", "kernel 6.1.0-21-amd64"], "fail", "newer"),
        (["running 6.1.0-9-amd64", "kernel 6.1.0-9-amd64", "kernel 6.1.0-18-amd64"], "fail", "newer"),
        (["running 6.1.0-18-amd64", "kernel 6.1.0-18-amd64", "kernel 6.1.0-21-cloud-amd64"], "pass", ""),
        (["running 6.1.0-18-amd64", "kernel 6.1.0-17-amd64"], "pass", ""),
        (["running 6.18.44-fc"], "skip", "6.18.44-fc is brought by somebody else"),
        (["required", "package linux-image", "running 6.18.44-fc"], "fail", "linux-image"),
        (["required", "running 6.18.44-fc"], "fail", "no names"),
        ([], "inconclusive", "no running"),
    ],
)
def test_reboots(lines: list[str], result: str, words: str) -> None:
    found = ask("V-HST-003", *lines)
    assert found.result == result
    assert words in found.message


ON = ('APT::Periodic::Unattended-Upgrade "1";', 'APT::Periodic::Update-Package-Lists "1";')


@pytest.mark.parametrize(
    "lines,result",
    [
        (["apt", "installed", *ON], "pass"),
        (["apt", *ON], "fail"),
        (["apt", "installed", ON[0]], "fail"),
        (["apt", "installed", ON[1]], "fail"),
        (["apt", "installed", *ON, 'APT::Periodic::Enable "0";'], "fail"),
        (["apt", "installed", 'APT::Periodic::Unattended-Upgrade "0";', ON[1]], "fail"),
        (["timer dnf-automatic.timer enabled", "timer dnf5-automatic.timer "], "pass"),
        (["timer dnf-automatic.timer disabled"], "fail"),
        (["other"], "inconclusive"),
    ],
)
def test_updates(lines: list[str], result: str) -> None:
    assert ask("V-HST-004", *lines).result == result


@pytest.mark.parametrize(
    "config,bounded",
    [
        ({"Type": "json-file", "Config": {}}, False),
        ({"Type": "json-file", "Config": None}, False),
        ({"Type": "json-file", "Config": {"max-size": "10m"}}, True),
        ({"Type": "json-file", "Config": {"max-size": "-1"}}, False),
        ({"Type": "json-file", "Config": {"max-file": "3"}}, False),
        ({"Type": "local", "Config": {}}, True),
        ({"Type": "journald", "Config": {}}, True),
    ],
)
def test_which_logs_have_a_limit(config: dict[str, Any], bounded: bool) -> None:
    assert is_bounded(config) is bounded


def test_every_container_of_the_host_is_asked_about() -> None:
    here = situation(service("api"), containers=[container("api"), container("foreign", labels={})])
    (case,) = cases_of(check_of(CHECKS, "V-HST-005"), here)

    def answer(question: Question) -> Any:
        assert isinstance(question, EngineGet)
        endless = "foreign" in question.path
        return {"HostConfig": {"LogConfig": {"Type": "json-file" if endless else "local", "Config": {}}}}

    found, asked = hold(case.talk(), answer)
    assert (found.result, found.message) == ("fail", "json-file without max-size: demo-foreign-1")
    assert len(asked) == 2


@pytest.mark.parametrize(
    "lines,result",
    [
        ([f"kilobytes {4 * 2**20}"], "pass"),
        ([f"kilobytes {4 * 2**20 + 1}"], "fail"),
        ([], "skip"),
        (["unread"], "inconclusive"),
    ],
)
def test_the_journal(lines: list[str], result: str) -> None:
    assert ask("V-HST-006", *lines).result == result


@pytest.mark.parametrize("identity", ["V-HST-001", "V-HST-002"])
def test_what_root_alone_may_read_is_asked_as_files_are(identity: str) -> None:
    (case,) = cases_of(check_of(CHECKS, identity), situation(service("api")))
    _verdict, (one,) = hold(case.talk(), lambda _question: printed())
    assert isinstance(one, OnHost)
    assert one.privilege == "files"
