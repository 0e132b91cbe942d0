"""Which certificate passes."""

from __future__ import annotations

import pytest

from opsctl.checks.certificates import DAY, covers, judge
from opsctl.checks.questions import Certificate

NOW = 1_800_000_000.0
NAME = "n8n.vpn.example.org"


def certificate(
    *, left: float, lifetime: float = 90 * DAY, distrust: str = "", name: str = NAME
) -> Certificate:
    ends = NOW + left
    return Certificate(ends - lifetime, ends, (name,), "Test CA", distrust)


@pytest.mark.parametrize(
    "left,lifetime,result",
    [
        (60 * DAY, 90 * DAY, "pass"),
        (14 * DAY + 1, 90 * DAY, "pass"),
        (14 * DAY - 1, 90 * DAY, "fail"),
        (2 * DAY, 6 * DAY, "pass"),
        (1.4 * DAY, 6 * DAY, "fail"),
        (5 * 3600, 12 * 3600, "pass"),
        (2 * 3600, 12 * 3600, "fail"),
        (-1, 90 * DAY, "fail"),
        (91 * DAY, 90 * DAY, "fail"),
    ],
)
def test_by_how_much_of_its_life_is_left(left: float, lifetime: float, result: str) -> None:
    assert judge(certificate(left=left, lifetime=lifetime), NAME, NOW).result == result


def test_what_failed_is_told() -> None:
    late = judge(certificate(left=3 * DAY), NAME, NOW)
    assert late.message == "it ends at 2027-01-18 08:00 UTC, in 3 days, and was not renewed"
    assert judge(certificate(left=-1), NAME, NOW).message == "it ended at 2027-01-15 07:59 UTC"
    other = judge(certificate(left=60 * DAY, name="www.example.org"), NAME, NOW)
    assert (other.expected, other.observed) == (NAME, "www.example.org")


def test_trust_counts_only_where_it_is_asked_for() -> None:
    own = certificate(left=60 * DAY, distrust="self-signed certificate in certificate chain")
    assert judge(own, NAME, NOW).result == "fail"
    assert judge(own, NAME, NOW, trusted=False).result == "pass"


@pytest.mark.parametrize(
    "names,name,covered",
    [
        (("a.example.org",), "A.example.org", True),
        (("*.example.org",), "a.example.org", True),
        (("*.example.org",), "a.b.example.org", False),
        (("*.example.org",), "example.org", False),
        (("192.0.2.1",), "192.0.2.1", True),
        (("2001:db8::1",), "2001:db8:0::1", True),
        ((), "a.example.org", False),
    ],
)
def test_names(names: tuple[str, ...], name: str, covered: bool) -> None:
    assert covers(names, name) is covered
