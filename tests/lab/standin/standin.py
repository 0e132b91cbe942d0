"""Stands in for software that cannot be had here: it answers 200 to every request, on every port that the stacks use.

Where it is given the engine's socket it also does, as far as the real programs beside it need it, what cAdvisor and the socket
proxy do with one: it tells the health of containers, and passes on what comes to port 2375, all of it.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORTS = (80, 3000, 3100, 3300, 4000, 5678, 6333, 8080, 8428, 8880, 9093, 9100, 9115, 9187, 12345, 18789)
SOCKET = "/var/run/docker.sock"
PROXY = 2375
HEALTH = {"healthy": 1, "none": -1}
"""All else, starting and unhealthy, is 0 (cAdvisor v0.60.5 lib/metrics/prometheus.go)."""


def connected() -> socket.socket:
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(SOCKET)
    return engine


def asked(path: str) -> Any:
    connection = http.client.HTTPConnection("engine", timeout=5)
    connection.sock = connected()
    connection.request("GET", path)
    return json.loads(connection.getresponse().read())


def metrics() -> str:
    """What the shipped alerts ask of a cAdvisor, but the memory; of containers that run."""
    lines = []
    for one in asked("/containers/json"):
        facts = asked(f"/containers/{one['Id']}/json")
        state = facts["State"]
        health = HEALTH.get(state.get("Health", {}).get("Status", "none"), 0)
        compose = "com.docker.compose."
        labels = {"name": facts["Name"].removeprefix("/")}
        labels |= {
            f"container_label_com_docker_compose_{key}": facts["Config"]["Labels"].get(compose + key, "")
            for key in ("project", "service")
        }
        said = ",".join(f'{key}="{value}"' for key, value in labels.items())
        began = time.mktime(time.strptime(state["StartedAt"][:19], "%Y-%m-%dT%H:%M:%S"))
        lines += [
            f"container_health_state{{{said}}} {health}",
            f"container_last_seen{{{said}}} {time.time():.0f}",
            f"container_start_time_seconds{{{said}}} {began:.0f}",
        ]
    return "\n".join([*lines, ""])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = metrics() if self.path == "/metrics" and Path(SOCKET).exists() else "{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
        """Nothing."""


def carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def proxy() -> None:
    with socket.create_server(("", PROXY)) as server:
        while True:
            client = server.accept()[0]
            engine = connected()
            for pair in ((client, engine), (engine, client)):
                threading.Thread(target=carry, args=pair, daemon=True).start()


for number in PORTS:
    server = ThreadingHTTPServer(("", number), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
if Path(SOCKET).exists():
    threading.Thread(target=proxy, daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.pause()
