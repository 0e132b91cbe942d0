"""opsctl killed at any moment of a deploy: the next run converges, whatever was typed on the host in between."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from opsctl.plan.steps import Push
from tests.lab.journal import Journal, journal
from tests.lab.killed import When, begun, effects, kill, plan_of
from tests.lab.machines import LabHost, marks
from tests.lab.site import Container, Site

HOST = "lab-vpn"

STACK = """
    x-quick: &quick
      image: "{{{{ vars.registry }}}}/sleeper:1.0.0"
      wait: {{settle: 100ms}}
      network_mode: none
    services:
      base:
        <<: *quick
        healthcheck: {{test: [CMD, "true"], interval: 1s, timeout: 5s, retries: 20}}
        env: {{VERSION: "{version}"}}
      filed:
        <<: *quick
        files: [{{target: /etc/filed.conf, content: "version {version}"}}]
      imaged:
        image: "{image}"
        wait: {{settle: 100ms}}
        networks: [side]
      follower:
        <<: *quick
        depends_on: {{base: {{condition: service_healthy, restart: true}}}}
      reloaded:
        <<: *quick
        files:
          - target: /etc/reloaded/conf
            content: "version {version}"
            mount: directory
            on_change: {{reload: [sh, -c, "cp /etc/reloaded/conf /tmp/loaded"]}}
      once:
        <<: *quick
        kind: job
        command: ["true"]
        env: {{VERSION: "{version}"}}
    networks:
      side: {{labels: {{version: "{version}"}}}}
"""
RENEWED = ("base", "filed", "imaged", "once")
IMAGES = ("sleeper:1.0.0", "whoami:1.0.0")


@dataclass(slots=True)
class Deployment:
    """The stack on one host, at one version after the other."""

    site: Site
    log: Journal
    pulls: bool = False
    """Whether each version's image must be pulled: by a name of its own, which the host forgets before each edit."""
    version: int = 0
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """By service, those of the version before."""

    @property
    def image(self) -> str:
        """Sleeper and whoami in turns."""
        return f"{self.site.lab.registry}/{'library' if self.pulls else 'lab'}/{IMAGES[self.version % 2]}"

    def edit(self) -> int:
        """The next version of everything; gives how long the journal is now."""
        self.labels = {one.service: one.labels for one in self.site.inspected()}
        self.version += 1
        if self.pulls:
            self.site.host().run(["docker", "rmi", self.image], check=False)
        self.site.write("stacks/apps.yml", STACK.format(version=self.version, image=self.image))
        return len(self.log.entries())

    def honest(self) -> None:
        """No container has a new label and an old environment or file."""
        for one in self.site.inspected():
            if "VERSION" in one.env and self._relabelled(one, "opsctl.env-hash"):
                assert one.env["VERSION"] == str(self.version), (
                    f"{one.service} has the label of another environment"
                )
            if one.service == "filed" and one.running and self._relabelled(one, "opsctl.files-hash"):
                assert self.inside(one, "/etc/filed.conf") == f"version {self.version}"

    def _relabelled(self, one: Container, label: str) -> bool:
        return self.labels.get(one.service, {}).get(label) != one.labels[label]

    def inside(self, one: Container, path: str) -> str:
        """A file as the container sees it; `docker cp` would show the host's (compose-traps 10)."""
        return self.site.host().run(["cat", f"/proc/{one.pid}/root{path}"]).stdout.decode()

    def converged(self, since: int, *, extra: int = 0) -> None:
        """Everything is as the files say, no plan is left, and each container was made once since `since`.

        `extra`: how many containers may have been made once more.
        """
        found = {one.service: one for one in self.site.inspected()}
        assert all(one.running for one in found.values() if one.service != "once")
        assert found["once"].exit_code == 0
        assert found["base"].env["VERSION"] == found["once"].env["VERSION"] == str(self.version)
        assert self.inside(found["filed"], "/etc/filed.conf") == f"version {self.version}"
        assert self.inside(found["reloaded"], "/tmp/loaded") == f"version {self.version}"
        assert found["imaged"].image == self.image
        assert found["imaged"].networks.keys() == {f"{self.site.project}_side"}
        assert found["follower"].started > found["base"].created
        made = self.made(since, found["follower"])
        assert made >= Counter(RENEWED), made
        assert (made - Counter(RENEWED)).total() <= extra, made
        assert not plan_of(self.site.root).changes

    def made(self, since: int, last: Container) -> Counter[str]:
        """By service, how many containers were created since an entry of the journal; `last` is one started late."""
        entries = self.log.entries(until=last.id)[since:]
        return Counter(one.service for one in entries if one.action == "create")


@contextmanager
def deployed(site: Site, folder: Path, *, pulls: bool) -> Iterator[Deployment]:
    """The stack running at its first version."""
    site.hosts_toml({HOST: ["apps"]})
    with journal(site.host(), site.project, folder / f"{site.project}.events") as log:
        one = Deployment(site, log, pulls)
        since = one.edit()
        site.deploy()
        site.host().docker(
            "exec", one.site.container("reloaded").id, "cp", "/etc/reloaded/conf", "/tmp/loaded"
        )
        one.converged(since, extra=2)
        yield one


def at_any_effect(one: Deployment, when: When, *, typed: bool) -> None:
    """A deploy killed at its first effect, the next one at its second, until one comes to its end."""
    number, planned = 0, ["the first"]
    while number <= len(planned):
        number += 1
        since = one.edit()
        (plan,) = plan_of(one.site.root).hosts
        planned = effects(plan)
        run = kill(one.site, when, number)
        assert run.code == (-signal.SIGKILL if number <= len(planned) else 0), run.text
        assert begun(run) == planned[: number - 1 if when == "before" else number]
        one.honest()
        if typed:
            one.site.typed("up", "-d")
            one.honest()
        one.site.deploy()
        one.converged(since)


def at_any_rename(one: Deployment) -> None:
    """The push's shell killed on the host before its first rename, its second, and so on.

    A `docker compose up -d` typed then makes containers of new env files under old labels; those are made once more, and
    nothing else is: the cost of compose.yml coming last (compose-traps 2).
    """
    number, paths = 0, ["the first"]
    while number < len(paths):
        number += 1
        since = one.edit()
        (plan,) = plan_of(one.site.root).hosts
        paths = [file.path for step in plan.steps if isinstance(step, Push) for file in step.files]
        assert paths[-1] == "compose.yml"
        renames_end_at(one.site, number)
        assert "push" in one.site.deploy(code=1).text
        one.honest()
        one.site.typed("up", "-d")
        one.honest()
        one.site.deploy()
        one.converged(since, extra=sum(path.startswith("env/") for path in paths[: number - 1]))


_MV = """\
#!/bin/sh
left=/tmp/lab-renames/${PWD##*/}
if [ -e "$left" ]; then
    number=$(cat "$left")
    if [ "$number" -le 1 ]; then
        rm "$left"
        kill -KILL $PPID
        exit 137
    fi
    echo $((number - 1)) >"$left"
fi
exec /usr/bin/mv "$@"
"""


@contextmanager
def deadly_renames(host: LabHost) -> Iterator[None]:
    """An mv that kills the shell which calls it, once, where `renames_end_at` said so."""
    shim = host.path("/usr/local/bin/mv")
    with marks.fault(host.spec, "deadly-renames"):
        host.run(["mkdir", "-p", "/tmp/lab-renames"])
        shim.write_text(_MV)
        shim.chmod(0o755)
        try:
            yield
        finally:
            shim.unlink()
            host.run(["rm", "-r", "/tmp/lab-renames"])


def renames_end_at(site: Site, number: int) -> None:
    """The shell of the next push to this project dies before its rename number `number`, counted from 1."""
    (site.host().path("/tmp/lab-renames") / site.project).write_text(str(number))


@pytest.mark.timeout(900)
@pytest.mark.hosts(HOST)
def test_killed_at_any_moment_it_converges(site: Site, tmp_path: Path) -> None:
    """Three projects side by side, for most of it is waiting."""
    lanes: dict[str, Callable[[Deployment], None]] = {
        "typed": lambda one: at_any_effect(one, "after", typed=True),
        "alone": lambda one: at_any_effect(one, "before", typed=False),
        "renames": at_any_rename,
    }
    with deadly_renames(site.host()), ThreadPoolExecutor(len(lanes)) as threads:

        def drive(name: str) -> None:
            root = tmp_path / name
            with deployed(
                replace(site, root=root, project=f"killed-{name}"), tmp_path, pulls=name == "alone"
            ) as one:
                lanes[name](one)

        for lane in [threads.submit(drive, name) for name in lanes]:
            lane.result()
