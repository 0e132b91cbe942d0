"""What a host's engine did meanwhile, as it tells it: creations, starts, health.

A stream, not `docker events --since` afterwards: the engine keeps 256 events (moby daemon/events/events.go, 20.10), and a
healthcheck makes three each time.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machines import LabHost

_EVENTS = ("create", "start", "die", "health_status")


@dataclass(frozen=True, slots=True)
class Entry:
    """`at` is nanoseconds since the epoch; `action` e.g. "create", "start", "die", "health_status: healthy"."""

    at: int
    action: str
    service: str
    container: str


@dataclass(frozen=True, slots=True)
class Journal:
    """What happened to the containers of one project since it was opened."""

    path: Path

    def entries(self, *, until: str = "", seconds: float = 5.0) -> list[Entry]:
        """All so far; `until` is a container whose last start must be among them, for events come a little late."""
        end = time.monotonic() + seconds
        while True:
            found = [
                _entry(line)
                for line in self.path.read_text().splitlines(keepends=True)
                if line.endswith("\n")
            ]
            if not until or any(one.container == until and one.action == "start" for one in found):
                return found
            assert time.monotonic() < end, f"the engine told nothing of {until}"
            time.sleep(0.05)


def _entry(line: str) -> Entry:
    event = json.loads(line)
    actor = event["Actor"]
    service = actor["Attributes"].get("com.docker.compose.service", "")
    return Entry(event["timeNano"], event["Action"], service, actor["ID"])


@contextmanager
def journal(host: LabHost, project: str, path: Path) -> Iterator[Journal]:
    """Follow the engine from now on."""
    filters = [
        "type=container",
        f"label=com.docker.compose.project={project}",
        *(f"event={one}" for one in _EVENTS),
    ]
    words = ["/usr/bin/docker", "--host", f"unix://{host.docker_socket}", "events", "--format", "{{json .}}"]
    words += [word for one in filters for word in ("--filter", one)]
    with path.open("w") as out, subprocess.Popen(words, stdout=out, stdin=subprocess.DEVNULL) as following:
        try:
            yield Journal(path)
        finally:
            following.terminate()
