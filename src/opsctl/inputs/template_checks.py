"""Names that templates and texts of stacks use, held against what their host offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opsctl.inputs.build_checks import rendered_files
from opsctl.inputs.draft import Draft, Path
from opsctl.inputs.scopes import Member, Scope
from opsctl.model.fleet import Place
from opsctl.model.nearest import nearest
from opsctl.model.stack import SecretRef
from opsctl.model.values import Unfit, check_name
from opsctl.render.own_checks import texts_of

if TYPE_CHECKING:
    from opsctl.inputs.template_names import Named, Reader

CONTEXT = frozenset(
    {
        "env",
        "environment",
        "project",
        "host",
        "hosts",
        "vars",
        "services",
        "sites",
        "sites_dns",
        "secret",
        "login",
        "image",
        "stack",
        "service",
    }
)
"""What `opsctl.render.context` offers to every text."""
_OWN_COMPOSE = "compose.yml.j2"
_IN_AN_IMAGE = "whoever has the image has the value; give it to the container, by env or by files"
_IN_A_CHECK = "headers, body, stdin and query"
_IS_SHOWN = "words are in argument lists, addresses and expectations are shown where a check fails"
_ASKING = frozenset({"secret", "login"})
_WHAT = {"vars": "variable", "hosts": "host", "services": "service", "sites": "site"}


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of a stack file; `path` is below the stack. `secrets`: whether secret() may be used in it."""

    text: str
    path: Path
    secrets: bool = False


def _is_template(text: str) -> bool:
    return "{{" in text or "{%" in text


@dataclass(slots=True)
class TemplateChecks:
    """One reading of every text, checked for each host that uses it."""

    draft: Draft
    _reader: Reader | None = field(default=None, init=False)

    @property
    def reader(self) -> Reader:
        """Made late: it imports Jinja, which a project without templates does not need."""
        if self._reader is None:
            from opsctl.inputs.template_names import Reader

            self._reader = Reader(self.draft.templates)
        return self._reader

    def check(self, scope: Scope) -> None:
        for stack in scope.stacks:
            for text in _texts(scope, stack):
                if _is_template(text.text):
                    start = self.draft.text_start(scope.environment, stack, *text.path)
                    dotted = ".".join(map(str, (part for part in text.path if part != "compose")))
                    self._check_text(scope, text.text, start, dotted, secrets=text.secrets)
        for member in scope.members():
            for file in member.service.files:
                if file.template is not None:
                    self._check_file(scope, file.template, set())
            if member.service.build is not None:
                for name in rendered_files(self.draft.templates, member.service.build.context):
                    self._check_file(scope, name, set(), secrets=False)

    def check_unused(self) -> None:
        """Templates of templates/ that nobody names must at least be templates."""
        for name in self.draft.templates:
            text = self._source(name)
            if name.endswith(".j2") and name != _OWN_COMPOSE and text is not None:
                error = self.reader.read(text).error
                if error is not None:
                    self.draft.add(Place(f"templates/{name}", error[0]), f"not a template: {error[1]}")

    def _source(self, name: str) -> str | None:
        try:
            return self.draft.templates[name].decode()
        except UnicodeDecodeError:
            return None

    def _check_file(self, scope: Scope, name: str, seen: set[str], *, secrets: bool = True) -> None:
        if name not in self.draft.templates or name in seen:
            return
        seen.add(name)
        text = self._source(name)
        if text is None:
            hint = "mount bytes with source in place of template"
            self.draft.add(Place(f"templates/{name}", 0), "a template is UTF-8 text", hint)
        elif _is_template(text):
            self._check_text(scope, text, Place(f"templates/{name}", 1), "", secrets=secrets, seen=seen)

    def _check_text(
        self,
        scope: Scope,
        text: str,
        start: Place,
        dotted: str,
        *,
        secrets: bool,
        seen: set[str] | None = None,
    ) -> None:
        """`start` is where the text's first line stands; `dotted` names it in a stack, "" for a file of templates/."""
        reading = self.reader.read(text)
        lead = f"{dotted}: " if dotted else ""
        if reading.error is not None:
            line, message = reading.error
            self.draft.add(_line(start, line), f"{lead}not a template: {message}")
        for named in reading.names:
            if named.owner == "template":
                self._check_file(scope, named.name, seen if seen is not None else set(), secrets=secrets)
            found = self._fault(scope, named, secrets=secrets)
            if found is not None and named.owner == "" and named.name in {"secret", "login"} and not dotted:
                found = (f"{named.name}() cannot stand in a file of a build", _IN_AN_IMAGE)
            if found is not None and named.owner == "" and named.name in _ASKING and ".checks." in dotted:
                found = (f"{named.name}() can stand only in {_IN_A_CHECK} of a check", _IS_SHOWN)
            if found is not None:
                self.draft.add(_line(start, named.line), lead + found[0], found[1])

    def _fault(self, scope: Scope, named: Named, *, secrets: bool) -> tuple[str, str] | None:
        """The message and hint for a name that is not there."""
        name = named.name
        match named.owner:
            case "":
                return self._context_fault(scope, name, secrets=secrets)
            case "secret" | "login" as asking:
                return _secret_fault(asking, name)
            case "filter" | "test" as kind:
                known = self.reader.filters if kind == "filter" else self.reader.tests
                return None if name in known else (f"there is no {kind} {name!r}", nearest(name, known))
            case "template":
                known = frozenset(self.draft.templates)
                if name in known or name.startswith("opsctl/"):
                    return None
                return f"there is no file templates/{name}", nearest(name, known)
            case owner:
                offered = {
                    "vars": scope.variables,
                    "hosts": scope.hosts,
                    "services": scope.services,
                    "sites": scope.sites,
                }[owner]
                if name in offered:
                    return None
                where = f"on the host {scope.host!r}" if scope.host and owner in {"vars", "services"} else ""
                where = where or f"in the environment {scope.environment!r}"
                return f"there is no {_WHAT[owner]} {name!r} {where}", nearest(name, offered)

    def _context_fault(self, scope: Scope, name: str, *, secrets: bool) -> tuple[str, str] | None:
        if name in {"secret", "login"} and not secrets:
            return (
                f"{name}() can stand only in env and in files",
                "compose.yml is read by more people than env files are; put the value into env, or into a file",
            )
        known = CONTEXT | self.reader.globals
        if name in known:
            return None
        if name in scope.variables:
            return f"there is no name {name!r}", f"write vars.{name}"
        return f"there is no name {name!r}", nearest(name, known)


def _secret_fault(asking: str, name: str) -> tuple[str, str] | None:
    try:
        check_name(name)
    except Unfit as reason:
        return f"{asking}('{name}'): {reason}", reason.hint
    return None


def _line(start: Place, line: int) -> Place:
    return Place(start.file, start.line + line - 1)


def _texts(scope: Scope, stack: str) -> Iterator[_Text]:
    file = scope.stacks[stack]
    for name, service in file.services.items():
        yield from _service_texts(Member(stack, name, service))
    for part, entries in (("networks", file.networks), ("volumes", file.volumes)):
        yield from _strings(entries, (part,))


def _service_texts(member: Member) -> Iterator[_Text]:
    service, at = member.service, ("services", member.name)
    yield _Text(service.image, (*at, "image"))
    if service.build is not None:
        yield from _strings(service.build.args, (*at, "build", "args"))
    yield from _strings(service.compose, (*at, "compose"))
    yield from _strings(service.settings, (*at, "settings"))
    for key, value in service.env.items():
        if not isinstance(value, SecretRef):
            yield _Text(value, (*at, "env", key), secrets=True)
    for index, file in enumerate(service.files):
        yield _Text(file.target, (*at, "files", index, "target"))
        for word in (*file.on_change.command, *file.on_change.check):
            yield _Text(word, (*at, "files", index, "on_change"))
        if file.content is not None:
            yield _Text(file.content, (*at, "files", index, "content"), secrets=True)
    for index, merge in enumerate(service.merge):
        yield _Text(merge.path, (*at, "merge", index, "path"))
        for word in merge.on_change.command:
            yield _Text(word, (*at, "merge", index, "on_change"))
        for text in _strings(merge.keys, (*at, "merge", index, "keys")):
            yield replace(text, secrets=True)
    for index, check in enumerate(service.checks):
        for words, path, private in texts_of(check):
            yield _Text(words, (*at, "checks", index, *path), secrets=private)


def _strings(value: Any, path: Path) -> Iterator[_Text]:
    if isinstance(value, str):
        yield _Text(value, path)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _strings(inner, (*path, key))
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*path, index))
