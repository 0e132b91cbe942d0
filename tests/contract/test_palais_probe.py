"""The probe of Palais, run by a real Node.js against a server that answers as /api/health does; Palais itself cannot be had."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.contract.conftest import debian
from tests.unit.apps.answers import server

from opsctl.apps.palais.app import PALAIS

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def node() -> Path:
    return debian("node", "nodejs")


def asks(node: Path, port: int) -> int:
    words = [str(node), *(word.replace(":3300/", f":{port}/") for word in PALAIS.probe[2:])]
    return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.parametrize("code,healthy", [(200, True), (503, False), (404, False)])
def test_the_answer_is_the_exit_code(code: int, healthy: bool, node: Path) -> None:
    with server(code) as (port, asked):
        assert (asks(node, port) == 0) is healthy
    assert asked == ["GET /api/health HTTP/1.1"]


def test_a_port_that_nobody_listens_on_is_not_healthy(node: Path) -> None:
    with server(200) as (port, _asked):
        pass
    assert asks(node, port) != 0
