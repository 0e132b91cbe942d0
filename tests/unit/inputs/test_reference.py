"""The reference pages name every key of the models, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from opsctl.inputs.template_checks import CONTEXT
from opsctl.model.build_spelling import REFUSED_BUILD_KEYS
from opsctl.model.checks import CommandCheck, HttpCheck, HttpExpect, LogCheck, OwnCheck, SqlCheck, TcpCheck
from opsctl.model.compose_spelling import REFUSED
from opsctl.model.databases import Connection, Database
from opsctl.model.hosts import Environment, Host, HostsFile, Notify, Sudo, TelegramBot
from opsctl.model.sites import Site, SitePaths
from opsctl.model.stack import (
    Build,
    DependsOn,
    FileSpec,
    Memory,
    MergeSpec,
    OnChange,
    SecretRef,
    Service,
    StackFile,
    Wait,
)
from opsctl.render.filters import FILTERS

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def section(page: str, title: str) -> str:
    """The text below a heading, up to the next."""
    text = (PAGES / page).read_text()
    return re.split(r"^#+ ", text.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def keys(page: str, title: str) -> set[str]:
    """The keys of the table in a section, without x-…"""
    rows = re.findall(r"^\| (`[^|]+`) \|", section(page, title), flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row)} - {"x-…"}


@pytest.mark.parametrize(
    "page,title,model",
    [
        ("hosts-toml.md", "At the top", HostsFile),
        ("hosts-toml.md", "[environments.NAME]", Environment),
        ("hosts-toml.md", "[hosts.NAME]", Host),
        ("hosts-toml.md", "[hosts.NAME.sudo]", Sudo),
        ("hosts-toml.md", "[notify]", Notify),
        ("hosts-toml.md", "[notify.telegram]", TelegramBot),
        ("stack-files.md", "At the top", StackFile),
        ("stack-files.md", "A service", Service),
        ("stack-files.md", "env", SecretRef),
        ("stack-files.md", "A dependency", DependsOn),
        ("stack-files.md", "memory", Memory),
        ("stack-files.md", "A file", FileSpec),
        ("stack-files.md", "A merged file", MergeSpec),
        ("stack-files.md", "wait", Wait),
        ("stack-files.md", "build", Build),
        ("stack-files.md", "databases", Database),
        ("stack-files.md", "connections", Connection),
        ("stack-files.md", "checks", OwnCheck),
        ("stack-files.md", "checks: http", HttpCheck),
        ("stack-files.md", "checks: http expect", HttpExpect),
        ("stack-files.md", "checks: tcp", TcpCheck),
        ("stack-files.md", "checks: command", CommandCheck),
        ("stack-files.md", "checks: sql", SqlCheck),
        ("stack-files.md", "checks: log", LogCheck),
        ("stack-files.md", "site", Site),
        ("stack-files.md", "site paths", SitePaths),
    ],
)
def test_tables_have_the_keys_of_the_models(page: str, title: str, model: type[BaseModel]) -> None:
    assert keys(page, title) == {info.alias or name for name, info in model.model_fields.items()}


def test_refused_keys_are_listed() -> None:
    assert keys("stack-files.md", "Keys of Compose that are not taken") == set(REFUSED)


def test_refused_keys_of_a_build_are_listed() -> None:
    text = section("stack-files.md", "build")
    assert {key for key in REFUSED_BUILD_KEYS if f"`{key}`" not in text} == set()


def test_reactions_are_listed() -> None:
    kinds = OnChange.model_json_schema()["properties"]["kind"]["enum"]
    listed = {re.sub(r"\W.*", "", key.lstrip("{")) for key in keys("stack-files.md", "on_change")}
    assert listed == set(kinds)


def test_names_and_filters_of_templates_are_listed() -> None:
    text = section("stack-files.md", "Templates")
    names = {re.sub(r"\W.*", "", key) for key in keys("stack-files.md", "Templates")}
    assert names == set(CONTEXT)
    assert {name for name in FILTERS if f"`{name}`" not in text} == set()
