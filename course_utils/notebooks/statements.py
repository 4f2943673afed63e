"""What of a cell's code is quickly run: its definitions and constants. Sources are read here, and nothing is run."""

import ast
import re

__all__ = ["checked", "definitions", "dotted", "only_checks", "own_statements", "quick_parts"]

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
CHECKS = re.compile(r"\bchecks\.lab\d+\.(\w+)$")


def definitions(tree: ast.Module) -> str:
    """The statements that define something or check an answer."""
    return "\n\n".join(ast.unparse(node) for node in tree.body if _is_definition(node))


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, DEFINITIONS) or checked(node) is not None


def own_statements(tree: ast.Module, given: str) -> list[str]:
    """The other statements that do not stand in the cell as it was handed out."""
    released = {ast.unparse(node) for node in ast.parse(given).body}
    others = (ast.unparse(node) for node in tree.body if not _is_definition(node))
    return [statement for statement in others if statement not in released]


def quick_parts(source: str) -> list[str]:
    """What of a released cell is quickly run: its definitions in one piece, and each assignment that calls nothing.

    Example:
        >>> notebooks.statements.quick_parts("import math\\nN = 3\\nx = train(N)")
        ['import math', 'N = 3']
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic command
        return []
    assigned = (node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    quick = (node for node in assigned if not any(isinstance(part, ast.Call) for part in ast.walk(node)))
    return [definitions(tree), *map(ast.unparse, quick)]


def only_checks(source: str) -> bool:
    """Whether a released cell does nothing but check answers."""
    try:
        return all(checked(node) for node in ast.parse(source).body)
    except SyntaxError:
        return False


def checked(node: ast.AST) -> tuple[str, ast.expr] | None:
    """The exercise that a statement checks and its answer: "euler" and `mine` of `checks.lab1.euler(mine)`."""
    match node:
        case ast.Expr(value=ast.Call(func=function, args=[answer])):
            found = CHECKS.search(dotted(function) or "")
            return (found[1], answer) if found else None
    return None


def dotted(node: ast.AST) -> str | None:
    """The text of an expression like a.b.c, also where it is written with `getattr` or an import by name; else None."""
    parts = []
    while (member := _member(node)) is not None:
        node, name = member
        parts.append(name)
    start = node.id if isinstance(node, ast.Name) else _imported(node)
    return ".".join([start, *reversed(parts)]) if start else None


def _member(node: ast.AST) -> tuple[ast.AST, str] | None:
    """The parts of `owner.name` and of `getattr(owner, "name")`."""
    match node:
        case ast.Attribute(value=owner, attr=name):
            return owner, name
        case ast.Call(func=ast.Name(id="getattr"), args=[owner, ast.Constant(value=str(name)), *_]):
            return owner, name
    return None


def _imported(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(value=str(module)), *_]):
            return module if name in ("import_module", "__import__") else None
    return None
