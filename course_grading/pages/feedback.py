"""What a student reads: points, what the judge said, what the teacher wrote, and the student's own answers."""

from dataclasses import dataclass

from markupsafe import Markup

from course_grading.drawing import Drawn
from course_grading.late import Late
from course_grading.marked import NOTHING, WORDS
from course_grading.marks import Mark, Row
from course_grading.model import Answer, Task
from course_grading.pages.page import points, render
from course_grading.pages.text import markdown, styles


@dataclass(frozen=True)
class Entry:
    """What the page says of a task.

    Attributes:
        label: Such as "1.4 Euler–Maruyama step".
        points: Points; None while somebody has to mark it.
        most: Points for a right answer.
        result: In a few words.
        said: What the judge said.
        comment: What the teacher wrote.
        answer: What the student wrote; None if that is nothing.
    """

    label: str
    points: float | None
    most: float
    result: str
    said: str
    comment: Markup
    answer: Markup | None


def feedback(found: Drawn, row: Row, rule: Late | None = None) -> str:
    """The feedback page of one student.

    Args:
        found: The submission, judged and drawn.
        row: Its marks.
        rule: What being late costs; by default nothing.
    """
    return render(
        "feedback",
        lab=found.lab.name,
        student=found.outcome.student,
        reason=found.outcome.reason,
        total=row.total,
        most=found.lab.points,
        waiting=row.waiting,
        late=_late(row, rule or Late()),
        entries=[_entry(task, found, row.marks[task.cell]) for task in found.lab.tasks],
        nothing=NOTHING,
        styles=Markup(styles()),
    )


def _entry(task: Task, found: Drawn, mark: Mark) -> Entry:
    answer = found.outcome.answer(task)
    return Entry(
        label=task.label,
        points=mark.points,
        most=task.points,
        result=_result(task, answer, mark),
        said=answer.message if answer else "",
        comment=markdown(mark.comment),
        answer=found.answers.get(task.cell),
    )


def _late(row: Row, rule: Late) -> str:
    """What being late costs, in a sentence; nothing for who was in time."""
    delay = row.delay
    if delay is None or delay.days == 0:
        return ""
    if delay.share is None:
        return "Handed in late. By how much is not known yet: your teacher will say what counts."
    days = f"Handed in {delay.days} {'day' if delay.days == 1 else 'days'} late"
    if rule.at_most is not None and (delay.days or 0) > rule.at_most:
        return f"{days}, and nothing counts after {rule.at_most}."
    if delay.share == 1:
        return f"{days}: all points count."
    return f"{days}: {100 * delay.share:g}% of the points count, {points(row.counted)}."


def _result(task: Task, answer: Answer | None, mark: Mark) -> str:
    if not task.points:
        return f"{WORDS[answer.status]}, does not count" if answer else "does not count"
    if mark.waiting:
        return "to be marked by hand"
    if answer is None:
        return "marked by hand" if mark.by_hand else "no answer"
    return f"{WORDS[answer.status]}, marked by hand" if mark.by_hand else WORDS[answer.status]
