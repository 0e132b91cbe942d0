"""What pydantic refuses, in our words, at the path of the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from opsctl.model.nearest import nearest
from opsctl.model.spelled import Fault, Path
from opsctl.model.values import Unfit

_OF_PARENT = frozenset({"extra_forbidden", "missing"})
_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "mapping_type": "a mapping",
}


def faults(error: ValidationError, model: type[BaseModel], prefix: Path = ()) -> Iterator[Fault]:
    """One fault for each thing refused; its path begins with `prefix`, the path of the value that was validated."""
    for details in error.errors(include_url=False, include_input=True):
        path: Path = tuple(part for part in details["loc"] if part != "[key]")
        message, hint = _told(details, model, path)
        subject = (*prefix, *(path[:-1] if details["type"] in _OF_PARENT else path))
        lead = ".".join(map(str, subject))
        yield Fault((*prefix, *path), f"{lead}: {message}" if lead else message, hint)


def _told(details: ErrorDetails, model: type[BaseModel], path: Path) -> tuple[str, str]:
    """Message and hint."""
    kind, name, given = details["type"], str(path[-1]) if path else "", details["input"]
    context: Mapping[str, Any] = details.get("ctx") or {}
    match kind:
        case "extra_forbidden":
            return f"unknown key {name!r}", nearest(name, _keys_at(model, path[:-1]))
        case "missing":
            return f"{name} is missing", ""
        case "value_error" if isinstance(reason := context.get("error"), Unfit):
            return str(reason), reason.hint
        case "literal_error":
            return f"must be {context['expected']}", _meant(given, model, path)
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}", ""
        case "greater_than":
            return f"must be more than {context['gt']:g}", ""
        case "less_than_equal":
            return f"must be at most {context['le']:g}", ""
        case _ if kind in _EXPECTED:
            quote = isinstance(given, int | float) and kind == "string_type"
            return f"must be {_EXPECTED[kind]}", "put it in quotes" if quote else ""
    return details["msg"][:1].lower() + details["msg"][1:], ""


def _meant(given: object, model: type[BaseModel], path: Path) -> str:
    choices = get_args(_type_at(model, path))
    hint = nearest(given, choices) if isinstance(given, str) else ""
    return hint if hint.startswith("did") else ""


def _keys_at(model: type[BaseModel], path: Path) -> Iterator[str]:
    found = _type_at(model, path)
    if isinstance(found, type) and issubclass(found, BaseModel):
        yield from (info.alias or name for name, info in found.model_fields.items())


def _type_at(model: type[BaseModel], path: Path) -> Any:
    """The annotation of the value at a path below a model."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            info = here.model_fields.get(str(part))
            here = _bare(info.annotation) if info else None
        else:
            inner = get_args(here)
            here = _bare(inner[1] if get_origin(here) is dict else inner[0]) if inner else None
    return here


def _bare(annotation: Any) -> Any:
    """Without Annotated, and the model out of a union."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in {Union, UnionType}:
        options = [_bare(option) for option in get_args(annotation)]
        return next((option for option in options if option is not type(None)), None)
    return annotation
