"""The Jinja filters that Ansible users know, as plain functions."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import shlex
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from opsctl.render import yaml_text

_TRUE = frozenset({"yes", "on", "1", "true", "1.0"})


def to_bool(value: Any) -> bool | None:
    """True for yes, on, true and 1, in any case; None stays None; all else is False."""
    return value if value is None or isinstance(value, bool) else str(value).strip().lower() in _TRUE


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def to_nice_json(value: Any, indent: int = 4) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=True, default=_plain)


def to_yaml(value: Any) -> str:
    return yaml_text.dump(json.loads(to_json(value)))


def regex_replace(
    value: Any, pattern: str, replacement: str = "", *, ignorecase: bool = False, multiline: bool = False
) -> str:
    flags = (re.IGNORECASE if ignorecase else re.NOFLAG) | (re.MULTILINE if multiline else re.NOFLAG)
    return re.sub(pattern, replacement, str(value), flags=flags)


def b64encode(value: Any) -> str:
    return base64.b64encode(str(value).encode()).decode()


def b64decode(value: Any) -> str:
    return base64.b64decode(str(value)).decode()


def urlencode(value: Any) -> str:
    """Percent-encoded for any part of a URL: unlike Jinja's and Ansible's filter, `/` is encoded too, because a password
    that holds one would otherwise end the host part of `postgresql://user:password@host/`. A mapping gives a query string.
    """
    if isinstance(value, Mapping):
        return urllib.parse.urlencode(value, quote_via=urllib.parse.quote)
    return urllib.parse.quote(str(value), safe="")


def combine(value: Mapping[str, Any], *others: Mapping[str, Any], recursive: bool = False) -> dict[str, Any]:
    """Mappings merged, later ones win; with `recursive`, mappings inside them are merged too."""
    merged = dict(value)
    for other in others:
        for key, entry in other.items():
            mine = merged.get(key)
            both = recursive and isinstance(mine, Mapping) and isinstance(entry, Mapping)
            merged[key] = combine(mine, entry, recursive=True) if both and mine is not None else entry
    return merged


def quote(value: Any) -> str:
    return shlex.quote(str(value))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "bool": to_bool,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "to_yaml": to_yaml,
    "to_nice_yaml": to_yaml,
    "regex_replace": regex_replace,
    "b64encode": b64encode,
    "b64decode": b64decode,
    "urlencode": urlencode,
    "combine": combine,
    "quote": quote,
}


def _plain(value: Any) -> Any:
    """YAML reads 2026-01-31 as a date; Compose takes it as text."""
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
