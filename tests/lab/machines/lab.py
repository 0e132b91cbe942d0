"""The lab as a whole: up, down, and what is there."""

from __future__ import annotations

import fcntl
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.machines import boot, images, keys, marks, network, registry, requirements
from tests.lab.machines.errors import LabError
from tests.lab.machines.host import LabHost
from tests.lab.machines.layout import BUILDER, DEFAULT_HOSTS, EVERY, REGISTRY, SET, SETS, SPECS, STATE
from tests.lab.machines.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.lab.machines.images import ImageSet
    from tests.lab.machines.layout import HostSpec

SERVED = STATE / "images-served"


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab: hosts by name, and a registry with images all of them reach."""

    names: tuple[str, ...]
    references: tuple[str, ...]

    @classmethod
    def up(cls, *names: str) -> Lab:
        """Bring up these hosts (default: lab-app and lab-vpn) and the registry.

        Healthy hosts and a healthy registry are used as they are, in under a second; the rest is
        cleaned and booted. One caller at a time does this, and boots hosts of one set; another waits.
        Writes .lab/ of this checkout. Other hosts that are up stay up.
        """
        specs = [_spec(name) for name in names or DEFAULT_HOSTS]
        requirements.ensure()
        with _alone():
            served = images.ensure()
            network.ensure_bridge()
            _serve(served)
            for spec in EVERY:
                keys.host_key_folder(spec)
            keys.client_public()
            keys.write_checkout_folder(served.references)
        with _alone(SET - 1):
            _boot_missing(specs)
        return cls(tuple(spec.name for spec in specs), served.references)

    def host(self, name: str) -> LabHost:
        """Give a host of this lab; LabError if it was not brought up here."""
        if name not in self.names:
            raise LabError(f"{name} is not up; the lab has {', '.join(self.names)}")
        return LabHost(SPECS[name])

    @property
    def registry(self) -> str:
        """The registry's address, such as "10.213.0.1:5000"; it speaks plain HTTP."""
        return REGISTRY

    def image(self, name: str, tag: str | None = None) -> str:
        """Give the full reference of a lab image such as "postgres"; without a tag, its first."""
        for reference in self.references:
            found, _, version = reference.removeprefix("lab/").partition(":")
            if found == name and tag in (None, version):
                return f"{REGISTRY}/{reference}"
        raise LabError(f"the lab has no image {name}:{tag or '*'}; it has {self.references}")

    def digest(self, reference: str) -> str:
        """Give the manifest digest of a reference such as "lab/redis:7.0.15" in the lab registry."""
        name, _, tag = reference.removeprefix(f"{REGISTRY}/").rpartition(":")
        return registry.digest(name, tag)


def down() -> None:
    """End the whole lab and delete what its hosts wrote; caches and keys stay."""
    with ExitStack() as alone:
        for number in range(SETS):
            alone.enter_context(_alone(number))
        _in_parallel(boot.remove, [*EVERY, BUILDER])
        registry.stop()
        registry.Registry(images.BUILDING_PORT, registry.STORAGE).stop()
        network.remove_bridge()
        boot.remove_cgroups()
        for path in STATE.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif not path.name.startswith("lock"):
                path.unlink()


def build_images() -> ImageSet:
    """Build the images of this checkout unless they are cached."""
    requirements.ensure()
    with _alone():
        return images.ensure()


def _serve(served: ImageSet) -> None:
    if SERVED.exists() and SERVED.read_text() == served.digest and registry.healthy():
        return
    with step("starting the registry"):
        registry.restart(served.content)
    SERVED.write_text(served.digest)


def _boot_missing(specs: Sequence[HostSpec]) -> None:
    missing = [spec for spec in specs if not _usable(spec)]
    if not missing:
        return
    requirements.compose_binary()
    with step(f"booting {', '.join(spec.machine for spec in missing)}"):
        _in_parallel(boot.boot, missing)


def _usable(spec: HostSpec) -> bool:
    if marks.faulty(spec):
        return False
    return marks.in_fault(spec) or boot.healthy(spec)


def _in_parallel(work: Callable[[HostSpec], None], specs: Sequence[HostSpec]) -> None:
    with ThreadPoolExecutor(max_workers=len(specs)) as pool:
        list(pool.map(work, specs))


def _spec(name: str) -> HostSpec:
    try:
        return SPECS[name]
    except KeyError:
        raise LabError(f"there is no lab host {name}; there are {', '.join(SPECS)}") from None


@contextmanager
def _alone(number: int = 0) -> Iterator[None]:
    """Keep others from what all sets share and from booting hosts of the first (0), or of one of the other sets."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"lock{number or ''}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
