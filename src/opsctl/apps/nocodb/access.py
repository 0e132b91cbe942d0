"""Rules about who may use a NocoDB, and about its keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.nocodb.instance import Instance, instances
from opsctl.apps.weak_secrets import is_unknown, weakness
from opsctl.render.secret_uses import secret_uses
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject

EMAIL, PASSWORD = "NC_ADMIN_EMAIL", "NC_ADMIN_PASSWORD"
_JWT, _KEY = "NC_AUTH_JWT_SECRET", "NC_CONNECTION_ENCRYPT_KEY"
_SHORTEST = 8
"""Characters (nocodb-sdk, passwordHelpers.ts, validatePassword: nothing else is asked)."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_START = "npm nocodb 0.301.3: helpers/initAdminFromEnv.ts; run"


def _random_jwt(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if not one.env.get(_JWT):
            message = f"{_JWT} is not set: a random one is made and kept in the database"
            yield one.hit(message, f"{_JWT}: {{secret: nocodb_jwt}}", "env")


def _overwritten(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if one.env.get(EMAIL) and one.env.get(PASSWORD) and not one.settings.admin_from_env:
            message = f"every start sets the administrator's e-mail and password to {EMAIL} and {PASSWORD}"
            hint = "settings: {admin_from_env: true} where that is meant; else leave them out after the first start"
            yield one.hit(message, hint, "env", PASSWORD)


def _not_taken(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        for name, other in ((EMAIL, PASSWORD), (PASSWORD, EMAIL)):
            if one.env.get(name) and not one.env.get(other):
                yield one.hit(
                    f"{name} does nothing without {other}", f"give both, or {other} too", "env", name
                )
        if one.env.get(EMAIL) and one.env.get(PASSWORD):
            yield from _unfit(one)


def _unfit(one: Instance) -> Iterator[Hit]:
    email = one.env[EMAIL].strip()
    if not _ADDRESS.fullmatch(email) and not is_unknown(email):
        yield one.hit(
            f"{EMAIL} is no e-mail address: NocoDB ends at its start", "admin@example.org", "env", EMAIL
        )
    if weakness(one.env[PASSWORD], shortest=_SHORTEST):
        message = f"{PASSWORD} has fewer than {_SHORTEST} characters: NocoDB ends at its start"
        yield one.hit(message, f"{PASSWORD}: {{secret: nocodb_admin}}", "env", PASSWORD)


def _wrong_class(subject: Subject) -> Iterator[Hit]:
    known = subject.store.secrets if subject.store else {}
    for secret, uses in secret_uses(subject.fleet, subject.environment).items():
        keyed = {use.service for use in uses if use.env_key == _KEY}
        for one in instances(subject):
            if one.view.name in keyed and secret in known and known[secret].class_ != "migrate_only":
                message = f"{_KEY}: the secret {secret} is of the class {known[secret].class_}, and data is encrypted with it"
                hint = (
                    f"opsctl secrets set {secret} -e {subject.environment} --policy-only --class migrate_only"
                )
                yield one.hit(message, hint, "env", _KEY)


def _in_clear(subject: Subject) -> Iterator[Hit]:
    for one in instances(subject):
        if not one.env.get(_KEY):
            message = f"{_KEY} is not set: passwords of connected databases and services lie in its database in clear"
            hint = f"{_KEY}: {{secret: nocodb_encrypt_key}}, class migrate_only; it encrypts what is there at the next start"
            yield one.hit(message, hint, "env")


RULES = (
    Rule(
        "NCO004",
        "apps",
        "warning",
        "NocoDB: no secret of its own for sessions",
        "A random one lies in the database: whoever reads a backup can make sessions, and no rotation knows of it.",
        "A long random value from the secret store. Another one logs everybody out.",
        "npm nocodb 0.301.3: Noco.ts, initJwt",
        _random_jwt,
    ),
    Rule(
        "NCO005",
        "apps",
        "warning",
        "NocoDB: an administrator whose password every start puts back",
        "A password that was changed in NocoDB holds until the next start of the container. An account with that e-mail loses its own "
        "and becomes one with the administrator's.",
        "admin_from_env where the environment is meant to be the truth: then a rotation is a new value and a recreate.",
        _START,
        _overwritten,
    ),
    Rule(
        "NCO006",
        "apps",
        "error",
        "NocoDB: an administrator that it does not take",
        "It ends at its start, again and again, for a password of fewer than 8 characters and for what is no e-mail address; one of the "
        "two without the other does nothing.",
        "Give both, the password from the store.",
        _START,
        _not_taken,
    ),
    Rule(
        "NCO013",
        "apps",
        "error",
        "NocoDB: a key for stored connections that could be rotated",
        "With another value every stored connection is lost: `Config decryption failed`.",
        "The class migrate_only, which no rotation touches; `opsctl rotate-secret` then tells the way by hand.",
        "npm nocodb 0.301.3: utils/encryptDecrypt.ts; opsctl.secrets.classes",
        _wrong_class,
        needs_store=True,
    ),
    Rule(
        "NCO014",
        "apps",
        "note",
        "NocoDB: stored connections in clear",
        "Passwords of external databases, and tokens of integrations, can be read in its database and in every backup.",
        "Set the key: what is there is encrypted at the next start. Never change it afterwards.",
        "npm nocodb 0.301.3: helpers/initDataSourceEncryption.ts",
        _in_clear,
    ),
)
