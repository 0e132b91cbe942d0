"""The lab's wires: one bridge on the machine, and a network namespace with a cable per host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.machines.layout import BRIDGE, MACHINE_ADDRESS, PREFIX_BITS
from tests.lab.machines.processes import find, run, until

if TYPE_CHECKING:
    from tests.lab.machines.layout import HostSpec


def ensure_bridge() -> None:
    """Make the bridge with the machine's own lab address, unless it is there and up."""
    if f"inet {MACHINE_ADDRESS}/" in _ip("-4", "address", "show", "dev", BRIDGE, check=False):
        return
    _ip("link", "delete", BRIDGE, check=False)
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("address", "add", f"{MACHINE_ADDRESS}/{PREFIX_BITS}", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")


def remove_bridge() -> None:
    """Remove the bridge if it is there."""
    _ip("link", "delete", BRIDGE, check=False)


def plug_in(host: HostSpec) -> None:
    """Make the host's network namespace and its cable to the bridge."""
    inside = ("-netns", host.machine)
    _ip("netns", "add", host.machine)
    far_end = ("name", "eth0", "address", host.hardware_address, "netns", host.machine)
    cable = ("type", "veth", "peer", *far_end)
    _ip("link", "add", host.veth, *cable)
    _ip("link", "set", host.veth, "master", BRIDGE, "up")
    _ip(*inside, "address", "add", f"{host.address}/{PREFIX_BITS}", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "link", "set", "lo", "up")


def unplug(host: HostSpec) -> None:
    """End every process in the host's network namespace, then remove it with its cable."""
    if host.machine in _ip("netns", "list").split():
        until(lambda: not _kill_members(host), f"the end of {host.machine}", seconds=20)
        _ip("netns", "delete", host.machine)
    _ip("link", "delete", host.veth, check=False)


def members(host: HostSpec) -> list[int]:
    """List the processes in the host's own network namespace, by the machine's numbers."""
    return [int(pid) for pid in _ip("netns", "pids", host.machine, check=False).split()]


def set_cable(host: HostSpec, state: str) -> None:
    """Pull the cable ("down") or plug it in again ("up")."""
    _ip("link", "set", host.veth, state)


def _kill_members(host: HostSpec) -> bool:
    alive = [process for pid in members(host) if (process := find(pid))]
    for process in alive:
        process.kill()
    return bool(alive)


def _ip(*words: str, check: bool = True) -> str:
    return run(["ip", *words], check=check).stdout.decode()
