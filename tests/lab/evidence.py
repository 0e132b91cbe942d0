"""What a run left on a host: every file of the project with its mode, owner and content, and whether the lease is free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.machines.processes import until
from tests.lab.site import Site

# What every run that takes the lease may write, and the filler of the lab's full disk.
_RUNS_OWN = ("./.opsctl/lease", "./.opsctl/running", "./.opsctl/audit.jsonl", "./.full")
_TREE = """\
cd "$1" 2>/dev/null || exit 0
find . -printf '%p %y %m %u:%g\\n' | sort
find . -type f -exec sha256sum {} + | sort
"""


def tree(site: Site, host: str = "") -> list[str]:
    """The project's directory: names, kinds, modes, owners and contents."""
    listed = site.host(host).run(["sh", "-c", _TREE, "tree", site.directory]).stdout.decode()
    return [line for line in listed.splitlines() if not any(own in line.split() for own in _RUNS_OWN)]


def lease_is_free(site: Site, host: str = "", *, directory: str = "") -> bool:
    """Whether the next run would get the lease, and would find no command of an earlier one under way."""
    folder = f"{directory or site.directory}/.opsctl"
    script = 'cd "$1" 2>/dev/null || exit 0; for one in lease running; do [ ! -e $one ] || flock -n $one true || exit 1; done'
    return site.host(host).run(["sh", "-c", script, "lease", folder], check=False).returncode == 0


def await_lease(site: Site, *, seconds: float) -> None:
    until(lambda: lease_is_free(site), "the lease's end", seconds=seconds)


@contextmanager
def nothing_changes(site: Site, *, containers: bool = True) -> Iterator[None]:
    """No file, no inode, no container differs afterwards, and the lease is free."""
    before = (tree(site), site.snapshot() if containers else {})
    yield
    assert tree(site) == before[0]
    assert not containers or site.snapshot() == before[1]
    assert lease_is_free(site)


@contextmanager
def edited(site: Site, path: str, old: str, new: str) -> Iterator[None]:
    """The operator's file with a change in it, for a while."""
    text = (site.root / path).read_text()
    site.edit(path, old, new)
    try:
        yield
    finally:
        (site.root / path).write_text(text)
