"""A real PostgreSQL whose connections a client takes, some and then all: verify says so, and never that all is well."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.machines.processes import until
from tests.lab.site import Site
from tests.lab.test_own_checks import STACK

HOST = "lab-app"
pytestmark = pytest.mark.hosts(HOST)

USABLE, KEPT = 27, 3
EAT = """\
exec >/dev/null 2>&1
for one in $(seq "$2"); do psql -X -h 127.0.0.1 -U "$1" -d shop -c 'select pg_sleep(6000)' & done
wait
"""


@pytest.fixture
def shop(site: Site) -> Site:
    site.hosts_toml({HOST: ["apps"]})
    site.write("stacks/apps.yml", STACK % {"postgres": site.lab.image("postgres")})
    site.deploy("--no-verify")
    return site


def taken(site: Site) -> int:
    """Sessions of clients, by their processes: one more question could not get in."""
    titles = site.host().docker("top", site.container("db").id, "-eo", "pid,args").splitlines()
    return sum(title.endswith(" SELECT") for title in titles)


def eat(site: Site, role: str, more: int, until_there_are: int) -> None:
    site.host().docker("exec", "--detach", site.container("db").id, "sh", "-c", EAT, "sh", role, str(more))
    until(lambda: taken(site) == until_there_are, f"{until_there_are} sessions", seconds=60)


def verified(site: Site, code: int) -> dict[str, Any]:
    """The checks of the server, and those of the stack file by their name."""
    data = site.opsctl("verify", "lab", "--tag", "data", "--tag", "own", "--json", code=code).json()["data"]
    return {
        one["subject"] if one["check"].startswith("V-OWN") else one["check"]: (one["result"], one["message"])
        for one in data["results"]
    }


def test_some_all_and_those_of_the_superuser_too(shop: Site) -> None:
    eat(shop, "shop", 21, 21)
    assert verified(shop, 4)["V-PGS-001"] == ("pass", f"21 of {USABLE} usable connections")

    eat(shop, "shop", 1, 22)
    found = verified(shop, 4)
    assert found["V-PGS-001"] == ("fail", f"22 of {USABLE} usable connections are taken")
    assert found["V-PGS-002"][0] == "pass"

    eat(shop, "shop", 40, USABLE)
    found = verified(shop, 4)
    assert found["V-PGS-001"] == ("fail", f"{USABLE} of {USABLE} usable connections are taken")
    assert found["V-PGS-002"][0] == "fail"
    assert "shop does not get into shop" in found["V-PGS-002"][1]
    assert found["role"][0] == "fail"

    eat(shop, "boss", 10, USABLE + KEPT)
    found = verified(shop, 4)
    assert found["V-PGS-001"][0] == "fail"
    assert "too many clients" in found["V-PGS-001"][1]
    assert found["V-PGS-002"][0] == "fail"
    assert found["role"][0] == "fail"
