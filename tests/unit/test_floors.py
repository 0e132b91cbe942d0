"""The floors of docs/architecture.md: who may import whom, no cycles, small modules, small functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "opsctl"
FLOORS = (
    {"errors"},
    {"model"},
    {"state", "secrets"},
    {"render"},
    {"rules"},
    {"plan"},
    {"argv"},
    {"inputs", "edges"},
    {"flows"},
    {"cli"},
)
PURE = {"errors", "model", "state", "secrets", "argv", "render", "rules", "plan"}
MOST_LINES_OF_A_MODULE = 300
MOST_LINES_OF_A_FUNCTION = 40

# What reaches chance, the network, other processes, threads or a log.
IMPURE = {
    "asyncio",
    "logging",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}
# What reads a clock, a file or the terminal, as a method and as a function.
IMPURE_METHODS = {"now", "today", "utcnow", "read_text", "read_bytes", "write_text", "write_bytes"}
IMPURE_FUNCTIONS = {"input", "open", "print"}
# Package data is a constant, as good as source.
READS_PACKAGE_DATA = {"render/schema.py", "render/templating.py"}

MODULES = sorted(SOURCE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor_of(package: str) -> int:
    return next(at for at, names in enumerate(FLOORS) if package in names)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Full names of what a module imports when it runs, late imports too, those for the type checker alone left out."""
    skipped = {
        id(inner)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree_of(path)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def edges() -> dict[str, set[str]]:
    """Modules of opsctl to the modules of opsctl that they import."""
    names = {module_name(path) for path in MODULES}
    return {
        module_name(path): {known for name in imports(path) if (known := _known(name, names))}
        for path in MODULES
    }


def _known(name: str, names: set[str]) -> str:
    for candidate in (name, name.rpartition(".")[0]):
        if candidate in names and candidate != "opsctl":
            return candidate
    return ""


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_from_floors_below_its_own(path: Path) -> None:
    package = module_name(path).split(".")[1:2]
    if not package or package == ["__main__"]:
        return
    own = floor_of(package[0])
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "opsctl" or len(parts) == 1 or parts[1] in {package[0], "__version__"}:
            continue
        assert floor_of(parts[1]) < own, f"{package[0]} (floor {own}) imports {name}"


def test_no_module_imports_itself_through_others() -> None:
    graph = edges()
    assert not [cycle for start in sorted(graph) if (cycle := _cycle(graph, start))]


def _cycle(graph: dict[str, set[str]], start: str) -> list[str]:
    paths = [[start]]
    seen = set()
    while paths:
        path = paths.pop()
        for name in sorted(graph.get(path[-1], ())):
            if name == start:
                return [*path, name]
            if name not in seen:
                seen.add(name)
                paths.append([*path, name])
    return []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES_OF_A_MODULE


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_functions_are_short(path: Path) -> None:
    long = {
        f"{node.name} at line {node.lineno}": lines
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    }
    assert not long


def is_pure(path: Path) -> bool:
    return bool(PURE & set(module_name(path).split(".")[1:2]))


@pytest.mark.parametrize("path", [path for path in MODULES if is_pure(path)], ids=module_name)
def test_a_pure_floor_has_no_clock_chance_log_or_files(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE
    calls = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert not {call.id for call in calls if isinstance(call, ast.Name)} & IMPURE_FUNCTIONS
    if path.relative_to(SOURCE).as_posix() not in READS_PACKAGE_DATA:
        assert not methods & IMPURE_METHODS
