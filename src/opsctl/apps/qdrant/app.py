"""Qdrant as an app."""

from __future__ import annotations

from functools import partial
from pkgutil import resolve_name

from opsctl.apps.app import App, Upgrade
from opsctl.apps.qdrant import access, keys, limits
from opsctl.apps.qdrant.settings import Settings
from opsctl.checks.gates import Gate

# The image has bash, printf, head and grep, and neither curl nor wget (Dockerfile v1.19.0).
_ASK = "exec 3<>/dev/tcp/127.0.0.1/6333; printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3 | grep -q ' 200'"

QDRANT = App(
    name="qdrant",
    settings=Settings,
    rules=tuple(sorted((*keys.RULES, *limits.RULES, *access.RULES), key=lambda rule: rule.id)),
    gate=Gate("qdrant.tech, upgrading: one minor version at a time", steps="minor"),
    page="stacks/qdrant.md",
    checks=partial(resolve_name, "opsctl.apps.qdrant.checks:CHECKS"),
    probe=("CMD", "bash", "-c", _ASK),
    reload="read at the start only: a changed file or variable is a recreate, the default of on_change",
    upgrades=(
        Upgrade("1.13", "One minor version at a time, from each to the next one's last release."),
        Upgrade("1.14", "storage.max_collections."),
        Upgrade(
            "1.15",
            "storage.performance.max_optimization_threads is gone (max_optimization_runtime_threads); memmap_threshold_kb is "
            "deprecated.",
        ),
        Upgrade("1.18", "storage.low_memory_mode, for a node that is killed for memory at every start."),
        Upgrade(
            "1.19",
            "storage.quotas, read at the first start only (QDR008); on_disk and on_disk_payload give way to memory: cold, cached or "
            "pinned; strict_mode.max_disk_usage_percent is gone.",
        ),
        Upgrade(
            "1.21", "strict_mode.max_resident_memory_percent will be gone (announced in 1.19): use quotas."
        ),
    ),
)
