"""What Canvas, Moodle and Blackboard let one download, in the form of docs/platforms.md; and a class of theirs.

Names are chosen to be difficult: accents, a comma, two people of one name, a formula, somebody who handed in nothing.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from course_grading.intake.checkin import check_in, submissions
from course_grading.labs import read_lab, released
from course_grading.marks import Mark, Row
from course_grading.model import Answer, Outcome, Status
from course_grading.outcomes import Run
from course_grading.pages.table import grades_csv
from course_grading.rights import keep
from tests.support.grading_class import LAB, notebook, put

ASKED = read_lab(LAB)
SENTENCE = "Likely cause: <b>one step</b> is missing; =cmd()."
QUESTIONS = sum(task.points for task in ASKED.tasks if not task.exercise)


@dataclass(frozen=True)
class One:
    """Somebody on a platform."""

    last: str
    first: str
    login: str
    number: int
    handed_in: bool = True


PEOPLE = (
    One("Berg", "Anna", "aberg", 501),
    One("Lee", "Kim", "klee", 502),
    One("Lee", "Kim", "klee2", 503),
    One("Müller", "Zoë", "zmueller", 504),
    One('O\'Hara "Bo", Jr.', "Bo", "bohara", 505),
    One("Out", "Nia", "nout", 506, handed_in=False),
)


def _text(rows, delimiter=",", quoting=csv.QUOTE_MINIMAL, end="\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    return out.getvalue()


def canvas(people=PEOPLE, most="21.00", grade="", delimiter=",") -> str:
    """The export of Canvas's gradebook: three kinds of rows, columns of one's own, columns that it computes."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Notes"]
    work = ["Lab 1: Simulation (8801)", "Lab 10 (8810)", "Assignments Current Score", "Final Score"]
    rows = [[*head, *work], ["", "", "", "", "", "", "Manual Posting", "", "", ""]]
    rows.append(["    Points Possible", "", "", "", "", "", most, "5.00", "(read only)", "(read only)"])
    for one in people:
        name = f"{one.last}, {one.first}"
        rows.append([name, one.number, f"S{one.number}", one.login, "A, B", "=1+1", grade, "4.00", "80.00", "B"])
    return _text(rows, delimiter)


def moodle(people=PEOPLE, most="21.00", grade="", comment="", delimiter=",") -> str:
    """The grading worksheet of one of Moodle's assignments."""
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Grade can be changed"]
    rows = [[*head, "Last modified (submission)", "Last modified (grade)", "Feedback comments"]]
    for one in people:
        who = [f"Participant {one.number}", f"{one.first} {one.last}", f"{one.login}@uni.example"]
        status = "Submitted for grading" if one.handed_in else "No submission"
        rows.append([*who, status, grade, most, "Yes", "Monday, 5 January 2026, 9:00 AM", "-", comment])
    return _text(rows, delimiter)


def blackboard(people=PEOPLE, most="21", grade="", delimiter="\t") -> str:
    """A download of Blackboard's gradebook with comments: every cell in quotes."""
    work = [f"Lab 1 [Total Pts: {most} Score] |98765", "Total [Total Pts: up to 121 Score] |98766"]
    notes = ["Grading Notes", "Notes Format", "Feedback to Learner", "Feedback Format"]
    rows = [["Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability", *work, *notes]]
    for one in people:
        rows.append([one.last, one.first, one.login, f"0{one.number}", "2026-01-05 09:00:00", "Yes", grade, "4", "", "",
                     "", ""])  # fmt: skip
    return _text(rows, delimiter, csv.QUOTE_ALL, "\r\n")


TABLES = {"canvas": canvas, "moodle": moodle, "blackboard": blackboard}
CODES = {"canvas": "utf-8-sig", "moodle": "utf-8", "blackboard": "utf-16"}
SUFFIX = {"canvas": ".csv", "moodle": ".csv", "blackboard": ".xls"}


def handed_in(platform: str, one: One) -> str:
    """What the platform calls the file of a student in its download of an assignment."""
    squeezed = "".join(letter for letter in f"{one.last}{one.first}".lower() if letter.isalnum())
    names = {
        "canvas": f"{squeezed}_{one.number}_77_",
        "moodle": f"{one.first} {one.last}_{one.number}_assignsubmission_file_".replace('"', ""),
        "blackboard": f"Lab 1_{one.login}_attempt_2026-01-05-09-00-00_",
    }
    return names[platform] + f"{LAB}.ipynb"


def graded(folder: Path, platform: str, people=PEOPLE, waiting=0) -> dict[str, float]:
    """A class whose submissions came from a platform, graded; returns points by the row's name in `submitted/`.

    Every second student has a wrong answer in 1.1, and the first question of `waiting` students is not marked yet.
    """
    source = folder.parent / f"{folder.name}-source"
    source.mkdir(parents=True)
    template = put(source.parent / f"{folder.name}-one", "x", notebook()).read_bytes()
    for one in people:
        if one.handed_in:
            (source / handed_in(platform, one)).write_bytes(template)
    check_in(source, folder, LAB, tuple(released()))
    found = list(submissions(folder, LAB, tuple(released())))
    run = Run(folder / "grading" / LAB, 1, ASKED.rules)
    rows = []
    for i, one in enumerate(found):
        rows.append(_row(one.student, wrong=i % 2 == 1, waiting=i < waiting))
        run.save(one, rows[-1].outcome)
        keep(folder, folder / "feedback" / one.student / f"{LAB}.html", f"<p>{one.student}</p>")
    keep(folder, folder / "grades.csv", grades_csv(ASKED, rows))
    return {row.outcome.student: row.total for row in rows}


def _row(student: str, wrong: bool, waiting: bool) -> Row:
    answers, marks = [], {}
    for task in ASKED.tasks:
        bad = wrong and task.number == "1.1"
        points = 0.0 if bad else float(task.points)
        status, said = (Status.WRONG, SENTENCE) if bad else (Status.RIGHT, "")
        if task.exercise:
            answers.append(Answer(task.exercise, task.number, task.title, points, task.points, status, said))
        open_ = waiting and task.number == "Question 1"
        marks[task.cell] = Mark(None, waiting=True) if open_ else Mark(points, by_hand=not task.exercise)
    return Row(Outcome(student, LAB, tuple(answers)), marks)


def save(folder: Path, platform: str, text: str, code: str | None = None) -> Path:
    """A platform's table as a file."""
    path = folder / f"download{SUFFIX[platform]}"
    path.write_bytes(text.encode(code or CODES[platform]))
    return path
