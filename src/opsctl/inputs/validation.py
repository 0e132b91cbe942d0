"""What pydantic refuses, in our words, at the path of the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from opsctl.model.compose_spelling import Fault, Path
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit

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


def faults(error: ValidationError, model: type[BaseModel]) -> Iterator[Fault]:
    """One fault for each thing refused, its path relative to the value that was validated."""
    for details in error.errors(include_url=False, include_input=True):
        yield _fault(details, model)


def _fault(details: ErrorDetails, model: type[BaseModel]) -> Fault:
    path: Path = tuple(part for part in details["loc"] if part != "[key]")
    kind, name = details["type"], str(path[-1]) if path else ""
    context: Mapping[str, Any] = details.get("ctx") or {}
    match kind:
        case "extra_forbidden":
            return Fault(path, f"unknown key {name!r}", nearest(name, _keys_at(model, path[:-1])))
        case "missing":
            return Fault(path, f"{name} is missing")
        case "value_error" if isinstance(reason := context.get("error"), Unfit):
            return Fault(path, str(reason), reason.hint)
        case "literal_error":
            return Fault(path, f"must be {context['expected']}", _meant(details["input"], model, path))
        case _ if kind in _EXPECTED:
            quote = isinstance(details["input"], int | float) and kind == "string_type"
            return Fault(path, f"must be {_EXPECTED[kind]}", "put it in quotes" if quote else "")
    return Fault(path, details["msg"][:1].lower() + details["msg"][1:])


def _meant(given: object, model: type[BaseModel], path: Path) -> str:
    choices = get_args(_type_at(model, path))
    hint = nearest(given, choices) if isinstance(given, str) else ""
    return hint if hint.startswith("did") else ""


def _keys_at(model: type[BaseModel], path: Path) -> Iterator[str]:
    found = _type_at(model, path)
    if isinstance(found, type) and issubclass(found, BaseModel):
        yield from found.model_fields


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
