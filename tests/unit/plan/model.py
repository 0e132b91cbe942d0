"""A model of one host: what Compose and the engine do with files and commands, as far as a plan can tell.

Its rules are those found by running Compose 5.6.1 (facts: compose-traps); the lab holds the planner against the real thing.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsctl.merging.keys import fingerprint_text, managed
from opsctl.model.fleet import Place
from opsctl.model.references import familiar
from opsctl.plan.ensure import Ensure
from opsctl.plan.ensures import remembered
from opsctl.plan.merge import Merge
from opsctl.plan.planner import plan_host
from opsctl.plan.plans import HostPlan
from opsctl.plan.request import PlanRequest
from opsctl.plan.steps import (
    Build,
    Pull,
    Push,
    React,
    Recreate,
    ReplaceNetwork,
    Restart,
    RunJob,
    Settle,
    Start,
    Step,
    Tag,
)
from opsctl.render import envfile
from opsctl.render.compose import read_compose
from opsctl.state.desired import (
    Base,
    BuildFile,
    Dependency,
    DesiredBuild,
    DesiredFile,
    DesiredHost,
    DesiredMerge,
    DesiredService,
    Reaction,
)
from opsctl.state.fingerprint import WITHOUT_EFFECT
from opsctl.state.observed import (
    PROJECT_LABEL,
    SERVICE_LABEL,
    WORKING_DIR_LABEL,
    InnerFile,
    Inspected,
    Observed,
    ObservedContainer,
    ObservedFile,
    ObservedMerged,
    ObservedNetwork,
    ObservedVolume,
)

KEY = b"k" * 32
parsed_compose = functools.lru_cache(maxsize=256)(read_compose)
DIRECTORY = "/opt/demo"


def file(
    service: str, target: str, content: str, reaction: str = "recreate", mode: int = 0o644
) -> DesiredFile:
    kinds = {
        "recreate": Reaction(),
        "reload": Reaction("reload", command=("reload", service)),
        "signal": Reaction("signal", signal="SIGHUP"),
        "restart": Reaction("restart"),
        "none": Reaction("none"),
    }
    return DesiredFile(
        path=f"files/{service}{target}",
        content=content.encode(),
        mode=mode,
        target=target,
        mount="file" if reaction == "recreate" else "directory",
        reaction=kinds[reaction],
    )


def service(
    name: str,
    *,
    image: str = "lab/app:1.0.0",
    env: Mapping[str, str] | None = None,
    files: Iterable[DesiredFile] = (),
    after: Mapping[str, Dependency] | None = None,
    definition: Mapping[str, Any] | None = None,
    **more: Any,
) -> DesiredService:
    files = tuple(files)
    networks = more.get("networks", ())
    mapping: dict[str, Any] = {"image": image, **(definition or {})}
    if env:
        mapping["env_file"] = [f"./env/{name}.env"]
    if files:
        mapping["volumes"] = [f"./{one.path}:{one.target}:ro" for one in files]
    if networks:
        mapping["networks"] = list(networks)
    if after:
        mapping["depends_on"] = {
            other: {"condition": how.condition, "restart": how.restart} for other, how in after.items()
        }
    return DesiredService(
        name=name,
        stack="apps",
        source="stacks/apps.yml:1",
        image=image,
        definition=mapping,
        env=env or {},
        files=files,
        depends_on=after or {},
        **more,
    )


def owned(path: str, keys: Mapping[str, Any], reaction: str = "recreate") -> DesiredMerge:
    """Some keys of a YAML file on the host."""
    kind = file("", "/", "", reaction).reaction
    return DesiredMerge(path, "yaml", keys, fingerprint_text(managed(keys)), kind)


def build(content: str, base: str = "lab/base:1") -> DesiredBuild:
    """One that is made of this content alone."""
    label = hashlib.sha256(content.encode()).hexdigest()
    return DesiredBuild(
        hash=label,
        image=f"opsctl.local/demo/box:{label[:12]}",
        dockerfile="Dockerfile",
        files=(BuildFile("Dockerfile", content.encode(), 0o644),),
        bases=(Base(base, base, "", Place("templates/box/Dockerfile", 1)),),
        source="templates/box/Dockerfile",
    )


def host(*services: DesiredService, **more: Any) -> DesiredHost:
    return DesiredHost(
        name="web",
        project="demo",
        directory=DIRECTORY,
        services={one.name: one for one in services},
        env_files={one.name: envfile.dump(one.env) for one in services if one.env},
        **more,
    )


@dataclass
class Box:
    """A container of the model."""

    id: str
    service: str
    mapping: Mapping[str, Any]
    config_hash: str
    env: dict[str, str]
    inner: dict[str, bytes]
    created: float
    started: float
    networks: frozenset[str]
    state: str = "running"
    exit_code: int | None = None
    health: str = ""


@dataclass
class Machine:
    """The host. `recreated` counts how often each service's container was made, `down` what a typed `up` would undo."""

    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    merged: dict[str, bytes] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    networks: dict[str, dict[str, str]] = field(default_factory=dict)
    volumes: dict[str, ObservedVolume] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    built: dict[str, str] = field(default_factory=dict)
    owed: dict[tuple[str, str], float] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    ensured: dict[str, str] = field(default_factory=dict)
    foreign: list[ObservedContainer] = field(default_factory=list)
    recreated: dict[str, int] = field(default_factory=dict)
    reacted: list[tuple[str, ...]] = field(default_factory=list)
    clock: Iterable[int] = field(default_factory=lambda: itertools.count(1000))

    def tick(self) -> float:
        return float(next(iter(self.clock)))

    # What opsctl's steps do.

    def apply(self, step: Step) -> None:
        match step:
            case Pull(image=image):
                self.images[familiar(image)] = "id of " + image
            case Build(build=build):
                for base in build.bases:
                    assert familiar(base.pinned) in self.images, f"{build.image}: {base.pinned} not pulled"
                self.built[build.hash] = self.images[build.image] = f"id of {build.hash}"
            case Tag(image_id=identity, name=name):
                self.images[name] = identity
            case Merge():
                self._merge(step)
            case Push(files=files):
                for put in files:
                    for mark in put.owes:
                        self.owed[mark] = self.tick()
                    self.files[put.path] = (put.content, put.mode)
            case Recreate(service=name) | RunJob(service=name):
                self._make(name)
                if isinstance(step, RunJob):
                    self.boxes[name].state, self.boxes[name].exit_code = "exited", 0
            case Start(service=name) | Restart(service=name):
                self.boxes[name].state, self.boxes[name].started = "running", self.tick()
                self.boxes[name].exit_code = None
                if isinstance(step, Restart) and step.settles:
                    self.owed.pop(step.settles, None)
            case React(service=name, command=command, signal=signal):
                self.reacted.append((name, *command, signal))
                if step.settles:
                    self.owed.pop(step.settles, None)
            case Settle(markers=markers):
                for marker in markers:
                    self.owed.pop(marker, None)
            case Ensure(service=name, record=record):
                assert self.boxes[name].state == "running"
                self.ensured[name] = remembered(self.boxes[name].id, record)
            case ReplaceNetwork(network=network, containers=containers):
                for name in [name for name, box in self.boxes.items() if box.id in containers]:
                    del self.boxes[name]
                del self.networks[network]
            case _:
                pass

    def _merge(self, step: Merge) -> None:
        if step.content is not None:
            assert hashlib.sha256(self.merged[step.path]).hexdigest() == step.before
            for mark in step.owes:
                self.owed[mark] = self.tick()
            self.merged[step.path] = step.content
        if step.record:
            self.records[step.record_name] = step.record
        else:
            self.records.pop(step.record_name, None)

    def run(self, plan: HostPlan) -> None:
        assert not plan.refusals, plan.refusals
        for step in plan.steps:
            self.apply(step)

    # What Compose does.

    def typed_up(self) -> None:
        """`docker compose up -d` typed on the host."""
        if "compose.yml" not in self.files:
            return
        document = parsed_compose(self.files["compose.yml"][0])
        for name, mapping in document["services"].items():
            if mapping.get("profiles"):
                continue
            box = self.boxes.get(name)
            if box is None or box.config_hash != self._config_hash(mapping, name):
                self._make(name)
            elif box.state != "running":
                box.state, box.started, box.exit_code = "running", self.tick(), None

    def _make(self, name: str) -> None:
        document = parsed_compose(self.files["compose.yml"][0])
        mapping = document["services"][name]
        assert familiar(mapping["image"]) in self.images, f"{name}: image not pulled"
        names = []
        for network in mapping.get("networks") or []:
            definition = (document.get("networks") or {}).get(network) or {}
            engine_name = definition.get("name") or f"demo_{network}"
            self.networks.setdefault(engine_name, dict(definition.get("labels") or {}))
            names.append(engine_name)
        now = self.tick()
        self.boxes[name] = Box(
            id=f"{name}-{now:g}",
            service=name,
            mapping=mapping,
            config_hash=self._config_hash(mapping, name),
            env=self._env(name),
            inner={
                path: content
                for path, (content, _) in self.files.items()
                if path.startswith(f"files/{name}/")
            }
            | self.merged,
            created=now,
            started=now,
            networks=frozenset(names),
        )
        self.recreated[name] = self.recreated.get(name, 0) + 1

    def _env(self, name: str) -> dict[str, str]:
        found = self.files.get(f"env/{name}.env")
        return envfile.parse(found[0]) if found else {}

    def _config_hash(self, mapping: Mapping[str, Any], name: str) -> str:
        plain = {key: value for key, value in mapping.items() if key not in WITHOUT_EFFECT}
        return hashlib.sha256(json.dumps([plain, self._env(name)], sort_keys=True).encode()).hexdigest()

    # What one look tells.

    def look(self, desired: DesiredHost) -> Observed:
        compose = self.files.get("compose.yml")
        wanted = {one.path: one.content for svc in desired.services.values() for one in svc.files}
        wanted |= {svc.env_path: desired.env_files.get(name, b"") for name, svc in desired.services.items()}
        return Observed(
            host="web",
            key=KEY,
            compose=compose[0] if compose else None,
            files={
                path: ObservedFile(
                    path,
                    hashlib.sha256(content).hexdigest(),
                    mode,
                    content if wanted.get(path) != content else None,
                )
                for path, (content, mode) in self.files.items()
                if path != "compose.yml"
            },
            merged={
                one.path: ObservedMerged(one.path, "file", self.merged[one.path])
                for svc in desired.services.values()
                for one in svc.merges
                if one.path in self.merged
            },
            merge_records=dict(self.records),
            containers=(*map(self._container, self.boxes.values()), *self.foreign),
            networks={name: ObservedNetwork(name, labels) for name, labels in self.networks.items()},
            volumes=dict(self.volumes),
            images=dict(self.images),
            built=dict(self.built),
            inner=tuple(
                InnerFile(box.service, one.target, hashlib.sha256(box.inner[one.path]).hexdigest())
                for box in self.boxes.values()
                if box.service in desired.services
                for one in desired.services[box.service].files
                if one.path in box.inner
            ),
            owed=frozenset(self.owed),
            owed_at=dict(self.owed),
            held=frozenset(self.held),
            ensured=dict(self.ensured),
        )

    def _container(self, box: Box) -> ObservedContainer:
        labels = {
            PROJECT_LABEL: "demo",
            SERVICE_LABEL: box.service,
            WORKING_DIR_LABEL: DIRECTORY,
            **(box.mapping.get("labels") or {}),
        }
        return ObservedContainer(
            id=box.id,
            name=f"demo-{box.service}-1",
            image=box.mapping["image"],
            image_id=self.images.get(familiar(box.mapping["image"]), ""),
            state=box.state,  # type: ignore[arg-type]
            health=box.health,  # type: ignore[arg-type]
            created=box.created,
            labels=labels,
            networks=box.networks,
            exit_code=box.exit_code,
            inspected=Inspected(
                started_at=box.started,
                finished_at=0,
                exit_code=box.exit_code or 0,
                oom_killed=False,
                restart_count=0,
                pid=1,
                env={**box.env, "PATH": "/bin"},
            ),
        )


def plan(machine: Machine, desired: DesiredHost, **request: Any) -> HostPlan:
    return plan_host(desired, machine.look(desired), PlanRequest(**request))


def deployed(desired: DesiredHost, onto: Machine | None = None) -> Machine:
    """A host on which this was just deployed, from nothing but what `onto` has."""
    machine = onto or Machine()
    machine.run(plan(machine, desired))
    machine.recreated.clear()
    machine.reacted.clear()
    return machine


def changed(desired: DesiredHost, name: str, **changes: Any) -> DesiredHost:
    """The same host with one service defined anew: `service(name, **changes)`."""
    services = {**desired.services, name: service(name, **changes)}
    return replace(host(*services.values()), networks=desired.networks, volumes=desired.volumes)
