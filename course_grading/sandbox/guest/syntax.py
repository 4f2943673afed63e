"""What the source of a cell says about itself, without running it: the names that it defines, and what they use."""

import ast
from collections.abc import Iterator

from .messages import Described

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
EXPRESSIONS = (ast.expr, ast.withitem)
LIMIT = 200
"""Names, aliases and uses that are reported of a cell."""

LONGEST_NAME = 200
"""Characters of a dotted name that are followed."""


def describe(source: str) -> Described:
    """What a cell says.

    Raises:
        SyntaxError: If it is no Python; also ValueError, RecursionError or MemoryError.
    """
    tree = ast.parse(source)
    bound = list(_bindings(tree.body))
    return Described(
        defines=sorted({name for name, _ in bound})[:LIMIT],
        aliases=dict(sorted(aliases(tree).items())[:LIMIT]),
        uses={name: sorted(_uses(node))[:LIMIT] for name, node in bound[-LIMIT:]},
        definitions="\n\n".join(ast.unparse(node) for node in tree.body if isinstance(node, DEFINITIONS)),
    )


def _bindings(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Names that statements bind where they stand, each with the node that says to what."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
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
        elif isinstance(node, ast.Assign) and (name := _dotted(node.value)):
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


def _dotted(node: ast.AST) -> str | None:
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


def _uses(node: ast.AST) -> set[str]:
    """Dotted names that a definition uses, but not its own arguments and variables."""
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{a.name}" for a in node.names}
    own = {a.arg for n in ast.walk(node) if isinstance(n, SCOPES) and hasattr(n, "args") for a in _arguments(n.args)}
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    parts = (n for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute | ast.Call))
    used = {name for name in map(_dotted, parts) if name}
    known = flat(aliases(node))
    used |= {resolve(name, known) for name in used}
    return {name for name in used if name.split(".")[0] not in own | (stored - set(known))}


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    extra = [a for a in (arguments.vararg, arguments.kwarg) if a]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]
