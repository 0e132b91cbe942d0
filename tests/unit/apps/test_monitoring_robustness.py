"""Whatever the files of a watch hold, the rules end: in findings, or in none."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.apps.test_monitoring_rules import APPS
from tests.unit.render.fleets import fleet_of

from opsctl.render.fleet import render
from opsctl.rules.engine import apply
from opsctl.rules.subject import Subject

_KEYS = st.sampled_from(
    [
        *(
            "global",
            "scrape_interval",
            "scrape_configs",
            "static_configs",
            "targets",
            "groups",
            "rules",
            "alert",
        ),
        *(
            "expr",
            "for",
            "interval",
            "route",
            "group_wait",
            "group_interval",
            "receivers",
            "telegram_configs",
        ),
        *(
            "chat_id",
            "bot_token_file",
            "compactor",
            "retention_enabled",
            "limits_config",
            "common",
            "path_prefix",
        ),
        *(
            "contactPoints",
            "settings",
            "chatid",
            "type",
            "policies",
            "orgId",
            "data",
            "model",
            "datasourceUid",
        ),
        *("datasources", "uid"),
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 9)
    | st.sampled_from(
        ["", "15s", "telegram", "container_health_state < 1", "container_health_status", "/loki"]
    )
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=16,
)
_FILES = {
    "victoriametrics": ("-promscrape.config=/a.yml", "/a.yml"),
    "vmalert": ("-rule=/*.yml", "/a.yml"),
    "alertmanager": ("--config.file=/a.yml", "/a.yml"),
    "loki": ("-config.file=/a.yml", "/a.yml"),
    "grafana": ("", "/etc/grafana/provisioning/a.yml"),
    "alloy": ("", "/a.yml"),
    "cadvisor": ("--housekeeping_interval=x", "/a.yml"),
}


def _deep(*keys: str) -> st.SearchStrategy[Any]:
    """Lists below lists, as the files have them, with anything at the end."""
    value: st.SearchStrategy[Any] = st.dictionaries(_KEYS, _VALUES, max_size=4)
    for key in reversed(keys):
        value = st.fixed_dictionaries({key: st.lists(value, max_size=2) | _SCALARS | _VALUES})
    return value


@tries(120)
@given(
    _VALUES
    | _deep("groups", "rules")
    | _deep("groups", "rules", "data")
    | _deep("scrape_configs", "static_configs")
    | _deep("receivers", "telegram_configs")
    | _deep("contactPoints", "receivers")
)
def test_rules_end_for_every_file(value: Any) -> None:
    content = json.dumps(value)
    services = {
        app: {"app": app, "command": [word], "files": [{"content": content, "target": target}]}
        for app, (word, target) in _FILES.items()
    }
    desired = render(fleet := fleet_of(services), "prod", str)
    rules = tuple(rule for app in APPS for rule in app.rules)
    report = apply(rules, Subject(fleet, desired), "2026-11-26")
    assert all(one.hit.place.file for one in report.findings)
