"""The page's reaper, as sh runs it, before an engine that is none: the newest sandboxes stay."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.unit.apps import linted
from tests.unit.apps.pages import page

DOCKER = """\
#!/bin/sh
case "$1" in
  ps) [ "$*" = "ps -q --filter label=openclaw.sandbox=1" ] && cat "$HERE/sandboxes" ;;
  rm) shift 2; echo "$@" >>"$HERE/removed" ;;
esac
"""


@pytest.mark.parametrize(
    "there,removed",
    [(0, []), (5, []), (6, ["id6"]), (8, ["id6", "id7", "id8"])],
)
def test_what_is_above_the_budget_is_removed_the_oldest_first(
    there: int, removed: list[str], tmp_path: Path
) -> None:
    """`docker ps` lists the newest first; `sleep` ends the loop here."""
    root = page("openclaw.md").project(tmp_path / "project")
    reaper = linted.subject(root).desired.hosts[0].services["openclaw-reaper"]
    (script,) = reaper.files
    programs = {"docker": DOCKER, "sleep": "#!/bin/sh\nkill $PPID\n"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "sandboxes").write_text("".join(f"id{number + 1}\n" for number in range(there)))
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HERE": str(tmp_path)}
    subprocess.run(["sh", "-c", script.content], env=environ, timeout=30, check=False)
    found = tmp_path / "removed"
    assert (found.read_text().split() if found.exists() else []) == removed
