"""`grades.csv`: one line for each student and lab."""

import csv
import io
import itertools
import unicodedata
from collections.abc import Mapping, Sequence

from course_grading.marks import Row
from course_grading.model import Lab, natural
from course_grading.pages.spreadsheet import FIRST, LAST, LATE, TASK, Line, number

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

WIDE = "\uff1b"
"""A semicolon that starts no new cell."""


def grades_csv(lab: Lab, rows: Sequence[Row], before: Sequence[Line] = ()) -> str:
    """The table; no cell of it is a formula to a spreadsheet.

    Args:
        lab: The lab.
        rows: Its students.
        before: The lines so far: those of other labs are kept, and columns of one's own.
    """
    kept = [_harmless(line) for line in before if line["lab"] != lab.name]
    own = {cell(line["student"]): _own_columns(line) for line in before if line["lab"] == lab.name}
    names = _names([row.outcome.student for row in rows])
    mine = [_line(lab, row, names[row.outcome.student]) for row in rows]
    lines = sorted([*kept, *(own.get(line["student"], {}) | line for line in mine)], key=_place)
    columns = {name for line in lines for name in line} | {task.number for task in lab.counted}
    out = io.StringIO()
    tasks = sorted(columns - {*FIRST, *LAST}, key=natural)
    last = [name for name in LAST if name not in LATE or name in columns]
    writer = csv.DictWriter(out, [*FIRST, *tasks, *last], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = " ".join(text.replace(";", ",").split())  # in many countries a semicolon starts a new cell
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]).startswith(FORMULA) else text


def _names(students: Sequence[str]) -> dict[str, str]:
    """How each student is named in the table, no two of them alike: "a;b" is not "a,b"."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for student in sorted(students, key=lambda name: (cell(name) != name, name)):
        name = cell(student.replace(";", WIDE))
        free = (name if i == 1 else f"{name} ({i})" for i in itertools.count(1))
        found[student] = next(one for one in free if one not in taken)
        taken.add(found[student])
    return found


def _harmless(line: Line) -> dict[str, str]:
    """A line that a person may have changed, as the course writes it."""
    return {cell(name): _value(name, value) for name, value in line.items()}


def _value(name: str, value: str) -> str:
    points = number(value) if name in ("total", "max", "counted") or TASK.fullmatch(name) else None
    return points or cell(value)


def _own_columns(line: Line) -> dict[str, str]:
    """What a person added to a line: neither points nor words of ours, as a single one of the columns `LATE` is not."""
    known = {*FIRST, *LAST} if line.keys() >= {*LATE} else {*FIRST, *LAST} - {*LATE}
    return {name: value for name, value in _harmless(line).items() if name not in known and not TASK.fullmatch(name)}


def _place(line: Mapping[str, str]) -> tuple[list, str]:
    return natural(line["lab"]), line["student"]


def _line(lab: Lab, row: Row, name: str) -> dict[str, str]:
    earned = {task.number: row.marks[task.cell].points for task in lab.counted}
    late = {"late": str(row.delay), "counted": _points(row.counted)} if row.delay else {}
    return {
        "student": name,
        "lab": lab.name,
        "total": f"{row.total:g}",
        "max": f"{lab.points:g}",
        **{number: _points(value) for number, value in earned.items()},
        **late,
        "status": _status(row),
        "flags": cell(" | ".join(row.outcome.flags)),
        "reason": cell(row.outcome.reason or ""),
    }


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _status(row: Row) -> str:
    if row.outcome.reason:
        return "not graded"
    return f"{row.waiting} to mark by hand" if row.waiting else "complete"
