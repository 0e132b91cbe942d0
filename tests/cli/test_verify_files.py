"""The files that a verify leaves for other programs: JUnit XML and metrics, as whole texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from opsctl.checks.questions import Verdict, failed, passed, skipped, unknown
from opsctl.cli.views.verify_junit import junit
from opsctl.cli.views.verify_prometheus import prometheus
from opsctl.errors import ConnectFailed
from opsctl.flows.checking.report import VerifyReport
from tests.cli import reports
from tests.cli.terminal import opsctl
from tests.cli.test_verify_view import WAIVED, outcome

AWAY = {"vpn": ConnectFailed("no route", where="vpn")}
REPORT = VerifyReport(
    "prod",
    (
        outcome("V-CTR-001", "api", passed("healthy"), seconds=0.25),
        outcome("V-ENV-001", "api", failed("KEY <differs>", expected='"a"', observed="b"), subject="KEY"),
        outcome("V-FIL-001", "db", unknown("cannot be read")),
        outcome("V-IMG-001", "tool", skipped("no container")),
        outcome("V-CTR-003", "", Verdict("unproved", "a stand-in answered")),
    ),
    AWAY,
    seconds=1.5,
)

JUNIT = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="opsctl verify prod" tests="6" failures="1" errors="2" skipped="2" time="1.500">
  <testsuite name="vpn" hostname="vpn" timestamp="2026-11-23T12:00:00" tests="1" failures="0" errors="1" skipped="0" time="0.000">
    <testcase classname="vpn" name="the host can be looked at" time="0.000">
      <error message="no route" />
    </testcase>
  </testsuite>
  <testsuite name="web" hostname="web" timestamp="2026-11-23T12:00:00" tests="5" failures="1" errors="1" skipped="2" time="0.250">
    <testcase classname="web.api" name="V-CTR-001 The container is healthy" time="0.250" />
    <testcase classname="web.api" name="V-ENV-001 The environment inside the container is the rendered one (KEY)" time="0.000">
      <failure message="KEY &lt;differs&gt;" type="critical">KEY &lt;differs&gt;
expected: "a"
found: b
to mend it: opsctl deploy: it makes the container anew</failure>
    </testcase>
    <testcase classname="web.db" name="V-FIL-001 Mounted files inside the container are the rendered ones" time="0.000">
      <error message="cannot be read" />
    </testcase>
    <testcase classname="web.tool" name="V-IMG-001 The running image is the locked one" time="0.000">
      <skipped message="no container" />
    </testcase>
    <testcase classname="web" name="V-CTR-003 No container of the project that no stack names" time="0.000">
      <skipped message="a stand-in answered" />
    </testcase>
  </testsuite>
</testsuites>
"""

PROMETHEUS = """\
# HELP opsctl_check_result 1 passed, 0 failed, -1 nobody could tell. Skipped: absent.
# TYPE opsctl_check_result gauge
opsctl_check_result{environment="prod",host="web",service="api",check="V-CTR-001",subject="",severity="critical"} 1
opsctl_check_result{environment="prod",host="web",service="api",check="V-ENV-001",subject="KEY",severity="critical"} 0
opsctl_check_result{environment="prod",host="web",service="db",check="V-FIL-001",subject="",severity="high"} -1
opsctl_check_result{environment="prod",host="web",service="",check="V-CTR-003",subject="",severity="medium"} -1
# HELP opsctl_check_seconds How long the check took, with every attempt at it.
# TYPE opsctl_check_seconds gauge
opsctl_check_seconds{environment="prod",host="web",service="api",check="V-CTR-001",subject="",severity="critical"} 0.250
opsctl_check_seconds{environment="prod",host="web",service="api",check="V-ENV-001",subject="KEY",severity="critical"} 0.000
opsctl_check_seconds{environment="prod",host="web",service="db",check="V-FIL-001",subject="",severity="high"} 0.000
opsctl_check_seconds{environment="prod",host="web",service="",check="V-CTR-003",subject="",severity="medium"} 0.000
# HELP opsctl_verify_host_looked_at 0 where the host could not be looked at.
# TYPE opsctl_verify_host_looked_at gauge
opsctl_verify_host_looked_at{environment="prod",host="vpn"} 0
opsctl_verify_host_looked_at{environment="prod",host="web"} 1
# HELP opsctl_verify_seconds How long the last run took.
# TYPE opsctl_verify_seconds gauge
opsctl_verify_seconds{environment="prod"} 1.500
# HELP opsctl_verify_last_run_timestamp_seconds When the last run ended.
# TYPE opsctl_verify_last_run_timestamp_seconds gauge
opsctl_verify_last_run_timestamp_seconds{environment="prod"} 1795435200
"""


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text.encode())  # noqa: S314 - our own


def test_junit_as_a_whole() -> None:
    assert junit(REPORT, reports.NOON) == JUNIT


def test_what_is_waived_is_skipped_in_junit_and_in_metrics_a_day_of_its_own() -> None:
    report = VerifyReport("prod", (WAIVED,))
    text = junit(report, reports.NOON)
    assert '<skipped message="env: WORD changed; waived until 2027-01-31: changed by hand" />' in text
    assert 'tests="1" failures="0" errors="0" skipped="1"' in text
    metrics = prometheus(report, reports.NOON)
    assert "opsctl_check_result{" not in metrics
    until = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
    assert (
        'opsctl_check_waived_until_timestamp_seconds{environment="prod",host="web",service="api",check="V-PLN-001",'
        f'subject="",severity="high",reason="changed by hand"}} {until:.0f}\n' in metrics
    )


def test_junit_is_what_ci_systems_read() -> None:
    """The rules of Jenkins' junit-10.xsd and of GitLab's reader that this format can break."""
    root = parsed(junit(REPORT, reports.NOON))
    assert root.tag == "testsuites"
    for suite in root:
        cases = list(suite)
        assert suite.get("name")
        assert {case.tag for case in cases} == {"testcase"}
        assert int(suite.get("tests", "")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "")) == len(suite.findall(f"testcase/{tag}"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        for case in cases:
            assert case.keys() == ["classname", "name", "time"]
            assert [told.tag for told in case] in [[], ["failure"], ["error"], ["skipped"]]
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)


def test_what_xml_cannot_hold_does_not_break_the_file() -> None:
    report = VerifyReport("prod", (outcome("V-CTR-001", "api", failed("\x1b[31mred\x00\ud800")),))
    told = parsed(junit(report, 0.0)).find(".//failure")
    assert told is not None
    assert told.get("message") == "\ufffd[31mred\ufffd\ufffd"


def test_metrics_as_a_whole() -> None:
    assert prometheus(REPORT, reports.NOON) == PROMETHEUS


def test_a_label_is_escaped_and_no_series_stands_twice() -> None:
    twice = [
        outcome("V-CTR-001", "api", verdict, subject='a "b"\n\\')
        for verdict in (passed(), failed("no"), passed())
    ]
    lines = prometheus(VerifyReport("prod", tuple(twice)), 0.0).splitlines()
    found = [line for line in lines if line.startswith("opsctl_check_result{")]
    assert len(found) == 1
    assert 'subject="a \\"b\\"\\n\\\\"' in found[0]
    assert found[0].endswith(" 0")


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsctl.flows.verify.verify", lambda *_args, **_options: REPORT)


@pytest.mark.usefixtures("verified")
class TestCommand:
    def test_both_files_are_written_beside_the_answer(self, project: Path, tmp_path: Path) -> None:
        xml, metrics = tmp_path / "verify.xml", tmp_path / "opsctl.prom"
        metrics.write_text("old")
        before = metrics.stat().st_ino
        ended = self.run(project, "--junit", str(xml), "--prometheus", str(metrics))
        assert ended.code == 5  # one failed (4), a host is away (5)
        assert parsed(xml.read_text()).get("failures") == "1"
        assert metrics.read_text().startswith("# HELP opsctl_check_result")
        assert metrics.stat().st_ino != before
        assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [
            "opsctl.prom",
            "verify.xml",
        ]

    def test_a_file_that_cannot_be_written_is_told_after_all_else_and_ends_in_1(
        self, project: Path, tmp_path: Path
    ) -> None:
        ended = self.run(project, "--prometheus", str(tmp_path / "nowhere" / "x.prom"))
        assert ended.code == 1
        assert "V-ENV-001" in ended.out
        assert "cannot write" in ended.err

    def run(self, project: Path, *options: str) -> Any:
        return opsctl("verify", "lab", *options, project=project)
