"""Hosts for scenarios: reserved for this session, wiped for each test that asks for a site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.machines import Lab
from tests.lab.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the lab."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)


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
    root = tmp_path / "project"
    root.mkdir()
    hosts = {one: lab.host(one) for one in names}
    with ExitStack() as stack:
        for _, host in sorted(hosts.items()):
            stack.enter_context(host.reserved())
        for host in hosts.values():
            host.wipe()
        yield Site(root, lab, name, hosts)
        for host in hosts.values():
            host.wipe()
