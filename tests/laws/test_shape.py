"""The shape of the code: sizes, docstrings, names."""

import ast
from pathlib import Path
from statistics import median

from tests.laws.sources import files, name_of, tree

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80
MEDIAN_LINES_MAX = 150
CATCH_ALL_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base_utils", "tools"}


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_longer_than_600_lines_and_half_are_under_150() -> None:
    assert [f"{name_of(each)}: {_lines(each)}" for each in files() if _lines(each) >= FILE_LINES_MAX] == []
    assert median(_lines(each) for each in files() if each.name != "__init__.py") < MEDIAN_LINES_MAX


def test_every_function_fits_on_a_screen() -> None:
    found = [
        f"{name_of(path)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 >= FUNCTION_LINES_MAX
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    found = [name_of(path) for path in files() if path.read_text().strip() and not ast.get_docstring(tree(path))]
    assert found == []


def test_public_classes_say_what_they_are() -> None:
    found = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in files("bus", "kernel", "strategies", "persistence")
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert found == []


def test_no_file_has_a_name_that_means_nothing() -> None:
    assert [name_of(path) for path in files() if path.stem in CATCH_ALL_NAMES] == []


def test_nothing_is_left_to_do_in_comments() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
    found = [
        f"{name_of(path)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if any(word in line for word in words)
    ]
    assert found == []
