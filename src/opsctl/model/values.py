"""The small values of the operator's files: names, sizes, durations, modes, addresses, paths."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema


class Unfit(ValueError):
    """A value that cannot be meant. The message says why, `hint` how to mend it; the path is known to the caller."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
# compose-go loader: project names are [a-z0-9][a-z0-9_-]*, without dots.
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# compose-go dotenv/parser.go reads letters, digits, "_", ".", "-" and brackets in the name of a variable.
_ENV_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# In a template, `vars.items` is the method of the mapping, not the variable.
_SHADOWED = frozenset(name for name in dir(dict) if not name.startswith("_"))

_SIZE = re.compile(r"\s*(\d+)(?:\.(\d+))?\s*([a-z]*)\s*", re.IGNORECASE | re.ASCII)
# docker/go-units RAMInBytes: k, m, g, t with or without b or ib are all powers of 1024.
_UNITS = {"": 1, "b": 1} | {
    letter + tail: 1024**power for power, letter in enumerate("kmgt", start=1) for tail in ("", "b", "ib")
}
_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", re.ASCII
)
_MODE = re.compile(r"(?:0o)?([0-7]{3,4})")
_ADDRESS = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)))(?::(?P<port>\d{1,5}))?"
)
_HOST_KEY_TYPE = re.compile(
    r"ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com"
)
_LAST_PORT = 65535


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise Unfit(f"{what} is text", "put it in quotes" if isinstance(value, int | float) else "")
    return value


def check_name(value: Any) -> str:
    """Names of hosts, environments, stacks, services, networks, volumes and secrets. Raises Unfit."""
    text = _text(value, "a name")
    if not _NAME.fullmatch(text):
        raise Unfit(
            f"{text!r} is not a name",
            "names are a-z, 0-9, '_', '.' and '-', at most 63, and begin with a letter or digit",
        )
    return text


def check_project(value: Any) -> str:
    """The Compose project's name. Raises Unfit."""
    text = _text(value, "the project's name")
    if not _PROJECT.fullmatch(text):
        raise Unfit(
            f"{text!r} is not a project name",
            "Compose takes a-z, 0-9, '_' and '-', beginning with a letter or digit",
        )
    return text


def check_variable(value: Any) -> str:
    """The name of a variable, such that `vars.NAME` works in a template. Raises Unfit."""
    text = _text(value, "a variable's name")
    if not _IDENTIFIER.fullmatch(text):
        raise Unfit(
            f"{text!r} cannot be used as vars.NAME",
            "variables are letters, digits and '_', not beginning with a digit",
        )
    if text in _SHADOWED:
        raise Unfit(
            f"a variable cannot be called {text!r}",
            f"in a template vars.{text} is a method of the mapping; choose another name",
        )
    return text


def check_env_key(value: Any) -> str:
    """The name of an environment variable that an env file can hold. Raises Unfit."""
    text = _text(value, "the name of an environment variable")
    if not _ENV_KEY.fullmatch(text):
        raise Unfit(
            f"{text!r} is not the name of an environment variable",
            "names are letters, digits, '_', '.' and '-'",
        )
    return text


def parse_size(value: Any) -> Any:
    """Bytes from `512M`, `512MiB`, `1.5g`, `1024`. Raises Unfit."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unfit("a size is a number of bytes or text such as 512MiB or 2g")
    if isinstance(value, int):
        if value < 0:
            raise Unfit("a size is not negative")
        return value
    match = _SIZE.fullmatch(value)
    if not match or match[3].lower() not in _UNITS:
        raise Unfit(f"{value!r} is not a size such as 512MiB, 512M or 2g")
    unit = _UNITS[match[3].lower()]
    fraction = match[2] or ""
    return int(match[1]) * unit + int(fraction or 0) * unit // 10 ** len(fraction)


def parse_duration(value: Any) -> Any:
    """Seconds from `30s`, `1m30s`, `500ms`, `2h` or a number of seconds. Raises Unfit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if not match:
        raise Unfit(f"{value!r} is not a duration such as 30s, 1m30s or 2h")
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def parse_mode(value: Any) -> Any:
    """Permission bits from octal text such as "0644". An int is taken as the bits themselves. Raises Unfit."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:  # noqa: PLR2004 the bits of a mode
        return value
    match = _MODE.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Unfit(f"{value!r} is not a mode", 'write it as octal text: mode: "0644"')
    return int(match[1], 8)


def split_address(text: str) -> tuple[str, int | None]:
    """The host and port of `host`, `host:port`, `v6`, `[v6]` or `[v6]:port`. Raises Unfit."""
    try:
        return str(ipaddress.IPv6Address(text)), None
    except ValueError:
        match = _ADDRESS.fullmatch(text)
    if not match or (match["port"] and not 0 < int(match["port"]) <= _LAST_PORT):
        raise Unfit(f"{text!r} is not an address", "write host, host:port, an IPv4 address or [IPv6]:port")
    if match["v6"]:
        try:
            ipaddress.IPv6Address(match["v6"])
        except ValueError:
            raise Unfit(f"{text!r} is not an address", "between brackets stands an IPv6 address") from None
    return match["v6"] or match["name"], int(match["port"]) if match["port"] else None


def check_address(value: Any) -> str:
    text = _text(value, "an address")
    split_address(text)
    return text


def check_host_key(value: Any) -> str:
    """A public host key as `ssh-keyscan` and known_hosts write it: type, base64, maybe a comment. Raises Unfit."""
    parts = _text(value, "a host key").split(maxsplit=2)
    hint = "write the type and the base64 text, as in /etc/ssh/ssh_host_ed25519_key.pub on the host"
    if len(parts) < 2 or not _HOST_KEY_TYPE.fullmatch(parts[0]):  # noqa: PLR2004 type and key
        raise Unfit("this is not a host key such as 'ssh-ed25519 AAAA…'", hint)
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("the host key's second word is not base64", hint) from None
    # RFC 4253, 6.6: the blob begins with the type as a length-prefixed string.
    named = blob[4 : 4 + int.from_bytes(blob[:4])]
    if named and named != parts[0].encode():
        raise Unfit(f"the host key says {parts[0]}, but its base64 text is of another type", hint)
    return " ".join(parts[:2])


def check_directory(value: Any) -> str:
    """An absolute path without `..`, white space or control characters. Raises Unfit."""
    text = _text(value, "a path")
    if not text.startswith("/") or ".." in text.split("/") or re.search(r"[\s\x00-\x1f]", text):
        raise Unfit(f"{text!r} is not an absolute path without '..' and white space")
    return text.rstrip("/") or "/"


def check_target(value: Any) -> str:
    """The absolute path of a file inside a container. Raises Unfit."""
    text = _text(value, "a target")
    parts = text.split("/")
    if not text.startswith("/") or ".." in parts or not parts[-1] or re.search(r"[\x00-\x1f:\\]", text):
        raise Unfit(f"{text!r} is not the absolute path of a file without '..', ':' and backslashes")
    return "/" + "/".join(part for part in parts if part not in {"", "."})


def check_template_path(value: Any) -> str:
    """A path below templates/, with forward slashes. Raises Unfit."""
    text = _text(value, "a path below templates/")
    if text.startswith("/") or not text or ".." in text.split("/"):
        raise Unfit(f"{text!r} is not a path below templates/")
    return text


def check_day(value: Any) -> str:
    """A date as `2027-01-31`. Raises Unfit."""
    text = _text(value, "a date")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise Unfit(f"{text!r} is not a date", "write it as 2027-01-31") from None
    return text


def check_scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise Unfit("a variable is text, a number or true/false")
    return value


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _schema(**keys: Any) -> WithJsonSchema:
    return WithJsonSchema(keys)


def _text_schema(pattern: str) -> WithJsonSchema:
    return _schema(type="string", pattern=f"^(?:{pattern})$")


Name = Annotated[str, BeforeValidator(check_name), _text_schema(_NAME.pattern)]
ProjectName = Annotated[str, BeforeValidator(check_project), _text_schema(_PROJECT.pattern)]
VariableName = Annotated[str, BeforeValidator(check_variable), _text_schema(_IDENTIFIER.pattern)]
EnvKey = Annotated[str, BeforeValidator(check_env_key), _text_schema(_ENV_KEY.pattern)]
Day = Annotated[str, BeforeValidator(check_day), _schema(type="string", format="date")]
Scalar = str | int | float | bool
Variable = Annotated[Scalar, BeforeValidator(check_scalar), _schema(type=["string", "number", "boolean"])]
Size = Annotated[int, BeforeValidator(parse_size), _schema(type=["string", "integer"], examples=["512MiB"])]
Duration = Annotated[
    float, BeforeValidator(parse_duration), _schema(type=["string", "number"], examples=["30s"])
]
Mode = Annotated[int, BeforeValidator(parse_mode), _schema(type="string", pattern="^(?:0o)?[0-7]{3,4}$")]
Address = Annotated[str, BeforeValidator(check_address), _schema(type="string")]
Directory = Annotated[str, BeforeValidator(check_directory), _schema(type="string", pattern="^/")]
Target = Annotated[str, BeforeValidator(check_target), _schema(type="string", pattern="^/")]
TemplatePath = Annotated[str, BeforeValidator(check_template_path), _schema(type="string", pattern="^[^/]")]
HostKeys = Annotated[
    tuple[Annotated[str, AfterValidator(check_host_key)], ...],
    BeforeValidator(_one_or_many),
    _schema(oneOf=[{"type": "string"}, {"type": "array", "items": {"type": "string"}}]),
]
