"""Reading the audit of a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opsctl.argv.command import Command, script

__all__ = ["append_audit", "read_audit"]

_READ = """\
cd -- "$1/.opsctl" 2>/dev/null || {
    [ -d "$1" ] && ! [ -x "$1" ] || [ -d "$1/.opsctl" ] || exit 0
    echo "cannot read $1/.opsctl" >&2
    exit 77
}
for file in audit.jsonl.1 audit.jsonl; do
    if [ -e "$file" ]; then cat -- "$file" || exit 77; fi
done | tail -n "$2"
"""


# One short write with O_APPEND: the holder of the lease may append at the same moment.
_APPEND = """\
directory=$1
umask 077
IFS= read -r line || exit 64
cd -- "$directory/.opsctl" && printf '%s\\n' "$line" >>audit.jsonl && sync -- audit.jsonl
"""


def append_audit(directory: str, record: Mapping[str, Any]) -> Command:
    """Append one line outside of a lease: what passes through changes nothing of ours."""
    line = json.dumps(record, ensure_ascii=False) + "\n"
    return Command(
        words=script(_APPEND, directory), stdin=line.encode(), privilege="files", timeout=30.0, label="audit"
    )


def read_audit(directory: str, lines: int) -> Command:
    """The last lines of the audit, oldest first; nothing where there is none."""
    words = script(_READ, directory, str(lines))
    return Command(words=words, privilege="files", timeout=60.0, label="read the audit")
