"""What a person reads of pins: on 80 columns the tag of an image and its places stay, prose is folded at blanks."""

from __future__ import annotations

from opsctl.cli.views.errors import error_view
from opsctl.cli.views.pins import findings_view, lock_plan_view, outdated_view
from opsctl.errors import Refused
from opsctl.flows.pins.checking import Outdated
from opsctl.images.findings import Finding, Kind, Severity
from opsctl.images.lock_plan import Change, LockPlan
from opsctl.images.source_plan import SourcePlan
from opsctl.images.uses import ImageUse
from opsctl.images.wanted import Wanted
from opsctl.model.fleet import Place
from opsctl.model.lock import Lock, Pinned
from opsctl.model.references import parse_reference
from tests.cli import reports

IMAGE = "registry.example.org:5000/shop/postgres:15-bookworm"


def pin(byte: str) -> Pinned:
    return Pinned(
        tag="15-bookworm",
        digest="sha256:" + byte * 32,
        resolved_at="2026-11-23T12:00:00Z",
        platforms=("linux/amd64",),
    )


PIN = pin("ab")
USE = ImageUse(
    IMAGE, Place("stacks/demo.yml", 19), "service", "db", "prod", "web", source=Place("hosts.toml", 17)
)


def finding(kind: Kind, severity: Severity, hint: str = "", image: str = IMAGE) -> Finding:
    return Finding(kind, severity, image, (USE,), "major version only, and no digest pins it", hint)


def wanted() -> Wanted:
    return Wanted(IMAGE, parse_reference(IMAGE), (USE,))


def test_a_plan_in_80_columns_keeps_the_tag_and_every_place() -> None:
    change = Change(IMAGE, "moved", PIN, pin("cd"), wanted())
    shown = reports.text(
        lock_plan_view(LockPlan((change,), Lock(images={IMAGE: PIN})), None, (), dry_run=False, written=True),
        80,
    )
    assert (
        shown
        == """\
       image                 digest                        named in
moved  …ostgres:15-bookworm  abababababab -> cdcdcdcdcdcd  stacks/demo.yml:19
                                                           (hosts.toml:17)

images.lock.yaml: 1 image, 1 moved
next  opsctl plan shows what a deploy makes anew
"""
    )


def test_what_stays_for_one_reason_is_told_once() -> None:
    kept = tuple((Place("stacks/demo.yml", number), "its tag comes from a variable") for number in (5, 19))
    sources = SourcePlan({}, (Place("stacks/a.yml", 3), Place("stacks/b.yml", 4)), kept)
    shown = reports.text(lock_plan_view(LockPlan((), Lock()), sources, (), dry_run=True, written=False))
    assert (
        shown
        == """\
file  stacks/a.yml:3, stacks/b.yml:4: digest beside the tag
kept  stacks/demo.yml:5,19: its tag comes from a variable

images.lock.yaml: 0 images, nothing to change
"""
    )


def test_what_one_command_mends_has_one_hint() -> None:
    lacking = [
        finding("floating", "no", f"opsctl pin-images {IMAGE}"),
        finding("unpinned", "no", "opsctl pin-images b", "b"),
    ]
    shown = reports.text(
        findings_view([*lacking, finding("gone", "no", "another tag", "c")], 3, offline=True), 80
    )
    assert shown.count("hint: ") == 2
    assert "            hint: another tag\n" in shown
    assert shown.endswith("3 findings\nhint: opsctl pin-images gives 2 of them a digest\n")
    assert max(map(len, shown.splitlines())) <= 80
    one = reports.text(findings_view(lacking[:1], 1, offline=True))
    assert f"            hint: opsctl pin-images {IMAGE}\n" in one


def test_with_strict_a_note_is_a_finding() -> None:
    notes = [finding("floating", "note")]
    assert reports.text(findings_view(notes, 1, offline=True)).endswith("nothing floats\n")
    assert reports.text(findings_view(notes, 1, offline=True, strict=True)).endswith("1 finding\n")


def test_outdated_in_80_columns_keeps_tags_and_versions() -> None:
    shown = reports.text(outdated_view([Outdated(wanted(), PIN)], reports.NOON), 80)
    assert "/postgres:15-bookworm" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_the_words_of_an_error_are_folded_and_what_is_copied_is_not() -> None:
    long = "the engine of this machine has no " + "registry.example.org/shop/api:1.4.2 " * 3
    error = Refused(long.strip(), hint=long.strip(), evidence=[long.strip()])
    first, *rest = reports.text(error_view(error), 80).splitlines()
    assert len(first) <= 80
    assert rest[0].startswith("  registry.example.org")
    assert f"  | {long.strip()}" in rest
    assert f"hint: {long.strip()}" in rest
