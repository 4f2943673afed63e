"""The form of an answer: its code without names of its own, comments, docstrings, annotations and layout.

Two answers of one form do the same in the same order. Parsing is bounded by who calls it (see `bounded`).
"""

import ast
import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from course_grading.model import Lab
from course_grading.notebook import read
from course_grading.sandbox.guest import syntax
from course_utils.notebooks.statements import checked

MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
PACKAGE = Path(__file__).resolve().parents[2] / "course_utils"


class _Bare(ast.NodeTransformer):
    """Leaves out what does nothing, and gives names that the code itself binds numbers, in the order of their use.

    Args:
        own: These names.
    """

    def __init__(self, own: Collection[str]):
        self.own = own
        self.numbers: dict[str, str] = {}

    def visit(self, node: ast.AST) -> ast.AST | None:
        for name in ("name", "id", "arg"):
            value = getattr(node, name, None)
            if isinstance(value, str) and value in self.own and not isinstance(node, ast.keyword):
                setattr(node, name, self.numbers.setdefault(value, f"_{len(self.numbers)}"))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self.numbers.setdefault(one, f"_{len(self.numbers)}") for one in node.names]
        return super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) or checked(node):
            return None
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def form(source: str, exercise: str) -> str | None:
    """What tells the form of an answer from any other; None where it is no Python.

    Args:
        source: Of the cell.
        exercise: Name of the function, which stays.
    """
    try:
        tree = ast.parse(MAGIC.sub("", source))
        bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        named = (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)
        bound |= {n.name for n in ast.walk(tree) if isinstance(n, named) and n.name}
        _Bare(bound - {exercise}).visit(tree)  # in place
        text = ast.dump(tree, annotate_fields=False)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def answers(content: bytes, lab: Lab) -> dict[str, tuple[str, str]]:
    """Form and source of each exercise that a submission answers: its own cell, else the last that defines it.

    Args:
        content: Of the file.
        lab: As it was handed out.
    """
    found: dict[str, tuple[str, str]] = {}
    own: set[str] = set()
    tasks = {task.exercise: task.cell for task in lab.tasks if task.exercise}
    for cell in read(content).code:
        for name in tasks.keys() & _defined(cell.source):
            if name in own:
                continue
            own |= {name} if cell.released_as == tasks[name] else set()
            shape = form(cell.source, name)
            if shape is not None:
                found[name] = (shape, cell.source)
    return found


def _defined(source: str) -> set[str]:
    try:
        return set(syntax.describe(MAGIC.sub("", source)).defines)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def known_forms(lab: Lab, solution: bytes) -> dict[str, set[str]]:
    """Forms that tell nothing, by exercise: the solution's, and those of that name in the package.

    Args:
        lab: As it was handed out.
        solution: Bytes of the solution notebook.
    """
    solved = answers(solution, lab)
    texts = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    found: dict[str, set[str]] = {}
    for task in (task for task in lab.tasks if task.exercise):
        name = str(task.exercise)
        sources = [part for text in texts if f"def {name}(" in text for part in _functions(text, name)]
        shapes = {form(source, name) for source in sources}
        found[name] = {shape for shape in shapes if shape} | ({solved[name][0]} if name in solved else set())
    return found


def _functions(text: str, name: str) -> list[str]:
    """Functions of that name in a module, without decorators."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and node.name == name]
    for node in nodes:
        node.decorator_list = []
    return [ast.unparse(node) for node in nodes]
