"""Whether logs have a limit: those of containers, and the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.checks.check import Check
from opsctl.checks.questions import EngineGet, Talk, engine, failed, passed, skipped
from opsctl.checks.scripts import number, told
from opsctl.checks.seen import asked_of_each_host
from opsctl.checks.situation import HostNow

MOST_JOURNAL = 4 * 2**30
"""Bytes: what journald takes at most by itself (SystemMaxUse, journald.conf(5)), so more was allowed or is left over."""

_JOURNAL = """\
size=0 found=
for folder in /var/log/journal /run/log/journal; do
    if [ -d "$folder" ]; then
        if ! [ -r "$folder" ]; then echo unread; continue; fi
        found=yes
        set -- $(du -sk "$folder" 2>/dev/null)
        size=$((size + ${1:-0}))
    fi
done
if [ -n "$found" ]; then echo "kilobytes $size"; fi
"""


def _containers(host: HostNow) -> Talk:
    endless = []
    for one in host.observed.containers:
        body = yield from engine(EngineGet(host.name, f"/containers/{one.id}/json"))
        if body and not is_bounded((body.get("HostConfig") or {}).get("LogConfig") or {}):
            endless.append(one.name)
    if endless:
        return failed(f"json-file without max-size: {', '.join(sorted(endless))}")
    return passed(f"{len(host.observed.containers)} containers")


def is_bounded(config: Mapping[str, Any]) -> bool:
    """Of Docker's drivers only json-file fills the disk as it comes: `local` keeps 100 MB, others send it elsewhere."""
    if config.get("Type") != "json-file":
        return True
    return str((config.get("Config") or {}).get("max-size") or "-1") not in {"-1", "0"}


def _journal(host: HostNow) -> Talk:
    facts = yield from told(host.name, _JOURNAL)
    if "kilobytes" not in facts and "unread" not in facts:
        return skipped("no journal of systemd")
    size = number(facts, "kilobytes") * 1024
    message = f"the journal takes {size / 2**30:.1f} GiB"
    return failed(message) if size > MOST_JOURNAL else passed(message)


CHECKS = (
    Check(
        id="V-HST-005",
        title="Logs of containers have a limit",
        severity="medium",
        proves="Every container of the host, of other projects too, logs with max-size or to a driver that bounds itself.",
        mend='in /etc/docker/daemon.json {"log-driver": "local"}, or json-file with log-opts max-size and max-file; it counts for '
        "containers that are made afterwards: opsctl recreate. Or logging in the stack file",
        source="HostConfig.LogConfig, into which the engine copies daemon.json's when it makes a container; json-file knows no limit by itself",
        cases=asked_of_each_host(_containers),
        tags=frozenset({"host"}),
    ),
    Check(
        id="V-HST-006",
        title="The journal has a limit",
        severity="low",
        proves=f"The files of systemd's journal take at most {MOST_JOURNAL // 2**30} GiB.",
        mend="SystemMaxUse in /etc/systemd/journald.conf; journalctl --vacuum-size=1G",
        source="du of /var/log/journal and /run/log/journal; journald.conf(5)",
        cases=asked_of_each_host(_journal),
        tags=frozenset({"host"}),
    ),
)
