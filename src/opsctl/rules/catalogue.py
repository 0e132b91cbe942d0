"""Every rule, in the order of the documentation."""

from __future__ import annotations

from opsctl.rules import docker, env, files, health, images, memory, network, secrets, suppressions
from opsctl.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *images.RULES,
    *memory.RULES,
    *env.RULES,
    *secrets.RULES,
    *network.RULES,
    *docker.RULES,
    *health.RULES,
    *files.RULES,
    *suppressions.RULES,
)
RETIRED: frozenset[str] = frozenset()
"""Ids of rules that are gone; none of them is given to another rule."""
