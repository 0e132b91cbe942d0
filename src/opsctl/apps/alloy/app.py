"""Alloy as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.alloy import collecting
from opsctl.apps.alloy.settings import Settings
from opsctl.apps.app import App, Upgrade

# The image is Ubuntu with bash, without wget and curl.
_ASK = (
    "exec 3<>/dev/tcp/127.0.0.1/12345; { echo GET /-/ready HTTP/1.0; echo; } >&3; head -1 <&3 | grep -q 200"
)

ALLOY = App(
    name="alloy",
    settings=Settings,
    rules=collecting.RULES,
    page="stacks/monitoring.md",
    checks=partial(resolve_name, "opsctl.apps.alloy.checks:CHECKS"),
    probe=("CMD", "bash", "-c", _ASK),
    reload="config.alloy is read at the start: a changed file is a recreate, the default of on_change",
    upgrades=(
        Upgrade(
            "1.20.0",
            "The cAdvisor inside tells the health of now; from 1.14 to 1.19 that of the container's start (ALY002).",
        ),
    ),
)
