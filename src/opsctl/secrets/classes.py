"""What is known of a secret by its name: values that encrypt other data, which no rotation may simply replace."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from opsctl.model.secrets import SecretClass

__all__ = ["GENERIC", "Known", "given_by_others", "kept_by_database", "kept_by_redis", "known_class"]


@dataclass(frozen=True, slots=True)
class Known:
    """What kind of software's value it is, its class, and the way to replace it, one step a line."""

    what: str
    class_: SecretClass
    runbook: tuple[str, ...]


_STORE_IT = (
    "store the new value (opsctl secrets set NAME --only-store) and deploy, while the software is stopped"
)

GENERIC = Known(
    "a key that encrypts stored data",
    "migrate_only",
    (
        "back up the data that it encrypts, together with the present value",
        "let the software re-encrypt its data under a new value, as its own documentation says",
        _STORE_IT,
        "prove on one old record that it can still be read before the old value is let go",
    ),
)

# n8n issue 22478; docs.n8n.io, CLI commands and hosting/securing/encryption-key-rotation (November 2026).
_N8N = Known(
    "n8n's key for stored credentials",
    "migrate_only",
    (
        "it does not change: another value loses every stored credential",
        "if it must: n8n export:credentials --all --decrypted --output=FILE, where nobody else reads FILE",
        _STORE_IT + ": n8n and its workers need the same one",
        "n8n import:credentials --input=FILE, open one credential in the editor, destroy FILE",
        "newer versions rotate data keys below it instead, one-way: N8N_ENV_FEAT_ENCRYPTION_KEY_ROTATION=true",
    ),
)

# docs.litellm.ai/docs/proxy/master_key_rotations (October 2026).
_LITELLM_SALT = Known(
    "LiteLLM's key for credentials in its database",
    "migrate_only",
    (
        "it does not change after its first use: another value makes every stored model and key unreadable",
        "if it must: note which models and credentials are stored in the database and not in config.yaml",
        _STORE_IT,
        "enter them again; never call /key/regenerate with new_master_key while a salt key is set",
    ),
)
_LITELLM_MASTER = Known(
    "LiteLLM's master key, which encrypts its database as long as no LITELLM_SALT_KEY is set",
    "migrate_only",
    (
        "back up the database",
        "POST /key/regenerate with key (the present one) and new_master_key: LiteLLM encrypts its rows anew",
        "store the new value (opsctl secrets set NAME --only-store) and deploy at once",
        "send one request to a model that is stored in the database",
    ),
)

# guides.rubyonrails.org, Active Record Encryption, "Rotating Keys".
_RAILS = Known(
    "a Rails key that encrypts columns and signs sessions (Sure)",
    "migrate_only",
    (
        "back up the database together with the present value",
        "where the app takes a list of keys, Active Record reads with every one and writes with the last",
        "keys of deterministic columns cannot be rotated so",
        "encrypt the records anew (record.encrypt in a console) before the old key is taken out",
        "another SECRET_KEY_BASE logs everybody out, and loses columns whose keys are derived from it",
    ),
)

# grafana.com/docs/grafana, "Configure database encryption" (13.3): a key for a new instance; data keys below it.
_GRAFANA = Known(
    "Grafana's key above the keys of its stored secrets",
    "migrate_only",
    (
        "Grafana describes it for a new instance only; its data keys below can be rotated without it",
        "if it must: back up the database and note which data sources and contact points hold passwords",
        _STORE_IT,
        "enter those passwords again; what is provisioned from files is written anew at the start",
    ),
)

# nocodb.com/docs, "Updating Secrets" (August 2026).
_NOCODB = Known(
    "NocoDB's key for stored connections",
    "migrate_only",
    (
        "back up the database and stop NocoDB: with another value alone, every stored connection is lost",
        "nc-secret-mgr update --prev OLD --new NEW, with NC_DB set, encrypts them anew",
        _STORE_IT,
        "open one table of an external data source",
    ),
)

_MASTER_KEY, _SALT_KEY = "litellm_master_key", "litellm_salt_key"
_KNOWN: tuple[tuple[str, Known], ...] = (
    (r"n8n_encryption_key", _N8N),
    (_SALT_KEY, _LITELLM_SALT),
    (r"secret_key_base|(active_record|ar)_encryption_[a-z0-9_]+", _RAILS),
    (r"gf_security_secret_key|grafana_secret_key", _GRAFANA),
    (r"nc_connection_encrypt_key|nocodb_(connection_)?encrypt(ion)?_key", _NOCODB),
    (r"encryption_key|encrypt_key|salt_key", GENERIC),
)


def known_class(name: str, env_keys: Iterable[str] = (), *, beside: Collection[str] = ()) -> Known | None:
    """By the secret's name and the environment variables that hold it; `beside` are all variables of those services."""
    held = [_folded(key) for key in env_keys]
    salted = _SALT_KEY in {*map(_folded, beside), *held}
    for word in (_folded(name), *sorted(held)):
        if not salted and re.fullmatch(rf"(.*_)?{_MASTER_KEY}", word):
            return _LITELLM_MASTER
        for pattern, known in _KNOWN:
            if re.fullmatch(rf"(.*_)?({pattern})", word):
                return known
    return None


def _folded(word: str) -> str:
    """Names of secrets and of variables in one spelling."""
    return re.sub(r"[.-]", "_", word.lower())


# Variables of the official images of PostgreSQL and Redis, of libpq and redis-cli, and what apps call theirs.
_OF_DATABASES = re.compile(
    r"(?:PG|POSTGRES(?:QL)?_|DB_|DB_POSTGRESDB_|DATABASE_|REDIS_|.*_(?:DB|DATABASE|POSTGRES|REDIS)_)PASS(?:WORD)?(?:_FILE)?"
    r"|REDISCLI_AUTH|(?:.*_)?(?:DATABASE|POSTGRES|REDIS|DB)_UR[IL]|NC_DB"
)


def kept_by_database(name: str, env_keys: Iterable[str]) -> bool:
    """Whether the name or a variable that carries the value says that a database server keeps it, and has to be told a new one."""
    return any(_OF_DATABASES.fullmatch(key.upper()) for key in (name, *env_keys))


_OF_REDIS = re.compile(r"(?:.*_)?REDIS_.*|REDISCLI_AUTH")


def kept_by_redis(name: str, env_keys: Iterable[str]) -> bool:
    """Whether the same words say that the server is a Redis."""
    return any(_OF_REDIS.fullmatch(key.upper()) for key in (name, *env_keys))


# Who hands out keys, and LiteLLM, which takes none that does not begin with sk-.
_GIVEN = re.compile(
    r"(?:.*_)?(?:ANTHROPIC|AZURE|COHERE|DEEPSEEK|DISCORD|FREESOUND|GEMINI|GITHUB|GOOGLE|GROQ|HF|HUGGINGFACE|MISTRAL|OPENAI|OPENROUTER"
    r"|SLACK|SMTP|TELEGRAM)_(?:.*_)?(?:KEY|TOKEN|PASS|PASSWORD)"
    r"|(?:.*_)?LITELLM_(?:API_|MASTER_|VIRTUAL_)?KEY"
)


def given_by_others(name: str, env_keys: Iterable[str]) -> bool:
    """Whether the name or a variable that carries the value says that it cannot be made up here."""
    return any(_GIVEN.fullmatch(key.upper()) for key in (name, *env_keys))
