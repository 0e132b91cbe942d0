"""Rules about the secret store, read in clear: names, classes and dates, never a value."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.model.fleet import Place
from opsctl.render.secret_uses import secret_uses
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject
from opsctl.secrets.policy import standing


def _missing(subject: Subject) -> Iterator[Hit]:
    known = subject.store.secrets if subject.store else {}
    for name, uses in secret_uses(subject.fleet, subject.environment).items():
        if name not in known:
            hint = f"opsctl secrets set {name} -e {subject.environment}"
            for use in uses:
                yield Hit(use.place, f"{use.user}: there is no secret {name}", hint, use.service, use.stack)


def _overdue(subject: Subject) -> Iterator[Hit]:
    place = Place(f"secrets/{subject.environment}.sops.yaml", 0)
    for name, secret in (subject.store.secrets if subject.store else {}).items():
        for remark in standing(secret, subject.now).remarks:
            if remark.kind in {"expired", "overdue", "marked due"}:
                hint = f"opsctl rotate-secret {name} -e {subject.environment}"
                yield Hit(place, f"{name}: {remark.text}", hint)


def _without_term(subject: Subject) -> Iterator[Hit]:
    place = Place(f"secrets/{subject.environment}.sops.yaml", 0)
    for name, secret in (subject.store.secrets if subject.store else {}).items():
        if secret.class_ != "migrate_only" and secret.rotate_every is None and secret.expires is None:
            hint = f"opsctl secrets set {name} -e {subject.environment} --policy-only --rotate-every 90d"
            yield Hit(place, f"{name}: nothing says when it shall be rotated", hint)


RULES = (
    Rule(
        "SEC002",
        "secrets",
        "error",
        "a secret that the store does not have",
        "The rendering fails when it asks for it.",
        "opsctl secrets set NAME -e ENV",
        "docs/secrets.md",
        _missing,
        needs_store=True,
    ),
    Rule(
        "SEC003",
        "secrets",
        "warning",
        "a secret that is overdue",
        "Its own policy says that the value should not be in use any more.",
        "opsctl rotate-secret NAME -e ENV",
        "docs/rotation.md",
        _overdue,
        needs_store=True,
    ),
    Rule(
        "SEC004",
        "secrets",
        "note",
        "a secret without a term",
        "A value that nobody ever changes is known to everybody who ever saw it.",
        "opsctl secrets set NAME --policy-only --rotate-every 90d",
        "audit: secrets not rotated",
        _without_term,
        needs_store=True,
    ),
)
