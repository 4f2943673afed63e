"""A student's answer to an exercise of an earlier lab, from the notebook in which it is saved."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_utils import notebooks
from course_utils.notebooks import Exercise, Lab

__all__ = ["saved_answer"]


def saved_answer(*keys: str, root: str | Path | None = None) -> Callable | None:
    """The first of these functions that a student's own notebooks hold; None if there is none, and why, in lines.

    Of a notebook only the exercise's cells are run, and before them what its first cell of code imports and defines.
    The notebook is looked for beside the one that is open, and then in the folder of the course. What it holds need not
    be right.

    Args:
        keys: Such as "lab2.generate".
        root: Folder of the course; by default it is found.

    Raises:
        ValueError: If there is no such exercise.

    Example:
        >>> sampler = checks.saved_answer("lab2.generate", "lab1.euler")  # doctest: +SKIP
        generate of Exercise 2.8, from lab2_flow_matching.ipynb
    """
    try:
        root = notebooks.course_folder() if root is None else Path(root)
    except ValueError as error:
        print(f"{', '.join(keys)}: {error}")
        return None
    for key in keys:
        lab, exercise = _exercise(key, root)
        try:
            answer = _answer(lab, exercise, root)
        except ValueError as error:
            print(f"{exercise.name} of Exercise {exercise.number}: {error}")
        else:
            print(f"{exercise.name} of Exercise {exercise.number}, from {lab.name}.ipynb")
            return answer
    return None


def _exercise(key: str, root: Path) -> tuple[Lab, Exercise]:
    """The lab and its exercise as they were handed out."""
    name = notebooks.find(key.split(".")[0], root)
    lab = notebooks.lab_of(name, notebooks.fresh_lab(name, root))
    found = next((one for one in lab.exercises if one.key == key), None)
    if found is None:
        raise ValueError(f"expected an exercise of {name}, such as {lab.exercises[0].key}, got {key}")
    return lab, found


def _answer(lab: Lab, exercise: Exercise, root: Path) -> Callable:
    """The function that the saved notebook defines.

    Raises:
        ValueError: If there is none.
    """
    name = lab.name
    beside = Path.cwd().parent / name / f"{name}.ipynb"
    notebook = notebooks.read(beside if beside.exists() else notebooks.lab_file(name, root))
    cells = notebooks.answer_cells(lab, exercise, notebook)
    if not cells:
        raise ValueError(f"nothing is written in {name}.ipynb")
    first = next(cell for cell in lab.cells if cell.get("cell_type") == "code")
    names: dict[str, Any] = {"__name__": name}
    try:
        exec(compile(_definitions(notebooks.source(first)), f"{name}.ipynb", "exec"), names)
        for cell in cells:
            exec(compile(notebooks.source(cell), f"{name}.ipynb", "exec"), names)
    except (Exception, SystemExit) as error:
        raise ValueError(f"its cells in {name}.ipynb raise {type(error).__name__}, {error}") from error
    if not callable(names.get(exercise.name)):
        raise ValueError(f"its cells in {name}.ipynb define no such function")
    return names[exercise.name]


def _definitions(source: str) -> ast.Module:
    """What a cell imports and defines, without what else it does."""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef
    return ast.Module([node for node in ast.parse(source).body if isinstance(node, kinds)], [])
