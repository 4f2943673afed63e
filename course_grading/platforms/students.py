"""What a class knows of its students: points, names and numbers by which they handed in, what the judge said."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from course_grading.intake import register
from course_grading.intake.register import Note
from course_grading.model import NOTHING, Answer, Lab, Task, from_json
from course_grading.outcomes import Kept, Run
from course_grading.pages.spreadsheet import TASK, Line, number, read
from course_grading.pages.table import WIDE, cell
from course_grading.platforms.cells import listed, twice

KEY = re.compile(r". \(.+\)$")
WAITING = re.compile(r"(\d+) to mark by hand")
OURS = re.compile(r"\d+(\.\d+)? of \d+(\.\d+)? points?\b")
"""How the feedback begins that this course writes."""

HARMLESS = str.maketrans({"<": "\uff1c", ">": "\uff1e", "&": "\uff06", ";": ","})
"""Letters that are neither HTML nor, in many countries, the end of a cell, as escaped ones would be."""

FORMULA = re.compile(r"(,\s*)(?=[-=+@\uff0d\uff1d\uff0b\uff20])")
"""Where a spreadsheet that takes a comma for the end of a cell would find a formula."""

LONGEST = 300
"""Letters of what the judge said of one exercise."""


@dataclass(frozen=True)
class Known:
    """A name by which a student handed in, as a platform made it.

    Attributes:
        name: The student's.
        number: The platform's number of the student; "" where there is none.
        lasting: Whether it holds in every assignment.
    """

    name: str
    number: str = ""
    lasting: bool = False


@dataclass(frozen=True)
class Student:
    """One student in `grades.csv`.

    Attributes:
        name: There.
        total: Points that count.
        earned: Points before a rule for late work.
        most: Points for everything.
        waiting: Answers that somebody has to mark.
        reason: Why nothing could be graded.
        points: Points by number of the task; None while somebody has to mark it.
        folder: The student's folder in `submitted/`; "" where it cannot be told.
        known: Names by which the student handed in.
    """

    name: str
    total: float
    earned: float
    most: float
    waiting: int = 0
    reason: str = ""
    points: Mapping[str, float | None] = field(default_factory=dict)
    folder: str = ""
    known: tuple[Known, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether the student handed in nothing, and has a line because of other labs."""
        return self.reason == NOTHING


def students(folder: Path, lab: str) -> list[Student]:
    """The students of a lab.

    Raises:
        ValueError: If `grades.csv` has no line for the lab, two for one student, or a total that is no number.
    """
    table = folder / "grades.csv"
    try:
        lines = [line for line in read(table.read_bytes()) if line["lab"] == lab] if table.is_file() else []
    except ValueError as error:
        raise ValueError(f"{table}: {error}") from error
    if not lines:
        raise ValueError(f"expected points of {lab} in {table}, found none: grade it first")
    if same := twice([line["student"] for line in lines]):
        raise ValueError(f"{table}: expected one line for each student of {lab}, found several for {listed(same)}")
    notes = register.read(folder, lab)
    folders = _folders(folder, notes)
    return [_student(line, table, notes, folders.get(line["student"], "")) for line in lines]


def feedback(lab: Lab, folder: Path, student: Student) -> str:
    """What a student reads on the platform: points by exercise, and what the judge said where some are missing.

    It is one line of HTML, no part of which is a formula to a spreadsheet, and it holds nothing that the student's
    feedback page does not.
    """
    said = _said(lab, folder, student)
    parts = [f"{student.total:g} of {student.most:g} points"]
    if student.earned != student.total:
        parts.append(f"{student.earned:g} before the rule for late work")
    if student.reason:
        parts.append(f"Nothing could be graded: {student.reason}")
    known = lab.points == student.most
    parts += [_of(task, student, said.get(task.number), known) for task in lab.tasks]
    return "<br>".join(FORMULA.sub(r"\1'", _short(part, 2 * LONGEST).translate(HARMLESS)) for part in parts)


def _of(task: Task, student: Student, answer: Answer | None, known: bool) -> str:
    """What is said of one task; what it is worth, where the lab's points are those of the class."""
    got = student.points.get(task.number)
    if got is None:
        return f"{task.label}: to be marked by hand"
    points = f"{task.label}: {got:g}" + (f" of {task.points:g}" if known else "")
    if answer is None or student.reason or answer.points == answer.max_points or (known and got >= task.points):
        return points
    return f"{points}. {_short(answer.message)}" if answer.message else points


def _student(line: Line, table: Path, notes: Mapping[str, Note], folder: str) -> Student:
    counted, earned, most = (number(line.get(name) or "") for name in ("counted", "total", "max"))
    if earned is None or most is None:
        raise ValueError(f"{table}: expected numbers as total and max of {line['student']!r}, got {line}")
    waiting = WAITING.search(line.get("status", ""))
    points = {name: number(text) for name, text in line.items() if TASK.fullmatch(name)}
    return Student(
        name=line["student"],
        total=float(counted or earned),
        earned=float(earned),
        most=float(most),
        waiting=int(waiting[1]) if waiting else 0,
        reason=line.get("reason", "") if line.get("status") == "not graded" else "",
        points={name: None if text is None else float(text) for name, text in points.items()},
        folder=folder,
        known=_known(notes.get(folder, Note())),
    )


def _folders(folder: Path, notes: Mapping[str, Note]) -> dict[str, str]:
    """Folders of students by their names in `grades.csv`; of two that would have one name, neither."""
    found = defaultdict(set)
    for one in {*notes, *(path.name for path in folder.glob("submitted/*"))}:
        found[cell(one.replace(";", WIDE))].add(one)
    return {name: next(iter(some)) for name, some in found.items() if len(some) == 1}


def _known(note: Note) -> tuple[Known, ...]:
    """The names in a row's notes: "anna berg (123)" where a platform gave a number, else the name of a file."""
    numbered = note.numbered
    return tuple(Known(*_parts(key), note.lasting) if numbered and KEY.search(key) else Known(key) for key in note.keys)


def _parts(key: str) -> tuple[str, str]:
    """Name and number in a key; both may have brackets, but Blackboard's number ends with the name."""
    splits = [(key[: found.start()], key[found.end() : -1]) for found in re.finditer(r" \(", key)]
    return next((one for one in splits if one[1].endswith(f"_{one[0]}")), splits[-1])


def _said(lab: Lab, folder: Path, student: Student) -> dict[str, Answer]:
    """What the judge said of a student, by number of the exercise; nothing where nobody was judged."""
    if not student.folder:
        return {}
    run = Run(folder / "grading" / lab.name, 0, lab.rules)
    try:
        kept = from_json(run.file(student.folder).read_bytes(), Kept)
    except (FileNotFoundError, ValueError):
        return {}
    return {answer.number: answer for answer in kept.outcome.answers}


def _short(text: str, longest: int = LONGEST) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.shorten(plain, longest, placeholder=" ...")
