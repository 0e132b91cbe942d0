"""Reading the audit of a host."""

from __future__ import annotations

from opsctl.argv.command import Command, script

__all__ = ["read_audit"]

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


def read_audit(directory: str, lines: int) -> Command:
    """The last lines of the audit, oldest first; nothing where there is none."""
    words = script(_READ, directory, str(lines))
    return Command(words=words, privilege="files", timeout=60.0, label="read the audit")
