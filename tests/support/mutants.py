"""Small systematic mistakes made by rewriting the syntax tree of a function."""

import ast
import copy
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SWAPS |= {ast.Pow: ast.Mult, ast.MatMult: ast.Mult}
FLIPS = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq}


def mutants(fn: Callable) -> Iterator[tuple[str, Callable]]:
    """Every function that differs from `fn` in one place, with a word on where; those that cannot run are left out."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
    tree.body[0].decorator_list = []
    for i, node in enumerate(ast.walk(tree)):
        for what, change in _changes(node):
            mutant = copy.deepcopy(tree)
            change(next(itertools.islice(ast.walk(mutant), i, None)))
            code = compile(ast.fix_missing_locations(mutant), "<mutant>", "exec")
            space = dict(fn.__globals__)
            exec(code, space)
            yield f"{what} in `{ast.unparse(node)}`", space[tree.body[0].name]


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable]]:
    if isinstance(node, ast.BinOp):
        if type(node.op) in SWAPS:
            yield "operator", lambda n: setattr(n, "op", SWAPS[type(n.op)]())
        yield "right side dropped", lambda n: _become(n, n.left)
        yield "left side dropped", lambda n: _become(n, n.right)
        if isinstance(node.op, ast.Sub | ast.Div | ast.Pow | ast.MatMult):
            yield "sides exchanged", _exchange
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "minus dropped", lambda n: _become(n, n.operand)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in FLIPS:
        yield "comparison", lambda n: n.ops.__setitem__(0, FLIPS[type(n.ops[0])]())
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "constant", lambda n: setattr(n, "value", n.value + 1)
    elif isinstance(node, ast.Call):
        yield from _call_changes(node)


def _call_changes(node: ast.Call) -> Iterator[tuple[str, Callable]]:
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("sqrt", "exp", "log", "cumsum", "sum", "mean"):
        yield f"no {node.func.attr}", lambda n: _become(n, n.func.value if not _is_torch(n.func.value) else n.args[0])
    if len(node.args) == 2 and isinstance(node.func, ast.Name):
        yield "arguments exchanged", lambda n: n.args.reverse()
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        yield "last round missing", lambda n: n.args.__setitem__(-1, ast.BinOp(n.args[-1], ast.Sub(), ast.Constant(1)))


def _is_torch(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def _become(node: ast.AST, other: ast.AST) -> None:
    node.__class__, node.__dict__ = other.__class__, dict(other.__dict__)


def _exchange(node: ast.BinOp) -> None:
    node.left, node.right = node.right, node.left
