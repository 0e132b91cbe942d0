"""`[ENV] [SERVICE…]`: which environment, which services, and what is said when neither can be meant."""

from __future__ import annotations

import pytest

from opsctl.cli.arguments import Words, choose_environment, read_words, require_known, require_services
from opsctl.errors import UsageError

BOTH = ("lab", "prod")


def test_the_first_word_is_the_environment_if_it_names_one() -> None:
    assert read_words(["prod", "api", "db"], BOTH, "lab", changes=True) == Words("prod", ("api", "db"))


def test_else_it_is_a_service_of_the_default_environment() -> None:
    assert read_words(["api", "prod"], BOTH, "lab", changes=False) == Words("lab", ("api", "prod"))


def test_the_only_environment_needs_no_name_even_to_change_it() -> None:
    assert read_words(["api"], ["lab"], None, changes=True) == Words("lab", ("api",))


def test_a_command_that_changes_takes_no_default() -> None:
    with pytest.raises(UsageError, match="name the environment") as caught:
        read_words(["api"], BOTH, "lab", changes=True)
    assert caught.value.hint == "one of lab, prod"


def test_without_a_default_a_command_that_reads_asks_for_the_name_and_names_the_setting() -> None:
    with pytest.raises(UsageError) as caught:
        read_words([], BOTH, None, changes=False)
    assert "default_environment" in caught.value.hint


def test_a_word_that_is_nearly_an_environment_is_taken_for_a_slip() -> None:
    with pytest.raises(UsageError, match="no environment is called prd") as caught:
        read_words(["prd"], BOTH, None, changes=True)
    assert caught.value.hint == "did you mean 'prod'?"


def test_dash_e_must_name_an_environment() -> None:
    assert choose_environment("prod", BOTH, None, changes=True) == "prod"
    assert choose_environment(None, BOTH, "lab", changes=False) == "lab"
    with pytest.raises(UsageError, match="no environment is called pro"):
        choose_environment("pro", BOTH, None, changes=False)


SERVICES = {"lab": {"api", "proxy"}, "prod": {"api", "shop"}}


def test_services_of_the_environment_are_known() -> None:
    require_services(("api", "proxy"), "lab", SERVICES)


@pytest.mark.parametrize(
    "service, hint",
    [
        ("apo", "did you mean 'api'?"),
        ("shop", "shop runs in prod"),
        ("la", "did you mean 'lab'?"),
    ],
    ids=["a slip", "of another environment", "meant as the environment"],
)
def test_an_unknown_service_gets_the_likeliest_hint(service: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"no service is called {service} in lab") as caught:
        require_services((service,), "lab", SERVICES)
    assert caught.value.hint == hint


def test_an_unknown_name_says_where_it_was_looked_for() -> None:
    with pytest.raises(UsageError, match="no host is called wob in lab"):
        require_known("host", ["wob"], ["web"], where=" in lab")
