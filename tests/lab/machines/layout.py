"""Names, addresses and folders of the lab; everything else takes them from here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parent
IMAGE_SOURCES: Final = PACKAGE.parent / "images"
CHECKOUT: Final = PACKAGE.parents[2]

CACHE: Final = Path("/var/cache/opsctl-lab")
STATE: Final = Path("/var/lib/opsctl-lab")

BRIDGE: Final = "opsctl-lab0"
PREFIX_BITS: Final = 24
NETWORK: Final = f"10.213.0.0/{PREFIX_BITS}"
MACHINE_ADDRESS: Final = "10.213.0.1"
REGISTRY: Final = f"{MACHINE_ADDRESS}:5000"

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class HostSpec:
    """What a lab host is called and the last number of its address; `set` tells hosts of one name apart."""

    name: str
    number: int
    set: int = 1

    @property
    def machine(self) -> str:
        """What no other host is called, of any set; the host itself knows only its name."""
        return self.name if self.set == 1 else f"{self.name}-{self.set}"

    @property
    def address(self) -> str:
        """The host's only address; every lab host and the machine reach it."""
        return f"10.213.0.{self.number}"

    @property
    def hardware_address(self) -> str:
        """The same at each boot, so that nobody's ARP cache is wrong about a host booted again."""
        return f"02:42:0a:d5:00:{self.number:02x}"

    @property
    def veth(self) -> str:
        """The machine's end of the host's cable (Linux: 15 characters at most)."""
        return f"v{self.machine}"

    @property
    def folder(self) -> Path:
        """Everything the host writes, seen from the machine."""
        return STATE / "hosts" / self.machine

    @property
    def docker_socket(self) -> Path:
        """The engine's socket, seen from the machine; on the host it is /run/docker.sock."""
        return self.folder / "run" / "docker.sock"


NAMES: Final = ("lab-app", "lab-vpn", "lab-spare")
DEFAULT_HOSTS: Final = NAMES[:2]
SETS: Final = 4
"""How many times each host may be there, so that tests which run side by side need not wait for one another."""
SET: Final = (int(os.environ.get("OPSCTL_LAB_SET", "1")) - 1) % SETS + 1
"""The set that this process and its children mean by the names of hosts."""

EVERY: Final = tuple(
    HostSpec(name, 11 + len(NAMES) * above + place, above + 1)
    for above in range(SETS)
    for place, name in enumerate(NAMES)
)
SPECS: Final = {spec.name: spec for spec in EVERY if spec.set == SET}
BUILDER: Final = HostSpec("lab-build", 10)
"""A host of its own that builds the lab's images and is removed afterwards."""
