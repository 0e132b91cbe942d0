"""Rules applied to a subject: findings, with those that a stack file suppresses still among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from opsctl.errors import Exit, worst
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.stack import Ignore
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

SUPPRESSION = "LNT001"
"""The rule about suppressions themselves; it cannot be suppressed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`ignored` is the suppression that covers it, None where it stands. `hosts` are all where the same was found."""

    rule: Rule
    hit: Hit
    ignored: Ignore | None = None
    hosts: frozenset[str] = frozenset()

    @property
    def stands(self) -> bool:
        return self.ignored is None

    @property
    def refuses(self) -> bool:
        """Whether a deploy is refused for it."""
        return self.stands and self.rule.severity == "error" and not self.hit.unknown


@dataclass(frozen=True, slots=True)
class Report:
    """`skipped` are rules that had nothing to look at, with the reason."""

    environment: str
    findings: tuple[Finding, ...]
    skipped: tuple[tuple[Rule, str], ...] = ()

    @property
    def standing(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.stands)

    def exit(self, *, strict: bool) -> Exit:
        """4 where an error stands (with `strict` anything), 5 where a rule could not look."""
        standing = self.standing
        codes = [Exit.NO] if any(one.refuses for one in standing) or (strict and standing) else []
        codes += [Exit.COULD_NOT_FIND_OUT] if any(one.hit.unknown for one in standing) else []
        return worst(codes)


@dataclass(frozen=True, slots=True)
class _Suppression:
    """As written, with its place; `service` "" for a whole stack."""

    ignore: Ignore
    stack: str
    service: str
    place: Place

    def covers(self, rule: Rule, hit: Hit) -> bool:
        return self.ignore.rule == rule.id and self.stack == hit.stack and self.service in {"", hit.service}


def apply(
    rules: Sequence[Rule], subject: Subject, today: str, foreign: Iterable[tuple[Rule, Hit]] = ()
) -> Report:
    """`today` is `2026-11-26`, for the end dates of suppressions; `foreign` are findings of another linter, taken after ours,
    which can be suppressed as ours can. Findings are sorted: errors first, then by place.
    """
    skipped = tuple((one, "no secret store") for one in rules if one.needs_store and subject.store is None)
    left_out = {one.id for one, _reason in skipped}
    suppressions = tuple(_suppressions(subject))
    found: dict[tuple[str, Place, str], Finding] = {}
    used: set[_Suppression] = set()
    ours = tuple((rule, hit) for rule in rules if rule.id not in left_out for hit in rule.check(subject))
    others = tuple(foreign)
    for rule, hit in (*ours, *others):
        covering = [one for one in suppressions if one.covers(rule, hit)]
        used.update(covering)
        current = next((one.ignore for one in covering if one.ignore.until >= today), None)
        key = (rule.id, hit.place, hit.message)
        one = found.setdefault(key, Finding(rule, hit, current))
        found[key] = replace(one, hosts=one.hosts | ({hit.host} - {""}))
    about = next((one for one in rules if one.id == SUPPRESSION), None)
    if about:
        known = {one.id for one in rules} | {one.id for one, _hit in others}
        for hit in _about_suppressions(suppressions, used, known, left_out, today):
            found.setdefault((about.id, hit.place, hit.message), Finding(about, hit))
    order = {"error": 0, "warning": 1, "note": 2}
    ordered = sorted(
        found.values(),
        key=lambda one: (
            not one.stands,
            order[one.rule.severity],
            one.hit.place.file,
            one.hit.place.line,
            one.rule.id,
        ),
    )
    return Report(subject.environment, tuple(ordered), skipped)


def _suppressions(subject: Subject) -> Iterator[_Suppression]:
    seen = set()
    for view in subject.services():
        for at, ignore in enumerate(view.written.lint.ignore):
            place = view.place("lint", "ignore", at)
            one = _Suppression(ignore, view.service.stack, view.name, place)
            if one not in seen:
                seen.add(one)
                yield one


def _about_suppressions(
    suppressions: Sequence[_Suppression],
    used: set[_Suppression],
    known: set[str],
    left_out: set[str],
    today: str,
) -> Iterator[Hit]:
    for one in suppressions:
        rule, service = one.ignore.rule, one.service
        if rule.startswith("CL-") and rule not in known:
            continue  # compose-lint is not installed here, or finds it no more; only it knows
        if rule not in known or rule == SUPPRESSION:
            message = f"{service}: there is no rule {rule} that could be suppressed"
            yield Hit(one.place, message, nearest(rule, known - {SUPPRESSION}), service, one.stack)
        elif one.ignore.until < today:
            message = f"{service}: the suppression of {rule} ended on {one.ignore.until}"
            yield Hit(one.place, message, "mend what it hid, or give it a new end", service, one.stack)
        elif one not in used and rule not in left_out:
            yield Hit(
                one.place, f"{service}: nothing to suppress for {rule}", "take it out", service, one.stack
            )
