"""Rules about the keys that a Sure encrypts with, and about passwords that everybody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.apps.sure.instance import Process, processes
from opsctl.apps.weak_secrets import weakness
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

_BASE = "SECRET_KEY_BASE"
_SHORTEST = 30
"""Characters; rails secret makes 128."""
_ENCRYPTION = (
    "ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",
    "ACTIVE_RECORD_ENCRYPTION_DETERMINISTIC_KEY",
    "ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT",
)
PUBLISHED: Mapping[str, frozenset[str]] = {
    _BASE: frozenset(
        {
            "a7523c3d0ae56415046ad8abae168d71074a79534a7062258f8d1d51ac2f76d3c3bc86d86b6b0b307df30d9a6a90a2066a3fa9e67c5e6f374dbd7dd4e0778e13",
            "secret-value",
            "replacemewiththegeneratedstringfromthepriorstep",
        }
    ),
    "POSTGRES_PASSWORD": frozenset({"sure_password", "postgres"}),
}
"""What compose.example.yml, .env.example and docs/hosting/docker.md of we-promise/sure say (2026-08-22)."""


def _published(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        for name, values in PUBLISHED.items():
            wrong = weakness(one.env(name), values, shortest=_SHORTEST if name == _BASE else 0)
            if wrong and (one.env(name) or name == _BASE):
                stored = f"sure_{name.lower().removeprefix('postgres_')}"
                hint = f"openssl rand -hex 64 gives a value for opsctl secrets set {stored}; {name}: {{secret: {stored}}}"
                yield one.hit(f"{name} {wrong}", hint, "env", name)


def _partial(subject: Subject) -> Iterator[Hit]:
    for one in processes(subject):
        missing = [name for name in _ENCRYPTION if not one.env(name)]
        if 0 < len(missing) < len(_ENCRYPTION):
            message = f"{', '.join(missing)} missing: Sure does not start with some of the three"
            at = next(name for name in _ENCRYPTION if name not in missing)
            yield one.hit(message, "all three, or none", "env", at)


def _replaceable(subject: Subject) -> Iterator[Hit]:
    known = subject.store.secrets if subject.store else {}
    for one in processes(subject):
        for name in encrypting(one):
            for secret in one.secrets_of(name):
                if secret in known and known[secret].class_ != "migrate_only":
                    message = f"{name}: the secret {secret} is of the class {known[secret].class_}, and data is encrypted with it"
                    hint = f"opsctl secrets set {secret} -e {subject.environment} --policy-only --class migrate_only"
                    yield one.hit(message, hint, "env", name)


def encrypting(process: Process) -> tuple[str, ...]:
    """The variables that credentials in the database are encrypted with: SECRET_KEY_BASE, unless all three are set."""
    return _ENCRYPTION if all(process.env(name) for name in _ENCRYPTION) else (_BASE,)


_INITIALIZER = "we-promise/sure v0.7.3, config/initializers/active_record_encryption.rb"
RULES = (
    Rule(
        "SUR003",
        "apps",
        "error",
        "Sure: a secret of its own example, or none",
        "SECRET_KEY_BASE signs sessions, and what encrypts the credentials of banks is made of it. With the one of the example "
        "everybody may sign in as anybody, without one Sure does not start.",
        "openssl rand -hex 64, into the secret store.",
        "we-promise/sure 2026-08-22, compose.example.yml, .env.example, docs/hosting/docker.md",
        _published,
    ),
    Rule(
        "SUR004",
        "apps",
        "error",
        "Sure: a key of encrypted data that a rotation would replace",
        "Where SELF_HOSTED is true and the three ACTIVE_RECORD_ENCRYPTION_ keys are not set, they are made of SECRET_KEY_BASE. With "
        "another one the credentials in the database cannot be read any more.",
        "The class migrate_only, which no rotation touches.",
        _INITIALIZER,
        _replaceable,
        needs_store=True,
    ),
    Rule(
        "SUR005",
        "apps",
        "error",
        "Sure: some of the three encryption keys",
        "Sure ends at its start when one or two of them are set.",
        "All three, or none.",
        _INITIALIZER,
        _partial,
    ),
)
