"""One look at a host: one exec for the files beside one channel to the engine for the containers."""

from __future__ import annotations

from opsctl.edges.ports import Connection
from opsctl.state.desired import DesiredHost
from opsctl.state.observed import Observed


def look(connection: Connection, desired: DesiredHost, *, inspect_all: bool = False) -> Observed:
    """What runs and lies on the host now. `inspect_all` inspects every container of the project (status, why).

    Raises ConnectFailed, EngineUnavailable, and CouldNotFindOut where the files cannot be read.
    """
    raise NotImplementedError
