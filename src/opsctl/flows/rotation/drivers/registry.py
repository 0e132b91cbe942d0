"""Which driver a secret has, whether its target is one that the driver can use, and the driver itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from opsctl.errors import Refused, UsageError
from opsctl.flows.rotation.drivers import postgresql, provider, redis, regenerate
from opsctl.flows.rotation.drivers.contract import Driver, Means
from opsctl.model.nearest import nearest
from opsctl.model.secrets import Secret
from opsctl.secrets.classes import GENERIC, Known, known_class

_BY_CLASS = {"database": postgresql.NAME, "regenerate": regenerate.NAME, "provider": provider.NAME}


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` raises UsageError for a target that the driver cannot use; `serviced`: target.service keeps the value."""

    make: Callable[[Means], Driver]
    read: Callable[[str, Mapping[str, str]], object]
    serviced: bool


DRIVERS: Mapping[str, Kind] = {
    postgresql.NAME: Kind(postgresql.postgresql, postgresql.PostgresqlTarget.read, serviced=True),
    redis.NAME: Kind(redis.redis, redis.RedisTarget.read, serviced=True),
    regenerate.NAME: Kind(regenerate.regenerate, regenerate.length_of, serviced=False),
    provider.NAME: Kind(provider.provider, provider.api_of, serviced=False),
}


def driver_name(secret: Secret) -> str:
    """The driver that the secret names, else that of its class; "" where there is none."""
    return secret.driver or _BY_CLASS.get(secret.class_, "")


def system_service(secret: Secret) -> str:
    """The service of the environment that keeps the value; "" where none does."""
    kind = DRIVERS.get(driver_name(secret))
    return secret.target.get("service", "") if kind and kind.serviced else ""


def check(
    name: str,
    secret: Secret,
    *,
    env_keys: Collection[str] = (),
    beside: Collection[str] = (),
    environment: str = "",
) -> None:
    """Before anything begins. Raises Refused where this secret is not for rotation, with the way that there is, and
    UsageError where its driver or its target cannot be meant.

    `env_keys` are the variables that hold the value, `beside` all those of the same services: some values are known by
    them to encrypt stored data, whatever class was written down. `environment` is named in hints, where it is said.
    """
    about = f"{name} -e {environment}" if environment else name
    _refuse_migrations(name, secret, known_class(name, env_keys, beside=beside), about)
    require_driver(name, secret, environment=environment)


def require_driver(name: str, secret: Secret, *, environment: str = "") -> None:
    """The second half of `check`, which a rotation that is open needs to be ended."""
    about = f"{name} -e {environment}" if environment else name
    driver = driver_name(secret)
    if not driver:
        raise Refused(
            f"nothing tells a system the new value of a secret of class {secret.class_}",
            where=f"secret {name}",
            hint=f"change it where it is kept, then store it: opsctl secrets set {about} --only-store, and deploy; drivers for {secret.class_}"
            " come with their apps",
        )
    if driver not in DRIVERS:
        raise UsageError(
            f"there is no driver {driver!r}", where=f"secret {name}", hint=nearest(driver, DRIVERS)
        )
    DRIVERS[driver].read(name, secret.target)


def _refuse_migrations(name: str, secret: Secret, known: Known | None, about: str) -> None:
    if known is None and secret.class_ != "migrate_only":
        return
    known = known or GENERIC
    steps = "".join(f"\n  {number}. {step}" for number, step in enumerate(known.runbook, start=1))
    raise Refused(
        f"it is {known.what}: replacing it loses what it encrypts",
        where=f"secret {name}",
        hint=f"do by hand:{steps.replace('NAME', about)}",
    )


def make(means: Means, driver: str) -> Driver:
    """The driver called `driver`. Raises UsageError as `check`."""
    return DRIVERS[driver].make(means)
