"""Checks of one's own: `checks` of a service in a stack file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from opsctl.model.databases import Identifier
from opsctl.model.frozen import Frozen
from opsctl.model.values import Duration, Name, Unfit

Severity = Literal["low", "medium", "high", "critical"]
"""Least first."""
Tag = Literal["deploy", "network", "host", "secrets", "data", "upgrade", "nightly", "own"]
KINDS = ("http", "tcp", "command", "sql", "log")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def check_pattern(value: Any) -> str:
    """Text that compiles as a regular expression of Python; one with a template in it is read once that is rendered. Raises
    Unfit.
    """
    if not isinstance(value, str) or not value:
        raise Unfit("must be a regular expression", "put it in quotes")
    if "{{" not in value and "{%" not in value:
        try:
            re.compile(value)
        except re.error as error:
            raise Unfit(
                f"not a regular expression: {error}", "in YAML, single quotes keep a backslash"
            ) from None
    return value


def check_header(value: Any) -> str:
    """The name of an HTTP header (RFC 9110, 5.1). Raises Unfit."""
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise Unfit(f"{value!r} is not the name of a header")
    return value


def check_plain(value: Any) -> Any:
    """What JSON has beside lists and objects. Raises Unfit."""
    if value is not None and not isinstance(value, str | int | float | bool):
        raise Unfit("must be text, a number, true, false or null", "a part of it by its path: data.state")
    return value


Plain = Annotated[
    Any,
    BeforeValidator(check_plain),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
Pattern = Annotated[
    str, BeforeValidator(check_pattern), WithJsonSchema({"type": "string", "format": "regex"})
]
HeaderName = Annotated[str, BeforeValidator(check_header), WithJsonSchema({"type": "string"})]
Port = Annotated[int, Field(ge=1, le=65535)]
From = Annotated[str, Field(min_length=1)]


class HttpExpect(Frozen):
    """All of it must hold. Without `status`, 200 to 299. `json` and `json_contains` are by dotted path: `data.0.state`."""

    status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = ()
    headers: dict[HeaderName, Pattern] = Field(default_factory=dict)
    body: Pattern | None = None
    json_: dict[str, Plain] = Field(default_factory=dict, alias="json")
    json_contains: dict[str, str] = Field(default_factory=dict)


class HttpCheck(Frozen):
    """`port` and `path` ask the service's own container; `url` anything, at `address` where that is given."""

    port: Port | None = None
    path: Annotated[str, Field(pattern=r"^(/|\{)")] = "/"
    url: str | None = None
    address: str | None = None
    from_: From = Field(default="host", alias="from")
    method: Annotated[str, Field(pattern=r"^[A-Z]+$")] = "GET"
    headers: dict[HeaderName, str] = Field(default_factory=dict, repr=False)
    body: str = Field(default="", repr=False)
    expect: HttpExpect = HttpExpect()

    @model_validator(mode="after")
    def _asks_somewhere(self) -> Self:
        if (self.port is None) == (self.url is None):
            raise Unfit(
                "says not exactly one of port and url",
                "port (and path): the service's own container; url: anything else",
            )
        if self.url is None and self.address is not None:
            raise Unfit("address goes with url", "with port, the container's own address is asked")
        if self.url is None and self.from_ != "host":
            raise Unfit("from goes with url", "a container's own address is reached from its host alone")
        if self.url is not None and self.path != "/":
            raise Unfit("path goes with port", "write it into url")
        return self


class TcpCheck(Frozen):
    """Whether somebody takes a connection. Without `address`, the service's own container."""

    port: Port
    address: str | None = None
    from_: From = Field(default="host", alias="from")
    expect: Literal["open", "closed"] = "open"

    @model_validator(mode="after")
    def _asks_somewhere(self) -> Self:
        if self.address is None and self.from_ != "host":
            raise Unfit("from goes with address", "a container's own address is reached from its host alone")
        return self


class CommandExpect(Frozen):
    code: Annotated[int, Field(ge=0, le=255)] = 0
    stdout: Pattern | None = None


class CommandCheck(Frozen):
    """Words that are run in the container; a secret goes by `stdin`."""

    argv: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    stdin: str = Field(default="", repr=False)
    user: str = ""
    expect: CommandExpect = CommandExpect()


class SqlExpect(Frozen):
    """`value` is the first column of the first row, as psql prints it; `rows` how many rows there are."""

    value: str | None = None
    rows: Annotated[int, Field(ge=0)] | None = None


class SqlCheck(Frozen):
    """A query in a database that a PostgreSQL service of the project keeps, as the role declared for it, read only."""

    database: Identifier
    query: str = Field(min_length=1, repr=False)
    service: Name | None = None
    """Who keeps it; None: the service itself, else the one that its connections name."""
    expect: SqlExpect = SqlExpect()


class LogCheck(Frozen):
    """Among the last `lines` since the container's start: one that matches `present`, or none that matches `absent`."""

    present: Pattern | None = None
    absent: Pattern | None = None
    lines: Annotated[int, Field(ge=1, le=10000)] = 1000

    @model_validator(mode="after")
    def _looks_for_one(self) -> Self:
        if (self.present is None) == (self.absent is None):
            raise Unfit("says not exactly one of present and absent")
        return self


class OwnCheck(Frozen):
    """One check, of one kind. Times are seconds; see Patience of opsctl.checks for what the last four mean."""

    name: Name
    severity: Severity = "medium"
    tags: tuple[Tag, ...] = ()
    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    command: CommandCheck | None = None
    sql: SqlCheck | None = None
    log: LogCheck | None = None
    metered: bool = False
    deadline: Duration = 0.0
    interval: Annotated[Duration, Field(gt=0)] = 2.0
    successes: Annotated[int, Field(ge=1, le=100)] = 1
    timeout: Annotated[Duration, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise Unfit(
                f"{' and '.join(given)} are both given" if given else "says not what is asked",
                f"give one of {', '.join(KINDS)}",
            )
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)
