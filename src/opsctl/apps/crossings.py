"""Which apps of a host change their version, what speaks against that, and what is to be known of it."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.apps.app import App
from opsctl.apps.catalogue import find_app
from opsctl.checks.gates import Crossing, hazards, refusal
from opsctl.checks.situation import HostNow, Situation
from opsctl.images.versions import numbers
from opsctl.model.references import Reference, parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.subject import Subject

Crossed = tuple[App, Crossing]


def crossings(subject: Subject, host: HostNow) -> tuple[Crossed, ...]:
    """The services of a host, of those that are asked about, whose container has another tag than they shall have."""
    situation = Situation(subject, {host.name: host})
    found = []
    for one in situation.services():
        if not one.app or one.container is None:
            continue
        old, new = _tagged(one.container.image), _tagged(one.service.asked_image or one.service.image)
        if old and new and old.tag != new.tag:
            app = find_app(one.app)
            version = app.gate.version if app.gate else numbers
            told = [None if reference.is_built_here else version(reference.tag) for reference in (old, new)]
            found.append((app, Crossing(one, old.tag, new.tag, *told)))
    return tuple(found)


def refusals_of(found: Sequence[Crossed]) -> list[str]:
    """Why these steps are not taken."""
    return [why for app, crossing in found if app.gate and (why := refusal(crossing, app.gate))]


def known_of(found: Sequence[Crossed]) -> list[str]:
    """What the apps say of the versions that are crossed."""
    return [
        text
        for app, crossing in found
        for text in hazards(crossing, app.upgrades, app.gate.version if app.gate else numbers)
    ]


def _tagged(image: str) -> Reference | None:
    """None where it has no tag: what the engine lists by an id or a digest alone. That of a built image is no version."""
    try:
        reference = parse_reference(image)
    except Unfit:
        return None
    return reference if reference.tag else None
