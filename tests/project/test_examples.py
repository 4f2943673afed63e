"""The examples in the docstrings: every public name has one, and each prints what it says."""

import ast
import doctest
import importlib
import inspect
from pathlib import Path

import pytest
import torch

import course_utils

PACKAGE = Path(course_utils.__file__).parent
WITHOUT = {"storage", "notebooks", "checks", "commands"}  # students call nothing of these by themselves
HAVE_EXAMPLES = [name for name in course_utils.__all__ if name not in WITHOUT]
"""Modules in which every public function and class has an example."""


def docstrings() -> dict[str, str]:
    """Every docstring of the package that has an example, by its place."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node) or ""
                if ">>>" in text:
                    place = f"{path.relative_to(PACKAGE).with_suffix('').as_posix()}:{getattr(node, 'name', 'module')}"
                    found[f"{place}:{node.body[0].lineno}"] = text
    return found


EXAMPLES = docstrings()


@pytest.mark.parametrize("place", EXAMPLES)
def test_an_example_prints_what_it_says(place: str):
    """It may use torch and the modules of the package; the global generator starts from 0, whatever ran before."""
    text = EXAMPLES[place]
    names = {
        name: importlib.import_module(f"course_utils.{name}") for name in course_utils.__all__ if f"{name}." in text
    }
    example = doctest.DocTestParser().get_doctest(text, {"torch": torch, **names}, place, None, None)
    assert example.examples
    lines = []
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=lines.append)
    assert "".join(lines) == ""


@pytest.mark.parametrize("name", HAVE_EXAMPLES)
def test_every_public_name_has_an_example(name: str):
    module = importlib.import_module(f"course_utils.{name}")
    public = {word: getattr(module, word) for word in module.__all__}
    called = {word: thing for word, thing in public.items() if inspect.isclass(thing) or inspect.isfunction(thing)}
    assert [word for word, thing in called.items() if ">>>" not in (thing.__doc__ or "")] == []
