"""A NocoDB as the rules see it: its version, and the database that its environment comes to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from opsctl.apps.nocodb.settings import Settings
from opsctl.model.references import parse_reference
from opsctl.model.values import Unfit
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView, Subject

DATA = "/usr/app/data"
"""NC_TOOL_DIR of the image: attachments, and noco.db where nothing names a database."""
DATABASE_VARIABLES = (
    "NC_DATABASE_URL_FILE",
    "DATABASE_URL_FILE",
    "NC_DATABASE_URL",
    "DATABASE_URL",
    "NC_DB",
    "NC_DB_JSON",
    "NC_DB_JSON_FILE",
)
"""In the order in which they count (utils/nc-config: prepareEnv writes the first four into NC_DB, then NcConfig.create)."""
POOL = 10
"""Connections, where NC_DB_POOL_MAX says nothing (utils/nc-config/constants.ts, defaultConnectionOptions)."""
_SUPPORTED = frozenset({"pg", "mysql2", "sqlite3"})
_NAMED = frozenset({"d", "database", "db"})
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Instance:
    """One NocoDB."""

    view: ServiceView

    @property
    def env(self) -> Mapping[str, str]:
        return self.view.service.env

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(self.view.written.settings)

    @property
    def version(self) -> tuple[int, int, int] | None:
        """As the image's tag says it, 0.301.3 or 2026.10.1; None where that tells none."""
        try:
            tag = parse_reference(self.view.service.asked_image or self.view.service.image).tag
        except Unfit:
            return None
        found = _VERSION.fullmatch(tag)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None

    @property
    def database(self) -> str:
        """The variable whose database it uses; "" for noco.db of SQLite in its folder."""
        return next((name for name in DATABASE_VARIABLES if self.env.get(name)), "")

    @property
    def pool(self) -> int:
        """How many connections it may hold open to its own database."""
        stated = self.env.get("NC_DB_POOL_MAX", "")
        if self.database == "NC_DB":
            stated = parse_qs(urlsplit(self.env["NC_DB"]).query).get("pool.max", [stated])[-1]
        return int(stated) if stated.isdecimal() and int(stated) else POOL

    @property
    def on_sqlite(self) -> bool:
        return not self.database or self.env[self.database].startswith(("sqlite3:", "sqlite:"))

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        """About a part of the stack file."""
        return about(self.view, self.view.place(*path), message, hint)


def instances(subject: Subject) -> tuple[Instance, ...]:
    """Every service with `app: nocodb`."""
    return subject.once(_instances)


def _instances(subject: Subject) -> Iterator[Instance]:
    for view in subject.services():
        if view.written.app == "nocodb":
            yield Instance(view)


def unusable(url: str) -> str:
    """What is wrong with a value of NC_DB, in which login and database are parameters; "" for one that can be used."""
    parts = urlsplit(url)
    if parts.scheme not in _SUPPORTED:
        return f"begins with {parts.scheme or 'no scheme'}: NocoDB knows {', '.join(sorted(_SUPPORTED))} here"
    if parts.username or parts.password:
        return "has its login before the host, where NocoDB does not look"
    if not _NAMED & parse_qs(parts.query).keys():
        return "names no database: NocoDB ends with `Meta database configuration missing database name`"
    return ""
