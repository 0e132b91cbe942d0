"""Findings of compose-lint as findings of ours: about the rendered Compose file, told at the service in the stack file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsctl.rules.rule import Hit, Rule, Severity, about
from opsctl.rules.subject import Subject

# Rules of compose-lint 0.36 that have one of ours, with better lines: socket, tags, ports, pins, credentials.
COVERED = frozenset({"CL-0001", "CL-0004", "CL-0005", "CL-0019", "CL-0020", "CL-0021"})
# Its findings never refuse a deploy: they are about hardening, and many images cannot do without.
_SEVERITIES: Mapping[str, Severity] = {"critical": "warning", "high": "warning"}


def foreign_hits(
    subject: Subject, found: Mapping[str, Iterable[Mapping[str, Any]]]
) -> Iterator[tuple[Rule, Hit]]:
    """`found` is what compose-lint says, by host. One rule of ours stands for each of its ids."""
    services = {(view.host.name, view.name): view for view in subject.services()}
    for host, findings in found.items():
        for one in findings:
            rule = _rule(one)
            view = services.get((host, str(one.get("service"))))
            if rule.id in COVERED or view is None:
                continue
            hint = str(one.get("fix") or "").partition("\n")[0]
            yield rule, about(view, view.place(), str(one.get("message")), hint)


def could_not_look(reason: str, host: str, subject: Subject) -> tuple[Rule, Hit]:
    """Where compose-lint is installed and fails: never a pass."""
    rule = _rule({"rule_id": "CL-0000", "severity": "high", "message": "compose-lint could not look"})
    return rule, Hit(subject.fleet.place("hosts", host), f"{host}: {reason}", host=host, unknown=True)


def _rule(one: Mapping[str, Any]) -> Rule:
    return Rule(
        id=str(one.get("rule_id")),
        theme="hardening",
        severity=_SEVERITIES.get(str(one.get("severity")), "note"),
        title=str(one.get("message") or "").partition(". ")[0],
        why=str(one.get("message") or ""),
        mend=str(one.get("fix") or ""),
        source="compose-lint; `compose-lint --explain ID` tells more",
        check=_nothing,
    )


def _nothing(_subject: Subject) -> Iterator[Hit]:
    yield from ()
