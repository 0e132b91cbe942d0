"""What a reader of a verify sees."""

from __future__ import annotations

from typing import Any

from opsctl.checks.catalogue import CHECKS
from opsctl.checks.check import Case, Check
from opsctl.checks.leftovers import Leftover
from opsctl.checks.questions import Verdict, failed, passed, settled, skipped, unknown
from opsctl.checks.waivers import Idle, Placed
from opsctl.cli.views.verify import after_deploy_view, verify_json, verify_view
from opsctl.errors import ConnectFailed, Exit
from opsctl.flows.checking.report import VerifyReport
from opsctl.flows.checking.running import Outcome
from opsctl.model.fleet import Place
from opsctl.model.waivers import Waiver
from tests.cli import reports

BY_ID: dict[str, Check] = {one.id: one for one in CHECKS}


def outcome(identity: str, service: str, verdict: Verdict, **more: Any) -> Outcome:
    case = Case(more.pop("host", "web"), service, lambda: settled(verdict), more.pop("subject", ""))
    return Outcome(BY_ID[identity], case, verdict, **more)


GOOD = (
    outcome("V-CTR-001", "api", passed("healthy")),
    outcome("V-ENV-001", "api", passed("3 as rendered")),
    outcome("V-CTR-001", "db", passed("healthy")),
    outcome("V-CTR-003", "", passed()),
)
BAD = (
    *GOOD,
    outcome("V-PLN-001", "api", failed("env: WORD changed"), seconds=0.2),
    outcome("V-ENV-001", "db", failed("TOKEN has another value"), seconds=0.1),
    outcome("V-FIL-001", "db", unknown("/etc/x cannot be read in the container"), seconds=4.0),
    outcome("V-IMG-001", "tool", skipped("no container")),
)


def test_what_passed_is_a_number_and_what_did_not_is_told_worst_first() -> None:
    shown = reports.text(verify_view(VerifyReport("prod", BAD, seconds=4.2)))
    assert (
        shown
        == """\
web
  service   pass  fail  inconclusive  skip
  api          2     1
  db           1     1             1
  tool                                   1
  the host     1

              check      host  about  found                                    time
fail          V-ENV-001  web   db     TOKEN has another value                 0.1 s
fail          V-PLN-001  web   api    env: WORD changed                       0.2 s
inconclusive  V-FIL-001  web   db     /etc/x cannot be read in the container  4.0 s

V-ENV-001  The environment inside the container is the rendered one: opsctl deploy: it makes the container anew
V-PLN-001  A deploy would leave the service as it is: opsctl plan, opsctl diff; then opsctl deploy

prod: 7 checks, 2 failed  4.2 s
"""
    )


def test_in_eighty_columns_nothing_is_lost() -> None:
    long = failed(", ".join(f"KEY{n} has another value" for n in range(9)))
    shown = reports.text(verify_view(VerifyReport("prod", (outcome("V-ENV-001", "db", long),))), 80)
    assert max(map(len, shown.splitlines())) <= 80
    assert all(f"KEY{n}" in shown for n in range(9))


def test_all_shows_what_passed_too() -> None:
    shown = reports.text(verify_view(VerifyReport("prod", GOOD), show_all=True))
    assert "3 as rendered" in shown
    assert "3 as rendered" not in reports.text(verify_view(VerifyReport("prod", GOOD)))


def test_the_last_line() -> None:
    def last(*outcomes: Outcome, **more: Any) -> str:
        return reports.text(verify_view(VerifyReport("prod", outcomes, **more))).splitlines()[-1]

    stood_in = outcome("V-CTR-001", "n8n", Verdict("unproved", "a stand-in answered"))
    assert last(*GOOD) == "prod: 4 checks, all passed  0.0 s"
    assert last(*GOOD, stood_in) == "prod: 5 checks, all passed but 1 that a stand-in answered  0.0 s"
    assert last(*BAD[:4], BAD[6]) == "prod: 5 checks, not all could be told  0.0 s"
    away = {"vpn": ConnectFailed("no route", where="vpn")}
    assert last(*GOOD, errors=away) == "prod: 4 checks, not all could be told  0.0 s"


def test_as_json() -> None:
    told = verify_json(
        VerifyReport("prod", (outcome("V-ENV-001", "db", failed("no", expected="a", observed="b")),))
    )
    (one,) = told["results"]
    assert {key: one[key] for key in ("check", "severity", "host", "service", "subject", "result")} == {
        "check": "V-ENV-001",
        "severity": "critical",
        "host": "web",
        "service": "db",
        "subject": None,
        "result": "fail",
    }
    assert (one["expected"], one["observed"], one["attempts"]) == ("a", "b", 1)


WAIVER = Waiver(check="V-PLN-001", reason="changed by hand", until="2027-01-31")
WAIVED = outcome(
    "V-PLN-001",
    "api",
    Verdict("waived", "env: WORD changed; waived until 2027-01-31: changed by hand"),
    waiver=WAIVER,
)


def test_what_is_waived_is_shown_with_its_reason_and_its_day_and_is_no_failure() -> None:
    report = VerifyReport("prod", (*GOOD, WAIVED))
    assert report.exit is Exit.YES
    lines = reports.text(verify_view(report)).splitlines()
    assert "  api          2       1" in lines
    assert (
        "waived  V-PLN-001  web   api    env: WORD changed; waived until 2027-01-31: changed by hand  0.0 s"
        in lines
    )
    assert lines[-1] == "prod: 5 checks, all passed but 1 waived  0.0 s"
    assert [one["waiver"] for one in verify_json(report)["results"]] == [
        *[None] * 4,
        {"reason": "changed by hand", "until": "2027-01-31"},
    ]
    (told,) = reports.text(after_deploy_view(report)).splitlines()
    assert told == "then asked 5 checks, all passed but 1 waived  0.0 s"


def test_failures_beside_it_count_as_ever() -> None:
    report = VerifyReport("prod", (*BAD[:6], WAIVED))
    assert report.exit is Exit.NO
    assert reports.text(verify_view(report)).splitlines()[-1] == "prod: 7 checks, 2 failed, 1 waived  0.0 s"


def test_a_waiver_to_be_taken_out_is_named_with_its_place() -> None:
    place = Place("stacks/apps.yml", 7)
    narrow = WAIVER.model_copy(update={"subject": "page"})
    found = (
        Idle(Placed("web", "api", narrow, place), "ended"),
        Idle(Placed("web", "", WAIVER, Place("hosts.toml", 9)), "passes"),
        Idle(Placed("web", "db", WAIVER, place), "nothing"),
    )
    report = VerifyReport("prod", GOOD, waivers=found)
    assert reports.text(verify_view(report)).splitlines()[-4:-1] == [
        "waiver  of V-PLN-001 for api page on web: its last day is over; take it out (stacks/apps.yml:7)",
        "waiver  of V-PLN-001 for web: it passes; take it out (hosts.toml:9)",
        "waiver  of V-PLN-001 for db on web: there is nothing that it could be about; take it out (stacks/apps.yml:7)",
    ]
    assert verify_json(report)["waivers"][0] == {
        "check": "V-PLN-001",
        "host": "web",
        "service": "api",
        "subject": "page",
        "until": "2027-01-31",
        "reason": "changed by hand",
        "state": "ended",
        "place": "stacks/apps.yml:7",
    }


def test_what_dead_runs_left_is_told_and_what_is_in_use_only_in_json() -> None:
    left = (
        Leftover("web", "opsctl-canary-1", "removed"),
        Leftover("web", "opsctl-canary-2", "used"),
        Leftover("vpn", "opsctl-canary-3", "unclaimed"),
        Leftover("vpn", "opsctl-canary-4", "stuck", "device busy"),
    )
    report = VerifyReport("prod", GOOD, leftovers=left)
    lines = [
        "removed  opsctl-canary-1 on web: a run that was killed had left it",
        "left over  opsctl-canary-3 on vpn: nobody can tell whether the run that made it is alive; it ends by itself within ten minutes",
        "left over  opsctl-canary-4 on vpn: it was not removed: device busy",
    ]
    for view in (verify_view(report), after_deploy_view(report)):
        assert reports.text(view).splitlines()[-4:-1] == lines
    told = verify_json(report)["leftovers"]
    assert [one["fate"] for one in told] == ["removed", "used", "unclaimed", "stuck"]
    assert told[3] == {
        "host": "vpn",
        "container": "opsctl-canary-4",
        "fate": "stuck",
        "reason": "device busy",
    }
    assert report.exit is Exit.YES
