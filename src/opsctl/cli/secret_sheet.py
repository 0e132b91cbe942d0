"""The sheet that `secrets edit` shows: a YAML mapping of names to values. What stands after a name is text, `8080` too."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from opsctl.errors import UsageError

# What a literal block can hold as it stands: printable lines of which the first is not indented.
_LITERAL = re.compile(r"[\x21-\x7e\xa1-\u1fff][\x20-\x7e\n\xa0-\u1fff]*\n[\x20-\x7e\n\xa0-\u1fff]*")


def sheet(values: Mapping[str, str], heading: str) -> str:
    """YAML that `read_sheet` reads back exactly; `heading` stands above it as comments, a line for a line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    writer = YAML()
    writer.width = 2**31  # a folded line is hard to compare
    writer.allow_unicode = True
    out = io.StringIO()
    out.writelines(f"# {one}\n" for one in heading.splitlines())
    styled = {
        name: LiteralScalarString(value) if _LITERAL.fullmatch(value) else DoubleQuotedScalarString(value)
        for name, value in values.items()
    }
    if styled:
        writer.dump(styled, out)
    return out.getvalue()


def read_sheet(text: str) -> dict[str, str]:
    """Names to values. Raises UsageError with the line, and without a word of it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        found = YAML(typ="base", pure=True).load(text)
    except DuplicateKeyError as error:  # its message quotes both values
        raise _broken("a name stands there twice", error) from None
    except MarkedYAMLError as error:
        raise _broken("it is not YAML", error) from None
    except YAMLError:
        raise _broken("it is not YAML") from None
    if found is None or found == "":
        return {}
    if not isinstance(found, dict):
        raise _broken("it is not a mapping of names to values")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise _broken(
                f"what stands at {name} is not text" if isinstance(name, str) else "a name is not text"
            )
    return dict(found)


def _broken(why: str, error: object = None) -> UsageError:
    mark = getattr(error, "problem_mark", None)
    return UsageError(
        f"what was edited cannot be read: {why}",
        where=f"line {mark.line + 1}" if mark else "",
        hint='one secret a line, NAME: "value"',
    )
