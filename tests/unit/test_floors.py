"""The floors of docs/architecture.md: who may import whom, no cycles, small modules, small functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "opsctl"
FLOORS = (
    {"errors"},
    {"model"},
    {"state", "secrets", "images", "merging"},
    {"render"},
    {"rules"},
    {"checks"},
    {"apps"},
    {"plan"},
    {"argv"},
    {"inputs", "edges"},
    {"flows"},
    {"cli"},
)
PURE = {
    "errors",
    "model",
    "state",
    "secrets",
    "images",
    "merging",
    "argv",
    "render",
    "rules",
    "checks",
    "apps",
    "plan",
}
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
READS_PACKAGE_DATA = {"render/schema.py", "render/templating.py", "apps/openclaw/key_lists.py"}

MODULES = sorted(SOURCE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor_of(package: str) -> int:
    return next(at for at, names in enumerate(FLOORS) if package in names)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Full names of what a module imports when it runs, late imports too, those for the type checker alone left out."""
    skipped = {
        id(inner)
        for node in nodes_of(path)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    found: list[str] = []
    for node in nodes_of(path):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


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


def test_every_package_has_a_floor() -> None:
    packages = {part for path in MODULES for part in module_name(path).split(".")[1:2]}
    assert {"model", "flows", "cli"} < packages <= set().union(*FLOORS, {"__main__"})


def test_modules_import_only_from_floors_below_their_own() -> None:
    assert not [wrong for path in MODULES for wrong in _upwards(path)]


def _upwards(path: Path) -> Iterator[str]:
    package = module_name(path).split(".")[1:2]
    if not package or package == ["__main__"]:
        return
    own = floor_of(package[0])
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "opsctl" or len(parts) == 1 or parts[1] in {package[0], "__version__"}:
            continue
        if floor_of(parts[1]) >= own:
            yield f"{module_name(path)} (floor {own}) imports {name} (floor {floor_of(parts[1])})"


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


def test_modules_are_short() -> None:
    lines = {module_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_MODULE}


def test_functions_are_short() -> None:
    long = {
        f"{module_name(path)}.{node.name} at line {node.lineno}": lines
        for path in MODULES
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    }
    assert not long


def test_pure_floors_have_no_clock_chance_log_or_files() -> None:
    pure = [path for path in MODULES if PURE & set(module_name(path).split(".")[1:2])]
    assert len(pure) > len(PURE)
    assert not [wrong for path in pure for wrong in _impurities(path)]


def _impurities(path: Path) -> Iterator[str]:
    calls = [node.func for node in nodes_of(path) if isinstance(node, ast.Call)]
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)} & IMPURE_METHODS
    functions = {call.id for call in calls if isinstance(call, ast.Name)} & IMPURE_FUNCTIONS
    if path.relative_to(SOURCE).as_posix() in READS_PACKAGE_DATA:
        methods = set()
    modules = {name.split(".")[0] for name in imports(path)} & IMPURE
    for what in sorted(methods | functions | modules):
        yield f"{module_name(path)} uses {what}"
