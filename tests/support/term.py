"""A term rehearsed: a class through the labs, with the commands that an instructor types, in their order.

`python -m tests.support.term FOLDER [--students 40] [--weeks 1 2 ...]` plays it, or some weeks, and prints all output.
Everybody hands in by a platform of the form of Blackboard's, whose file names tell who and when. Each week there is a
deadline; most are in time, some are late, some stop. What is wrong in an answer is one sign or one factor.
"""

import argparse
import ast
import json
import random
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook

from course_grading.__main__ import main
from course_grading.handout import student_zip
from course_grading.labs import read_lab, released
from course_grading.marks import default_url
from course_grading.release import solutions
from course_utils.notebooks.files import name_of, source

BEGIN = datetime(2027, 2, 12, 23, 59)
"""Deadline of the first lab; each has a week."""

NAMES = "ada bo cem dana emil fu gita hugo ines jan kim lea max noor ole pia qi ron sia tom".split()
SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
AGAINST = {ast.Eq: ast.NotEq, ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.LtE: ast.Gt}


@dataclass(frozen=True)
class Student:
    """One of the class.

    Attributes:
        name: As the platform knows the student.
        right: The chance that an answer is right; of the others half are wrong, half not done.
        labs: How many labs the student hands in, before stopping.
        late: The chance to hand in late.
    """

    name: str
    right: float
    labs: int
    late: float


@dataclass(frozen=True)
class HandIn:
    """One student's file of one lab.

    Attributes:
        student: Whose.
        at: When.
        notebook: What it holds.
        right: By the name of its function, whether an exercise is answered rightly, and each answer that it calls.
        done: Whether it is answered at all, and each answer that it calls.
    """

    student: str
    at: datetime
    notebook: dict = field(repr=False)
    right: dict[str, bool]
    done: dict[str, bool]


def class_of(count: int, labs: int, rng: random.Random) -> list[Student]:
    """So many students; one in eight stops before the last lab."""
    names = [f"{name}{i // len(NAMES) or ''}" for i, name in zip(range(count), NAMES * count, strict=False)]
    stops = [rng.randint(1, labs - 1) if labs > 1 and i % 8 == 7 else labs for i in range(count)]
    return [Student(name, rng.uniform(0.5, 1), stop, 0.15) for name, stop in zip(names, stops, strict=True)]


def hand_in(student: Student, lab: str, week: int, rng: random.Random) -> HandIn:
    """What a student hands in, and when."""
    asked = read_lab(lab)
    made = json.loads(released()[lab].read_text("utf-8"))
    solved = {name_of(cell): source(cell) for cell in json.loads(solutions()[lab].read_text("utf-8"))["cells"]}
    places = {task.cell: task.exercise for task in asked.tasks}
    right: dict[str, bool] = {}
    done: dict[str, bool] = {}
    for cell in (cell for cell in made["cells"] if name_of(cell) in places):
        exercise, answer = places[name_of(cell)], re.sub(r" +### (BEGIN|END) SOLUTION\n?", "", solved[name_of(cell)])
        if exercise is None:
            cell["source"] = source(cell).replace("*Your answer here.*", f"{student.name} thinks: both are the same.")
            continue
        knows = rng.random() < student.right
        begun = knows or rng.random() < 0.5
        if begun:
            cell["source"] = answer if knows else slip(answer)
        others = [node.id for node in ast.walk(ast.parse(answer)) if isinstance(node, ast.Name) and node.id in right]
        right[exercise] = knows and all(right[other] for other in others)
        done[exercise] = begun and all(done[other] for other in others)
    deadline = BEGIN + week * timedelta(days=7)
    hours = rng.uniform(1, 60) if rng.random() < student.late else -rng.uniform(1, 90)
    return HandIn(student.name, deadline + timedelta(hours=hours), made, right, done)


def handed(people: Sequence[Student], labs: Sequence[str], week: int, seed: int) -> tuple[list[HandIn], random.Random]:
    """What a class hands in in a week, from 1; and what draws all else that is random in it."""
    rng = random.Random(f"{seed} {labs[week - 1]}")
    return [hand_in(one, labs[week - 1], week - 1, rng) for one in people if week <= one.labs], rng


def slip(answer: str) -> str:
    """The answer with its last sign or factor turned, else a comparison, else a number; else a line of it is lost."""
    tree = ast.parse(answer)
    nodes = [*ast.walk(tree)]
    options = [node for node in nodes if isinstance(node, ast.keyword)]
    bounds = {node for option in options for node in ast.walk(option)}  # what is turned in them may not matter
    turned = [node for node in nodes if isinstance(node, ast.BinOp) and type(node.op) in SWAPS and node not in bounds]
    compared = [node for node in nodes if isinstance(node, ast.Compare) and type(node.ops[0]) in AGAINST]
    numbers = [node for node in nodes if isinstance(node, ast.Constant) and type(node.value) is int]
    if turned:
        turned[-1].op = SWAPS[type(turned[-1].op)]()
    elif compared:
        compared[-1].ops[0] = AGAINST[type(compared[-1].ops[0])]()
    elif numbers:
        numbers[-1].value += 1
    else:
        [node for node in nodes if isinstance(node, ast.Expr)][-1].value = ast.Constant(None)
    return ast.unparse(tree)


def archive(lab: str, handed_in: Sequence[HandIn], path: Path) -> Path:
    """What the platform gives to the instructor: a zip of files, the name of each with who and when."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for one in handed_in:
            stamp = f"{one.at:%Y-%m-%d-%H-%M-%S}"
            made.writestr(f"{lab}_{one.student}_attempt_{stamp}_{lab}.ipynb", json.dumps(one.notebook))
    return path


def sheet(labs: Sequence[str]) -> str:
    """The class's `class.toml`: deadlines, and what being late costs."""
    head = ['name = "A term rehearsed"', 'timezone = "Europe/Berlin"', "", "[late]"]
    head += ['grace = "15 min"', "per_day = 0.1", "at_most = 3"]
    weeks = (
        ["", f"[labs.{lab}]", f"deadline = {(BEGIN + week * timedelta(days=7)).isoformat()}"]
        for week, lab in enumerate(labs)
    )
    return "\n".join([*head, *(line for week in weeks for line in week)]) + "\n"


def mark(folder: Path, lab: str, rng: random.Random) -> int:
    """Mark every answer in words that waits, as the formgrader does; how many there were."""
    marked = 0
    with Gradebook(default_url(folder)) as book:
        for submission in book.assignment_submissions(lab):
            for notebook in submission.notebooks:
                for grade in (grade for grade in notebook.grades if grade.needs_manual_grade):
                    grade.manual_score = rng.choice([0.5, 1.0]) * grade.max_score
                    grade.needs_manual_grade = False
                    marked += 1
        book.db.commit()
    return marked


def say(*words: str) -> None:
    """Type a command; its output follows.

    Raises:
        RuntimeError: If it fails.
    """
    print(f"\n$ python course.py {' '.join(words)}", flush=True)
    if code := main(list(words)):
        raise RuntimeError(f"{' '.join(words)}: exit code {code}")


def play(
    folder: Path, labs: Sequence[str], students: int, seed: int = 0, weeks: Sequence[int] = ()
) -> dict[str, list[HandIn]]:
    """Play the term; by lab, what was handed in.

    Args:
        folder: Of the class, made here.
        labs: Names, in the order of the weeks.
        students: How many.
        seed: Of all that is random.
        weeks: Those to be played, from 1; all by default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "student.zip").write_bytes(student_zip())
    (folder / "class.toml").write_text(sheet(labs), "utf-8")
    people = class_of(students, len(labs), random.Random(seed))
    handed_in = {}
    for week in weeks or range(1, len(labs) + 1):
        lab = labs[week - 1]
        handed_in[lab], rng = handed(people, labs, week, seed)
        print(f"\n# Week {week}: {len(handed_in[lab])} of {len(people)} hand in {lab}", flush=True)
        _week(folder, lab, [one.name for one in people], handed_in[lab], rng)
    say("term", "--folder", str(folder))
    return handed_in


def _week(folder: Path, lab: str, people: Sequence[str], handed_in: Sequence[HandIn], rng: random.Random) -> None:
    """Grade, mark, look for copies, grade one anew who asks for it, and hand the points back."""
    own = ("--folder", str(folder))
    source = archive(lab, handed_in, folder / f"{lab}.zip")
    say("grade", lab, "--from", str(source), "--workers", "1", *own)
    print(f"\n# In the formgrader {mark(folder, lab, rng)} answers in words are marked", flush=True)
    say("grade", lab, "--resume", "--workers", "1", *own)
    say("copies", lab, *own)
    say("grade", lab, "--only", rng.choice(handed_in).student, "--workers", "1", *own)
    table = columns(folder / f"gradebook-{lab}.csv", lab, people)
    say("export", lab, "--for", "blackboard", "--table", str(table), *own)


def columns(path: Path, lab: str, students: Sequence[str]) -> Path:
    """The platform's own gradebook of a lab, with no points in it yet."""
    head = ["Last Name", "First Name", "Username", f"{lab} [Total Pts: {read_lab(lab).points:g} Score] |1001"]
    lines = [head, *(["Doe", name.title(), name, ""] for name in students)]
    path.write_text("\n".join(",".join(f'"{value}"' for value in line) for line in lines) + "\n", "utf-8-sig")
    return path


def arguments(what: str) -> argparse.Namespace:
    """Which class, and which weeks, the command line names; `what` begins with what is done with them."""
    parser = argparse.ArgumentParser(description=what.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=40)
    parser.add_argument("--weeks", nargs="*", type=int, default=[])
    return parser.parse_args()


if __name__ == "__main__":
    args = arguments(__doc__)
    play(args.folder, list(released()), args.students, weeks=args.weeks)
