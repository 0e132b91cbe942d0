"""The environment of a container, from a mapping or a list, with every value the text that Compose would pass on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.model.spelled import Path, Spelled


def read_env(value: Any, here: Path, out: Spelled, written: Mapping[Path, str]) -> None:
    out.form.setdefault("env", {})
    out.origins.setdefault(("env",), here)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _read_env_value(key, inner, (*here, key), out, written)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            _read_env_item(item, (*here, index), out)
    else:
        out.fault(here, "env is a mapping of KEY: value, or a list of KEY=value")


def _read_env_value(key: str, value: Any, here: Path, out: Spelled, written: Mapping[Path, str]) -> None:
    if value is None:
        out.fault(
            here,
            f"{key} has no value",
            f'write {key}: "" for an empty value; opsctl takes none from your shell',
        )
    elif isinstance(value, Mapping):
        if set(value) == {"secret"}:
            out.put(("env", key), {"secret": value["secret"]}, here)
        else:
            out.fault(here, f"{key} is text, a number, true or false, or {{secret: name}}")
    elif isinstance(value, bool):
        out.put(("env", key), "true" if value else "false", here)
    elif isinstance(value, int | float):
        text = _number_text(value, written.get(here))
        if text is None:
            said = written.get(here, repr(value))
            out.fault(
                here,
                f"Compose would not pass {said} on as it is written",
                f'put it in quotes: {key}: "{said}"',
            )
        else:
            out.put(("env", key), text, here)
    elif isinstance(value, str):
        out.put(("env", key), value, here)
    else:
        out.fault(here, f"{key} is text, a number, true or false, or {{secret: name}}")


def scalar_text(value: Any, written: str | None) -> str | None:
    """A text, boolean or number as the text that Compose passes on; None for what is none, or would not stay as written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(value, written)
    return value if isinstance(value, str) else None


def _number_text(value: float, written: str | None) -> str | None:
    """The text that Compose gives a container for a number; None where that is not what was written.

    Compose v5.6.1 passes 022 as 18, 1.0 as 1, 1_000 as 1000 and 1234567.5 as 1.2345675e+06 (by `config`).
    """
    if written is not None:
        return None
    if isinstance(value, int):
        return str(value) if -(2**63) <= value < 2**64 else None
    return repr(value) if not value.is_integer() and 1e-4 <= abs(value) < 1e6 else None  # noqa: PLR2004


def _read_env_item(item: Any, here: Path, out: Spelled) -> None:
    if not isinstance(item, str):
        out.fault(here, "an item of env is text such as KEY=value")
        return
    key, equals, value = item.partition("=")
    if not equals:
        out.fault(here, f"{key} has no value", f"write {key}=value; opsctl takes none from your shell")
    elif key in out.form["env"]:
        out.fault(here, f"{key} is given twice")
    else:
        out.put(("env", key), value, here)
