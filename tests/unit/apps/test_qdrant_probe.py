"""The probe of Qdrant, run by a real bash against a server that answers as /readyz does; Qdrant itself cannot be had."""

from __future__ import annotations

import subprocess

import pytest
from tests.unit.apps.answers import server

from opsctl.apps.qdrant.app import QDRANT
from opsctl.model.yaml_document import read_yaml
from opsctl.rules.probe_tools import BARE


def asks(port: int) -> int:
    words = [word.replace("/6333;", f"/{port};") for word in QDRANT.probe[1:]]
    return subprocess.run(words, capture_output=True, timeout=20, check=False).returncode


@pytest.mark.parametrize("code,healthy", [(200, True), (503, False), (404, False)])
def test_the_answer_is_the_exit_code(code: int, healthy: bool) -> None:
    with server(code) as (port, asked):
        assert (asks(port) == 0) is healthy
    assert asked == ["GET /readyz HTTP/1.0"]


def test_what_hlt005_says_to_write_is_this_probe() -> None:
    (works,) = (one.works for one in BARE if one.repository == "qdrant/qdrant")
    assert read_yaml("", works.encode()).value == list(QDRANT.probe)


def test_a_port_that_nobody_listens_on_is_not_healthy() -> None:
    with server(200) as (port, _asked):
        pass
    assert asks(port) != 0
