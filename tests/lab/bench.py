"""`make bench`: opsctl against what a careful person types, on the lab, in interleaved pairs.

The other side is `tar | ssh … tar -x && docker compose up -d` with the same compose.yml, env files and config files, in a
project of its own on the same host. Wall seconds of whole processes; medians, and the median of the ratios pair by pair.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machines import Lab
from tests.lab.site import CHECKOUT, Site

SERVICES = 14
WITH_FILE = 5
HEALTHCHECK = "    healthcheck: {test: [CMD, 'true'], interval: 1s, timeout: 2s, retries: 10}\n"


@dataclass(frozen=True, slots=True)
class Pair:
    """One job done both ways: `ours` and `theirs` do it once each, with a fresh value each time."""

    name: str
    aim: str
    ours: Callable[[int], None]
    theirs: Callable[[int], None]


def stack(values: dict[int, int], *, healthcheck: bool) -> str:
    lines = ["services:\n"]
    for number in range(SERVICES):
        lines += [
            f"  s{number:02}:\n",
            '    image: "{{ vars.registry }}/sleeper:1.0.0"\n',
            "    stop_grace_period: 2s\n",
            "    wait: {settle: 1s}\n",
            HEALTHCHECK if healthcheck else "",
            f"    env: {{NUMBER: '{number}', VALUE: 'v{values.get(number, 0)}'}}\n",
        ]
        if number < WITH_FILE:
            lines.append(f"    files: [{{target: /etc/s.conf, content: 'number = {number}'}}]\n")
    return "".join(lines)


class Bench:
    """Two projects of the same stack on one lab host: `ours` by opsctl, `theirs` by tar, ssh and Compose."""

    def __init__(self, root: Path, lab: Lab, *, healthcheck: bool) -> None:
        self.healthcheck = healthcheck
        kind = "health" if healthcheck else "plain"
        (root / kind).mkdir()
        self.site = Site(root / kind, lab, f"bench-{kind}", {"lab-app": lab.host("lab-app")})
        self.site.hosts_toml({"lab-app": ["bench"]})
        self.values: dict[int, int] = {}
        self._write()
        self.site.deploy()
        self.copy = root / f"{kind}-theirs"
        self._copy()

    def _write(self) -> None:
        self.site.write("stacks/bench.yml", stack(self.values, healthcheck=self.healthcheck))

    def _copy(self) -> None:
        """The very files that opsctl pushed, under another project's name."""
        host = self.site.host()
        self.copy.mkdir()
        packed = host.run(
            ["tar", "-C", self.site.directory, "-cf", "-", "compose.yml", "env", "files"]
        ).stdout
        subprocess.run(["tar", "-C", str(self.copy), "-xf", "-"], input=packed, check=True)
        compose = self.copy / "compose.yml"
        compose.write_text(
            compose.read_text().replace(f"name: {self.site.project}", f"name: {self.site.project}-theirs")
        )
        self._tar_ssh_up()

    def _tar_ssh_up(self, *words: str) -> None:
        directory = f"{self.site.directory}-theirs"
        script = f"mkdir -p {directory} && cd {directory} && tar -x && docker compose up -d {' '.join(words)}"
        subprocess.run(
            [
                "sh",
                "-c",
                'tar -C "$1" -c . | ssh -F "$2" root@lab-app "$3"',
                "sh",
                str(self.copy),
                str(CHECKOUT / ".lab/ssh_config"),
                script,
            ],
            check=True,
            capture_output=True,
        )

    def _vary(self, value: int) -> None:
        self.values[7] = value
        self._write()
        env = self.copy / "env/s07.env"
        env.write_text(f"NUMBER=7\nVALUE=v{value}\n")

    def pairs(self) -> list[Pair]:
        if self.healthcheck:
            return [
                Pair(
                    "one variable, until healthy (1 s healthcheck)",
                    "",
                    ours=lambda _: self._ours(),
                    theirs=lambda _: self._tar_ssh_up("--wait"),
                )
            ]
        return [
            Pair("nothing changed", "1.20", ours=lambda _: self._ours(), theirs=lambda _: self._tar_ssh_up()),
            Pair(
                "one variable, until started",
                "1.15",
                ours=lambda _: self._ours("--no-wait"),
                theirs=lambda _: self._tar_ssh_up(),
            ),
        ]

    def _ours(self, *words: str) -> None:
        done = subprocess.run(
            self.site.argv("deploy", "lab", "--yes", *words), capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr.decode())

    def measure(self, pair: Pair, runs: int) -> tuple[list[float], list[float]]:
        ours: list[float] = []
        theirs: list[float] = []
        for number in range(runs + 1):
            if pair.name.startswith("one"):
                self._vary(int(time.time() * 1000))
            for act, found in ((pair.ours, ours), (pair.theirs, theirs)):
                begun = time.monotonic()
                act(number)
                if number:  # the first pair warms both
                    found.append(time.monotonic() - begun)
        return ours, theirs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    lab = Lab.up("lab-app")
    host = lab.host("lab-app")
    print(
        f"{SERVICES} services, {SERVICES} env files, {WITH_FILE} mounted files; {runs} interleaved pairs; seconds\n"
    )
    print(f"{'job':<48}{'opsctl':>8}{'tar+ssh':>9}{'ratio':>8}{'aim':>7}")
    with host.reserved(), tempfile.TemporaryDirectory(prefix="opsctl-bench-") as folder:
        host.wipe()
        for healthcheck in (False, True):
            bench = Bench(Path(folder), lab, healthcheck=healthcheck)
            for pair in bench.pairs():
                ours, theirs = bench.measure(pair, runs)
                ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
                print(
                    f"{pair.name:<48}{statistics.median(ours):>8.3f}{statistics.median(theirs):>9.3f}"
                    f"{ratio:>8.2f}{pair.aim:>7}",
                    flush=True,
                )
            host.wipe()
    return 0


if __name__ == "__main__":
    sys.exit(main())
