"""Databases as they are rendered: whose password it is, and which secrets are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.render.fleets import fleet_of

from opsctl.errors import InputError, UsageError
from opsctl.render.fleet import render
from opsctl.render.secret_uses import secret_uses
from opsctl.state.desired import DesiredService


def rendered(database: dict[str, Any], login: str = "") -> DesiredService:
    fleet = fleet_of({"db": {"image": "postgres:18", "app": "postgresql", "databases": {"shop": database}}})

    def named(name: str) -> str:
        if not login:
            raise UsageError(f"{name} has no login name")
        return login

    return render(fleet, "prod", lambda name: f"value of {name}", login=named).hosts[0].services["db"]


SHOP = {"password": {"secret": "shop_db"}}
TURNS = {**SHOP, "role": "owner", "logins": ["a", "b"]}


@pytest.mark.parametrize(
    "database,login,role,who",
    [
        (SHOP, "", "shop", "shop"),
        ({**SHOP, "role": "app"}, "somebody", "app", "app"),
        (TURNS, "b", "owner", "b"),
        (TURNS, "owner", "owner", "owner"),
        (TURNS, "__login_shop_db__", "owner", "owner"),
    ],
)
def test_whose_password_it_is(database: dict[str, Any], login: str, role: str, who: str) -> None:
    (one,) = rendered(database, login).databases
    assert (one.role, one.login, one.password, one.secret) == (role, who, "value of shop_db", "shop_db")
    assert "value of" not in repr(one)


def test_logins_without_a_login_name_are_a_problem() -> None:
    with pytest.raises(InputError, match="shop_db has no login name"):
        rendered(TURNS)


def test_the_server_knows_the_secret_and_is_no_consumer_of_it() -> None:
    service = rendered(SHOP)
    assert service.secrets == frozenset()
    assert service.known_secrets == {"shop_db"}
    fleet = fleet_of({"db": {"image": "postgres:18", "app": "postgresql", "databases": {"shop": SHOP}}})
    (use,) = secret_uses(fleet, "prod")["shop_db"]
    assert (use.service, use.database) == ("db", "shop")
