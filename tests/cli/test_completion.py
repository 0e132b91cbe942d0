"""What the shell offers after TAB."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shop import Shop


def offered(line: str, project: Path) -> list[str]:
    """What bash would be given for the line, whose last word is being typed."""
    words = line.split(" ")
    environ = {
        **os.environ,
        "_OPSCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "opsctl"],
        env=environ,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize(
    "line, words",
    [
        ("opsctl plan ", ["api", "db", "lab", "prod", "proxy"]),
        ("opsctl deploy lab a", ["api"]),
        ("opsctl plan --host lab-", ["lab-app", "lab-vpn"]),
        ("opsctl plan --stack ", ["app", "edge"]),
        ("opsctl why d", ["db"]),
        ("opsctl why api -e p", ["prod"]),
        ("opsctl hosts trust w", ["web"]),
        ("opsctl pin-images --running lab-", ["lab-app", "lab-vpn"]),
        ("opsctl pin-images lab-", []),
        ("opsctl pin-images a", ["api"]),
    ],
)
def test_names_of_the_project_are_offered(project: Path, line: str, words: list[str]) -> None:
    assert sorted(offered(line, project)) == words


def test_secrets_of_all_stores_are_offered_without_a_key(shop: Shop) -> None:
    assert sorted(offered("opsctl secrets show ", shop.root)) == ["api_token", "db_password"]
    assert offered("opsctl secrets set db", shop.root) == ["db_password"]


def test_broken_files_offer_what_can_be_read(project: Path) -> None:
    (project / "stacks" / "edge.yml").write_text("services: [")
    assert sorted(offered("opsctl why ", project)) == ["api", "db"]
    (project / "hosts.toml").write_text("[")
    assert offered("opsctl audit ", project) == []
