"""Whether a sentence tells an answer: its code, its formula, or the function that has it ready."""

import ast
import builtins
import copy
import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import torch

import course_utils

CODE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+|[A-Za-z_]\w*(?=\()")  # a.b and f( in a sentence
ENOUGH = 2  # operations in an expression that no sentence may hold
FUNCTIONS = {"cos", "exp", "log", "sin", "sqrt"}  # in a sentence these are mathematics


def function_of(fn: Callable) -> ast.FunctionDef:
    """The definition of a function."""
    return ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0]


def solution_of(cells: list[str], name: str) -> ast.FunctionDef:
    """The answer in one of the cells of the solution's notebook."""
    for source in cells:
        if "### BEGIN SOLUTION" in source and f"def {name}(" in source:
            return next(node for node in ast.parse(source).body if getattr(node, "name", None) == name)
    raise LookupError(f"no cell has the answer to {name}")


@functools.cache  # thousands of sentences are held against one answer
def formulas(answer: ast.FunctionDef) -> tuple[str, ...]:
    """Every expression of an answer with at least two operations: as code, and as a formula on paper; flat."""
    arguments = {argument.arg for argument in answer.args.args}
    nodes = [node for statement in answer.body for node in ast.walk(statement) if isinstance(node, ast.expr)]
    versions = [one for node in nodes for one in (node, OnPaper(arguments).visit(copy.deepcopy(node)))]
    return tuple(flat(ast.unparse(one)) for one in versions if _operations(one) >= ENOUGH)


def _operations(node: ast.expr) -> int:
    return sum(isinstance(inner, ast.BinOp | ast.Call | ast.Compare | ast.UnaryOp) for inner in ast.walk(node))


class OnPaper(ast.NodeTransformer):
    """Writes `schedule.alpha(t[i]) * z[i]` as alpha * z."""

    def __init__(self, arguments: set[str]):
        self.arguments = arguments

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        method = isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        return ast.Name(node.func.attr) if method and node.func.value.id in self.arguments else node


@functools.cache
def calls(answer: ast.FunctionDef) -> set[str]:
    """What an answer calls that it was not given: `torch.cumsum`, and `cumsum` for itself or as a method."""
    given = {argument.arg for argument in answer.args.args} | set(dir(builtins))
    names = {ast.unparse(node.func) for node in ast.walk(answer) if isinstance(node, ast.Call)}
    own = {name for name in names if re.fullmatch(r"[\w.]+", name) and name.split(".")[0] not in given}
    methods = {name.split(".")[-1] for name in names if hasattr(torch.Tensor, name.split(".")[-1])}
    return own | ({name.split(".")[-1] for name in own} | methods) - FUNCTIONS


@functools.cache
def ready_made() -> set[str]:
    """Names of the package's modules, and of what stands in them, that are no words of a sentence."""
    names = {"course_utils"}
    package = Path(course_utils.__file__).parent
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] != "checks":
            names |= {node.name for node in ast.parse(path.read_text("utf-8")).body if hasattr(node, "name")}
    return {name for name in names if "_" in name.strip("_")}


def flat(text: str) -> str:
    """A formula or a sentence without what can be written in several ways: blanks, products, powers, back-ticks."""
    return re.sub(r"[\s`*·×]", "", text.replace("**", "^"))


def _code(text: str) -> set[str]:
    """Names of functions in a text, whole and without what stands before their last dot."""
    names = set(CODE.findall(text))
    return names | {name.split(".")[-1] for name in names if "." in name}


def told(message: str, answers: list[ast.FunctionDef], asked: str = "") -> list[str]:
    """What a sentence tells of these answers, beyond the functions that the text `asked` names; empty if nothing."""
    written = flat(message)
    found = [formula for answer in answers for formula in formulas(answer) if formula in written]
    code = _code(message) - _code(asked)
    found += sorted(code & set().union(*map(calls, answers)))
    return found + sorted(set(re.findall(r"\w+", message)) & ready_made())
