"""Systematic mistakes made by rewriting the syntax tree of a function: small ones, and arguments that are replaced."""

import ast
import copy
import functools
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SWAPS |= {ast.Pow: ast.Mult, ast.MatMult: ast.Mult}
FLIPS = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq}


SHAPE_FROM = {"empty_like", "full_like", "len", "ones_like", "view_as", "zeros_like"}
"""Functions that take nothing but the shape of their first argument."""

SHAPE = {"dtype", "ndim", "shape"}
"""Attributes of a tensor that its values have no part in."""


def mutants(fn: Callable) -> Iterator[tuple[str, Callable]]:
    """Every function that differs from `fn` in one place, with a word on where; those that cannot run are left out."""
    yield from _rewritten(fn, _tree(fn), _changes)


def replaced_arguments(fn: Callable) -> Iterator[tuple[str, Callable]]:
    """Every function that ignores an argument at one place, or takes another for it, with a word on where.

    Where the values of an argument of `fn` are used stands another argument, or 0 or 1. Of each call that `fn` makes
    each argument becomes 0, 1, 1 minus it, or a little more than it.
    """
    names = list(inspect.signature(fn).parameters)
    tree = _tree(fn)
    idle = {id(inner) for node in ast.walk(tree) for shape in _shapes(node) for inner in ast.walk(shape)}

    def changes(node: ast.AST) -> Iterator[tuple[str, Callable]]:
        if isinstance(node, ast.Name) and node.id in names and _is_used(node) and id(node) not in idle:
            for other in (*names, f"(0 * {node.id})", f"(0 * {node.id} + 1)"):
                if other != node.id:
                    yield f"{other} for {node.id}", functools.partial(_set, other)
        if isinstance(node, ast.Call):
            for k, argument in enumerate(node.args):
                if id(argument) not in idle and not isinstance(argument, ast.Constant | ast.Starred):
                    told = ast.unparse(argument)
                    for other in (f"0 * ({told})", f"0 * ({told}) + 1", f"1 - ({told})", f"({told}) + 0.125"):
                        yield f"{other} told", functools.partial(_set_argument, k, other)

    yield from _rewritten(fn, tree, changes)


def _shapes(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression of which nothing but the shape is used."""
    if isinstance(node, ast.Attribute) and node.attr in SHAPE:
        yield node.value
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in SHAPE_FROM and node.args:
        yield node.args[0]


def _is_used(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _tree(fn: Callable) -> ast.Module:
    tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
    tree.body[0].decorator_list = []
    return tree


def _rewritten(fn: Callable, tree: ast.Module, changes: Callable) -> Iterator[tuple[str, Callable]]:
    """The function with each change of each node of its tree."""
    for i, node in enumerate(ast.walk(tree)):
        for what, change in changes(node):
            mutant = copy.deepcopy(tree)
            change(next(itertools.islice(ast.walk(mutant), i, None)))
            code = compile(ast.fix_missing_locations(mutant), "<mutant>", "exec")
            space = dict(fn.__globals__)
            exec(code, space)
            yield f"{what} in `{ast.unparse(node)}`", space[tree.body[0].name]


def _set(source: str, node: ast.AST) -> None:
    _become(node, ast.parse(source, mode="eval").body)


def _set_argument(k: int, source: str, node: ast.Call) -> None:
    node.args[k] = ast.parse(source, mode="eval").body


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
