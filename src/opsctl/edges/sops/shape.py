"""What a store's clear part says as a StoreFile, or why it is none."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from opsctl.edges.sops.locked import Locked, Path
from opsctl.edges.sops.metadata import Rule
from opsctl.errors import StoreUnusable
from opsctl.model.secrets import StoreFile
from opsctl.model.values import Unfit

VALUE = "value"
_RULE = Rule("encrypted_regex", "^value$")


def described(locked: Locked) -> StoreFile:
    """Raises StoreUnusable, with file and line, for a file that is not a store: another rule of what is encrypted, unknown
    keys, versions without a value.
    """
    if locked.metadata.rule != _RULE or locked.metadata.only_encrypted:
        raise StoreUnusable(
            "it is a SOPS file, but no store of opsctl: a store encrypts by `encrypted_regex: ^value$`, and its check sum "
            "covers what is clear",
            where=locked.where,
            hint="opsctl secrets init makes a store, opsctl secrets import takes values into it",
        )
    tree = locked.clear()
    for path in value_paths(tree):
        *above, name, _ = path
        version = tree
        for key in (*above, name):
            version = version[key]
        if VALUE not in version:
            raise _unusable(
                locked, (*above, name), "has no value", "remove the version, or put its value back"
            )
        if version.pop(VALUE) is not None:
            raise _unusable(locked, path, "is not one value", "a version has one value, which is text")
    try:
        return StoreFile.model_validate(tree)
    except ValidationError as error:
        raise _refused(locked, error.errors(include_url=False, include_input=False)) from None


def value_paths(tree: Any) -> list[Path]:
    """Where the values of all versions stand."""
    return [
        ("secrets", name, "versions", version, VALUE)
        for name, secret in _mapping(tree, "secrets").items()
        for version, entry in _mapping(secret, "versions").items()
        if isinstance(entry, dict)
    ]


def _mapping(tree: Any, key: str) -> dict[str, Any]:
    found = tree.get(key) if isinstance(tree, dict) else None
    return found if isinstance(found, dict) else {}


def _refused(locked: Locked, errors: list[ErrorDetails]) -> StoreUnusable:
    """The first error, and the places of the others."""
    told = [_told(details) for details in errors]
    path, message, hint = told[0]
    others = [f"{'.'.join(path)} {message}" for path, message, _ in told[1:]]
    return _unusable(locked, path, message, hint or "docs/reference/secret-store.md has the keys", others)


def _told(details: ErrorDetails) -> tuple[Path, str, str]:
    path = tuple(str(part) for part in details["loc"] if part != "[key]")
    reason = details.get("ctx", {}).get("error")
    if isinstance(reason, Unfit):
        return path, f"is refused: {reason}", reason.hint
    match details["type"]:
        case "extra_forbidden":
            return path, "is a key that a store does not have", ""
        case "missing":
            return path, "is missing", ""
        case "literal_error":
            return path, f"must be {details['ctx']['expected']}", ""
        case "string_type":
            return path, "must be text", "put it in quotes"
    return path, f"is refused: {details['msg'][:1].lower()}{details['msg'][1:]}", ""


def _unusable(
    locked: Locked, path: Path, message: str, hint: str, others: list[str] | None = None
) -> StoreUnusable:
    return StoreUnusable(
        f"{'.'.join(path)} {message}",
        where=f"{locked.where}:{locked.line(path)}",
        hint=hint,
        evidence=others or (),
    )
