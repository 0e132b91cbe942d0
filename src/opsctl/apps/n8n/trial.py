"""What the n8n of a new image says of the variables that it shall run with, before the old one stops."""

from __future__ import annotations

import re

from opsctl.apps.n8n.instance import role_of
from opsctl.checks.gates import Crossing
from opsctl.checks.questions import Ran, Talk, failed, passed, ran, skipped
from opsctl.checks.throwaway import Throwaway

# --help of a command reads the environment, loads all that the command needs, and opens no database (2.41.1, run: 353 MB, 4 to 10 s).
_COMMANDS = {"main": "start", "worker": "worker", "webhook": "webhook"}
_MEMORY = 768 * 2**20
_SECONDS = 90.0
# @n8n/config 2.39.0, decorators.js: what it does not take falls back to its default, with this line.
_INVALID = re.compile(r"Invalid (?:\w+ )?value for [A-Z]")
_ENDS = re.compile(r"\w*Error: (?!Failed to load command)|Your Node\.js version")
_FILES = "N8N_CONFIG_FILES"
# It keeps its key in a file there, also one that it was given; the volume is not there, and the image's user makes no folder below /.
_FOLDER = {"N8N_USER_FOLDER": "/tmp/n8n"}  # noqa: S108 - its own


def takes_its_variables(crossing: Crossing) -> Talk:
    """`n8n start --help`, or that of the worker or webhook processor, with the service's variables. n8n starts with a value that it does
    not take and uses its default: with another database, as a rule.
    """
    view = crossing.now.view
    word = _COMMANDS.get(role_of(view))
    if word is None:
        return skipped("its command does one thing and ends")
    if named := sorted(name for name in view.service.env if name.endswith("_FILE") or name == _FILES):
        return skipped(f"{', '.join(named)}: files that are not in the image")
    told = yield from ran(
        Throwaway(
            crossing.now.host.name,
            view.service.image,
            ("n8n", word, "--help"),
            env={**view.service.env, **_FOLDER},
            memory=_MEMORY,
            timeout=_SECONDS,
        )
    )
    lines = (told.stderr + b"\n" + told.stdout).decode(errors="replace").splitlines()
    if told.code:
        return failed(f"it does not start: {_why(told, lines)}")
    if wrong := [line.strip() for line in lines if _INVALID.match(line)]:
        return failed(f"it does not take its variables: {'; '.join(wrong)}")
    return passed("it takes its variables")


def _why(told: Ran, lines: list[str]) -> str:
    """The reason stands before the lines of a stack."""
    return next((line.strip() for line in lines if _ENDS.match(line)), told.last_line())
