"""What a lab asks: its exercises, which the grader judges, and its questions in words, which are marked by hand."""

import ast
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from nbformat import NotebookNode

from course_grading.release import ROOT, read_notebook
from course_grading.results import Answer, Outcome
from course_utils import checks
from course_utils.checks.exercise import Exercise

HEADING = re.compile(r"\*\*(Question \d+)\b")


@dataclass(frozen=True)
class Task:
    """What earns points.

    Attributes:
        cell: Name of its cell, nbgrader's `grade_id`.
        label: Such as "1.4 Euler–Maruyama step" or "Question 2".
        column: Its heading in `grades.csv`, such as "1.4" or "Question 2".
        points: Points for a right answer.
        exercise: Name of the function that is judged; None where a person marks.
    """

    cell: str
    label: str
    column: str
    points: float
    exercise: str | None = None


@dataclass(frozen=True)
class Sheet:
    """A lab as the grader sees it.

    Attributes:
        lab: Such as "lab1_simulation".
        tasks: Exercises, then questions.
        cells: Cells of the released notebook by id.
        rules: Hash of notebook and checks: what was graded by other rules is graded again.
    """

    lab: str
    tasks: tuple[Task, ...]
    cells: dict[str, NotebookNode]
    rules: str

    @property
    def points(self) -> float:
        return sum(task.points for task in self.tasks)


def labs(root: str | Path = ROOT) -> dict[str, Path]:
    """Released notebook of every lab, by the lab's name."""
    paths = sorted(Path(root).glob("labs/*/*.ipynb"))
    return {path.stem: path for path in paths if path.stem == path.parent.name}


def exercises(lab: str) -> dict[str, Exercise]:
    """The exercises of `labN_topic`, from `checks.labN`."""
    return checks.exercises(lab.split("_")[0])


def sheet(lab: str, root: str | Path = ROOT) -> Sheet:
    """The sheet of one lab.

    Raises:
        ValueError: If there is no such lab, or its notebook has no cell for one of its exercises.
    """
    released = labs(root)
    if lab not in released:
        raise ValueError(f"unknown lab {lab!r}, expected one of: {', '.join(released) or 'none, there is no labs/'}")
    notebook = read_notebook(released[lab])
    answers = [cell for cell in notebook.cells if _mark(cell).get("solution")]
    tasks = [_judged(exercise, answers) for exercise in exercises(lab).values()]
    tasks += [_by_hand(cell) for cell in answers if _mark(cell).get("grade")]
    return Sheet(lab, tuple(tasks), {cell.id: cell for cell in notebook.cells}, _rules(released[lab]))


def ungraded(sheet: Sheet, student: str, reason: str, flags: tuple[str, ...] = ()) -> Outcome:
    """The outcome of a submission that nobody could run."""
    judged = (exercise for exercise in exercises(sheet.lab).values())
    answers = (Answer(e.name, e.number, e.title, 0.0, e.points, "missing") for e in judged)
    return Outcome(student, sheet.lab, tuple(answers), flags, reason)


def flagged(outcome: Outcome, flags: tuple[str, ...]) -> Outcome:
    """An outcome with more flags, each once."""
    return replace(outcome, flags=tuple(dict.fromkeys((*flags, *outcome.flags))))


def defines(source: str) -> set[str]:
    """Names of the functions and classes that a cell defines at its top level."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def _mark(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def _judged(exercise: Exercise, answers: list[NotebookNode]) -> Task:
    cells = [cell for cell in answers if cell.cell_type == "code" and exercise.name in defines(cell.source)]
    if not cells:
        raise ValueError(f"expected a cell that defines {exercise.name} in the released notebook, found none")
    label = f"{exercise.number} {exercise.title}"
    return Task(_mark(cells[-1])["grade_id"], label, exercise.number, exercise.points, exercise.name)


def _by_hand(cell: NotebookNode) -> Task:
    name, heading = _mark(cell)["grade_id"], HEADING.search(cell.source)
    label = heading[1] if heading else name
    return Task(name, label, label, _mark(cell)["points"])


def _rules(notebook: Path) -> str:
    paths = (notebook, *checks.sources(notebook.stem.split("_")[0]))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
