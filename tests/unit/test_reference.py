"""The reference in docs/ names every command, option, exit code, label and key: what is missing there fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from tests.unit.pages import PAGES
from typer.core import TyperCommand, TyperGroup

from opsctl.cli.app import build
from opsctl.errors import Exit
from opsctl.model import compose_spelling, hosts, stack
from opsctl.state import fingerprint, observed

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CLI = (REFERENCE / "cli.md").read_text(encoding="utf-8")


def commands(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{prefix}{name} ")
        elif isinstance(command, TyperCommand):
            yield prefix + name, command


COMMANDS = dict(commands(build()))


def section(title: str) -> str:
    """The text below a heading of the second rank, up to the next."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert match, f"docs/reference/cli.md has no section {title}"
    return match[1]


def words(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_all_its_options(name: str) -> None:
    options = {flag for parameter in COMMANDS[name].params for flag in parameter.opts if flag.startswith("-")}
    assert options - {"--help"} - words(section(name)) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_section_begins_with_the_usage_of_its_command(name: str) -> None:
    assert section(name).lstrip().startswith(f"```\nopsctl {name}")


def test_no_section_tells_of_an_option_that_is_not_there() -> None:
    known = {flag for command in COMMANDS.values() for parameter in command.params for flag in parameter.opts}
    known |= {flag for parameter in build().params for flag in parameter.opts} | {"--help"}
    invented = {flag for name in COMMANDS for flag in words(_usage(name))} - known
    assert not invented


def _usage(name: str) -> str:
    return section(name).split("```")[1]


def test_every_global_option_is_told() -> None:
    flags = {flag for parameter in build().params for flag in parameter.opts}
    assert flags - words(CLI.split("## ")[0]) == set()


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_told(code: Exit) -> None:
    assert re.search(
        rf"^\| {int(code)} \|", (REFERENCE / "exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_every_label_is_told() -> None:
    told = (REFERENCE / "labels.md").read_text(encoding="utf-8")
    labels = {
        value
        for module in (fingerprint, observed)
        for name, value in vars(module).items()
        if name.endswith("_LABEL")
    }
    assert labels
    assert {label for label in labels if f"`{label}`" not in told} == set()


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def missing(model: type[BaseModel], file: str) -> set[str]:
    """The keys that stand in no code span of the file."""
    told = " ".join(re.findall(r"`([^`\n]+)`", (REFERENCE / file).read_text(encoding="utf-8")))
    return {key for key in keys(model) if not re.search(rf"\b{re.escape(key)}\b", told)}


@pytest.mark.parametrize(
    "model",
    [
        hosts.HostsFile,
        hosts.Environment,
        hosts.Host,
        hosts.Sudo,
        hosts.Registry,
        hosts.RegistryLogin,
        hosts.SecretName,
        hosts.Notify,
        hosts.TelegramBot,
    ],
    ids=lambda model: model.__name__,
)
def test_every_key_of_hosts_toml_is_told(model: type[BaseModel]) -> None:
    assert missing(model, "hosts-toml.md") == set()


@pytest.mark.parametrize(
    "model",
    [
        stack.StackFile,
        stack.Service,
        stack.Memory,
        stack.DependsOn,
        stack.FileSpec,
        stack.MergeSpec,
        stack.OnChange,
        stack.Wait,
        stack.Build,
    ],
    ids=lambda model: model.__name__,
)
def test_every_key_of_stack_files_is_told(model: type[BaseModel]) -> None:
    assert missing(model, "stack-files.md") == set()


def test_every_key_of_compose_that_is_not_taken_is_told() -> None:
    told = (REFERENCE / "stack-files.md").read_text(encoding="utf-8")
    assert {key for key in compose_spelling.REFUSED if f"`{key}`" not in told} == set()


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_are_made_from_the_code_are_those_of_the_code(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "make docs"
