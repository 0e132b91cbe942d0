"""The environment variables that n8n reads, by version, as its packages of npm name them.

Read in n8n 1.123.81, 2.7.5 and 2.41.1 and the packages of n8n's own that each of them pins (@n8n/config 1.65.9, 2.6.1 and
2.39.0): the names in `Env('…')`, and those that the other packages take from `process.env`. What is read in other ways is missed.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from opsctl.apps.n8n import variables_1, variables_2

PREFIXES = (
    "N8N_",
    "DB_",
    "EXECUTIONS_",
    "QUEUE_",
    "CREDENTIALS_OVERWRITE_",
    "NODES_",
    "OFFLOAD_",
)
"""Names that begin so are n8n's own; others may be anything, since workflows can read the environment."""


@dataclass(frozen=True, slots=True)
class Variables:
    """Of one version (major, minor). Each of `configured` has a form with _FILE, as @n8n/config reads it; those of `plain`
    have none.
    """

    version: tuple[int, int]
    configured: frozenset[str]
    plain: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.configured | self.plain

    def knows(self, name: str) -> bool:
        return name in self.all or (name.endswith("_FILE") and name.removesuffix("_FILE") in self.configured)

    def __or__(self, other: Variables) -> Variables:
        """What either knows; the version is that of the left."""
        return Variables(self.version, self.configured | other.configured, self.plain | other.plain)


def _after(names: AbstractSet[str], new: str, gone: str) -> frozenset[str]:
    return frozenset((names | set(new.split())) - set(gone.split()))


_1_123 = Variables((1, 123), _after(set(), variables_1.CONFIGURED, ""), _after(set(), variables_1.PLAIN, ""))
_2_7 = Variables(
    (2, 7),
    _after(_1_123.configured, variables_2.NEW_2_7, variables_2.GONE_2_7),
    _after(_1_123.plain, variables_2.PLAIN_NEW_2_7, variables_2.PLAIN_GONE_2_7),
)
_2_41 = Variables(
    (2, 41),
    _after(_2_7.configured, variables_2.NEW_2_41, variables_2.GONE_2_41),
    _after(_2_7.plain, variables_2.PLAIN_NEW_2_41, variables_2.PLAIN_GONE_2_41),
)
LISTS = (_1_123, _2_7, _2_41)
"""The oldest first."""
NEWEST = LISTS[-1]


def variables_of(version: tuple[int, int] | None) -> Variables:
    """Between two lists a variable of either is known; above the newest, and where nobody knows the version, those of the newest
    count.
    """
    if version is None:
        return NEWEST
    older = [one for one in LISTS if one.version <= version]
    newer = [one for one in LISTS if one.version > version]
    if not older or not newer or older[-1].version == version:
        return (older or newer)[-1 if older else 0]
    return older[-1] | newer[0]
