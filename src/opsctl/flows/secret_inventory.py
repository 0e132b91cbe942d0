"""Every secret of an environment, stored or used, and how it stands; nothing here needs a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.errors import UsageError
from opsctl.model.nearest import nearest
from opsctl.model.secrets import Secret, SecretClass, StoreFile
from opsctl.render.secret_uses import SecretUse
from opsctl.secrets.classes import kept_by_database, known_class
from opsctl.secrets.journal import Opened
from opsctl.secrets.policy import Remark, Standing, standing

Uses = Mapping[str, tuple[SecretUse, ...]]

NOWHERE = Standing(age=None, share=None, due=None, remarks=())


@dataclass(frozen=True, slots=True)
class Item:
    """One secret. `secret` is None where services use it and the store does not have it; `uses` is None where it is not
    known who uses what. `known` is the class that its name says. The remarks are those of its standing, of
    its rotation's journal and of its place in the project, urgent ones first.
    """

    name: str
    secret: Secret | None
    uses: tuple[SecretUse, ...] | None
    known: SecretClass | None
    standing: Standing
    remarks: tuple[Remark, ...]

    @property
    def urgent(self) -> bool:
        """Overdue, expired, half-rotated, missing, or held for rotatable where that would lose data."""
        return any(remark.severity == "high" for remark in self.remarks)

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(sorted({use.service for use in self.uses or () if use.service}))

    @property
    def registries(self) -> tuple[str, ...]:
        """Those that hosts log in to with it."""
        return tuple(sorted({use.registry for use in self.uses or () if use.registry}))

    @property
    def env_keys(self) -> tuple[str, ...]:
        """The variables that carry it."""
        return _env_keys(self.uses)

    @property
    def users(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(sorted(use.user for use in self.uses or ())))


def inventory(
    file: StoreFile, uses: Uses | None, now: float, journals: Mapping[str, Opened] | None = None
) -> tuple[Item, ...]:
    """By name. `uses` is None where the project's files could not tell; `journals` are those that are there, by secret.

    What only a login of a registry names may be missing: this environment perhaps pulls nothing from there.
    """
    asked = {name for name, found in (uses or {}).items() if any(use.service for use in found)}
    names = sorted({*file.secrets, *asked})
    opened = journals or {}
    return tuple(_item(name, file.secrets.get(name), uses, now, opened.get(name)) for name in names)


def class_by_name(name: str, uses: Uses | None) -> SecretClass | None:
    """What its own name and the variables that carry it say of a secret's class; None where they say nothing."""
    own = (uses or {}).get(name, ())
    services = {use.service for use in own}
    beside = {use.env_key for several in (uses or {}).values() for use in several if use.service in services}
    known = known_class(name, {use.env_key for use in own if use.env_key}, beside=beside)
    return known.class_ if known else None


def check_target(name: str, secret: Secret) -> None:
    """Raises UsageError where there is no such driver, or where the driver cannot use the target."""
    from opsctl.flows.rotation.drivers.registry import DRIVERS, driver_name

    driver = driver_name(secret)
    if driver and driver not in DRIVERS:
        raise UsageError(
            f"there is no driver {driver!r}", where=f"secret {name}", hint=nearest(driver, DRIVERS)
        )
    if driver:
        DRIVERS[driver].read(name, secret.target)


def of_a_database(name: str, uses: tuple[SecretUse, ...] | None) -> bool:
    """Whether a database server keeps the value, by what the stacks say of it or by what it is called."""
    return any(use.database for use in uses or ()) or kept_by_database(name, _env_keys(uses))


def _env_keys(uses: tuple[SecretUse, ...] | None) -> tuple[str, ...]:
    return tuple(use.env_key for use in uses or () if use.env_key)


def _item(name: str, secret: Secret | None, uses: Uses | None, now: float, opened: Opened | None) -> Item:
    used = None if uses is None else uses.get(name, ())
    known = class_by_name(name, uses)
    stands = standing(secret, now) if secret else NOWHERE
    remarks = [*stands.remarks, *_of_journal(secret, opened), *_of_place(name, secret, used, known)]
    order = ("high", "warn", "note")
    urgent_first = sorted(remarks, key=lambda one: order.index(one.severity))
    return Item(name, secret, used, known, stands, tuple(urgent_first))


def _of_journal(secret: Secret | None, opened: Opened | None) -> Iterator[Remark]:
    """Of a rotation that the store alone does not show to be open."""
    if secret is None or opened is None or secret.pending:
        return
    if secret.current == opened.after:
        text = f"{opened.after} is in force, and {opened.before} is not withdrawn yet"
        yield Remark("not withdrawn", "warn", text)
    else:
        yield Remark("journal left", "note", f"the journal of a rotation that is over ({opened})")


def _of_place(
    name: str, secret: Secret | None, uses: tuple[SecretUse, ...] | None, known: SecretClass | None
) -> Iterator[Remark]:
    if secret is None:
        yield Remark("missing", "high", f"not in the store, used at {_first(uses)}")
        return
    if known and known != secret.class_:
        grave = known == "migrate_only"
        loss = ": another value loses data" if grave else ""
        said = f"{secret.class_}, and by its name {known}{loss}"
        yield Remark("class by name", "high" if grave else "note", said)
    elif secret.class_ == "regenerate" and not secret.driver and of_a_database(name, uses):
        said = "regenerate, and by its use a database keeps it, which no rotation would tell"
        yield Remark("class by use", "warn", said)
    if uses == ():
        yield Remark("unused", "note", "no stack uses it")


def _first(uses: tuple[SecretUse, ...] | None) -> str:
    if not uses:
        return "nowhere"
    more = f" and {len(uses) - 1} more" if len(uses) > 1 else ""
    return f"{uses[0].place}{more}"
