"""Entries: a Python file with `sample(y, generator)`, and a file of weights beside it."""

import ast
import importlib.util
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.contest.counting import Count
from course_utils.contest.given import given_tensors
from course_utils.contest.programs import record
from course_utils.contest.rules import ROWS, RULES, Rules, as_bytes, check_images, labels_of
from course_utils.weights import read_tensors, save_tensors

__all__ = ["Entry", "Recorded", "entry_tensors", "read_entry", "record_entry", "train_entry"]

IMPORTS = frozenset(
    "__future__ collections copy course_utils dataclasses functools itertools math numpy pathlib safetensors torch "
    "typing".split()
)
"""Packages that an entry may import."""
OF_THE_JUDGE = frozenset("classifier digit_classifier Classifier Judge judge Yardstick train_classifier".split())
OF_THE_HOOKS = frozenset(
    "_global_forward_hooks _global_forward_pre_hooks _forward_hooks _forward_pre_hooks _python_dispatch Count Recorder "
    "register_module_forward_hook register_module_forward_pre_hook _disable_current_modes".split()
)
OF_THE_SEED = frozenset("initial_seed get_state set_state get_offset".split())
OF_PYTHON = frozenset("__import__ breakpoint compile eval exec globals input open vars".split())
READ = {
    OF_THE_JUDGE: "an entry may not use the judge",
    OF_THE_HOOKS: "an entry may not touch what counts it",
    OF_THE_SEED: "an entry may draw from the generator, not read its seed",
}
"""Names that no entry needs, and why they are refused. They are a courtesy: who hides them is refused later."""


@dataclass(frozen=True)
class Entry:
    """An entry, as it was handed in.

    Attributes:
        name: Of the file.
        source: The Python file.
        weights: The bytes of the file of weights; empty where there is none.

    Example:
        >>> from course_utils.contest import Entry
        >>> Entry("noise", "def sample(y, generator): ...")
        Entry(noise: 29 characters, 0 bytes of weights)
    """

    name: str
    source: str
    weights: bytes = b""

    def __repr__(self) -> str:
        return f"Entry({self.name}: {len(self.source):,} characters, {len(self.weights):,} bytes of weights)"

    def put(self, folder: Path) -> Path:
        """Write both files into a folder; returns the Python file."""
        path = folder / f"{self.name}.py"
        path.write_text(self.source, "utf-8")
        path.with_suffix(".safetensors").write_bytes(self.weights) if self.weights else None
        return path


class Recorded(NamedTuple):
    """What running an entry showed.

    Attributes:
        program: All that its `sample` does, see `Program.packed`.
        images: What one call gave, as bytes; `seed` is that of its generator.
        seed: See `images`.
        evaluations: Of networks an image, as hooks counted them in that call.
    """

    program: bytes
    images: Tensor
    seed: int
    evaluations: float


def read_entry(path: str | Path, weights: str | Path | None = None, rules: Rules = RULES) -> Entry:
    """Read an entry; nothing of it is run.

    Args:
        path: The Python file.
        weights: Its weights; by default the file of its name that ends in `.safetensors`, if there is one.
        rules: The rules.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file has no `sample(y, generator)`, does what no entry needs, or the weights are too large.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "mine.py")
        ...     _ = file.write_text("def sample(y):\\n    return y\\n")
        ...     contest.read_entry(file)
        Traceback (most recent call last):
        ValueError: expected a function sample(y, generator) in mine.py, got sample(y)
    """
    path = Path(path)
    beside = path.with_suffix(".safetensors") if weights is None else Path(weights)
    source = path.read_bytes().decode("utf-8", "replace")
    if len(source) > rules.source_characters:
        raise ValueError(f"expected at most {rules.source_characters:,} characters in {path.name}, got {len(source):,}")
    _check_source(path.name, source)
    data = beside.read_bytes() if weights is not None or beside.is_file() else b""
    if len(data) > rules.weights_bytes:
        raise ValueError(
            f"expected at most {rules.weights_bytes:,} bytes of weights, got {len(data):,} in {beside.name}"
        )
    return Entry(path.stem, source, data)


def _check_source(name: str, source: str) -> None:
    """The functions that it has to have, and nothing that no entry needs."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"expected Python in {name}, got {error}") from error
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "sample" not in functions:
        found = ", ".join(sorted(functions)) or "no function"
        raise ValueError(f"expected a function sample(y, generator) in {name}, got {found}")
    arguments = [argument.arg for argument in functions["sample"].args.args]
    if len(arguments) != 2:
        raise ValueError(f"expected a function sample(y, generator) in {name}, got sample({', '.join(arguments)})")
    for line, word in _words(tree):
        for names, why in READ.items():
            if word in names:
                raise ValueError(f"{why}: line {line} of {name} says `{word}`")


def _words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names and attributes of a source with their lines; an import or a call that no entry needs is refused."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _check_import(node)
            yield from ((node.lineno, part) for name in _imported(node) for part in name.split("."))
        elif isinstance(node, ast.Name):
            if node.id in OF_PYTHON and isinstance(node.ctx, ast.Load):
                raise ValueError(f"an entry needs no `{node.id}`: line {node.lineno}")
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names]
    return [f"{node.module}.{name}" for name in names] if isinstance(node, ast.ImportFrom) else names


def _check_import(node: ast.Import | ast.ImportFrom) -> None:
    for name in _imported(node):
        if name.split(".")[0] not in IMPORTS or (isinstance(node, ast.ImportFrom) and node.level):
            allowed = ", ".join(sorted(IMPORTS))
            raise ValueError(f"an entry needs no `{name}` (line {node.lineno}): it may import {allowed}")


def _load_module(path: Path) -> ModuleType:
    """Run an entry's file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entry_tensors(weights: bytes, given: bool = True) -> Mapping[str, Tensor]:
    """Tensors that an entry may use, by name: its own weights and, if wanted, what the contest gives.

    Raises:
        ValueError: If the weights are no safetensors.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.safetensors")
        file.write_bytes(weights)
        own = read_tensors(file)[0] if weights else {}
    named = {f"own/{name}": tensor for name, tensor in own.items()}
    return {**(given_tensors() if given else {}), **named}


def record_entry(entry: Entry, folder: Path, seed: int) -> Recorded:
    """Run an entry, and note what it does.

    Args:
        entry: The entry.
        folder: Where its files are written.
        seed: Of the noise of this run. The judge draws with others.

    Raises:
        ValueError: If `sample` returns no images, or does other operations in another call.
    """
    path = entry.put(folder)
    with Count() as count:
        program, images = record(lambda: _load_module(path).sample, entry_tensors(entry.weights), labels_of(ROWS), seed)
    return Recorded(program.packed(), as_bytes(check_images(images, ROWS)), seed + 1, count.rows / 3 / ROWS)


def train_entry(entry: Entry, folder: Path, seed: int) -> tuple[bytes, int]:
    """Run the training of an entry: its new file of weights, and the rows that networks saw, as hooks counted them.

    Args:
        entry: The entry, whose file has a function `train(generator)`: it returns named tensors.
        folder: Where its files are written.
        seed: Of the generator.

    Raises:
        ValueError: If there is no such function, or it gives something else.
    """
    module = _load_module(entry.put(folder))
    if not callable(getattr(module, "train", None)):
        raise ValueError(f"expected a function train(generator) in {entry.name}.py, got none")
    with Count() as count:
        tensors = module.train(torch.Generator().manual_seed(seed))
    if not isinstance(tensors, Mapping) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise ValueError(f"expected named tensors from `train`, got {type(tensors).__name__}")
    file = folder / "trained.safetensors"
    save_tensors(tensors, file)
    return file.read_bytes(), count.training_rows
