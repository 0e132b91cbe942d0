"""Jinja as opsctl uses it: sandboxed, strict about what is undefined, with the filters Ansible users know.

This module imports Jinja (45 ms); import it late.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import resources
from types import CodeType, TracebackType
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from opsctl.errors import InputError, Problem, StoreUnusable, UsageError
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.values import Unfit
from opsctl.render.filters import FILTERS

COMPOSE_TEMPLATE = "opsctl/compose.yml.j2"
"""The name under which a project's compose.yml.j2 extends the one that opsctl ships."""
_SHIPPED = {
    COMPOSE_TEMPLATE: ("opsctl.render", "compose.yml.j2"),
    "opsctl/caddy/options": ("opsctl.apps.caddy", "options.j2"),
    "opsctl/caddy/sites": ("opsctl.apps.caddy", "sites.j2"),
}
"""By name: the package that holds it, and its file there."""

_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TEMPLATE_ERRORS = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    RuntimeError,
)


class UndefinedNameError(jinja2.UndefinedError):
    """An undefined name, with what it was looked up in (None: the context)."""

    def __init__(self, name: object, owner: object, message: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.owner = owner


class _Undefined(jinja2.StrictUndefined):
    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        owner = None if obj is missing else obj
        self._undefined_exception = partial(UndefinedNameError, name, owner)  # type: ignore[assignment]


class _Compiled(jinja2.BytecodeCache):
    """The code of this process's templates, by name and text: a rotation renders the same ones several times."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()
"""It holds code alone: no environment of Jinja, and nothing that was rendered."""


class Templates:
    """Renders texts of the stack files and files of templates/; every failure is an InputError with a place."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self.sources = sources
        self.jinja = ImmutableSandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._load),
            undefined=_Undefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            autoescape=False,
            cache_size=-1,
            bytecode_cache=_COMPILED,
            auto_reload=False,
        )
        self.jinja.filters.update(FILTERS)
        self.jinja.filters["mandatory"] = _mandatory
        self._texts: dict[str, jinja2.Template] = {}

    def file(self, name: str, context: Mapping[str, Any], asked: Place) -> str:
        """A file of templates/, rendered; `asked` is where it is named, for a template that is not there."""
        with self._errors(asked, context, text=None):
            return self.jinja.get_template(name).render(context)

    def text(self, source: str, context: Mapping[str, Any], place: Place) -> str:
        """A text of a stack file, rendered; without `{{` and `{%` it is returned as it is."""
        if not is_template(source):
            return source
        with self._errors(place, context, text=source):
            template = self._texts.get(source)
            if template is None:
                template = self._texts[source] = self.jinja.from_string(source)
            return template.render(context)

    def source(self, name: str) -> str:
        """The text of a template. Raises jinja2.TemplateNotFound."""
        text = self._load(name)
        if text is None:
            raise jinja2.TemplateNotFound(name)
        return text[0]

    def _load(self, name: str) -> tuple[str, str, Callable[[], bool]] | None:
        if name in _SHIPPED:
            package, file = _SHIPPED[name]
            data = resources.files(package).joinpath(file).read_bytes()
        elif name in self.sources:
            data = self.sources[name]
        else:
            return None
        try:
            return data.decode(), name, lambda: True
        except UnicodeDecodeError:
            problem = "a template is UTF-8 text"
            raise InputError(
                [Problem(f"templates/{name}", 0, problem, "mount bytes with `source` in place of `template`")]
            ) from None

    @contextmanager
    def _errors(self, place: Place, context: Mapping[str, Any], text: str | None) -> Iterator[None]:
        """Whatever a template can raise as an InputError at the template's line. What it raised may quote a secret
        (as the key of a failed look-up), so it does not stay attached; `Secrets.scrub` sees to the message.
        """
        try:
            yield
        except jinja2.TemplateSyntaxError as error:
            problem = self._problem(error.name, error.lineno, place, text, error.message or "syntax error")
        except jinja2.TemplateNotFound as error:
            problem = self._problem(*_frame(error), place, text, f"there is no template {error.name!r}")
            problem = _with_hint(problem, nearest(str(error.name), self.sources))
        except UndefinedNameError as error:
            problem = self._problem(*_frame(error), place, text, error.message or "undefined")
            problem = _with_hint(problem, _undefined_hint(error, context))
        except jinja2.TemplateError as error:
            problem = self._problem(*_frame(error), place, text, error.message or type(error).__name__)
        except (InputError, StoreUnusable):
            raise
        except UsageError as error:
            problem = _with_hint(self._problem(*_frame(error), place, text, error.message), error.hint)
        except _TEMPLATE_ERRORS as error:
            problem = self._problem(*_frame(error), place, text, f"{type(error).__name__}: {error}")
        else:
            return
        raise InputError([problem]) from None

    def _problem(self, name: str | None, line: int, place: Place, text: str | None, message: str) -> Problem:
        if name in _SHIPPED:
            return Problem(f"opsctl's {name.removeprefix('opsctl/')}", line, message)
        if name in self.sources:
            return Problem(f"templates/{name}", line, message)
        if text is not None and "\n" in text.rstrip("\n") and line:
            message = f"in line {line} of this text: {message}"
        return Problem(place.file, place.line, message)


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


def require_single_dollars(text: str) -> None:
    """Raises Unfit for a `$$` outside of expressions."""
    if "$$" in _EXPRESSION.sub("", text):
        raise Unfit(
            "`$$` is Compose's spelling of one `$`; here text is taken as it is, and opsctl doubles every `$`",
            "write `$`; where two are meant, write {{ '$$' }}",
        )


def _mandatory(value: Any, message: str = "") -> Any:
    """The value; an undefined one is refused with the given message."""
    if isinstance(value, jinja2.Undefined):
        raise jinja2.UndefinedError(message or "a mandatory value is not defined")
    return value


def _frame(error: BaseException) -> tuple[str | None, int]:
    """The template and line in which it was raised: Jinja rewrites the traceback's frames to those of the templates."""
    found: tuple[str | None, int] = (None, 0)
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if (
            "__jinja_template__" in step.tb_frame.f_globals
            or "__jinja_exception__" in step.tb_frame.f_globals
        ):
            found = (step.tb_frame.f_code.co_filename, step.tb_lineno)
        step = step.tb_next
    return found


def _undefined_hint(error: UndefinedNameError, context: Mapping[str, Any]) -> str:
    owner = context if error.owner is None else error.owner
    return nearest(str(error.name), map(str, owner)) if isinstance(owner, Mapping) else ""


def _with_hint(problem: Problem, hint: str) -> Problem:
    return Problem(problem.file, problem.line, problem.message, hint)
