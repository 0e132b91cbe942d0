"""The base of the lab images: a small Debian with PostgreSQL, Redis and Python, built here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from tests.lab.machines.errors import LabError
from tests.lab.machines.layout import CACHE
from tests.lab.machines.processes import run
from tests.lab.machines.progress import step

PACKAGES: Final = (
    "busybox-static",
    "ca-certificates",
    "curl",
    "postgresql-15",
    "python3",
    "python3-psycopg2",
    "redis-server",
    "wget",
)

UNUSED: Final = (
    "usr/share/doc usr/share/man usr/share/info usr/share/locale usr/share/i18n usr/share/perl"
    " usr/lib/x86_64-linux-gnu/perl usr/lib/postgresql/15/lib/bitcode"
    " usr/lib/postgresql/15/lib/llvmjit.so var/lib/postgresql/15 var/cache/apt var/lib/apt/lists"
)
"""Two thirds of the bytes: documentation, Perl, and the JIT compiler PostgreSQL can do without."""

UNUSED_LIBRARIES: Final = ("libLLVM-*", "libz3.so.*")
LABELS: Final = ("Debian", "Debian-Security")


def base_digest() -> str:
    """Name the recipe of the base: it changes when the base would."""
    recipe = repr((PACKAGES, UNUSED, UNUSED_LIBRARIES, codename()))
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def ensure_base() -> Path:
    """Give the base as a tar file; build it from the machine's own apt sources the first time."""
    archive = CACHE / f"base-{base_digest()}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with step("building the base of the images (about 50 s)"):
            _build(archive)
    return archive


def package_versions() -> dict[str, str]:
    """Give the upstream version of each package in the base: "15.18" of "15.18-0+deb12u1"."""
    versions = {}
    for line in _versions_file().read_text().splitlines():
        name, version = line.split()
        versions[name] = version.rpartition("-")[0].rpartition(":")[2]
    return versions


def codename() -> str:
    """Give the machine's Debian release, such as bookworm."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise LabError("/etc/os-release names no VERSION_CODENAME: is this Debian?")


def _versions_file() -> Path:
    return CACHE / f"base-{base_digest()}.versions"


def _build(archive: Path) -> None:
    sources = CACHE / "base.sources.list"
    sources.write_text("\n".join(_apt_sources()) + "\n")
    rest = f"""
set -eu
cd "$1"
dpkg-query --admindir=var/lib/dpkg -W -f '${{Package}} ${{Version}}\\n' >{_versions_file()}
rm -rf {UNUSED}
find usr/lib \\( {" -o ".join(f"-name '{name}'" for name in UNUSED_LIBRARIES)} \\) -delete
"""
    unfinished = CACHE / "unfinished.tar"
    options = ["--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    hook = f"--customize-hook={rest}"
    run(["mmdebstrap", *options, hook, codename(), unfinished, sources], timeout=1200)
    for older in CACHE.glob("base-*.tar"):
        older.unlink()
    unfinished.rename(archive)


def _apt_sources() -> list[str]:
    """Give the Debian part of the machine's apt sources in the one-line style.

    `apt-get indextargets` says what apt itself reads, whichever of its file formats it came from;
    the label of an index (Debian, Debian-Security) is known once it has been fetched.
    """
    question = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI) $(RELEASE) $(COMPONENT)"]
    answer = run([*question, "Created-By: Packages"]).stdout.decode()
    lines = [line.split() for line in answer.splitlines()]
    sources = sorted({f"deb {' '.join(rest)}" for label, *rest in lines if label in LABELS})
    if not sources:
        raise LabError("apt knows no Debian source here; run `apt-get update` first")
    return sources
