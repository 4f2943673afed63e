"""How a lab's file stands: each exercise right, wrong or pending, for people, for programs and for GitHub."""

import html
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils import checks, notebooks
from course_utils.checks.exercise import Exercise
from course_utils.checks.running import RIGHT, Standing, judged

__all__ = ["Line", "Report", "check_file", "check_labs", "summarise"]

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable with which GitHub names the file whose Markdown it shows."""


@dataclass(frozen=True)
class Line:
    """What is said of an exercise.

    Attributes:
        number: Such as "1.4".
        title: Such as "Euler–Maruyama step".
        status: "right", "wrong" or "pending".
        points: Points for it as it stands.
        max: Points for a right answer.
        sentence: What is wrong, or why nothing is known; empty where it is right.
    """

    number: str
    title: str
    status: str
    points: float
    max: float
    sentence: str


@dataclass(frozen=True)
class Report:
    """What is said of a lab; questions in words are not in it.

    Attributes:
        lab: Its name, such as "lab1_simulation".
        exercises: A line each.
    """

    lab: str
    exercises: tuple[Line, ...]

    @property
    def points(self) -> float:
        """Points for all exercises as they stand."""
        return sum(line.points for line in self.exercises)

    @property
    def max(self) -> float:
        """Points for right answers to all."""
        return sum(line.max for line in self.exercises)

    @property
    def right(self) -> bool:
        """Whether all are right."""
        return all(line.status == RIGHT for line in self.exercises)

    def text(self) -> str:
        """A table, and below each exercise that is not right its sentence."""
        width = max((len(f"{one.number} {one.title}") for one in self.exercises), default=0)
        lines = [f"{self.lab}: {self.points:g} of {self.max:g} points for exercises"]
        for one in self.exercises:
            lines.append(f"  {f'{one.number} {one.title}':<{width}}   {one.status:<7}   {one.points:g}/{one.max:g}")
            lines += [f"      {one.sentence}"] if one.sentence else []
        return "\n".join(lines)

    def json(self) -> str:
        """One object, in one line: lab, points, max, exercises."""
        whole = {"lab": self.lab, "points": self.points, "max": self.max}
        return json.dumps(whole | {"exercises": [asdict(one) for one in self.exercises]}, ensure_ascii=False)

    def markdown(self) -> str:
        """A table as GitHub shows it."""
        head = [f"### {self.lab}: {self.points:g} of {self.max:g} points for exercises", ""]
        head += ["| exercise | | points | |", "|---|---|---|---|"]
        rows = [
            (f"{one.number} {one.title}", one.status, f"{one.points:g}/{one.max:g}", one.sentence)
            for one in self.exercises
        ]
        return "\n".join([*head, *(f"| {' | '.join(map(_plain, row))} |" for row in rows), ""]) + "\n"


def _plain(text: str) -> str:
    """Text that Markdown and HTML read as text: it may be that of an error which a student raised."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|~$" else letter for letter in escaped)


def check_labs(lab: str | None, path: Path | None, *, seed: int, seconds: float) -> Iterator[Report]:
    """Check a lab, or each lab that is begun; where none is, a line says so.

    Args:
        lab: Its name; None for all that are begun.
        path: Of its notebook; None for the one in `labs/`.
        seed: As for `check_file`.
        seconds: As for `check_file`, for each.

    Raises:
        ValueError: If there is no such lab, or a file is no notebook of its lab.
    """
    root = notebooks.course_folder()
    chosen = [notebooks.find(lab, root)] if lab else notebooks.begun(root)
    if not chosen:
        print("no lab is begun", file=sys.stderr)
    for name in chosen:
        yield check_file(name, path or notebooks.lab_file(name, root), root, seed=seed, seconds=seconds)


def check_file(name: str, path: Path, root: Path, *, seed: int, seconds: float) -> Report:
    """Run what a notebook defines, and judge its exercises.

    Args:
        name: Of the lab, such as "lab1_simulation".
        path: Of the notebook.
        root: Folder of the course.
        seed: Of the first of six cases of each exercise.
        seconds: Time of the whole notebook.

    Raises:
        ValueError: If the file is no notebook of the lab.
    """
    short = name.split("_")[0]
    exercises = checks.exercises(short)
    lab = notebooks.lab_of(name, notebooks.fresh_lab(name, root))
    pieces = [asdict(piece) for piece in notebooks.pieces(lab, notebooks.read(path)["cells"])]
    found = judged(short, pieces, list(exercises), path.absolute().parent, seed=seed, seconds=seconds)
    return Report(name, tuple(_line(exercise, found[own]) for own, exercise in exercises.items()))


def _line(exercise: Exercise, found: Standing) -> Line:
    points = exercise.points if found.status == RIGHT else 0
    return Line(exercise.number, exercise.title, found.status, points, exercise.points, found.sentence)


def summarise(report: Report) -> None:
    """Add the table to the summary of a run on GitHub; elsewhere do nothing."""
    if place := os.environ.get(SUMMARY):
        with open(place, "a", encoding="utf-8") as summary:
            summary.write(report.markdown())
