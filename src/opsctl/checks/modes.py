"""Whether what opsctl put on a host can be read by those alone who should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opsctl.checks.check import Check
from opsctl.checks.questions import Talk, failed, passed, skipped
from opsctl.checks.scripts import Facts, only, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

_MODES = """\
if ! [ -d "$1" ]; then
    echo absent
elif cd -- "$1" 2>/dev/null && [ -r . ]; then
    stat -c 'top %a %u .' .
    for path in .opsctl .opsctl/fingerprint.key; do
        if [ -e "$path" ]; then stat -c 'own %a %u %n' -- "$path"; fi
    done
    if [ -d env ]; then find env -type f -exec stat -c 'own %a %u %n' -- {} +; fi
else
    echo unread
fi
"""
_OTHERS = 0o007
_ALL_BUT_OWNER = 0o077
_ROOT = 0


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    mode: int
    owner: int


def _modes(host: HostNow) -> Talk:
    facts = yield from told(host.name, _MODES, host.desired.directory, privilege="files")
    if "absent" in facts:
        return skipped("nothing was deployed yet")
    only(facts, "top")
    found = [*_wrong(facts), *_not_as_rendered(host)]
    if found:
        return failed("; ".join(found))
    return passed(f"{len(facts.get('own', ()))} files and folders")


def _wrong(facts: Facts) -> Iterator[str]:
    (top,) = _entries(facts, "top")
    if top.mode & _OTHERS:
        yield f"the directory has mode {top.mode:04o}: not only its owner gets in"
    for one in _entries(facts, "own"):
        if one.mode & _ALL_BUT_OWNER:
            yield f"{one.path} has mode {one.mode:04o}: not only its owner reads it"
        if one.owner not in {top.owner, _ROOT}:
            yield f"{one.path} is owned by {one.owner}, the directory by {top.owner}"


def _entries(facts: Facts, word: str) -> Iterator[Entry]:
    for line in facts.get(word, ()):
        mode, owner, path = line.split(" ", 2)
        yield Entry(path, int(mode, 8), int(owner))


def _not_as_rendered(host: HostNow) -> Iterator[str]:
    for service in host.desired.services.values():
        for file in service.files:
            seen = host.observed.files.get(file.path)
            if seen and seen.mode != file.mode:
                yield f"{file.path} has mode {seen.mode:04o}, rendered {file.mode:04o}"


CHECKS = (
    Check(
        id="V-SEC-002",
        title="Files with secrets are their owner's alone",
        severity="high",
        proves="The directory is closed to others, env files, .opsctl and the fingerprint key to all but their owner, who is the "
        "directory's or root; other files have the mode that was rendered.",
        mend="opsctl deploy gives back the modes of files; chmod 0700 of the directory on the host",
        source="stat on the host",
        cases=asked_of_each_host(_modes),
        tags=frozenset({"secrets"}),
    ),
)
