"""Whether a term that was played came out as it should, by what was handed in, when, and the marks in the gradebook.

`python -m tests.support.term_check FOLDER [--students 40] [--weeks 1 2 ...]` reads tables, gradebook and page of a term
that `tests.support.term` played, with the csv module, SQL and a parser of HTML, and says what is wrong there.
"""

import csv
import io
import json
import random
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

from course_grading.labs import read_lab, released
from tests.support.term import BEGIN, HandIn, arguments, class_of, handed

Lines = Mapping[tuple[str, str], Mapping[str, str]]
Term = Mapping[str, Sequence[HandIn]]

MARKS = """
select student.id, assignment.name, base_cell.name, grade.manual_score, grade.needs_manual_grade from grade
join base_cell on base_cell.id = grade.cell_id join submitted_notebook on submitted_notebook.id = grade.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
join assignment on assignment.id = submitted_assignment.assignment_id
join student on student.id = submitted_assignment.student_id
"""


def wrongs(folder: Path, labs: Sequence[str], handed_in: Term) -> Iterator[str]:
    """What is wrong in a term, in sentences.

    Args:
        folder: Of the class.
        labs: All labs, in the order of the weeks.
        handed_in: What was handed in, by lab.
    """
    lines = {(line["student"], line["lab"]): line for line in _table(folder / "grades.csv")}
    there = {(one.student, lab) for lab, some in handed_in.items() for one in some}
    if lost := sorted(there - {*lines}):
        yield f"no line in grades.csv: {lost}"
        return
    for pair in sorted({*lines} - there):
        if lines[pair]["reason"] != "no notebook" or float(lines[pair]["counted"]):
            yield f"{pair}: handed in nothing, and has {lines[pair]}"
    marks = _marks(folder / "gradebook.db")
    for lab, some in handed_in.items():
        deadline = BEGIN + timedelta(days=7 * labs.index(lab))
        for one in some:
            yield from _of(one, lab, deadline, lines[one.student, lab], marks)
        yield from _export(folder, lab, {one.student for one in some}, lines)
        yield from _judged_anew(folder, lab)
    yield from _totals(folder, list(handed_in), lines)
    yield from _page(folder, handed_in, lines)


def days_late(at: datetime, deadline: datetime) -> int:
    """Days that have begun since the deadline, by the clock on the wall; none in the first quarter of an hour."""
    late = at - deadline
    return 0 if late <= timedelta(minutes=15) else late.days + (late % timedelta(days=1) > timedelta(0))


def stops(handed_in: Term) -> dict[str, str]:
    """By student the last lab handed in, of all who handed in nothing for the last two."""
    last = {one.student: lab for lab, some in handed_in.items() for one in some}
    return {student: lab for student, lab in last.items() if lab not in [*handed_in][-2:]}


def _of(one: HandIn, lab: str, deadline: datetime, line: Mapping[str, str], marks: Mapping) -> Iterator[str]:
    """One student, one lab: points by exercise and question, total, days and what counts."""
    who, total = f"{lab}, {one.student}", 0.0
    for task in read_lab(lab).tasks:
        if task.exercise:
            expected = task.points * one.right[task.exercise]
        else:
            expected, waits = marks[one.student, lab, task.cell]
            if waits or expected not in (task.points / 2, task.points):
                yield f"{who}: {task.label} has no mark, or {expected}"
        if float(line[task.number] or "nan") != expected:
            yield f"{who}: {task.label} deserves {expected:g}, has {line[task.number]!r}"
        total += float(line[task.number] or 0)
    days = days_late(one.at, deadline)
    share = 1 - 0.1 * days if days <= 3 else 0
    for name, expected in (("late", days), ("total", total), ("counted", share * total), ("max", _most(lab))):
        if abs(float(line[name]) - expected) > 0.0051:
            yield f"{who}: {name} is {line[name]}, expected {expected:g}"
    if line["status"] != "complete" or line["reason"] or not re.fullmatch(r"(slow: \d+ s)?", line["flags"]):
        yield f"{who}: {line['status']} {line['reason']} {line['flags']}"


def _most(lab: str) -> float:
    return sum(task.points for task in read_lab(lab).tasks)


def _export(folder: Path, lab: str, some: Set[str], lines: Lines) -> Iterator[str]:
    """What goes back to the platform is what counts, and a page of feedback is there; who is absent keeps the row."""
    rows = _table(folder / "export" / f"blackboard-{lab}.csv")
    points = {row["Username"]: text for row in rows for name, text in row.items() if name.startswith(lab)}
    if {student for student, text in points.items() if text} != some:
        yield f"{lab}: the export has points of others, too, or not of all"
    for student in sorted(some & {*points}):
        if abs(float(points[student]) - float(lines[student, lab]["counted"])) > 0.0051:
            yield f"{lab}, {student}: {points[student]} exported"
        if not (folder / "feedback" / student / f"{lab}.html").is_file():
            yield f"{lab}, {student}: no page of feedback"


def _judged_anew(folder: Path, lab: str) -> Iterator[str]:
    """Whoever asked for another look has the same statuses, on other inputs."""
    before = [*(folder / "grading" / lab / "before").glob("*.json")]
    if len(before) != 1:
        yield f"{lab}: {len(before)} students judged anew"
    for file in before:
        now = folder / "grading" / lab / "outcomes" / f"{file.name.split('.')[0]}.json"
        old, new = (json.loads(path.read_text("utf-8")) for path in (file, now))
        if _statuses(old) != _statuses(new) or old["seed"] == new["seed"]:
            yield f"{lab}, {file.name}: judged otherwise, or on the same inputs"


def _statuses(kept: Mapping) -> list[tuple[str, str]]:
    return [(answer["number"], answer["status"]) for answer in kept["outcome"]["answers"]]


def _totals(folder: Path, labs: Sequence[str], lines: Lines) -> Iterator[str]:
    """A total is the mean of the parts of the labs' points that count."""
    rows = _table(folder / "term.csv")
    if {row["student"] for row in rows} != {student for student, _ in lines}:
        yield "other students in term.csv"
    for row in rows:
        own = {lab: lines[row["student"], lab] for lab in labs if (row["student"], lab) in lines}
        shares = {lab: 100 * float(line["counted"]) / _most(lab) for lab, line in own.items()}
        expected = shares | {"total": sum(shares.values()) / len(labs)}
        for name, value in expected.items():
            if abs(float(row[name]) - value) > 0.0501:
                yield f"term.csv, {row['student']}: {name} is {row[name]}, expected {value:.2f}"
        if any(row[lab] for lab in labs if lab not in own):
            yield f"term.csv, {row['student']}: something in a lab that was not handed in"


def _page(folder: Path, handed_in: Term, lines: Lines) -> Iterator[str]:
    """The tables of `term.html`: labs, exercises with the hardest first, mistakes, and who stopped."""
    tables = _tables(folder / "term.html")
    for row in tables["lab", "deadline", "weight"]:
        some = [lines[one.student, row[0]] for one in handed_in[row[0]]]
        late = sum(line["late"] != "0" for line in some)
        half = median(100 * float(line["counted"]) / float(line["max"]) for line in some)
        if [int(row[3]), int(row[6])] != [len(some), late] or abs(float(row[7].rstrip("%")) - half) > 0.51:
            yield f"term.html, labs: {row}, expected {len(some)} handed in, {late} late, median {half:.1f}"
    found = [[row[0], *map(int, row[3:])] for row in tables["lab", "exercise", "right"]]
    expected = [[lab, *counts] for lab, some in handed_in.items() for counts in _counts(lab, some)]
    if sorted(found) != sorted(expected):
        yield f"term.html, exercises: {[row for row in found if row not in expected]} should be among {expected}"
    shares = [right / (right + wrong + idle) for _, right, wrong, idle in found]
    if shares != sorted(shares):
        yield "term.html, exercises: the hardest are not first"
    yield from _mistakes(folder, handed_in, tables.get(("lab", "deadline", "exercise"), []))
    said = {row[0]: row[1] for row in tables.get(("student", "last lab handed in"), [])}
    if said != stops(handed_in):
        yield f"term.html: {said} stopped, expected {stops(handed_in)}"


def _counts(lab: str, some: Sequence[HandIn]) -> Iterator[tuple[int, int, int]]:
    """By exercise, how many answers are right, not right, and not done."""
    for task in (task for task in read_lab(lab).tasks if task.exercise):
        right = sum(one.right[task.exercise] for one in some)
        done = sum(one.done[task.exercise] for one in some)
        yield right, done - right, len(some) - done


def _mistakes(folder: Path, handed_in: Term, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A mistake's number is that of the judge's files, and nobody with a right answer has one."""
    for lab, some in handed_in.items():
        seen: dict[tuple[str, str], int] = {}
        for one in some:
            kept = json.loads((folder / "grading" / lab / "outcomes" / f"{one.student}.json").read_text("utf-8"))
            for answer in (answer for answer in kept["outcome"]["answers"] if answer["mistake"]):
                key = f"{answer['number']} {answer['title']}", answer["mistake"]
                seen[key] = seen.get(key, 0) + 1
                if one.right[answer["exercise"]]:
                    yield f"{lab}, {one.student}: a mistake in a right answer: {key}"
        told = {(row[2], row[3]): int(row[4]) for row in rows if row[0] == lab}
        if any(seen.get(key) != count for key, count in told.items()) or len(told) != min(len(seen), 10):
            yield f"term.html, mistakes of {lab}: {told}, expected {seen}"


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def _marks(path: Path) -> dict[tuple[str, str, str], tuple[float, bool]]:
    """By student, lab and cell, the mark that was given, and whether one is missing."""
    with sqlite3.connect(path) as book:
        return {(who, lab, cell): (mark, bool(waits)) for who, lab, cell, mark, waits in book.execute(MARKS)}


def _tables(path: Path) -> dict[tuple[str, ...], list[list[str]]]:
    """The tables of a page, by their first three heads."""
    reader = _Reader()
    reader.feed(path.read_text("utf-8"))
    return {tuple(rows[0][:3]): rows[1:] for rows in reader.tables}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.cell = False

    def handle_starttag(self, tag: str, attrs: Sequence) -> None:
        self.cell = tag in ("th", "td")
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif self.cell:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.cell = False

    def handle_data(self, data: str) -> None:
        if self.cell:
            self.tables[-1][-1][-1] += data


def main(folder: Path, students: int, weeks: Sequence[int]) -> int:
    """Print what is wrong; how much."""
    labs = list(released())
    people = class_of(students, len(labs), random.Random(0))
    handed_in = {labs[week - 1]: handed(people, labs, week, 0)[0] for week in weeks or range(1, len(labs) + 1)}
    found = list(wrongs(folder, labs, handed_in))
    for sentence in found:
        print(sentence)
    print(f"{sum(map(len, handed_in.values()))} submissions of {len(people)} students: {len(found)} things wrong")
    return len(found)


if __name__ == "__main__":
    args = arguments(__doc__)
    sys.exit(bool(main(args.folder, args.students, args.weeks)))
