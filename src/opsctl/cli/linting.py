"""`opsctl lint`: the project read and rendered without a value, the rules applied, the findings shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from opsctl.apps.catalogue import all_rules, apps_of, memory_rows, rules_of
from opsctl.cli.answer import answer
from opsctl.cli.invocation import Invocation
from opsctl.cli.project import Project, check, unchecked
from opsctl.cli.request import Request
from opsctl.cli.secret_values import SecretValues
from opsctl.cli.views.lint import explain_json, explain_view, github_lines, lint_json, lint_view, sarif
from opsctl.edges import compose_lint
from opsctl.edges.clock import SystemClock
from opsctl.errors import CouldNotFindOut, Exit, UsageError
from opsctl.model.nearest import nearest
from opsctl.render.compose import compose_document, compose_text
from opsctl.rules.engine import Report, apply
from opsctl.rules.foreign import could_not_look, foreign_hits
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject
from opsctl.state.desired import DesiredHost

Foreign = Callable[[Subject], Iterator[tuple[Rule, Hit]]]


def linted(
    invocation: Invocation, words: Sequence[str] | None, *, strict: bool, sarif: bool, github: bool
) -> int:
    """Raises InputError for files that are wrong, UsageError for formats that exclude each other."""
    if sum([sarif, github, invocation.json]) > 1:
        raise UsageError("--json, --sarif and --github exclude each other")
    project = unchecked(invocation, Request.about(words))
    report = _narrowed(report_of(invocation, project), project)
    code = report.exit(strict=strict)
    if sarif or github:
        invocation.out.write(_sarif_text(report, project) if sarif else github_lines(report))
        return code
    return answer(
        invocation,
        code,
        blocks=lint_view(report, project.fleet, project.desired),
        data=lint_json(report, project.fleet),
    )


def report_of(invocation: Invocation, project: Project) -> Report:
    """All rules over the environment; those about the store are skipped where it cannot be read. Raises InputError."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="compose-lint") as beside:
        foreign = _foreign(project, beside)
        check(project)
        return _applied(invocation, project, foreign)


def _applied(invocation: Invocation, project: Project, foreign: Foreign) -> Report:
    clock = invocation.clock or SystemClock()
    values = SecretValues(project.fleet.root, invocation.environ, invocation.clock)
    stored = values.stored(project.fleet, project.environment)
    more = {one.name: memory_rows(project.fleet, project.environment, one) for one in project.desired.hosts}
    subject = Subject(project.fleet, project.desired, stored, clock.now(), more)
    today = datetime.fromtimestamp(clock.now(), UTC).date().isoformat()
    return apply(rules_of(apps_of(project.fleet)), subject, today, foreign(subject))


def _foreign(project: Project, beside: Executor) -> Foreign:
    """What compose-lint says of each host's compose.yml, where it is installed. It runs while the rest goes on."""
    command = compose_lint.program()
    if command is None or not project.desired.hosts:
        return lambda _subject: iter(())
    asked = beside.submit(_asked, command, project.desired.hosts)

    def told(subject: Subject) -> Iterator[tuple[Rule, Hit]]:
        try:
            yield from foreign_hits(subject, asked.result())
        except CouldNotFindOut as error:
            for host in subject.desired.hosts:
                yield could_not_look(error.message, host.name, subject)

    return told


def _asked(command: str, hosts: Sequence[DesiredHost]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    return compose_lint.findings(command, {host.name: _compose(host) for host in hosts})


def _compose(host: DesiredHost) -> bytes:
    """As it would lie on the host, with fingerprints of a key that is none."""
    return compose_text(compose_document(host, bytes(32), held=frozenset()))


def explained(invocation: Invocation, rule: str) -> int:
    """Raises UsageError with the nearest id for a rule that is none."""
    rules = all_rules()
    chosen = rules if rule == "all" else [one for one in rules if one.id == rule.upper()]
    if not chosen:
        raise UsageError(f"there is no rule {rule}", hint=nearest(rule.upper(), [one.id for one in rules]))
    return answer(invocation, Exit.YES, blocks=explain_view(chosen), data=explain_json(chosen))


def _narrowed(report: Report, project: Project) -> Report:
    """The findings about the selected services; without a selection all."""
    services = project.selection.services
    if not services:
        return report
    kept = tuple(one for one in report.findings if one.hit.service in services)
    return Report(report.environment, kept, report.skipped)


def _sarif_text(report: Report, project: Project) -> str:
    return json.dumps(sarif(report, rules_of(apps_of(project.fleet))), indent=2, ensure_ascii=False) + "\n"
