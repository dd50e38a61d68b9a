"""The project's own source files, parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.shared_data import PROJECT

PACKAGES = ("bus", "kernel", "strategies", "adapters", "persistence", "webui")


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


def files(*parts: str) -> list[Path]:
    """Python files of the packages (or of the named parts of the project), in order."""
    found: list[Path] = []
    for part in parts or PACKAGES:
        path = PROJECT / part
        found.extend([path] if path.suffix == ".py" else sorted(path.rglob("*.py")))
    assert found, f"no sources in {parts}"
    return found


def name_of(path: Path) -> str:
    """Relative to the project, with slashes."""
    return path.relative_to(PROJECT).as_posix()


def dotted(node: ast.AST) -> str:
    """`a.b.c` of names and attributes, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(module or module.name, line) of every import, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((each.name, node.lineno) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{each.name}", node.lineno) for each in node.names)


def aliases(path: Path) -> dict[str, str]:
    """Local name -> the dotted thing it was imported as."""
    found: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                found[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})
    return found


def uses(path: Path) -> Iterator[tuple[str, int]]:
    """(full dotted name, line) of every attribute or name that goes back to an import, aliases resolved."""
    known = aliases(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute | ast.Name):
            text = dotted(node)
            head, _, rest = text.partition(".")
            if head in known:
                yield (f"{known[head]}.{rest}" if rest else known[head]), node.lineno
