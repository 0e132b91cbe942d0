"""Hosts for scenarios: reserved for this session, wiped for each test that asks for a site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.machines import Lab
from tests.lab.site import Site, empty_site

LONGEST = (
    "test_n8n.py",
    "test_rotation_stopped.py",
    "test_push_images.py",
    "test_drivers.py",
    "test_faults.py",
    "test_killed.py",
    "test_merged.py",
    "test_canary_store.py",
    "test_databases.py",
    "test_rotation.py",
    "test_lease.py",
    "test_build.py",
    "test_hung.py",
    "test_leftovers.py",
)
"""Files that take a minute or more, longest first: begun early, so that none is what all wait for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the lab; the longest files come first, those of tests/contract too."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.lab)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab.up("lab-app", "lab-vpn", "lab-spare")


@pytest.fixture
def site(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """An empty project on wiped hosts: lab-app, or those of `@pytest.mark.hosts(...)`; the test writes its files.

    The hosts are reserved for the test, so tests of different hosts may run side by side.
    """
    mark = request.node.get_closest_marker("hosts")
    names = mark.args if mark else ("lab-app",)
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    with empty_site(lab, tmp_path / "project", name, *names) as made:
        yield made
