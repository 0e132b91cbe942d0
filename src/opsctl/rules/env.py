"""Rules about environment variables and the secrets that they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.model.stack import SecretRef, secret_of
from opsctl.rules.rule import Hit, Rule, about
from opsctl.rules.subject import ServiceView, Subject

_SECRET_WORDS = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|API_?KEY|APIKEY|PRIVATE_?KEY|ACCESS_?KEY|MASTER_?KEY|ENCRYPTION_?KEY|"
    r"SALT|SALT_?KEY|CREDENTIALS?)(?:_BASE)?$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:(?P<password>[^@/\s]+)@", re.IGNORECASE)
_PLAIN = re.compile(r"(?:true|false|yes|no|on|off|none|null|disabled|enabled|\d+)?", re.IGNORECASE)
_PYTHON_WORDS = frozenset({"True", "False", "None"})


def _literal_secrets(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for key, value in view.written.env.items():
            if isinstance(value, SecretRef) or "{{" in value or "{%" in value:
                continue
            if _is_secret(key, value):
                yield _hit(view, key, "its value stands in the stack file in clear")
        for index, merge in enumerate(view.written.merge):
            for path, value in _texts(merge.keys, ()):
                if "{{" not in value and "{%" not in value and _is_secret(path[-1], value):
                    place = view.place("merge", index, "keys", *path)
                    message = f"the value of {'.'.join(path)} stands in the stack file in clear"
                    hint = f"{path[-1]}: {{secret: name}}, then opsctl secrets set name"
                    yield about(view, place, message, hint)


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts in the keys of a merged file, but for the names of secrets."""
    if isinstance(value, str) and path:
        yield path, value
    elif isinstance(value, Mapping) and not (path and secret_of(value)):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))


def _is_secret(key: str, value: str) -> bool:
    """By its name, or as the password of a URL. A path, a number or a switch is none, and neither is a short word."""
    if found := _URL_PASSWORD.search(value):
        return not found["password"].startswith("$")
    plain = _PLAIN.fullmatch(value) or value.startswith(("/", "./"))
    return bool(_SECRET_WORDS.search(key)) and not plain


def _python_words(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for key, value in view.written.env.items():
            if isinstance(value, str) and "{{" in value and view.service.env.get(key) in _PYTHON_WORDS:
                message = f"renders to {view.service.env[key]}"
                yield _hit(view, key, message, "{{ … | to_json }} gives true, false and null")


def _empty(subject: Subject) -> Iterator[Hit]:
    for view in subject.services():
        for key, value in view.service.env.items():
            if value == "":
                yield _hit(view, key, "is empty", "leave it out where the program has a default")


def _hit(view: ServiceView, key: str, message: str, hint: str = "") -> Hit:
    hint = hint or f"{key}: {{secret: name}}, then opsctl secrets set name"
    return about(view, view.place("env", key), f"{key} {message}", hint)


RULES = (
    Rule(
        "SEC001",
        "secrets",
        "error",
        "a secret in clear in a stack file",
        "Whoever reads the repository, or any copy of its history, has it; and no rotation knows of it.",
        "Store it with opsctl secrets set NAME, and write {secret: NAME} or {{ secret('NAME') }}.",
        "mechanisms 4.2; audit: secrets never rotated",
        _literal_secrets,
    ),
    Rule(
        "ENV001",
        "env",
        "warning",
        "a truth value in Python's spelling",
        "A template prints True, False and None; most programs want true and false, and take anything else for text.",
        "Write {{ … | to_json }}.",
        "Jinja prints values as Python does (3.1)",
        _python_words,
    ),
    Rule(
        "ENV002",
        "env",
        "note",
        "an empty variable",
        "An empty text is not the same as an absent variable: many programs then skip their default.",
        "Leave it out, or give it a value.",
        "audit: MissingEnvVarError",
        _empty,
    ),
)
