"""The real programs that the package indexes and Debian have, as images of the lab under their own names.

Paths, users and entrypoints are those of the official images, as far as the stacks and the checks count on them. What differs: all
stand on Debian with the lab's Python, curl and GNU wget, and the versions are those that can be had.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.contract.conftest import debian, litellm_programs, npm
from tests.contract.node_package import NodePackage
from tests.lab.layers import Folder, Image, Layer, Link, Part, Text, Tree

NOTES = Path(__file__).parents[2] / ".lab" / "contract"
NOCODB_START = Path(__file__).parents[1] / "contract" / "nocodb_start.cjs"
_NOBODY, _NODE = 65534, 1000
_USERS = (
    "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n"
    "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
)
_GROUPS = "root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n"
_UNUSED = ("*.map", "*.ts", "*.mts", "*.cts", "*.tsx", "*.flow", "dist-types", "__tests__")
"""More than half of what npm installs, and nothing that Node runs: it takes no TypeScript below node_modules (Node 24)."""


def debian_version(package: str) -> str:
    """Its upstream version, as images are tagged: v1.79.5 of 1.79.5+ds1-2+b5."""
    words = ["dpkg-query", "-W", "-f", "${Version}", package]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (found,) = re.findall(r"^(?:\d+:)?([\d.]+)", said)
    return f"v{found}"


def _program(path: str, package: str, files: dict[str, str], config: dict[str, object], *more: Part) -> Image:
    """Programs of one Debian package, by where they are in the image."""
    parts = [Tree(debian(name, package).resolve(), target) for target, name in files.items()]
    layer = Layer(path.replace("/", "-"), (*parts, *more))
    return Image(path, debian_version(package), (layer,), config)


def monitoring() -> Iterator[Image]:
    """Of Debian: VictoriaMetrics, vmalert, Alertmanager and the exporters."""
    yield _program(
        "victoriametrics/victoria-metrics",
        "victoria-metrics",
        {"/victoria-metrics-prod": "victoria-metrics"},
        {"Entrypoint": ["/victoria-metrics-prod"]},
    )
    yield _program(
        "victoriametrics/vmalert",
        "victoria-metrics",
        {"/vmalert-prod": "vmalert"},
        {"Entrypoint": ["/vmalert-prod"]},
    )
    yield _program(
        "prom/alertmanager",
        "prometheus-alertmanager",
        {"/usr/bin/alertmanager": "prometheus-alertmanager", "/usr/bin/amtool": "amtool"},
        {
            "User": "nobody",
            "WorkingDir": "/alertmanager",
            "Volumes": {"/alertmanager": {}},
            "Entrypoint": ["/bin/alertmanager"],
            "Cmd": ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
        },
        Folder("/alertmanager", _NOBODY),
        # Debian's is patched to read its default template there; upstream's has it within.
        Tree(Path("/usr/share/prometheus/alertmanager"), "/usr/share/prometheus/alertmanager"),
    )
    for path, name, user in (
        ("prom/node-exporter", "node_exporter", "nobody"),
        ("prom/blackbox-exporter", "blackbox_exporter", ""),
        ("prometheuscommunity/postgres-exporter", "postgres_exporter", "nobody"),
    ):
        package = f"prometheus-{name.replace('_', '-')}"
        yield _program(
            path,
            package,
            {f"/usr/bin/{name}": package},
            {"User": user, "Entrypoint": [f"/bin/{name}"]},
        )


def _node(package: NodePackage) -> Layer:
    """Node where the official images have it, and its user."""
    return Layer(
        f"node-{package.node.parents[5].name}",
        (
            Tree(package.node, "/usr/local/bin/node"),
            Tree(Path("/usr/bin/tini-static"), "/usr/bin/tini"),
            Text("/etc/passwd", _USERS),
            Text("/etc/group", _GROUPS),
            Folder("/home/node", _NODE),
        ),
    )


def n8n() -> Image:
    """docker/images/n8n/Dockerfile of n8n."""
    package = npm("n8n", "2.41.1")
    layer = Layer(
        "n8n",
        (
            Tree(package.folder.parent, "/usr/local/lib/node_modules", (*_UNUSED, "*.md")),
            Link("/usr/local/bin/n8n", "/usr/local/lib/node_modules/n8n/bin/n8n"),
            Text("/docker-entrypoint.sh", '#!/bin/sh\nexec n8n "$@"\n', 0o755),
            # Without the first, the folder above is this layer's, and root's.
            Folder("/home/node", _NODE),
            Folder("/home/node/.n8n", _NODE),
        ),
    )
    config = {
        "User": "node",
        "WorkingDir": "/home/node",
        "Env": ["NODE_ENV=production", "N8N_RELEASE_TYPE=stable", "SHELL=/bin/sh"],
        "Entrypoint": ["tini", "--", "/docker-entrypoint.sh"],
    }
    return Image("n8nio/n8n", "2.41.1", (_node(package), layer), config)


def nocodb() -> Image:
    """packages/nocodb/Dockerfile of NocoDB. Its docker/main.js is in no package: the one of the contract tests does the same."""
    package = npm("nocodb", "0.301.3", instead={"xlsx": "0.18.5"})
    layer = Layer(
        "nocodb",
        (
            Tree(package.folder.parent, "/usr/src/app/node_modules", (*_UNUSED, "*.md")),
            Tree(NOCODB_START, "/usr/src/app/docker/main.js"),
            Text(
                "/usr/src/appEntry/start.sh",
                "#!/bin/sh\nexec node docker/main.js /usr/src/app/node_modules/nocodb\n",
                0o755,
            ),
            Folder("/usr/app/data", 0),
        ),
    )
    config = {
        "WorkingDir": "/usr/src/app",
        "Env": [
            "NC_DOCKER=0.6",
            "NODE_ENV=production",
            "PORT=8080",
            "NC_TOOL_DIR=/usr/app/data/",
            "ADDRESS=0.0.0.0",
        ],
        "Entrypoint": ["tini", "--"],
        "Cmd": ["/usr/src/appEntry/start.sh"],
    }
    return Image("nocodb/nocodb", "0.301.3", (_node(package), layer), config)


def openclaw() -> Image:
    """Dockerfile of OpenClaw: the package is /app. What it keeps as Markdown it reads."""
    package = npm("openclaw", "2026.9.6")
    layer = Layer(
        "openclaw",
        (
            Tree(package.folder, "/app", _UNUSED),
            Tree(package.folder.parent, "/app/node_modules", (*_UNUSED, package.folder.name)),
        ),
    )
    config = {
        "User": "node",
        "WorkingDir": "/app",
        "Env": ["NODE_ENV=production"],
        "Cmd": ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"],
    }
    return Image("openclaw/openclaw", "2026.9.6", (_node(package), layer), config)


def docker_cli() -> Image:
    """Of Debian, under the tag that the gateway of OpenClaw takes it from."""
    program = Tree(Path("/usr/bin/docker"), "/usr/local/bin/docker")
    return Image("library/docker", "29.7.2-cli", (Layer("docker-cli", (program,)),))


def litellm() -> Image:
    """Dockerfile of LiteLLM, with Debian's Python of the same minor version as the one that its packages were installed for."""
    (packages,) = litellm_programs().parent.glob("lib/python3.11/site-packages")
    own = "#!/usr/bin/python3\nimport sys\nfrom litellm import run_server\nsys.exit(run_server())\n"
    layer = Layer(
        "litellm",
        (
            Tree(
                packages, "/usr/local/lib/python3.11/dist-packages", ("__pycache__", "pip", "tests", "*.pyi")
            ),
            Link("/usr/local/bin/python", "/usr/bin/python3"),
            Text("/usr/local/bin/litellm", own, 0o755),
        ),
    )
    config = {"WorkingDir": "/app", "Entrypoint": ["litellm"], "Cmd": ["--port", "4000"]}
    return Image("berriai/litellm", "v1.81.3", (layer,), config)
