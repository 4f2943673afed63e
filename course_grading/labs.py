"""The labs of this checkout as the grader sees them: the released notebooks, and the exercises of the checks."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from course_grading import notebook
from course_grading.model import Lab, Task, natural
from course_grading.notebook import Cell
from course_grading.sandbox.guest import syntax
from course_utils import checks
from course_utils.checks.exercise import Exercise

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"\*\*(Question \d+)\b")


def released(root: str | Path = ROOT) -> dict[str, Path]:
    """Released notebook of every lab, by the lab's name, in order."""
    paths = sorted(Path(root).glob("labs/*/*.ipynb"), key=lambda path: natural(path.stem))
    return {path.stem: path for path in paths if path.stem == path.parent.name}


def exercises(lab: str) -> dict[str, Exercise]:
    """The exercises of `labN_topic` by the name of their function, from `checks.labN`.

    Raises:
        ValueError: If there is no such lab.
    """
    return checks.exercises(short(lab))


def short(lab: str) -> str:
    """The name of a lab's checks: "lab1" for "lab1_simulation"."""
    return lab.split("_")[0]


def read_lab(name: str, root: str | Path = ROOT) -> Lab:
    """One lab.

    Raises:
        ValueError: If there is no such lab, or its notebook has no cell for one of its exercises.
    """
    paths = released(root)
    if name not in paths:
        raise ValueError(f"unknown lab {name!r}, expected one of: {', '.join(paths) or 'none, there is no labs/'}")
    found = notebook.read(paths[name].read_bytes())
    if found.reason:
        raise ValueError(f"expected a released notebook in {paths[name]}: {found.reason}")
    answers = [cell for cell in found.cells if cell.mark.get("solution")]
    tasks = _judged(exercises(name), answers, paths[name])
    tasks += [_by_hand(cell) for cell in answers if cell.mark.get("grade")]
    return Lab(name, tuple(tasks), {cell.id: cell for cell in found.cells}, _rules(paths[name]))


def _judged(asked: Mapping[str, Exercise], answers: list[Cell], path: Path) -> list[Task]:
    """A task for each exercise: its cell is the last that defines the function."""
    places = {name: cell for cell in answers if cell.kind == "code" for name in _defined(cell)}
    missing = [name for name in asked if name not in places]
    if missing:
        raise ValueError(f"expected cells for all exercises in {path}, found none for: {', '.join(missing)}")
    return [Task(places[name].id, e.number, e.title, e.points, name) for name, e in asked.items()]


def _defined(cell: Cell) -> list[str]:
    try:
        return syntax.describe(cell.source).defines
    except SyntaxError:  # a magic command
        return []


def _by_hand(cell: Cell) -> Task:
    heading = HEADING.search(cell.source)
    points = cell.mark.get("points")
    if not isinstance(points, int | float):
        raise ValueError(f"expected points for the released cell {cell.id}, got {points!r}")
    return Task(cell.id, heading[1] if heading else cell.id, "", points)


def _rules(path: Path) -> str:
    """What a kept outcome depends on: the notebook, the lab's checks and what all checks share, but no other lab."""
    files = (path, *checks.sources(short(path.stem)))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
