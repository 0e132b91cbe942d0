"""What a rotation needs of its environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from opsctl.edges.ports import Journal, VersionedStore
from opsctl.flows.planning import Policy, no_policy
from opsctl.flows.rotation.drivers import registry
from opsctl.flows.rotation.drivers.contract import Chance, Driver, Means, Paste
from opsctl.model.secrets import Secret
from opsctl.secrets.candidate import Candidate
from opsctl.state.desired import Desired


@dataclass(frozen=True, slots=True)
class Ports:
    """`render` gives the desired hosts with certain values, by secret, in place of the stored ones,
    put into force at a moment (seconds since the epoch). `env_keys` gives, for a
    secret, the variables that hold it, and all variables that stand beside those. `may_withdraw` asks a person whether an
    old value was ended that only a person can end; its arguments are the secret and what keeps it. `environment` is named
    in hints, where it is said.
    """

    store: VersionedStore
    journal: Callable[[str], Journal]
    render: Callable[[Mapping[str, Candidate], float], Desired] = field(repr=False)
    env_keys: Callable[[str], tuple[Collection[str], Collection[str]]]
    may_withdraw: Callable[[str, str], bool]
    chance: Chance
    paste: Paste
    policy: Policy = no_policy
    environment: str = ""
    driver: Callable[[Means, Secret], Driver] = lambda means, secret: registry.make(
        means, registry.driver_name(secret)
    )

    def about(self, name: str) -> str:
        """What follows `opsctl rotate-secret` or `opsctl secrets set` in a hint about this secret."""
        return f"{name} -e {self.environment}" if self.environment else name
