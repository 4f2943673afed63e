"""The labs of this checkout as the grader sees them: the released notebooks, and the exercises of the checks."""

import hashlib
import importlib
import re
from pathlib import Path

from course_grading import notebook, syntax
from course_grading.model import Lab, Task, natural
from course_grading.notebook import Cell
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
    short = lab.split("_")[0]
    if short not in numbered():
        raise ValueError(f"unknown lab {lab!r}")
    return importlib.import_module(f"course_utils.checks.{short}").EXERCISES


def numbered() -> list[str]:
    """Short names of the labs that have exercises, such as "lab1"."""
    return [name for name in checks.__all__ if re.fullmatch(r"lab\d+", name)]


def read_lab(name: str, root: str | Path = ROOT) -> Lab:
    """One lab.

    Raises:
        ValueError: If there is no such lab, or its notebook has no cell for one of its exercises.
    """
    paths = released(root)
    if name not in paths:
        raise ValueError(f"unknown lab {name!r}, expected one of: {', '.join(paths) or 'none, there is no labs/'}")
    found = notebook.read(paths[name].read_bytes())
    answers = [cell for cell in found.cells if cell.mark.get("solution")]
    tasks = _judged(name, answers, paths[name])
    tasks += [_by_hand(cell) for cell in answers if cell.mark.get("grade")]
    return Lab(name, tuple(tasks), {cell.id: cell for cell in found.cells}, _rules(paths[name]))


def _judged(lab: str, answers: list[Cell], path: Path) -> list[Task]:
    """A task for each exercise: its cell is the last that defines the function."""
    places = {name: cell for cell in answers if cell.kind == "code" for name in _defined(cell)}
    asked = exercises(lab).values()
    missing = [exercise.name for exercise in asked if exercise.name not in places]
    if missing:
        raise ValueError(f"expected cells for all exercises in {path}, found none for: {', '.join(missing)}")
    return [Task(places[e.name].grade_id, e.number, e.title, e.points, e.name) for e in asked]


def _defined(cell: Cell) -> list[str]:
    try:
        return syntax.describe(cell.source)["defines"]
    except SyntaxError:  # a magic command
        return []


def _by_hand(cell: Cell) -> Task:
    heading = HEADING.search(cell.source)
    return Task(cell.grade_id, heading[1] if heading else cell.grade_id, "", cell.mark["points"])


def _rules(path: Path) -> str:
    files = sorted(Path(checks.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in (path, *files))).hexdigest()
