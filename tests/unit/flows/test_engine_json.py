"""The engine's JSON as values; the examples were taken from engine 20.10.24 and 28.2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.flows import engine_json
from opsctl.state.observed import Mount, PublishedPort

ENTRY = {
    "Id": "4f1d",
    "Names": ["/demo-web-1"],
    "Image": "caddy:2.10.2",
    "ImageID": "sha256:77",
    "Command": "caddy run",
    "Created": 1700000000,
    "Ports": [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 443, "Type": "tcp"},
    ],
    "Labels": {"com.docker.compose.project": "demo", "com.docker.compose.service": "web"},
    "State": "running",
    "Status": "Up 3 minutes (healthy)",
    "HostConfig": {"NetworkMode": "demo_front"},
    "NetworkSettings": {"Networks": {"demo_front": {"NetworkID": "ab"}, "demo_back": {"NetworkID": "cd"}}},
    "Mounts": [
        {"Type": "volume", "Name": "demo_data", "Source": "/var/lib/docker/x", "Destination": "/data"},
        {"Type": "bind", "Source": "/opt/demo/files/web/x", "Destination": "/etc/x"},
    ],
}


def test_container() -> None:
    (one,) = engine_json.containers([ENTRY])
    assert (one.name, one.project, one.service) == ("demo-web-1", "demo", "web")
    assert (one.state, one.health, one.exit_code) == ("running", "healthy", None)
    assert one.ports == (PublishedPort("0.0.0.0", 8080, "tcp"), PublishedPort("::", 8080, "tcp"))
    assert one.networks == {"demo_front", "demo_back"}
    assert one.mounts == (
        Mount("volume", "demo_data", "/data"),
        Mount("bind", "/opt/demo/files/web/x", "/etc/x"),
    )


def test_bare_container() -> None:
    (one,) = engine_json.containers(
        [{"Id": "a", "Names": None, "Labels": None, "Ports": None, "Mounts": None}]
    )
    assert (one.id, one.name, one.labels, one.ports, one.state) == ("a", "", {}, (), "dead")


@pytest.mark.parametrize(
    "status, health, code",
    [
        ("Up 3 minutes", "", None),
        ("Up Less than a second", "", None),
        ("Up 2 weeks (healthy)", "healthy", None),
        ("Up 1 second (unhealthy)", "unhealthy", None),
        ("Up 1 second (health: starting)", "starting", None),
        ("Up 2 hours (Paused)", "", None),
        ("Exited (0) 3 minutes ago", "", 0),
        ("Exited (137) Less than a second ago", "", 137),
        ("Exited (-1) 2 days ago", "", -1),
        ("Restarting (1) 4 seconds ago", "", 1),
        ("Created", "", None),
        ("Dead", "", None),
        ("Removal In Progress", "", None),
        ("", "", None),
    ],
)
def test_status_texts(status: str, health: str, code: int | None) -> None:
    assert engine_json.health_of(status) == health
    assert engine_json.exit_code_of(status) == code


@given(st.text())
def test_status_texts_of_any_kind(status: str) -> None:
    assert engine_json.health_of(status) in {"", "starting", "healthy", "unhealthy"}
    assert engine_json.exit_code_of(status) is None or "(" in status


def test_inspection() -> None:
    seen = engine_json.inspected(
        {
            "Created": "2026-11-23T21:26:00.5Z",
            "RestartCount": 3,
            "State": {
                "StartedAt": "2026-11-23T21:26:01.123456789Z",
                "FinishedAt": "0001-01-01T00:00:00Z",
                "ExitCode": 137,
                "OOMKilled": True,
                "Pid": 42,
                "Health": {"Log": [{"ExitCode": 0, "Output": "ok\n"}, {"ExitCode": 1, "Output": ""}]},
            },
            "Config": {"Env": ["A=1", "B=x=y", "EMPTY=", "bare"]},
            "HostConfig": {"Memory": 1024},
        }
    )
    assert seen.started_at == pytest.approx(
        datetime(2026, 11, 23, 21, 26, 1, 123456, UTC).timestamp(), abs=1e-5
    )
    assert seen.finished_at == 0.0
    assert (seen.exit_code, seen.oom_killed, seen.restart_count, seen.pid) == (137, True, 3, 42)
    assert seen.env == {"A": "1", "B": "x=y", "EMPTY": ""}
    assert (seen.memory_limit, seen.health_log) == (1024, ("ok", "exit 1"))


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_times(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert engine_json.seconds(moment.isoformat() + "Z") == pytest.approx(aware.timestamp(), abs=1e-5)


@pytest.mark.parametrize("text", [None, "", "soon", "0001-01-01T00:00:00Z"])
def test_no_time(text: str | None) -> None:
    assert engine_json.seconds(text) == 0.0


def test_times_with_an_offset() -> None:
    assert engine_json.seconds("2026-11-23T23:26:00+02:00") == engine_json.seconds("2026-11-23T21:26:00Z")


def test_resources() -> None:
    networks = engine_json.networks([{"Name": "n", "Id": "1", "Labels": None}])
    volumes = engine_json.volumes({"Volumes": [{"Name": "v", "Driver": "local", "Options": None}]})
    images = engine_json.images(
        [
            {"Id": "sha256:1", "RepoTags": ["a:1", "<none>:<none>"], "RepoDigests": ["a@sha256:9"]},
            {"Id": "sha256:2", "RepoTags": None, "RepoDigests": None},
        ]
    )
    assert networks["n"].id == "1"
    assert (volumes["v"].driver, volumes["v"].options) == ("local", {})
    assert images == {"a:1": "sha256:1", "a@sha256:9": "sha256:1"}
    assert engine_json.volumes({"Volumes": None}) == {}


def test_built_images_are_known_by_their_label_and_what_inherits_it_is_not() -> None:
    one, two = "1" * 64, "2" * 64
    named = f"opsctl.local/demo/box:{one[:12]}"
    listed: list[dict[str, Any]] = [
        {"Id": "sha256:1", "RepoTags": None, "Labels": {"opsctl.build-hash": one}, "Created": 5},
        {"Id": "sha256:2", "RepoTags": [named], "Labels": {"opsctl.build-hash": one}, "Created": 9},
        {"Id": "sha256:3", "RepoTags": ["<none>:<none>"], "Labels": {"opsctl.build-hash": two}, "Created": 8},
        {"Id": "sha256:4", "RepoTags": ["mine:1"], "Labels": {"opsctl.build-hash": two}, "Created": 9},
        {"Id": "sha256:5", "RepoTags": ["a:1"], "Labels": None},
    ]
    for order in (listed, listed[::-1]):
        assert engine_json.built(order) == {one: "sha256:2", two: "sha256:3"}
