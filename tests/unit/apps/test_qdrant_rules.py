"""Each rule of Qdrant: what it finds and where, and that the page's own example has no finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.effort import tries
from tests.unit.apps import linted
from tests.unit.apps.linted import marked, places
from tests.unit.apps.pages import page
from tests.unit.render.fleets import fleet_of

from opsctl.apps.qdrant.app import QDRANT as APP
from opsctl.apps.qdrant.key_list import KEYS, SECTIONS, known_keys
from opsctl.apps.qdrant.settings import Collection, Settings
from opsctl.render.fleet import render
from opsctl.render.output import login_placeholder
from opsctl.rules.engine import Finding, apply
from opsctl.rules.subject import Subject

PAGE = page("qdrant.md")
CONF = "qdrant/production.yaml.j2"
Edits = list[tuple[str, str]]

KEY = "QDRANT__SERVICE__API_KEY: {secret: qdrant_api_key}"
ENABLED = "      enabled: true\n"
POINTS = "{{ service.settings.collections.values() | map(attribute='points') | max }}"
COLLECTIONS = """\
      collections:
        notes: {points: 100000, dimension: 1536}
        archive: {points: 1000000, dimension: 1536, on_disk: true}
"""
CASES: dict[str, tuple[Edits, Edits]] = {
    "QDR001": ([], [("max_collections: 20", "vector_size_limit: 20  # <-")]),
    "QDR002": ([(KEY, f"{KEY}\n      QDRANT_LOG_LEVEL: INFO  # <-")], []),
    "QDR003": ([], [(ENABLED, ""), (POINTS, f"{POINTS} {{{{ '' if '<-' }}}}")]),
    "QDR004": ([("qdrant:\n    app", "qdrant:  # <-\n    app"), (f"    env:\n      {KEY}\n", "")], []),
    "QDR005": ([], [("storage:\n", "service: {grpc_port: 6334}\nstorage:\n"), ("service: {grpc_port: 6334}", "service:\n  read_only_api_key: hunter2hunter2  # <-")]),
    "QDR006": ([("dimension: 1536}\n", "dimension: 3072}  # <-\n")], []),
    "QDR007": ([], [("max_collections: 20", "max_collections: 1  # <-")]),
    "QDR008": ([], [("  max_collections: 20", "  quotas:\n    max_disk_usage_percent: 90  # <-\n    enabled: true")]),
    "QDR009": ([("qdrant:\n    app", "qdrant:  # <-\n    app"), (f"    settings:\n{COLLECTIONS}", "")], [(POINTS, "5")]),
    "QDR010": ([("v1.19.0", "v1.20.0  # <-")], []),
    "QDR011": ([("volumes: [qdrant:/qdrant/storage]", "volumes: [qdrant:/qdrant/snapshots]  # <-")], []),
}  # fmt: skip


def made(root: Path, stack: Edits = [], conf: Edits = []) -> Path:  # noqa: B006 - only read
    return PAGE.project(root, {"stack": stack, CONF: conf})


def findings(root: Path, rules: str = "QDR") -> list[Finding]:
    return linted.findings(root, rules)


def said(root: Path, rule: str) -> list[tuple[str, str]]:
    return [(one.hit.message.removeprefix("qdrant: "), one.hit.hint) for one in findings(root, rule)]


def test_the_pages_example_has_no_finding_of_its_own_nor_about_health(tmp_path: Path) -> None:
    root = made(tmp_path)
    assert [one.hit.message for one in findings(root) + findings(root, "HLT")] == []


@pytest.mark.parametrize("rule", CASES)
def test_a_broken_one_is_found_at_its_line_and_nothing_else(rule: str, tmp_path: Path) -> None:
    root = made(tmp_path, *CASES[rule])
    found = findings(root)
    assert places(found) == marked(root, "<-"), [one.hit.message for one in found]
    assert [(one.rule.id, one.hit.service) for one in found] == [(rule, "qdrant")]
    assert not any("hunter2" in one.hit.message + one.hit.hint for one in found)


def test_every_rule_has_an_example() -> None:
    assert [rule.id for rule in APP.rules] == sorted(CASES)


@pytest.mark.parametrize(
    "tag,key,since",
    [
        ("v1.13.6", "  max_collections: 5", "since 1.14"),
        ("v1.17.1", "  low_memory_mode: disabled", "since 1.18"),
        ("v1.18.3", "  quotas: {enabled: true, max_disk_usage_percent: 90}", "since 1.19"),
        ("v1.12", "  performance: {optimizer_io_budget: 0}", "since 1.13"),
        ("v1.15.5", "  performance: {max_optimization_threads: 0}", "until 1.14"),
    ],
)
def test_keys_of_other_versions_are_told_as_such(tag: str, key: str, since: str, tmp_path: Path) -> None:
    conf = [
        ("  max_collections: 20", f"  x: 1\n{key}"),
        ("  x: 1\n", ""),
        (f"      max_points_count: {POINTS}\n", ""),
    ]
    found = said(made(tmp_path, [("v1.19.0", tag)], conf), "QDR001")
    assert found
    assert all(message.endswith(f"does not know it; it is there {since}") for message, _hint in found)


@pytest.mark.parametrize(
    "variable,hint",
    [
        ("QDRANT__SERVICE__APIKEY", "did you mean 'QDRANT__SERVICE__API_KEY'?"),
        (
            "QDRANT__STORAGE__STRICT_MODE__ENABLED",
            "did you mean 'QDRANT__STORAGE__COLLECTION__STRICT_MODE__ENABLED'?",
        ),
        (
            "QDRANT__STORAGE__VECTOR_SIZE_LIMIT",
            "did you mean 'QDRANT__STORAGE__COLLECTION__STRICT_MODE__MAX_COLLECTION_VECTOR_SIZE_BYTES'?",
        ),
        ("QDRANT__MAX_COLLECTIONS", "did you mean 'QDRANT__STORAGE__MAX_COLLECTIONS'?"),
    ],
)
def test_an_unknown_variable_is_told_with_the_nearest(variable: str, hint: str, tmp_path: Path) -> None:
    root = made(tmp_path, [(KEY, f'{KEY}\n      {variable}: "1"')])
    assert said(root, "QDR001") == [(f"{variable}: Qdrant knows no such key", hint)]


@pytest.mark.parametrize(
    "variable",
    [
        "QDRANT__STORAGE__COLLECTION__STRICT_MODE__MAX_TIMEOUT",
        "QDRANT__LOG_LEVEL",
        "qdrant__service__max_workers",
        "QDRANT__FEATURE_FLAGS__ALL",
        "QDRANT_ALLOW_RECOVERY_MODE",
        "TZ",
    ],
)
def test_right_variables_are_left_alone(variable: str, tmp_path: Path) -> None:
    assert findings(made(tmp_path, [(KEY, f'{KEY}\n      {variable}: "1"')])) == []


def test_a_single_underscore_is_told_the_right_name(tmp_path: Path) -> None:
    root = made(tmp_path, [(KEY, "QDRANT_API_KEY: {secret: qdrant_api_key}")])
    assert said(root, "QDR002") == [
        (
            "QDRANT_API_KEY has no effect: Qdrant reads variables that begin with QDRANT__",
            "did you mean 'QDRANT__SERVICE__API_KEY'?",
        )
    ]
    assert len(said(root, "QDR004")) == 1


def test_an_allowed_key_is_taken(tmp_path: Path) -> None:
    stack = [("    settings:\n", "    settings:\n      allowed_keys: [storage.brand_new]\n")]
    assert findings(made(tmp_path, stack, [("max_collections: 20", "brand_new: 20")])) == []


@pytest.mark.parametrize("value", ["true", "TRUE", "on"])
def test_a_variable_enables_what_a_file_limits(value: str, tmp_path: Path) -> None:
    variable = "QDRANT__STORAGE__COLLECTION__STRICT_MODE__ENABLED"
    root = made(tmp_path, [(KEY, f'{KEY}\n      {variable}: "{value}"')], [(ENABLED, "")])
    assert said(root, "QDR003") == []


def test_a_variable_wins_over_a_file(tmp_path: Path) -> None:
    variable = "QDRANT__STORAGE__MAX_COLLECTIONS"
    root = made(tmp_path, [(KEY, f'{KEY}\n      {variable}: "1"  # <-')])
    assert places(findings(root, "QDR007")) == marked(root)


def test_limits_hold_what_is_stated(tmp_path: Path) -> None:
    size = [("8589934592", "6143999999")]
    assert said(made(tmp_path / "a", [], size), "QDR007")[0][0] == (
        "max_collection_vector_size_bytes is 6143999999, and the collection archive shall have 6144000000"
    )
    assert said(made(tmp_path / "b", [], [("8589934592", "6144000000")]), "QDR007") == []
    assert said(made(tmp_path / "c", [], [(POINTS, "999999")]), "QDR007")[0][0].startswith("max_points_count")
    assert said(made(tmp_path / "d", [], [*size, (ENABLED, "")]), "QDR007") == []


def test_an_empty_key_is_none(tmp_path: Path) -> None:
    root = made(tmp_path, [(KEY, "QDRANT__SERVICE__API_KEY: ''  # <-")])
    assert places(findings(root, "QDR004")) == marked(root)


def test_a_key_from_the_store_in_a_file_is_fine(tmp_path: Path) -> None:
    conf = [("storage:\n", "service: {}\nstorage:\n"), ("{}", "\n  api_key: {{ secret('qdrant_api_key') }}")]
    assert findings(made(tmp_path, [(f"    env:\n      {KEY}\n", "")], conf)) == []


@pytest.mark.parametrize(
    "volumes,path,wrong",
    [
        ("[qdrant:/qdrant]", "", False),
        ("['/srv/qdrant:/qdrant/storage/']", "", False),
        ("[{type: volume, source: qdrant, target: /qdrant/storage}]", "", False),
        ("[{type: tmpfs, target: /qdrant/storage}]", "", True),
        ("[/qdrant/storage]", "", True),
        ("[qdrant:/qdrant, {type: tmpfs, target: /qdrant/storage}]", "", True),
        ("[qdrant:/qdrant/storage]", "/data", True),
        ("[qdrant:/data]", "/data", False),
        ("[qdrant:/qdrant/data]", "./data", False),
    ],
)
def test_where_collections_are_kept(volumes: str, path: str, wrong: bool, tmp_path: Path) -> None:
    conf = [("  max_collections: 20", f"  storage_path: {path}")] if path else []
    root = made(tmp_path, [("[qdrant:/qdrant/storage]", volumes)], conf)
    assert (len(said(root, "QDR011")) == 1) is wrong


@pytest.mark.parametrize(
    "collection,memory",
    [
        ({"points": 1_000_000, "dimension": 1536}, 9_216_000_000),  # the documentation's own example
        ({"points": 1_000_000, "dimension": 1536, "quantization": "scalar"}, 11_520_000_000),
        (
            {"points": 1_000_000, "dimension": 1536, "quantization": "scalar", "on_disk": True},
            2_304_000_000,
        ),
        ({"points": 1_000_000, "dimension": 1536, "on_disk": True}, 0),
    ],
)
def test_what_a_collection_needs(collection: dict[str, object], memory: int) -> None:
    assert Collection.model_validate(collection).memory == memory


def test_memory_is_the_sum_of_all(tmp_path: Path) -> None:
    assert Settings.model_validate({"collections": {"a": {"points": 10, "dimension": 4}}}).memory == 240
    more = COLLECTIONS + "        more: {points: 160000, dimension: 1536}\n"  # 2.23 GiB with notes
    (found,) = said(made(tmp_path / "a", [(COLLECTIONS, more)]), "QDR006")
    assert found[0] == "its collections need 2286 MiB of memory, and its limit is 1536 MiB; more needs most"
    assert said(made(tmp_path / "b", [(COLLECTIONS, more), ("1536MiB", "2286MiB")]), "QDR006") == []


def test_a_named_file_counts_last_and_one_that_is_not_mounted_is_unknown(tmp_path: Path) -> None:
    command = [("    env:\n", "    command: [./entrypoint.sh, --config-path, config/mine.yaml]\n    env:\n")]
    (found,) = findings(made(tmp_path / "a", command), "QDR001")
    assert found.hit.unknown
    more = [("    files:\n", "    files:\n      - {content: 'storage: {max_collections: 1}', target: /qdrant/config/mine.yaml}\n")]  # fmt: skip
    assert len(said(made(tmp_path / "b", [*command, *more]), "QDR007")) == 1


@pytest.mark.parametrize("later,found", [("null", 0), ("{}", 1), ("{max_disk_usage_percent: 90}", 1)])
def test_a_later_file_is_laid_over_an_earlier_one(later: str, found: int, tmp_path: Path) -> None:
    first = "      - {content: 'storage: {quotas: {enabled: true}}', target: /qdrant/config/config.yaml}\n"
    root = made(
        tmp_path, [("    files:\n", f"    files:\n{first}")], [("max_collections: 20", f"quotas: {later}")]
    )
    assert len(said(root, "QDR008")) == found
    assert said(root, "QDR003") == []


def test_the_file_of_another_mode_counts(tmp_path: Path) -> None:
    mode = [
        (KEY, f"{KEY}\n      RUN_MODE: mine"),
        ("/qdrant/config/production.yaml", "/qdrant/config/mine.yaml"),
    ]
    wrong = [("max_collections: 20", "max_collection: 20")]
    assert len(said(made(tmp_path / "a", mode, wrong), "QDR001")) == 1
    assert said(made(tmp_path / "b", mode[:1], wrong), "QDR001") == []


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert len(findings(made(tmp_path, [], [("log_level: INFO", "log_level: [")]), "QDR001")) == 1


def test_the_lists_agree_with_what_is_told_of_them() -> None:
    assert "storage.max_collections" in known_keys(14) - known_keys(13)
    assert "storage.low_memory_mode" in known_keys(18) - known_keys(17)
    assert "storage.quotas.enabled" in known_keys(19) - known_keys(18)
    assert known_keys(40) == known_keys(19)
    assert known_keys(3) == known_keys(12)
    assert not SECTIONS & KEYS.keys()
    assert not any("vector_size_limit" in key for key in KEYS)


@tries(15)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["storage", "service", "api_key", "quotas", "collection", "strict_mode", "enabled"]
                ),
                inner,
            )
        ),
        max_leaves=6,
    ),
    st.sampled_from(["qdrant/qdrant:v1.19.0", "qdrant/qdrant", "Q", "{{ 'x' }}"]),
)
def test_whatever_is_written_the_rules_end(value: object, image: str) -> None:
    import json

    service = {
        "app": "qdrant",
        "image": image if image != "Q" else "a@b",
        "env": {"QDRANT__STORAGE__QUOTAS": "x", "QDRANT__": "y"},
        "memory": "64MiB",
        "files": [{"target": "/qdrant/config/config.json", "source": "conf"}],
    }
    try:
        fleet = fleet_of({"qdrant": service}, templates={"conf": json.dumps(value)})
        desired = render(fleet, "prod", str, login=login_placeholder)
    except Exception:  # noqa: BLE001 - only the rules are asked here
        return
    apply(APP.rules, Subject(fleet, desired), "2026-11-26")
