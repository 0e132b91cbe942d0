"""Rules about what an n8n must not lose: its database, and the key without which credentials are lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsctl.apps.n8n.instance import KEY, Instance, instances
from opsctl.model.stack import SecretRef
from opsctl.rules.rule import Hit, Rule
from opsctl.rules.subject import Subject
from opsctl.secrets.classes import known_class

_NAMED = re.compile(r"secret\(\s*['\"]([^'\"]+)['\"]\s*\)")
# @n8n/config: dbTypeSchema of 1.65.9 has the first two as well; n8n 2.0 dropped them.
_MYSQL = frozenset({"mysqldb", "mariadb"})
_TYPES = frozenset({"sqlite", "postgresdb"})


def _keyless(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        env = instance.view.service.env
        if not env.get(f"{KEY}_FILE") and not instance.given(KEY):
            text = f"{KEY} is not set: n8n makes one up, and a worker does not start"
            yield instance.hit(text, f"{KEY}: {{secret: n8n_encryption_key}}", *instance.at(KEY))
        elif KEY in env and not _secrets(instance):
            text = f"{KEY} comes from no secret"
            yield instance.hit(text, f"{KEY}: {{secret: n8n_encryption_key}}", *instance.at(KEY))


def _secrets(instance: Instance) -> list[str]:
    """The names of the secrets that the key is made of; for a file, those that are called like such a key."""
    written = instance.view.written.env.get(KEY)
    if isinstance(written, SecretRef):
        return [written.secret]
    if isinstance(written, str):
        return _NAMED.findall(written)
    return [
        name
        for name in sorted(instance.view.service.secrets)
        if (known := known_class(name)) and known.class_ == "migrate_only"
    ]


def _replaceable(subject: Subject) -> Iterator[Hit]:
    store = subject.store.secrets if subject.store else {}
    for instance in instances(subject):
        for name in _secrets(instance):
            if name in store and store[name].class_ != "migrate_only":
                text = f"{KEY} is the secret {name}, whose class {store[name].class_} lets it be replaced"
                hint = (
                    f"opsctl secrets set {name} -e {subject.environment} --policy-only --class migrate_only"
                )
                yield instance.hit(text, hint, *instance.at(KEY))


def _elsewhere(subject: Subject) -> Iterator[Hit]:
    for instance in instances(subject):
        if instance.is_hidden("DB_TYPE"):
            continue
        kind, at = instance.value("DB_TYPE"), instance.at("DB_TYPE")
        is_old = instance.version is not None and instance.version < (2, 0)
        if kind not in _TYPES and not (kind in _MYSQL and is_old):
            gone = "MySQL and MariaDB are gone since 2.0: " if kind in _MYSQL else ""
            text = f"DB_TYPE {kind!r} is none that n8n knows: {gone}it takes its default, SQLite"
            yield instance.hit(text, "DB_TYPE: postgresdb", *at)
        elif kind == "sqlite" and (meant := _meant(instance)):
            text = f"{meant}, and n8n keeps its data in SQLite" + ("" if at else ", the default of DB_TYPE")
            yield instance.hit(text, "DB_TYPE: postgresdb", *(at or ("env",)))


def _meant(instance: Instance) -> str:
    """What says that it should use PostgreSQL; "" for nothing."""
    written = instance.view.written
    if written.connections:
        return f"connections name {', '.join(sorted(written.connections))}"
    names = [name for name in instance.view.service.env if name.startswith("DB_POSTGRESDB_")]
    return f"{min(names)} is set" if names else ""


RULES = (
    Rule(
        "N8N009",
        "apps",
        "error",
        "n8n: no encryption key of the secret store",
        "Without one n8n makes up a key and writes it into a file of its container's home: who loses that volume loses every stored "
        "credential, whatever backup of the database there is. A worker without the key does not start.",
        "N8N_ENCRYPTION_KEY: {secret: n8n_encryption_key}. Is one in use already, store that one: it is in /home/node/.n8n/config.",
        "n8n 2.41.1, n8n-core dist/instance-settings/instance-settings.js; services 3",
        _keyless,
    ),
    Rule(
        "N8N010",
        "apps",
        "error",
        "n8n: an encryption key that may be replaced",
        "With another key n8n does not start as long as its settings file has the old one, and cannot read any credential without it. "
        "A rotation of a class other than migrate_only would do just that.",
        "Class migrate_only: opsctl then refuses to rotate it, and prints the way by hand.",
        "docs/rotation.md; services 3; n8n issue 22478",
        _replaceable,
        needs_store=True,
    ),
    Rule(
        "N8N013",
        "apps",
        "error",
        "n8n: data in SQLite where a database was meant",
        "A DB_TYPE that n8n does not know (postgres, postgresql) is a line in its log, and SQLite. Everything is then in a file of the "
        "container's home, and gone with it where that is no volume.",
        "DB_TYPE: postgresdb.",
        "@n8n/config 2.39.0 database.config.js, decorators.js; run (2.41.1); services 3",
        _elsewhere,
    ),
)
