"""Who uses a secret, with the places; what a rendering asked for, by service; login names; the metrics of a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.render.fleets import fleet_of

from opsctl.errors import InputError
from opsctl.model.secrets import Secret, StoreFile, Version
from opsctl.render.fleet import render
from opsctl.render.secret_metrics import PATH, changed_moments, with_secret_metrics
from opsctl.render.secret_uses import secret_uses

SERVICES: Mapping[str, Mapping[str, Any]] = {
    "api": {
        "env": {
            "TOKEN": {"secret": "token"},
            "DB": "postgresql://{{ login('db') }}:{{ secret('db') | urlencode }}@db:5432/app",
        }
    },
    "worker": {"files": [{"target": "/etc/w.conf", "template": "w.j2"}]},
    "web": {"env": {"A": "1"}},
}
TEMPLATES = {"w.j2": "{% include 'part.j2' %}", "part.j2": "{% if false %}{{ secret('token') }}{% endif %}"}


def test_uses_name_the_variable_and_the_file_through_urls_and_includes() -> None:
    uses = secret_uses(fleet_of(SERVICES, templates=TEMPLATES), "prod")
    assert {
        name: [(one.service, one.env_key, one.target) for one in found] for name, found in uses.items()
    } == {
        "db": [("api", "DB", "")],
        "token": [("api", "TOKEN", ""), ("worker", "", "/etc/w.conf")],
    }


def test_a_login_alone_is_a_use_and_its_name_is_constant() -> None:
    fleet = fleet_of({"api": {"env": {"USER": "{{ login('db') }}"}}})
    assert [one.service for one in secret_uses(fleet, "prod")["db"]] == ["api"]
    with pytest.raises(InputError, match=r"login\(\) takes one constant name"):
        secret_uses(fleet_of({"api": {"env": {"USER": "{{ login(vars.x) }}"}}}), "prod")


def test_rendering_fills_in_login_and_value_and_tells_who_asked() -> None:
    desired = render(
        fleet_of(SERVICES, templates=TEMPLATES),
        "prod",
        lambda name: f"{name}/1",
        login=lambda name: f"{name}_a",
    )
    (host,) = desired.hosts
    assert host.services["api"].env["DB"] == "postgresql://db_a:db%2F1@db:5432/app"
    assert {name: set(one.secrets) for name, one in host.services.items()} == {
        "api": {"token", "db"},
        "worker": set(),
        "web": set(),
    }


def test_login_without_a_store_is_refused() -> None:
    with pytest.raises(InputError, match="db has no login name here"):
        render(fleet_of(SERVICES, templates=TEMPLATES), "prod", lambda name: name)


def test_metrics_name_the_secrets_in_use_and_no_value() -> None:
    desired = render(
        fleet_of(SERVICES, templates=TEMPLATES), "prod", lambda _name: "canary", login=lambda name: name
    )
    made = Version(stage="current", created=1_700_000_000, by="ann")
    file = StoreFile(
        secrets={
            "db": Secret.model_validate(
                {"class": "database", "versions": {"v1": made}, "expires": 1_800_000_000}
            ),
            "token": Secret(versions={"v1": made}),
            "unused": Secret(versions={"v1": made}),
        }
    )
    told = with_secret_metrics(desired, file, lambda secret: 1_750_000_000 if secret.expires else None)
    (host,) = told.hosts
    text = host.own_files[PATH].decode()
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        'opsctl_secret_created_timestamp_seconds{environment="prod",secret="db",class="database"} 1700000000',
        'opsctl_secret_created_timestamp_seconds{environment="prod",secret="token",class="regenerate"} 1700000000',
        'opsctl_secret_changed_timestamp_seconds{environment="prod",secret="db",class="database"} 1700000000',
        'opsctl_secret_changed_timestamp_seconds{environment="prod",secret="token",class="regenerate"} 1700000000',
        'opsctl_secret_due_timestamp_seconds{environment="prod",secret="db",class="database"} 1750000000',
        'opsctl_secret_expires_timestamp_seconds{environment="prod",secret="db",class="database"} 1800000000',
    ]
    assert "canary" not in text
    assert changed_moments(host.own_files[PATH]) == {"db": 1_700_000_000, "token": 1_700_000_000}
    assert changed_moments(b"\xff not of its form\n") == {}
    assert not with_secret_metrics(desired, StoreFile(), lambda _secret: None).hosts[0].own_files
