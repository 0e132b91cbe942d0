"""The real programs that the package indexes and Debian have, as images of the lab under their own names.

Paths, users and entrypoints are those of the official images, as far as the stacks and the checks count on them. What differs: all
stand on Debian with the lab's Python, curl and GNU wget, and the versions are those that can be had.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.contract.conftest import debian
from tests.lab.layers import Folder, Image, Layer, Part, Tree

NOTES = Path(__file__).parents[2] / ".lab" / "contract"
_NOBODY = 65534


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
