"""Values that encrypt other data, known by their names."""

from __future__ import annotations

import pytest

from opsctl.secrets.classes import GENERIC, kept_by_database, known_class


@pytest.mark.parametrize(
    "name, keys, what",
    [
        ("n8n_encryption_key", (), "n8n"),
        ("n8n-encryption-key", (), "n8n"),
        ("prod_n8n_encryption_key", (), "n8n"),
        ("automation_key", ("N8N_ENCRYPTION_KEY",), "n8n"),
        ("llm", ("LITELLM_SALT_KEY",), "LiteLLM's key"),
        ("litellm_master_key", (), "LiteLLM's master key"),
        ("x", ("LITELLM_MASTER_KEY",), "LiteLLM's master key"),
        ("sure_secret_key_base", (), "Rails"),
        ("x", ("ACTIVE_RECORD_ENCRYPTION_PRIMARY_KEY",), "Rails"),
        ("x", ("ACTIVE_RECORD_ENCRYPTION_KEY_DERIVATION_SALT",), "Rails"),
        ("x", ("GF_SECURITY_SECRET_KEY",), "Grafana"),
        ("x", ("NC_CONNECTION_ENCRYPT_KEY",), "NocoDB"),
        ("other_encryption_key", (), GENERIC.what),
        ("x", ("MB_SALT_KEY",), GENERIC.what),
    ],
)
def test_known(name: str, keys: tuple[str, ...], what: str) -> None:
    known = known_class(name, keys)
    assert known is not None
    assert known.what.startswith(what) or what in known.what
    assert known.class_ == "migrate_only"
    assert len(known.runbook) >= 3


@pytest.mark.parametrize(
    "name, keys",
    [
        ("db_password", ("POSTGRES_PASSWORD",)),
        ("session_secret", ("SESSION_SECRET",)),
        ("openai_key", ("OPENAI_API_KEY",)),
        ("grafana_password", ("GF_SECURITY_ADMIN_PASSWORD",)),
        ("jwt", ("NC_AUTH_JWT_SECRET",)),
        ("encryption_key_of_a_door_bell_ringtone", ()),
    ],
)
def test_not_known(name: str, keys: tuple[str, ...]) -> None:
    assert known_class(name, keys) is None


def test_a_master_key_beside_a_salt_key_encrypts_nothing() -> None:
    assert known_class("litellm_master_key", ["LITELLM_MASTER_KEY"], beside=["LITELLM_SALT_KEY"]) is None
    assert known_class("litellm_master_key", ["LITELLM_MASTER_KEY"], beside=["DATABASE_URL"]) is not None


def test_one_value_in_both_is_the_salt_key() -> None:
    known = known_class("litellm", ["LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"])
    assert known is not None
    assert known.what == "LiteLLM's key for credentials in its database"


@pytest.mark.parametrize(
    "name, key, kept",
    [
        ("x", "POSTGRES_PASSWORD", True),
        ("x", "POSTGRES_PASSWORD_FILE", True),
        ("x", "PGPASSWORD", True),
        ("x", "DATABASE_URL", True),
        ("x", "REDISCLI_AUTH", True),
        ("x", "QUEUE_BULL_REDIS_PASSWORD", True),
        ("x", "DB_POSTGRESDB_PASSWORD", True),
        ("db_password", "X", True),
        ("api_token", "TOKEN", False),
        ("openrouter_key", "OPENROUTER_API_KEY", False),
    ],
)
def test_what_a_database_keeps_is_known_by_its_variables(name: str, key: str, kept: bool) -> None:
    assert kept_by_database(name, [key]) == kept
