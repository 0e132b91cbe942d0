"""A secret that only the login of a registry names is used, and may be missing where nothing is pulled from there."""

from __future__ import annotations

from tests.cli.shop import Shop

LOGIN = """
[registries."r.example"]
login = {username = "ann", password = {secret = "r_token"}}
"""


def with_login(shop: Shop) -> Shop:
    with (shop.root / "hosts.toml").open("a") as file:
        file.write(LOGIN)
    return shop


def test_it_is_listed_with_its_registry_and_kept_from_removal(shop: Shop) -> None:
    with_login(shop)
    stored = shop.run("set", "r_token", "-e", "prod", typed="canary-r-token")

    listed = shop.run("list", "prod")
    told = shop.run("list", "prod", json=True).envelope["data"]
    removed = shop.run("remove", "r_token", "-e", "prod", "--yes")

    assert "hosts log in with it where they pull from r.example" in stored.err + stored.out
    assert "registry r.example" in listed.out
    (entry,) = [one for one in told["secrets"] if one["name"] == "r_token"]
    assert (entry["services"], entry["registries"]) == ([], ["r.example"])
    assert "no stack uses it" not in str(entry)
    assert removed.code == 4
    assert "r_token is used" in removed.err
    assert "hosts.toml:" in removed.err


def test_it_may_be_missing(shop: Shop) -> None:
    before = shop.run("list", "prod").out

    assert shop.run("list", "prod").code == 0
    assert "r_token" not in with_login(shop).run("list", "prod").out
    assert shop.run("list", "prod").out == before
