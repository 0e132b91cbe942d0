"""The command line that a missing secret is answered with."""

from __future__ import annotations

import pytest

from opsctl.flows.secret_inventory import NOWHERE, Item
from opsctl.flows.secret_mending import mend
from opsctl.model.fleet import Place
from opsctl.model.secrets import SecretClass
from opsctl.render.secret_uses import SecretUse
from opsctl.secrets.policy import Remark

MISSING = Remark("missing", "high", "not in the store")
PLACE = Place("stacks/apps.yml", 1)


def asked(name: str, *uses: SecretUse, remark: Remark = MISSING) -> str:
    known: SecretClass | None = "migrate_only" if name.endswith("encryption_key") else None
    command = mend(Item(name, None, uses, known, NOWHERE, (remark,)), remark, "prod")
    return command.removeprefix(f"opsctl secrets set {name} -e prod").strip()


def held(key: str, service: str = "api") -> SecretUse:
    return SecretUse("apps", service, PLACE, env_key=key)


@pytest.mark.parametrize(
    "name, use, expected",
    [
        ("session", held("SESSION_SECRET"), "--generate 32"),
        ("anthropic_api_key", held("KEY"), ""),
        ("bot", held("TELEGRAM_BOT_TOKEN"), ""),
        ("litellm_master_key", held("LITELLM_MASTER_KEY"), ""),
        ("n8n_encryption_key", held("N8N_ENCRYPTION_KEY"), ""),
        (
            "n8n_db",
            SecretUse("infra", "postgresql", PLACE, database="n8n", role="flows"),
            "--class database --target service=postgresql --target role=flows --generate 32",
        ),
        (
            "root",
            held("POSTGRES_PASSWORD", "db"),
            "--class database --target service=db --target role=postgres --generate 32",
        ),
        (
            "app",
            held("DATABASE_URL"),
            "--class database --target service=SERVICE --target role=ROLE --generate 32",
        ),
        (
            "redis_sure",
            held("REDIS_URL"),
            "--class database --driver redis --target service=SERVICE --target user=USER --generate 32",
        ),
    ],
)
def test_it_is_as_complete_as_the_stacks_let_it_be(name: str, use: SecretUse, expected: str) -> None:
    assert asked(name, use) == expected


def test_a_class_that_is_missing_is_set_without_a_new_value() -> None:
    use = SecretUse("infra", "postgresql", PLACE, database="n8n", role="n8n")
    remark = Remark("class by use", "warn", "regenerate, and by its use a database keeps it")
    expected = "--class database --target service=postgresql --target role=n8n --policy-only"
    assert asked("n8n_db", use, remark=remark) == expected
