"""What the source of a cell says about itself, without running it: the names that it defines, and what they use."""

import ast
import re
from collections.abc import Iterator

from course_utils.notebooks.statements import checked, definitions, dotted, own_statements

from .messages import Described

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
EXPRESSIONS = (ast.expr, ast.withitem)
ON_TOP = re.compile(r"\A(\s*%%(time|capture|prun)\b.*\n)+")
"""Magics below which Python stands that the notebook runs as its own."""

LIMIT = 200
"""Names, aliases, uses and statements that are reported of a cell."""

LONGEST_NAME = 200
"""Characters of a dotted name that are followed."""


def without_magics_on_top(source: str) -> str:
    """The source of a cell without the lines on top that say how it is to be run."""
    return ON_TOP.sub("", source)


def describe(source: str, given: str = "") -> Described:
    """What a cell says.

    Args:
        source: The cell.
        given: The cell as it was released; empty where it is the student's own.

    Raises:
        SyntaxError: If it is no Python; also ValueError, RecursionError or MemoryError.
    """
    tree = ast.parse(source)
    bound = list(_bindings(tree.body))
    return Described(
        defines=sorted({name for name, _ in bound})[:LIMIT],
        aliases=dict(sorted(aliases(tree).items())[:LIMIT]),
        uses={name: sorted(_uses(node))[:LIMIT] for name, node in bound[-LIMIT:]},
        definitions=definitions(tree) if given else "",
        own=own_statements(tree, given)[:LIMIT] if given else [],
    )


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Names that statements bind where they stand, each with the node that says to what; a check binds an exercise."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
            continue
        tried = checked(node)
        if tried and not (isinstance(tried[1], ast.Name) and tried[1].id == tried[0]):
            yield tried  # as if it said `euler = mine`
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name.split(".")[0], node) for alias in node.names)
            continue
        for part in (p for p in ast.iter_child_nodes(node) if isinstance(p, EXPRESSIONS)):
            stored = (n for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
            yield from ((name.id, node) for name in stored)
        for block in ("body", "orelse", "finalbody"):
            yield from _bindings(getattr(node, block, []))
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _bindings(part.body)


def aliases(tree: ast.AST) -> dict[str, str]:
    """Names that stand for something imported: {"cs": "course_utils.simulators"} for `import ... as cs`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.asname: a.name for a in node.names if a.asname}
            found |= {a.name.split(".")[0]: a.name.split(".")[0] for a in node.names if not a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Assign) and (name := dotted(node.value)):
            found |= {t.id: name for t in node.targets if isinstance(t, ast.Name)}
    return found


def flat(known: dict[str, str]) -> dict[str, str]:
    """The same aliases, each standing for a name that is no alias; whoever follows a chain goes each step once."""
    found: dict[str, str] = {}
    for name in known:
        chain: dict[str, None] = {}
        while name in known and name not in found and name not in chain:
            chain[name] = None
            name = known[name].partition(".")[0]
        for step in reversed(chain):
            found[step] = resolve(known[step], found)
    return found


def resolve(name: str, known: dict[str, str]) -> str:
    """A dotted name with its alias replaced, such as "course_utils.simulators.euler_step" for "cs.euler_step".

    Args:
        name: The name.
        known: Aliases, as `flat` gives them.
    """
    head, dot, tail = name.partition(".")
    return (known.get(head, head) + dot + tail)[:LONGEST_NAME]


def _uses(node: ast.AST) -> set[str]:
    """Dotted names that a definition uses, but not its own arguments and variables."""
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{a.name}" for a in node.names}
    own = {a.arg for n in ast.walk(node) if isinstance(n, SCOPES) and hasattr(n, "args") for a in _arguments(n.args)}
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    parts = (n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute | ast.Call))
    used = {name for name in map(dotted, parts) if name}
    known = flat(aliases(node))
    used |= {resolve(name, known) for name in used}
    return {name for name in used if name.split(".")[0] not in own | (stored - set(known))}


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    extra = [a for a in (arguments.vararg, arguments.kwarg) if a]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]
