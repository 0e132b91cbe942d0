"""What the LiteLLM of a new image is asked, and how its words are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.apps.crossed import crossing, said, tried

from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Ran
from opsctl.checks.throwaway import Throwaway

STACK = """\
services:
  litellm:
    app: litellm
    image: ghcr.io/berriai/litellm:v1.89.1
    command: [--config, /app/config.yaml]
    env: {LITELLM_MASTER_KEY: {secret: litellm_master_key}}
    files:
      - {template: config.yaml, target: /app/config.yaml}
"""
CONFIG = "model_list: []\n"


def changed(root: Path, stack: str = STACK, config: str = CONFIG) -> Crossing:
    templates = {"config.yaml": config, "more.py": "x = 1\n"}
    return crossing(root, stack, "ghcr.io/berriai/litellm:v1.83.0", templates)


def test_it_is_shown_its_config(tmp_path: Path) -> None:
    verdict, (asked,) = tried(changed(tmp_path), said())
    assert (verdict.result, verdict.message) == ("pass", "it takes its config.yaml")
    assert isinstance(asked, Throwaway)
    assert (asked.image, asked.stdin) == ("ghcr.io/berriai/litellm:v1.89.1", CONFIG.encode())
    assert asked.words[:2] == ("python", "-c")
    assert set(asked.env) == {"LITELLM_MASTER_KEY", "LITELLM_LOCAL_MODEL_COST_MAP"}


@pytest.mark.parametrize(
    "answer,result,message",
    [
        (
            Ran(1, b"", b"a log\nValueError: 'health_check_interval' is NOT valid"),
            "fail",
            "it does not take its config.yaml: ValueError: 'health_check_interval' is NOT valid",
        ),
        (
            Ran(70, b"", b"litellm.proxy: no ProxyConfig"),
            "inconclusive",
            "this version reads its config.yaml in another way: litellm.proxy: no ProxyConfig",
        ),
    ],
)
def test_its_answers(answer: Ran, result: str, message: str, tmp_path: Path) -> None:
    verdict, _ = tried(changed(tmp_path), answer)
    assert (verdict.result, verdict.message) == (result, message)


@pytest.mark.parametrize(
    "stack,config,why",
    [
        (STACK.partition("    files")[0], CONFIG, "mounts no /app/config.yaml"),
        (STACK.partition("    command")[0], CONFIG, "it has no config.yaml"),
        (STACK + "      - {template: more.py, target: /app/more.py}\n", CONFIG, "may import /app/more.py"),
        (STACK, "include: [models.yaml]\n", "/app/config.yaml includes others"),
        (STACK, "general_settings: {key_management_system: aws_kms}\n", "asks a key manager"),
    ],
)
def test_what_cannot_be_shown_is_not_tried(stack: str, config: str, why: str, tmp_path: Path) -> None:
    verdict, asked = tried(changed(tmp_path, stack, config))
    assert (verdict.result, asked, why in verdict.message) == ("skip", [], True), verdict
