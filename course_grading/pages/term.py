"""The page of a term: all graded labs at a glance."""

from itertools import groupby
from pathlib import Path

from course_grading.pages.charts import bars_chart, percent_chart, shares_chart
from course_grading.pages.page import render
from course_grading.rights import keep
from course_grading.term import STOPPED, Exercise, Mistake, Term, middle, table

HARDEST = 15
"""Exercises in the picture; the table has all."""

MISTAKES = 10
"""Mistakes of a lab that are listed."""


def write(folder: str | Path) -> list[Path]:
    """Write `term.html` and `term.csv` into a class's folder.

    Raises:
        ValueError: As `Term.read` says.
    """
    folder = Path(folder).resolve()
    term = Term.read(folder)
    return [keep(folder, folder / "term.html", page(term)), keep(folder, folder / "term.csv", table(term))]


def page(term: Term) -> str:
    """The page of a term, which loads nothing.

    Args:
        term: The graded labs of a class.
    """
    totals = term.totals()
    exercises = term.exercises()
    mistakes = term.mistakes()
    return render(
        "term",
        name=term.sheet.name,
        labs=[_lab(term, lab, len(totals)) for lab in term.labs],
        count=len(totals),
        waiting=sum(entry.waiting for entry in term.entries),
        unknown=sum(entry.unknown for entry in term.entries),
        totals=percent_chart(list(totals.values())),
        hardest=shares_chart(_bars(exercises[:HARDEST])) if exercises else None,
        exercises=[(one.lab, one.label, _percent(one.share), one.right, one.wrong, one.not_done) for one in exercises],
        made=bars_chart(_per_submission(term, mistakes), "recognised mistakes a submission") if mistakes else None,
        mistakes=[line for _, some in groupby(mistakes, lambda one: one.lab) for line in _listed(term, list(some))],
        most=MISTAKES,
        stopped=list(term.stopped().items()),
        too_few=len(term.labs) <= STOPPED,
    )


def _lab(term: Term, lab: str, count: int) -> tuple[object, ...]:
    """The line of a lab, of so many students in all."""
    lines = term.lines(lab)
    handed_in = [entry for entry in lines if entry.handed_in]
    half = middle(lines)
    return (
        lab,
        _deadline(term, lab),
        f"{term.of(lab).weight:g}",
        len(handed_in),
        count - len(handed_in),
        sum(not entry.graded for entry in handed_in),
        sum(entry.late for entry in lines),
        "–" if half is None else f"{half:.0f}%",
        sum(entry.waiting for entry in lines),
    )


def _deadline(term: Term, lab: str) -> str:
    deadline = term.of(lab).deadline
    return f"{deadline:%Y-%m-%d %H:%M} (week {deadline.isocalendar().week})" if deadline else "–"


def _bars(exercises: list[Exercise]) -> dict[str, dict[str, int]]:
    return {one.label: {"right": one.right, "not right": one.wrong, "not done": one.not_done} for one in exercises}


def _per_submission(term: Term, mistakes: list[Mistake]) -> dict[str, float]:
    counts = {lab: sum(one.count for one in mistakes if one.lab == lab) for lab in term.labs}
    return {lab: count / len(term.outcomes[lab]) for lab, count in counts.items() if term.outcomes[lab]}


def _listed(term: Term, mistakes: list[Mistake]) -> list[tuple[object, ...]]:
    return [
        (one.lab, _deadline(term, one.lab), one.label, one.name, one.count, _percent(one.count / one.of))
        for one in mistakes[:MISTAKES]
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
