"""Names, addresses and folders of the lab; everything else takes them from here."""

from __future__ import annotations

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
    """What a lab host is called and the last number of its address."""

    name: str
    number: int

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
        return f"v{self.name}"

    @property
    def folder(self) -> Path:
        """Everything the host writes, seen from the machine."""
        return STATE / "hosts" / self.name

    @property
    def docker_socket(self) -> Path:
        """The engine's socket, seen from the machine; on the host it is /run/docker.sock."""
        return self.folder / "run" / "docker.sock"


DEFAULT_HOSTS: Final = ("lab-app", "lab-vpn")
SPECS: Final = {
    spec.name: spec for spec in (HostSpec("lab-app", 11), HostSpec("lab-vpn", 12), HostSpec("lab-spare", 13))
}
BUILDER: Final = HostSpec("lab-build", 10)
"""A host of its own that builds the lab's images and is removed afterwards."""
