"""The class at a glance: a report of one page. Long lists are cut into pages that open, and can be searched."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from course_grading.marks import Row
from course_grading.model import Lab, Status, Task, natural
from course_grading.pages.charts import points_chart, shares_chart
from course_grading.pages.page import TEMPLATES, points, render

Line = Sequence[object]
SHARES = {
    Status.RIGHT: "right",
    Status.WRONG: "not right",
    Status.ERROR: "not right",
    Status.NOT_REACHED: "not right",
    Status.NOT_DONE: "not done",
    Status.MISSING: "not done",
}

PAGE = 100
"""Lines of a page of a long list."""


@dataclass(frozen=True)
class Page:
    """Lines of a long list.

    Attributes:
        first, last: Which of all lines they are, from 1.
        lines: The lines.
    """

    first: int
    last: int
    lines: Sequence[Line]


@dataclass(frozen=True)
class Paged:
    """A list, and the pages that it is cut into."""

    lines: Sequence[Line]

    @cached_property
    def pages(self) -> list[Page]:
        """Its pages."""
        cut = [(start, self.lines[start : start + PAGE]) for start in range(0, len(self.lines), PAGE)]
        return [Page(start + 1, start + len(lines), lines) for start, lines in cut]


@dataclass(frozen=True)
class Search:
    """The one script that a report runs: its text, and the hash by which a browser tells it from any other."""

    script: Markup

    @property
    def hash(self) -> Markup:
        """As a page's policy writes it."""
        digest = hashlib.sha256(self.script.encode("utf-8")).digest()
        return Markup(f"sha256-{base64.b64encode(digest).decode()}")


def report(lab: Lab, rows: Sequence[Row]) -> str:
    """The class report: a page that loads nothing, and runs nothing but the search where a list is long.

    Args:
        lab: The lab.
        rows: Its students.
    """
    graded = [row for row in rows if not row.outcome.reason]
    flagged = Paged([(row.outcome.student, "\n".join(row.outcome.flags)) for row in rows if row.outcome.flags])
    ungraded = Paged([(row.outcome.student, row.outcome.reason) for row in rows if row.outcome.reason])
    everybody = Paged([(row.outcome.student, points(row.total), row.waiting or "") for row in rows])
    long = any(len(each.pages) > 1 for each in (flagged, ungraded, everybody))
    return render(
        "report",
        lab=lab.name,
        count=sum(not row.outcome.absent for row in rows),
        absent=sum(row.outcome.absent for row in rows),
        graded=len(graded),
        waiting=sum(row.waiting for row in rows),
        warnings=sorted({warning for row in rows for warning in row.outcome.warnings}),
        mistakes=_mistakes(graded),
        flagged=flagged,
        ungraded=ungraded,
        everybody=everybody,
        search=Search(Markup(TEMPLATES.get_template("search.js").render())) if long else None,
        **(_of_graded(lab, graded) if graded else {}),
    )


def _of_graded(lab: Lab, rows: Sequence[Row]) -> dict[str, object]:
    """What the template asks for if anybody was graded."""
    shares = _shares(lab, rows)
    return {
        "totals": points_chart([row.total for row in rows], lab.points, sum(row.waiting for row in rows)),
        "bars": shares_chart(shares),
        "exercises": [(label, *share.values()) for label, share in shares.items()],
        "questions": [_question(task, rows) for task in lab.tasks if not task.exercise],
    }


def _shares(lab: Lab, rows: Sequence[Row]) -> Mapping[str, Mapping[str, int]]:
    """How many were right, not right in some way, or not done, by the exercise's label; hardest first."""
    shares = {}
    for task in (task for task in lab.tasks if task.exercise):
        answers = [row.outcome.answer(task) for row in rows]
        found = Counter(SHARES[answer.status] for answer in answers if answer)
        shares[task.label] = {name: found[name] for name in dict.fromkeys(SHARES.values())}
    return dict(sorted(shares.items(), key=lambda pair: pair[1]["right"]))


def _question(task: Task, rows: Sequence[Row]) -> Line:
    """What is marked by hand: how many are marked, wait or have no answer, and the mean of the marked."""
    marks = [row.marks[task.cell] for row in rows]
    given = [mark.points for mark in marks if mark.by_hand and mark.points is not None]
    waiting = sum(mark.waiting for mark in marks)
    mean = f"{points(round(sum(given) / len(given), 2))} of {task.points:g}" if given else "–"
    return task.label, len(given), waiting, len(marks) - len(given) - waiting, mean


def _mistakes(rows: Sequence[Row]) -> list[Line]:
    """Exercise, recognised mistake and how many made it; the most frequent first."""
    answers = [answer for row in rows for answer in row.outcome.answers if answer.mistake]
    found = Counter((answer.number, answer.title, answer.mistake) for answer in answers)
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], natural(pair[0][0]), pair[0]))
    return [(f"{number} {title}", mistake, count) for (number, title, mistake), count in ordered]
