"""What a student reads: points, what the judge said, what the teacher wrote, and the student's own answers."""

from dataclasses import dataclass

from markupsafe import Markup

from course_grading.drawing import Drawn
from course_grading.marked import NOTHING, WORDS
from course_grading.marks import Mark, Row
from course_grading.model import Answer, Task
from course_grading.pages.page import render
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


def feedback(found: Drawn, row: Row) -> str:
    """The feedback page of one student.

    Args:
        found: The submission, judged and drawn.
        row: Its marks.
    """
    return render(
        "feedback",
        lab=found.lab.name,
        student=found.outcome.student,
        reason=found.outcome.reason,
        total=row.total,
        most=found.lab.points,
        waiting=row.waiting,
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
        result=_result(answer, mark),
        said=answer.message if answer else "",
        comment=markdown(mark.comment),
        answer=found.answers.get(task.cell),
    )


def _result(answer: Answer | None, mark: Mark) -> str:
    if mark.waiting:
        return "to be marked by hand"
    if answer is None:
        return "marked by hand" if mark.by_hand else "no answer"
    return f"{WORDS[answer.status]}, marked by hand" if mark.by_hand else WORDS[answer.status]
