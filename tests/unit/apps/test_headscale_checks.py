"""What Headscale and a machine of its VPN are asked, and what their answers mean."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.apps.asked import answered, ask, said
from tests.unit.apps.edits import changed
from tests.unit.apps.headscales import SERVICE, SITE, WHOLE, project, whole
from tests.unit.checks.answers import here, nobody, printed
from tests.unit.checks.situations import NOW

from opsctl.apps.headscale.join_keys import judge_keys
from opsctl.checks.questions import Fetch, Inside, OnHost, Question, Ran
from opsctl.state.observed import ObservedMerged

PATH = "/opt/services/headscale/config/config.yaml"
FILE = "listen_addr: 0.0.0.0:9080\ndns:\n  override_local_dns: true\n"
DAY = 86400


def on_host(content: str = FILE, state: Any = "file") -> dict[str, Any]:
    return {"merged": {PATH: ObservedMerged(PATH, state, content.encode())}}


@pytest.mark.parametrize(
    "answer,result",
    [(answered(200), "pass"), (answered(500), "fail"), (answered(0, reason="refused"), "fail")],
)
def test_health(answer: Any, result: str, tmp_path: Path) -> None:
    found, (question,) = ask(project(tmp_path), "V-HSC-001", answer, **on_host())
    assert found.result == result
    assert isinstance(question, Fetch)
    assert (question.url, question.service) == ("http://headscale:9080/health", "headscale")


@pytest.mark.parametrize(
    "content,url",
    [
        ("{}", "http://headscale:8080/health"),
        ("listen_addr: 0.0.0.0:443\ntls_cert_path: /tls/a.pem\n", "https://headscale:443/health"),
        ("- no mapping", "http://headscale:8080/health"),
    ],
)
def test_where_it_listens_says_the_file_on_the_host(content: str, url: str, tmp_path: Path) -> None:
    _, (question,) = ask(project(tmp_path), "V-HSC-001", answered(200), **on_host(content))
    assert isinstance(question, Fetch)
    assert question.url == url


@pytest.mark.parametrize(
    "content,result",
    [
        (FILE, "pass"),
        ("dns: {}\n", "pass"),
        ("dns: {Override_Local_DNS: false}\n", "fail"),
        ("dns: {override_local_dns: 'false'}\n", "fail"),
        ("- no mapping\n", "inconclusive"),
    ],
)
def test_the_override_in_the_file_on_the_host(content: str, result: str, tmp_path: Path) -> None:
    found, asked = ask(project(tmp_path), "V-HSC-002", nobody, **on_host(content))
    assert (found.result, asked) == (result, [])


@pytest.mark.parametrize("seen", [{}, on_host(state="locked")])
def test_a_file_that_was_not_read(seen: dict[str, Any], tmp_path: Path) -> None:
    found, _ = ask(project(tmp_path), "V-HSC-002", nobody, **seen)
    assert found.result == "inconclusive"
    assert PATH in found.message


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    service = SERVICE + 'env: {HEADSCALE_DNS_OVERRIDE_LOCAL_DNS: "false"}\n'
    found, _ = ask(project(tmp_path, service=service), "V-HSC-002", nobody, **on_host())
    assert (found.result, found.expected, found.observed) == ("fail", "true", "false")


def test_an_override_that_nobody_states_or_reads(tmp_path: Path) -> None:
    unowned = "\n".join(line for line in SERVICE.splitlines() if "override_local_dns" not in line) + "\n"
    assert unowned != SERVICE
    found, _ = ask(project(tmp_path / "a", service=unowned), "V-HSC-002", nobody, **on_host())
    assert (found.result, "does not own" in found.message) == ("skip", True)
    old = changed(SERVICE, [("headscale:0.29.2", "headscale:0.24.3")])
    found, _ = ask(project(tmp_path / "b", service=old), "V-HSC-002", nobody, **on_host())
    assert found.message == "0.24 does not read dns.override_local_dns"


def test_a_file_that_opsctl_mounts(tmp_path: Path) -> None:
    root = project(tmp_path, service=whole(SERVICE), config="listen_addr: 0.0.0.0:1234\n" + WHOLE)
    assert ask(root, "V-HSC-002", nobody)[0].result == "pass"
    _, (question,) = ask(root, "V-HSC-001", answered(200))
    assert isinstance(question, Fetch)
    assert question.url == "http://headscale:1234/health"


RECORD = "of llm.vpn.example.org 100.64.0.14"


@pytest.mark.parametrize(
    "lines,result,words",
    [
        (["vpn", RECORD, RECORD], "pass", "1 names, on vpn"),
        (["vpn", "of llm.vpn.example.org 192.0.2.1"], "fail", "leads to 192.0.2.1, not to 100.64.0.14"),
        (["vpn"], "fail", "leads to nowhere"),
        ([RECORD], "inconclusive", "vpn does not ask the VPN's DNS"),
        (["missing getent"], "inconclusive", "getent is not on the host"),
    ],
)
def test_what_a_machine_of_the_vpn_is_told(lines: list[str], result: str, words: str, tmp_path: Path) -> None:
    site = SITE.replace("port: 4000", "port: 4000, access: vpn")
    found, (question,) = ask(project(tmp_path, site=site), "V-HSC-003", lambda _question: printed(*lines))
    assert (found.result, words in found.message) == (result, True), found
    assert isinstance(question, OnHost)
    assert question.words[-1] == "llm.vpn.example.org"


def test_names_without_a_record_or_a_host(tmp_path: Path) -> None:
    site = SITE.replace("port: 4000", "port: 4000, access: public")
    found, _ = ask(project(tmp_path, site=site), "V-HSC-003", nobody)
    assert found.result == "skip"


def test_the_script_reads_what_this_machine_resolves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a getent and a resolvectl of the test in front of PATH, as systemd-resolved shows a VPN's interface."""
    tools = {
        "getent": "#!/bin/sh\necho '100.64.0.14     STREAM llm'\necho '100.64.0.14     DGRAM'\n",
        "resolvectl": "#!/bin/sh\necho 'Link 3 (tailscale0): 100.100.100.100'\n",
    }
    (tmp_path / "bin").mkdir()
    for name, text in tools.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    site = SITE.replace("port: 4000", "port: 4000, access: vpn")
    found, _ = ask(project(tmp_path / "p", site=site), "V-HSC-003", here)
    assert found.result == "pass", found
    (tmp_path / "bin" / "resolvectl").write_text("#!/bin/sh\necho 'Link 2 (eth0): 192.0.2.53'\n")
    assert ask(project(tmp_path / "q", site=site), "V-HSC-003", here)[0].result == "inconclusive"


def key(number: int, days: float | None, *, reusable: bool = True) -> dict[str, Any]:
    ends = None if days is None else {"seconds": int(NOW + days * DAY), "nanos": 1}
    return {
        "id": number,
        "key": "hskey-auth-secret",
        "reusable": reusable,
        "expiration": ends,
        "user": {"name": "ops"},
    }


@pytest.mark.parametrize(
    "keys,words",
    [
        ([], ""),
        ([key(1, 8)], ""),
        ([key(1, 6)], "key 1 of ops ends in 6.0 days"),
        ([key(1, -1)], ""),
        ([key(1, None)], "key 1 of ops never ends"),
        ([key(1, None, reusable=False), key(2, 1, reusable=False)], ""),
        (
            [{**key(1, 1), "expiration": "2027-01-16T08:00:00.123456789Z", "user": "ops"}],
            "key 1 of ops ends in 1.0 days",
        ),
        ([{**key(1, 1), "expiration": {"seconds": -62135596800}}], "never ends"),
    ],
)
def test_keys_by_which_machines_join(keys: list[dict[str, Any]], words: str) -> None:
    found = judge_keys(keys, NOW)
    assert found.result == ("fail" if words else "pass"), found
    assert words in found.message
    assert "hskey" not in found.message


def listing(**by_words: Any) -> Callable[[Question], Any]:
    def answer(question: Question) -> Ran:
        assert isinstance(question, Inside)
        told = by_words[
            question.words[1] + "".join(question.words[4:5] if "--user" in question.words else ())
        ]
        return Ran(0, json.dumps(told).encode(), b"")

    return answer


@pytest.mark.parametrize("version,user", [("0.27.1", "7"), ("0.25.0", "ops")])
def test_before_028_each_user_is_asked_about(version: str, user: str, tmp_path: Path) -> None:
    root = project(tmp_path, service=changed(SERVICE, [("0.29.2", version)]))
    answer = listing(users=[{"id": 7, "name": "ops"}], **{f"preauthkeys{user}": [key(3, None)]})
    found, asked = ask(root, "V-HSC-004", answer)
    assert found.message == "key 3 of ops never ends"
    assert [one.words for one in asked if isinstance(one, Inside)] == [
        ("headscale", "users", "list", "--output", "json"),
        ("headscale", "preauthkeys", "list", "--user", user, "--output", "json"),
    ]


def test_from_028_all_at_once(tmp_path: Path) -> None:
    found, (question,) = ask(project(tmp_path), "V-HSC-004", said("null"))
    assert (found.result, found.message) == ("pass", "0 reusable of 0 keys")
    assert isinstance(question, Inside)
    assert question.words == ("headscale", "preauthkeys", "list", "--output", "json")
    command = SERVICE.replace("command: serve", "command: [serve, -c, /conf/a.yaml]")
    _, (question,) = ask(project(tmp_path / "c", service=command), "V-HSC-004", said("[]"))
    assert isinstance(question, Inside)
    assert "--config" in question.words


@pytest.mark.parametrize(
    "answer,words",
    [
        (said("", 1, "Error: connection refused"), "connection refused"),
        (said('{"error": "no user"}'), "no user"),
        (said("ID | Key"), "no JSON"),
        (said('[{"reusable": true, "expiration": "soon"}]'), "no time"),
    ],
)
def test_keys_that_are_not_told(answer: Any, words: str, tmp_path: Path) -> None:
    found, _ = ask(project(tmp_path), "V-HSC-004", answer)
    assert found.result == "inconclusive"
    assert words in found.message
