"""What a look inspects, and what it leaves to the engine's list."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from tests.unit.plan.model import file, host, service

from opsctl.flows.inspection import inner_wanted, needs_inspection
from opsctl.state.desired import Dependency, DesiredHost
from opsctl.state.fingerprint import fingerprint
from opsctl.state.observed import Inspected, ObservedContainer, ObservedFile

KEY = b"k" * 32
HOST = host(
    service("db"),
    service("api", env={"A": "1"}, files=[file("api", "/etc/x", "x")]),
    service("web", files=[file("web", "/etc/web/x", "x", reaction="reload")]),
)
FILES = {
    path: ObservedFile(path, hashlib.sha256(content).hexdigest(), 0o644)
    for path, content in {
        "env/api.env": b"A=1\n",
        "files/api/etc/x": b"x",
        "files/web/etc/web/x": b"x",
    }.items()
}


def container(name: str, desired: DesiredHost = HOST) -> ObservedContainer:
    return ObservedContainer(
        id=name,
        name=f"demo-{name}-1",
        image="lab/app:1.0.0",
        image_id="sha256:1",
        state="running",
        health="",
        created=1.0,
        labels={
            "com.docker.compose.project": "demo",
            "com.docker.compose.service": name,
            **fingerprint(desired, desired.services[name], KEY).labels(),
        },
    )


CONTAINERS = tuple(container(name) for name in ("db", "api", "web"))


def changed(name: str, **fields: object) -> tuple[ObservedContainer, ...]:
    return tuple(replace(one, **fields) if one.service == name else one for one in CONTAINERS)  # type: ignore[arg-type]


def edited(*paths: str) -> dict[str, ObservedFile]:
    return {path: replace(one, sha256="0" * 64) if path in paths else one for path, one in FILES.items()}


class TestNeedsInspection:
    def test_nothing_where_all_is_as_desired(self) -> None:
        assert needs_inspection(HOST, CONTAINERS, KEY, FILES) == ()

    def test_everything_without_a_key(self) -> None:
        assert needs_inspection(HOST, CONTAINERS, None, FILES) == ("db", "api", "web")

    def test_another_label(self) -> None:
        other = replace(HOST, services={**HOST.services, "db": service("db", env={"NEW": "1"})})
        assert needs_inspection(other, CONTAINERS, KEY, FILES) == ("db",)

    def test_not_running_or_not_healthy(self) -> None:
        assert needs_inspection(HOST, changed("db", state="exited"), KEY, FILES) == ("db",)
        assert needs_inspection(HOST, changed("db", health="unhealthy"), KEY, FILES) == ("db",)
        assert needs_inspection(HOST, changed("db", health="starting"), KEY, FILES) == ("db",)
        assert needs_inspection(HOST, changed("db", health="healthy"), KEY, FILES) == ()

    def test_env_file_or_file_that_is_not_the_rendered_one(self) -> None:
        assert needs_inspection(HOST, CONTAINERS, KEY, edited("env/api.env")) == ("api",)
        assert needs_inspection(HOST, CONTAINERS, KEY, edited("files/api/etc/x")) == ("api",)
        assert needs_inspection(HOST, CONTAINERS, KEY, {}) == ("api",)

    def test_a_file_that_is_reloaded_needs_none(self) -> None:
        assert needs_inspection(HOST, CONTAINERS, KEY, edited("files/web/etc/web/x")) == ()

    def test_both_ends_of_a_restart(self) -> None:
        after = replace(HOST.services["web"], depends_on={"db": Dependency(restart=True)})
        paired = replace(HOST, services={**HOST.services, "web": after})
        assert needs_inspection(paired, CONTAINERS, KEY, FILES) == ("db", "web")

    def test_none_of_what_is_not_ours(self) -> None:
        foreign = replace(CONTAINERS[0], labels={}, state="exited")
        stray = replace(
            CONTAINERS[0],
            state="exited",
            labels={"com.docker.compose.project": "demo", "com.docker.compose.service": "gone"},
        )
        once = replace(
            CONTAINERS[0],
            state="exited",
            labels={**CONTAINERS[0].labels, "com.docker.compose.oneoff": "True"},
        )
        assert needs_inspection(HOST, (foreign, stray, once), KEY, FILES) == ()


class TestInnerWanted:
    seen = Inspected(0, 0, 0, oom_killed=False, restart_count=0, pid=42, env={})

    def test_a_file_edited_on_the_host(self) -> None:
        wanted = inner_wanted(HOST, changed("api", inspected=self.seen), KEY, edited("files/api/etc/x"))
        assert wanted == (("api", "api", 42, "/etc/x"),)

    def test_not_where_the_container_is_to_change_anyway(self) -> None:
        old = changed("api", inspected=self.seen, labels={**CONTAINERS[1].labels, "opsctl.files-hash": "old"})
        assert inner_wanted(HOST, old, KEY, edited("files/api/etc/x")) == ()

    def test_not_where_nothing_runs(self) -> None:
        stopped = changed("api", inspected=self.seen, state="exited")
        assert inner_wanted(HOST, stopped, KEY, edited("files/api/etc/x")) == ()

    def test_not_without_a_difference_nor_a_key(self) -> None:
        running = changed("api", inspected=self.seen)
        assert inner_wanted(HOST, running, KEY, FILES) == ()
        assert inner_wanted(HOST, running, None, edited("files/api/etc/x")) == ()
