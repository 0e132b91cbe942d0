from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.edges.sops.oracle import Person, Sops, person


@pytest.fixture(scope="session")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return person(tmp_path_factory.mktemp("keys"), "ann")


@pytest.fixture(scope="session")
def bob(tmp_path_factory: pytest.TempPathFactory) -> Person:
    return person(tmp_path_factory.mktemp("keys"), "bob")


@pytest.fixture(scope="session")
def sops(tmp_path_factory: pytest.TempPathFactory, ann: Person) -> Sops:
    return Sops(Path(tmp_path_factory.mktemp("sops")), ann)
