"""A rendered configuration file of a service, with the place of each line in the files of the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from opsctl.model.document import Document
from opsctl.model.fleet import Fleet, Place
from opsctl.rules.rule import Hit, about
from opsctl.rules.subject import ServiceView
from opsctl.state.desired import DesiredFile


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """`document` has the values and the lines of what was rendered, and what is wrong with it."""

    view: ServiceView
    file: DesiredFile
    document: Document

    def section(self, *path: str) -> Mapping[str, Any]:
        """The mapping at a path; empty where there is none, or something else stands there."""
        here = self.document.value
        for key in path:
            here = here.get(key) if isinstance(here, Mapping) else None
        return here if isinstance(here, Mapping) else {}

    def place(self, *path: str | int) -> Place:
        """Where a part of it can be found: in the template, the copied file or the stack file that it comes from."""
        return self.place_of_line(self.document.line(path))

    def place_of_line(self, line: int) -> Place:
        """The same for a line of what was rendered."""
        return place_of(self.view.fleet, self.file, line)

    def hit(self, message: str, hint: str, *path: str | int) -> Hit:
        return about(self.view, self.place(*path), message, hint)

    def broken(self) -> Iterator[Hit]:
        """What is wrong with it as YAML, or as what it is read as."""
        for problem in self.document.problems:
            message = f"{self.file.target}: {problem.message}"
            yield about(self.view, self.place_of_line(problem.line), message, problem.hint)


Reader = Callable[[str, bytes], Document]


def _yaml(file: str, content: bytes) -> Document:
    from opsctl.model.yaml_document import read_yaml  # ruamel costs 30 ms

    return read_yaml(file, content)


def config_file(view: ServiceView, target: str, read: Reader = _yaml) -> ConfigFile | None:
    """The file that the service mounts at that path, read; None where opsctl mounts none there."""
    for file in view.service.files:
        if file.target == target:
            return ConfigFile(view, file, _read(file.content, read))
    return None


@lru_cache(maxsize=16)
def _read(content: bytes, read: Reader) -> Document:
    """Every rule of an app asks for the same few files."""
    return read("", content)


def place_of(fleet: Fleet, file: DesiredFile, line: int) -> Place:
    """The line of the operator's files that a rendered line comes from, or the nearest that can be told; 0: the whole file."""
    origin = file.origin
    rendered = file.content.decode(errors="replace").splitlines()
    source = fleet.templates.get(origin.file.removeprefix("templates/"))
    if not line or line > len(rendered):
        return origin
    if source is None or origin.line:
        below = origin.line + line if len(rendered) > 1 else origin.line
        return Place(origin.file, below)
    return Place(origin.file, source_line(source.decode(errors="replace").splitlines(), rendered, line))


def source_line(source: Sequence[str], rendered: Sequence[str], line: int) -> int:
    """The line (1-based) of a template that made a line of what was rendered; 0 for an empty template.

    Lines that say the same are laid side by side. Between them, the line with the same key is taken, else the one that begins
    alike up to its expression, else the first expression, else the line where the gap begins.
    """
    if not source:
        return 0
    blocks = SequenceMatcher(
        None, [one.strip() for one in source], [one.strip() for one in rendered], autojunk=False
    ).get_matching_blocks()
    at, begin, end = line - 1, 0, len(source)
    for block in blocks:
        if block.b <= at < block.b + block.size:
            return block.a + at - block.b + 1
        if block.b + block.size <= at:
            begin = block.a + block.size
        else:
            end = block.a
            break
    key = rendered[at].strip().partition(":")[0]
    gap = range(begin, end)
    for chosen in (gap, sorted(range(len(source)), key=lambda number: abs(number - begin))):
        for number in chosen:
            if key and source[number].strip().partition(":")[0] == key:
                return number + 1
    expressions = [number for number in gap if "{{" in source[number]]
    expression = max(
        expressions,
        key=lambda number: _alike(source[number], rendered[at]),
        default=min(begin, len(source) - 1),
    )
    return expression + 1


def _alike(source: str, rendered: str) -> int:
    """How many signs stand before the expression of a line that the other begins with as well."""
    lead = source.partition("{{")[0].strip()
    return len(lead) if rendered.strip().startswith(lead) else 0
