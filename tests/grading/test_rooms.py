"""The rooms of the grader: it imports the package and never the other way; its modules import each other one way."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.grading_class import ROOT

GRADER = sorted((ROOT / "course_grading").rglob("*.py"))
STUDENTS = [path for room in ("course_utils", "labs") for path in sorted((ROOT / room).rglob("*.py"))]


def module(path: Path) -> str:
    """Dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(text: str, path: Path) -> set[str]:
    """Dotted names that a text, if it stood at `path`, would import anywhere in it, parts of modules included."""
    package = path.relative_to(ROOT).parent.parts
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return names


def of_grader(text: str, path: Path) -> set[str]:
    return {name for name in imported(text, path) if name.split(".")[0] == "course_grading"}


@pytest.mark.parametrize("path", STUDENTS, ids=module)
def test_what_students_have_knows_no_grader(path):
    assert of_grader(path.read_text("utf-8"), path) == set()


@pytest.mark.parametrize("text", [
    "import course_grading", "from course_grading import judge", "def f():\n    from course_grading.model import Lab",
    "import course_grading.judge as j", "try:\n    from course_grading import x\nexcept ImportError: pass",
])  # fmt: skip
def test_an_import_of_the_grader_is_seen(text):
    assert of_grader(text, ROOT / "course_utils" / "paths.py")


WAY = """intake.archives intake.students intake.register intake.submission intake.checkin
    running verdicts judge workers drawing marks pages.feedback classroom"""
"""Modules that a submission passes, in this order."""


def test_modules_of_the_grader_import_each_other_one_way():
    """No circle, and no stage knows one that comes after it, not even by way of others."""
    known = {module(path) for path in GRADER}
    graph = {module(p): imported(p.read_text("utf-8"), p) & known - {module(p)} for p in GRADER}
    below = {}
    for name in TopologicalSorter(graph).static_order():  # fails where there is a circle
        below[name] = graph.get(name, set()).union(*(below[other] for other in graph.get(name, ())))
    stages = [f"course_grading.{stage}" for stage in WAY.split()]
    for i, stage in enumerate(stages):
        assert below[stage].isdisjoint(stages[i + 1 :]), stage


def test_importing_the_nouns_is_cheap():
    """Whoever only names outcomes need not load torch, nbgrader or the sandbox."""
    for name in ("model", "notebook"):
        path = ROOT / "course_grading" / f"{name}.py"
        assert of_grader(path.read_text("utf-8"), path) <= {"course_grading.notebook", "course_grading.notebook.Cell"}


@pytest.mark.parametrize("path", GRADER, ids=module)
def test_modules_and_functions_are_short(path):
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 300
    defined = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    long = {node.name: node.end_lineno - node.lineno for node in defined if node.end_lineno - node.lineno > 45}
    assert long == {}
