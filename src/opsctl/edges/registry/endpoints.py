"""Who is asked for the images of a registry, and how."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from opsctl.model.hosts import Registry
from opsctl.model.references import DOCKER_HUB

_HUB_HOST = "registry-1.docker.io"
"""Where Docker Hub answers the registry API; docker.io is a web site."""
_UNWRITTEN = Registry()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registry or a mirror. `registry` is its key in hosts.toml and in docker's config.json, `host` is host[:port].

    `folder` is "" or what a mirror puts before each repository, ending in a slash. `verify` is True, False, or the path of
    a file of CA certificates. `is_insecure`: it may be asked in plain HTTP.
    """

    registry: str
    host: str
    folder: str = ""
    is_insecure: bool = False
    verify: bool | str = True
    is_mirror: bool = False

    def __str__(self) -> str:
        return f"{self.registry}/{self.folder}".removesuffix("/")


class Endpoints:
    """`registries` of hosts.toml by name; the paths in it are relative to `root`."""

    def __init__(self, registries: Mapping[str, Registry], root: Path) -> None:
        self._registries = registries
        self._root = root

    def of(self, registry: str) -> tuple[Endpoint, ...]:
        """Its mirrors in order, at last itself."""
        own = self._registries.get(registry, _UNWRITTEN)
        return (*map(self._mirror, own.mirrors), self._endpoint(registry))

    def at(self, host: str, like: Endpoint) -> Endpoint:
        """Another server that `like` leads to: as hosts.toml has it, else reached as `like` is.

        So does Docker: a registry's CA file and its being insecure hold for its token server and for its store of blobs.
        """
        if host == like.host:
            return like
        if host in self._registries or is_loopback(_name(host)):
            return self._endpoint(host)
        return Endpoint(host, host, is_insecure=like.is_insecure, verify=like.verify)

    def _mirror(self, text: str) -> Endpoint:
        registry, slash, folder = text.partition("/")
        return self._endpoint(registry, folder + slash, is_mirror=True)

    def _endpoint(self, registry: str, folder: str = "", *, is_mirror: bool = False) -> Endpoint:
        settings = self._registries.get(registry, _UNWRITTEN)
        host = _HUB_HOST if registry == DOCKER_HUB else registry
        insecure = settings.insecure or is_loopback(_name(host))
        verify: bool | str = not insecure
        if settings.ca_file and not settings.insecure:
            verify = str(self._root / settings.ca_file)
        return Endpoint(registry, host, folder, insecure, verify, is_mirror)


def is_loopback(name: str) -> bool:
    """Whether a host's name is this machine, as Docker means it: localhost, 127.0.0.0/8, ::1."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """Without its port, and without an IPv6 address's brackets."""
    return urlsplit(f"//{host}").hostname or ""
