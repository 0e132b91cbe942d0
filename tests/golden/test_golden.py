"""Whole projects rendered, compared byte for byte with what is kept beside them.

`OPSCTL_UPDATE_GOLDEN=1 pytest tests/golden` writes what is rendered now; read the difference before you commit it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.unit.render.compose_binary import config

from opsctl.inputs.project import load
from opsctl.render.compose import compose_file, read_compose
from opsctl.render.fleet import render
from opsctl.render.output import files, placeholder
from opsctl.render.schema import schema_problems

HERE = Path(__file__).parent
CASES = sorted(folder.name for folder in HERE.iterdir() if (folder / "project").is_dir())
PROJECTS = {**{name: HERE / name / "project" for name in CASES}, "shipped": HERE.parents[1]}


def rendered(project: Path) -> dict[str, bytes]:
    """Every file of every environment by its path."""
    fleet = load(project)
    return {
        f"{environment}/{path}": content
        for environment in sorted(fleet.hosts_file.environments)
        for path, content in files(render(fleet, environment, placeholder)).items()
    }


@pytest.mark.parametrize("case", CASES)
def test_a_project_renders_to_the_bytes_that_were_read_and_approved(case: str) -> None:
    expected = HERE / case / "expected"
    found = rendered(PROJECTS[case])
    if os.environ.get("OPSCTL_UPDATE_GOLDEN"):
        shutil.rmtree(expected, ignore_errors=True)
        for path, content in found.items():
            (expected / path).parent.mkdir(parents=True, exist_ok=True)
            (expected / path).write_bytes(content)

    kept = {
        file.relative_to(expected).as_posix(): file.read_bytes()
        for file in expected.rglob("*")
        if file.is_file()
    }

    assert sorted(found) == sorted(kept)
    for path, content in found.items():
        assert content == kept[path], path


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_rendering_twice_gives_the_same_bytes(name: str) -> None:
    assert rendered(PROJECTS[name]) == rendered(PROJECTS[name])


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_the_specification_has_nothing_against_it(name: str) -> None:
    fleet = load(PROJECTS[name])

    for environment in fleet.hosts_file.environments:
        for host in render(fleet, environment, placeholder).hosts:
            assert schema_problems(read_compose(compose_file(host, b"k" * 32))) == []


@pytest.mark.compose
@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_the_real_compose_accepts_it_and_gives_every_service_its_environment(
    name: str, tmp_path: Path
) -> None:
    fleet = load(PROJECTS[name])

    for environment in fleet.hosts_file.environments:
        for host in render(fleet, environment, lambda name: f"$'\"\\{name} # é").hosts:
            folder = tmp_path / environment / host.name
            (folder / "env").mkdir(parents=True)
            for service, content in host.env_files.items():
                (folder / "env" / f"{service}.env").write_bytes(content)

            read = config(folder, compose_yml=compose_file(host, b"k" * 32))["services"]

            for service, desired in host.services.items():
                if not desired.on_demand:
                    assert (read[service].get("environment") or {}) == desired.env
                    assert read[service]["image"] == desired.image
