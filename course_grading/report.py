"""The class at a glance: `grades.csv` and a report of one page."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course_grading.feedback import STYLE, page, points, quoted
from course_grading.marks import Mark
from course_grading.results import Outcome
from course_grading.sheet import Sheet, Task
from course_utils.plotting import DATA, EXACT, MODEL, NOISE, figure, figure_html

FIRST, LAST = ("student", "lab", "total", "max"), ("status", "flags", "reason")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Row:
    """One student: what the judge found, and the marks by cell."""

    outcome: Outcome
    marks: Mapping[str, Mark]

    @property
    def total(self) -> float:
        return sum(mark.points or 0.0 for mark in self.marks.values())

    @property
    def waiting(self) -> int:
        return sum(mark.waiting for mark in self.marks.values())

    @property
    def status(self) -> str:
        if self.outcome.reason:
            return "not graded"
        return f"{self.waiting} to mark by hand" if self.waiting else "complete"


def row(sheet: Sheet, outcome: Outcome, marks: Mapping[str, Mark]) -> Row:
    """A row of exactly the tasks of the sheet."""
    return Row(outcome, {task.cell: marks[task.cell] for task in sheet.tasks})


def grades_csv(sheet: Sheet, rows: Sequence[Row], before: str = "") -> str:
    """One line for each student and lab; no cell is a formula to a spreadsheet.

    Args:
        sheet: The lab.
        rows: Its students.
        before: The table so far, whose lines of other labs are kept.
    """
    lines = csv.DictReader(io.StringIO(before))
    old = [{k: v for k, v in line.items() if k} for line in lines if line.get("lab") not in (None, sheet.lab)]
    lines = sorted([*old, *(_line(sheet, one) for one in rows)], key=lambda line: (line["lab"], line["student"]))
    tasks = {name for line in [*lines, _line_of(sheet)] for name in line} - {*FIRST, *LAST}
    out = io.StringIO()
    writer = csv.DictWriter(out, [*FIRST, *sorted(tasks), *LAST], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _line_of(sheet: Sheet) -> dict[str, str]:
    return {task.column: "" for task in sheet.tasks}


def _line(sheet: Sheet, one: Row) -> dict[str, str]:
    earned = {task.column: one.marks[task.cell].points for task in sheet.tasks}
    return {
        "student": cell(one.outcome.student),
        "lab": sheet.lab,
        "total": f"{one.total:g}",
        "max": f"{sheet.points:g}",
        **{column: "" if value is None else f"{value:g}" for column, value in earned.items()},
        "status": one.status,
        "flags": cell(" | ".join(one.outcome.flags)),
        "reason": cell(one.outcome.reason or ""),
    }


def cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = " ".join(text.replace(";", ",").split())  # in many countries a semicolon starts a new cell
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]).startswith(FORMULA) else text


def report(sheet: Sheet, rows: Sequence[Row]) -> str:
    """The class report: a page that loads nothing."""
    graded = [one for one in rows if not one.outcome.reason]
    parts = [
        f"<h1>{quoted(sheet.lab)}: class report</h1>",
        f'<p class="total">{len(rows)} submissions, {len(graded)} graded, {len(rows) - len(graded)} not; '
        f"{sum(one.waiting for one in rows)} answers wait to be marked by hand.</p>",
        _warnings(rows),
        "<h2>Points</h2>" + _points_figure(sheet, graded) if graded else "",
        "<h2>Exercises, hardest first</h2>" + _exercises(sheet, graded) if graded else "",
        "<h2>Questions in words</h2>" + _questions(sheet, graded) if graded else "",
        "<h2>Recognised mistakes</h2>" + _mistakes(graded),
        "<h2>To look at</h2>" + _table(["student", "flags"], _flagged(rows), "Nothing was flagged."),
        "<h2>Not graded</h2>" + _table(["student", "reason"], _ungraded(rows), "Every submission was graded."),
    ]
    return page(f"{sheet.lab}: class report", "\n".join(filter(None, parts)), STYLE)


def _warnings(rows: Sequence[Row]) -> str:
    found = Counter(warning for one in rows for warning in one.outcome.warnings)
    lines = (f'<p class="note"><strong>Warning.</strong> {quoted(text)}</p>' for text in sorted(found))
    return "\n".join(lines)


def _flagged(rows: Sequence[Row]) -> list[list[str]]:
    return [[one.outcome.student, "\n".join(one.outcome.flags)] for one in rows if one.outcome.flags]


def _ungraded(rows: Sequence[Row]) -> list[list[str]]:
    return [[one.outcome.student, one.outcome.reason] for one in rows if one.outcome.reason]


def _table(heads: list[str], lines: list[list], otherwise: str) -> str:
    if not lines:
        return f"<p>{otherwise}</p>"
    body = ("".join(f"<td>{quoted(v).replace(chr(10), '<br>')}</td>" for v in line) for line in lines)
    head = "".join(f"<th>{quoted(head)}</th>" for head in heads)
    return f"<table>\n<tr>{head}</tr>\n" + "\n".join(f"<tr>{line}</tr>" for line in body) + "\n</table>"


def _shares(task: Task, rows: Sequence[Row]) -> dict[str, int]:
    """How many were right, wrong in some way, or not handed in."""
    found = [answer.status for one in rows for answer in one.outcome.answers if answer.exercise == task.exercise]
    right = found.count("right")
    tried = sum(found.count(status) for status in ("wrong", "error", "not reached"))
    return {"right": right, "not right": tried, "not done": len(found) - right - tried}


def _exercises(sheet: Sheet, rows: Sequence[Row]) -> str:
    shares = {task: _shares(task, rows) for task in sheet.tasks if task.exercise}
    tasks = sorted(shares, key=lambda task: shares[task]["right"])
    lines = [[task.label, *(shares[task][name] for name in ("right", "not right", "not done"))] for task in tasks]
    return _exercise_figure(tasks, shares) + _table(["exercise", "right", "not right", "not done"], lines, "")


def _questions(sheet: Sheet, rows: Sequence[Row]) -> str:
    """What is marked by hand: how many have an answer, how many are marked, and their mean."""
    lines = []
    for task in (task for task in sheet.tasks if not task.exercise):
        marks = [one.marks[task.cell] for one in rows]
        given = [mark.points for mark in marks if mark.by_hand and mark.points is not None]
        waiting = sum(mark.waiting for mark in marks)
        mean = f"{points(round(sum(given) / len(given), 2))} of {task.points:g}" if given else "–"
        lines.append([task.label, len(given), waiting, len(marks) - len(given) - waiting, mean])
    return _table(["question", "marked", "to mark", "no answer", "mean of the marked"], lines, "There are none.")


def _mistakes(rows: Sequence[Row]) -> str:
    answers = [answer for one in rows for answer in one.outcome.answers if answer.mistake]
    found = Counter((answer.number, answer.title, answer.mistake) for answer in answers)
    lines = [[f"{n} {title}", mistake, count] for (n, title, mistake), count in sorted(
        found.items(), key=lambda pair: (-pair[1], pair[0]))]  # fmt: skip
    return _table(["exercise", "mistake", "students"], lines, "None was recognised.")


def _points_figure(sheet: Sheet, rows: Sequence[Row]) -> str:
    totals = sorted(one.total for one in rows)
    fig, axes = figure(size=(7, 2.6))
    axes.hist(totals, bins=[k - 0.5 for k in range(int(max(sheet.points, totals[-1])) + 2)], color=DATA, rwidth=0.9)
    waiting = sum(one.waiting for one in rows)
    axes.set(xlabel=f"points of {sheet.points:g}" + f", without {waiting} answers to mark" * bool(waiting))
    axes.set_ylabel("students")
    axes.yaxis.get_major_locator().set_params(integer=True)
    middle = totals[len(totals) // 2]
    alt = f"Histogram of points of {len(totals)} students: from {totals[0]:g} to {totals[-1]:g}, median {middle:g}"
    return figure_html(fig, f"{alt} of {sheet.points:g}.")


def _exercise_figure(tasks: Sequence[Task], shares: Mapping[Task, Mapping[str, int]]) -> str:
    fig, axes = figure(size=(7, 1 + 0.35 * len(tasks)))
    start = [0] * len(tasks)
    for name, colour in (("right", EXACT), ("not right", MODEL), ("not done", NOISE)):
        widths = [shares[task][name] for task in tasks]
        bars = axes.barh([task.label for task in tasks], widths, left=start, color=colour, label=name)
        axes.bar_label(bars, labels=[str(w) if w else "" for w in widths], label_type="center", color="white")
        start = [a + b for a, b in zip(start, widths, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="students")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    said = "; ".join(f"{t.label}: {shares[t]['right']} right, {shares[t]['not right']} not right" for t in tasks)
    return figure_html(fig, f"Bars of right, not right and not done answers, hardest exercise first. {said}.")
