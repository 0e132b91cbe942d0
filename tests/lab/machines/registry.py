"""The lab registry: Debian's docker-registry on the machine's lab address."""

from __future__ import annotations

import http.client
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.machines.errors import LabError
from tests.lab.machines.layout import MACHINE_ADDRESS, STATE
from tests.lab.machines.processes import by_argv, leave_running, until

PROGRAM: Final = "/usr/bin/docker-registry"

MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"

CONFIGURATION: Final = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
http: {{addr: "{address}:{port}"}}
"""


@dataclass(frozen=True, slots=True)
class Registry:
    """One docker-registry process, known by the path of its configuration."""

    port: int
    storage: Path

    @property
    def configuration(self) -> Path:
        """The configuration file; no other program is started with its path."""
        return STATE / f"registry-{self.port}.yml"

    def healthy(self) -> bool:
        """Say whether it answers GET /v2/ within a second."""
        try:
            with closing(http.client.HTTPConnection(MACHINE_ADDRESS, self.port, timeout=1)) as connection:
                connection.request("GET", "/v2/")
                return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False

    def start(self) -> None:
        """Start it on its storage and wait until it answers."""
        self.storage.mkdir(parents=True, exist_ok=True)
        text = CONFIGURATION.format(storage=self.storage, address=MACHINE_ADDRESS, port=self.port)
        self.configuration.write_text(text)
        log = self.configuration.with_suffix(".log")
        leave_running(self._argv(), log)
        until(self.healthy, f"the registry on port {self.port}", seconds=15, log=log)

    def stop(self) -> None:
        """End it, also one that an earlier run left behind."""
        for process in by_argv(self._argv()):
            process.kill()
        until(lambda: not by_argv(self._argv()), "the registry's end", seconds=10)

    def _argv(self) -> list[str]:
        return [PROGRAM, "serve", str(self.configuration)]


STORAGE: Final = STATE / "registry"
SERVING: Final = (Registry(5000, STORAGE), Registry(80, STORAGE))
"""One storage, two ports: 80 is where an engine looks for a mapped name such as ghcr.io."""


def healthy() -> bool:
    """Say whether the lab registry answers on both ports."""
    return all(registry.healthy() for registry in SERVING)


def digest(name: str, tag: str) -> str:
    """Give the digest of the manifest a tag points to; LabError if there is none.

    Without this Accept header distribution 2.8.2 answers with the digest of another, older form.
    """
    with closing(http.client.HTTPConnection(MACHINE_ADDRESS, SERVING[0].port, timeout=5)) as connection:
        connection.request("HEAD", f"/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST})
        answer = connection.getresponse()
        found = answer.getheader("Docker-Content-Digest")
    if answer.status != http.HTTPStatus.OK or not found:
        raise LabError(f"the lab registry has no {name}:{tag} (status {answer.status})")
    return found


def restart(content: Path) -> None:
    """Serve a fresh copy of this content; what tests had pushed is gone."""
    stop()
    shutil.rmtree(STORAGE, ignore_errors=True)
    shutil.copytree(content, STORAGE)
    for registry in SERVING:
        registry.start()


def stop() -> None:
    """End the lab registry on both ports."""
    for registry in SERVING:
        registry.stop()
