"""`grades.csv`: one line for each student and lab."""

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence

from course_grading.marks import Row
from course_grading.model import Lab, natural

FIRST = ("student", "lab", "total", "max")
LAST = ("status", "flags", "reason")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def grades_csv(lab: Lab, rows: Sequence[Row], before: str = "") -> str:
    """The table; no cell of it is a formula to a spreadsheet.

    Args:
        lab: The lab.
        rows: Its students.
        before: The table so far, whose lines of other labs are kept.
    """
    old = [line for line in csv.DictReader(io.StringIO(before)) if line.get("lab") not in (None, lab.name)]
    kept = [{name: value for name, value in line.items() if name} for line in old]
    lines = sorted([*kept, *(_line(lab, row) for row in rows)], key=_place)
    names = {name for line in lines for name in line} | {task.number for task in lab.tasks}
    out = io.StringIO()
    tasks = sorted(names - {*FIRST, *LAST}, key=natural)
    writer = csv.DictWriter(out, [*FIRST, *tasks, *LAST], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = " ".join(text.replace(";", ",").split())  # in many countries a semicolon starts a new cell
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]).startswith(FORMULA) else text


def _place(line: Mapping[str, str | None]) -> tuple[list, str]:
    return natural(line["lab"] or ""), line.get("student") or ""


def _line(lab: Lab, row: Row) -> dict[str, str]:
    earned = {task.number: row.marks[task.cell].points for task in lab.tasks}
    return {
        "student": cell(row.outcome.student),
        "lab": lab.name,
        "total": f"{row.total:g}",
        "max": f"{lab.points:g}",
        **{number: "" if value is None else f"{value:g}" for number, value in earned.items()},
        "status": _status(row),
        "flags": cell(" | ".join(row.outcome.flags)),
        "reason": cell(row.outcome.reason or ""),
    }


def _status(row: Row) -> str:
    if row.outcome.reason:
        return "not graded"
    return f"{row.waiting} to mark by hand" if row.waiting else "complete"
