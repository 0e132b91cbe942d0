"""Rules about images: what floats, what no digest pins, what does not fit."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.images.findings import Finding, offline_findings
from opsctl.images.pins import Pins
from opsctl.images.wanted import wanted_images
from opsctl.model.references import parse_reference
from opsctl.render.image_uses import dockerfile_uses, image_uses
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_HASH = "Docker pulls by digest and ignores the tag beside it (engine 20.10, run); compose-lint CL-0004"


def _findings(subject: Subject) -> tuple[Finding, ...]:
    uses = image_uses(subject.fleet, subject.desired)
    return offline_findings(subject.fleet.lock, uses, wanted_images(uses))


def _of(subject: Subject, *kinds: str) -> Iterator[tuple[Finding, Hit]]:
    for finding in subject.once(_findings):
        if finding.kind in kinds:
            for use in finding.uses:
                stack = next(
                    host.services[use.service].stack
                    for host in subject.desired.hosts
                    if host.name == use.host
                )
                message = f"{use.service}: {finding.image}: {finding.message}"
                yield finding, Hit(use.place, message, finding.hint, use.service, stack, use.host)


def _floating(subject: Subject) -> Iterator[Hit]:
    yield from (hit for finding, hit in _of(subject, "floating") if finding.severity == "no")


def _unpinned(subject: Subject) -> Iterator[Hit]:
    yield from (hit for _finding, hit in _of(subject, "unpinned"))


def _required(subject: Subject) -> Iterator[Hit]:
    if subject.fleet.environment(subject.environment).require_pins:
        yield from without_digest(subject)


def without_digest(subject: Subject) -> Iterator[Hit]:
    """Every image that a service runs, names or is built on, and that no digest pins."""
    for finding, hit in _of(subject, "floating", "unpinned", "unreadable"):
        if finding.severity != "note":
            yield hit
    for view in subject.services():
        if parse_reference(view.service.image).is_built_here and not view.service.build:
            yield from _loose_bases(view)


def _loose_bases(view: ServiceView) -> Iterator[Hit]:
    """Which Dockerfile an image is built of that was built elsewhere nobody knows here, so every one of them counts."""
    pins = Pins(view.fleet.lock)
    for use in dockerfile_uses(view.fleet):
        read = use.reference
        if read is None or not (read.is_built_here or pins.digest(read)):
            hint = f"opsctl pin-images {use.key}" if read else "give the ARG a default"
            message = f"{use.image}: a Dockerfile builds on it, and no digest pins it"
            yield about(view, use.place, message, hint)


def _disagreeing(subject: Subject) -> Iterator[Hit]:
    yield from (hit for _finding, hit in _of(subject, "disagree"))


def unfit(subject: Subject) -> Iterator[Hit]:
    """Every locked image that does not run on the platform of a host that needs it."""
    yield from (hit for _finding, hit in _of(subject, "platform"))


def _held(subject: Subject) -> Iterator[Hit]:
    yield from (hit for finding, hit in _of(subject, "floating") if finding.severity == "note")


RULES = (
    Rule(
        "IMG001",
        "images",
        "warning",
        "a tag without a version, and no digest",
        "The tag is given to other bits whenever its owner likes: two deploys of the same files run different software, and "
        "nothing can be put back.",
        "opsctl pin-images writes its digest to images.lock.yaml.",
        _HASH,
        _floating,
    ),
    Rule(
        "IMG002",
        "images",
        "note",
        "a tag with a version, and no digest",
        "A version's tag can be pushed again with other bits.",
        "opsctl pin-images; an image in a configuration file is named by {{ image('…') }}.",
        _HASH,
        _unpinned,
    ),
    Rule(
        "IMG003",
        "images",
        "error",
        "no digest where the environment requires pins",
        "require_pins is set: what was not tried does not get there.",
        "opsctl pin-images",
        "hosts.toml, require_pins",
        _required,
    ),
    Rule(
        "IMG004",
        "images",
        "warning",
        "a digest in a file and another one in the lock",
        "One of them is not what was tried; the file's counts.",
        "opsctl pin-images takes the file's into the lock.",
        "decisions/0015",
        _disagreeing,
    ),
    Rule(
        "IMG005",
        "images",
        "error",
        "no image for the host's platform",
        "The pull succeeds or fails late, and the container ends with `exec format error`.",
        "Take a tag that has the platform, or mend `platform` in hosts.toml.",
        "moby: pulling a foreign platform by digest succeeds (engine 20.10, run)",
        unfit,
    ),
    Rule(
        "IMG006",
        "images",
        "note",
        "a tag without a version, held by its digest",
        "The same bits run until somebody asks for others, but the tag tells nobody which version they are.",
        "Use a tag with a version.",
        _HASH,
        _held,
    ),
)
