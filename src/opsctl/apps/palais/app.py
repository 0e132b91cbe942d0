"""Palais as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App
from opsctl.apps.palais import access, wiring
from opsctl.apps.palais.settings import Settings

# Its base is an image of Node.js, 18 or later, which has fetch.
_ASK = "fetch('http://127.0.0.1:3300/api/health').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"

PALAIS = App(
    name="palais",
    settings=Settings,
    rules=tuple(sorted((*wiring.RULES, *access.RULES), key=lambda rule: rule.id)),
    page="stacks/palais.md",
    checks=partial(resolve_name, "opsctl.apps.palais.checks:CHECKS"),
    probe=("CMD", "node", "-e", _ASK),
    reload="a changed variable is a recreate, a changed source is a build and a recreate",
)
