"""compose-lint's findings among ours, with the real compose-lint."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.unit.rules.test_rules import FINE, project

from opsctl.edges import compose_lint
from opsctl.errors import CouldNotFindOut, Exit
from opsctl.inputs.project import load
from opsctl.render.fleet import render
from opsctl.render.output import placeholder
from opsctl.rules.catalogue import RULES
from opsctl.rules.engine import Report, apply
from opsctl.rules.foreign import COVERED, could_not_look, foreign_hits
from opsctl.rules.subject import Subject

COMPOSE = b"""\
services:
  app:
    image: app:latest
    privileged: true
    ports: ["80:80"]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
"""
PROGRAM = str(Path(sys.executable).with_name("compose-lint"))


def lint(root: Path, today: str = "2026-11-26") -> Report:
    fleet = load(root)
    subject = Subject(fleet, render(fleet, "prod", placeholder))
    found = compose_lint.findings(PROGRAM, {"web": COMPOSE})
    return apply(RULES, subject, today, foreign_hits(subject, found))


def test_what_it_finds_stands_at_the_service_and_what_we_find_ourselves_is_left_out(tmp_path: Path) -> None:
    found = {one.rule.id: one for one in lint(project(tmp_path, FINE)).findings}
    assert found["CL-0002"].rule.severity == "warning"
    assert str(found["CL-0002"].hit.place) == "stacks/apps.yml:2"
    assert found["CL-0003"].rule.severity == "note"
    assert not COVERED & set(found)
    assert {one["rule_id"] for one in compose_lint.findings(PROGRAM, {"web": COMPOSE})["web"]} & COVERED, (
        "it does find them"
    )


def test_it_never_refuses_a_deploy_and_is_suppressed_like_ours(tmp_path: Path) -> None:
    meant = 'lint:\n  ignore:\n    - {rule: CL-0002, reason: it needs the devices, until: "2027-01-31"}\n'
    report = lint(project(tmp_path, FINE + meant))
    (one,) = [found for found in report.findings if found.rule.id == "CL-0002"]
    assert not one.stands
    assert report.exit(strict=False) is Exit.YES
    assert "LNT001" not in {found.rule.id for found in report.findings}


def test_where_it_fails_that_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(CouldNotFindOut, match="compose-lint failed"):
        compose_lint.findings(PROGRAM, {"web": b"services: ["})
    with pytest.raises(CouldNotFindOut, match="compose-lint failed"):
        compose_lint.findings(str(tmp_path / "gone"), {"web": COMPOSE})
    fleet = load(project(tmp_path / "a", FINE))
    subject = Subject(fleet, render(fleet, "prod", placeholder))
    report = apply(RULES, subject, "2026-11-26", [could_not_look("it broke", "web", subject)])
    assert report.exit(strict=False) is Exit.COULD_NOT_FIND_OUT


def test_one_process_looks_at_all_hosts_and_each_is_told_its_own() -> None:
    calm = b"services:\n  calm:\n    image: app:1\n"
    found = compose_lint.findings(PROGRAM, {"web": COMPOSE, "vpn": calm})
    assert {one["service"] for one in found["web"]} == {"app"}
    assert {one["service"] for one in found["vpn"]} == {"calm"}
