"""What people see of a submission: its answers and the copy on which a person marks, drawn in a process of its own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from markupsafe import Markup
from msgspec.structs import replace

from course_grading.bounded import Exceeded, bounded
from course_grading.marked import Work, marked_copy, sources, to_text, work
from course_grading.model import Lab, Outcome, Shown
from course_grading.notebook import Cell, read
from course_grading.pages.text import as_plain_text, code, markdown

NOT_SHOWN = Markup("<p>It was handed in, but cannot be shown here: your teacher was told why.</p>")


@dataclass(frozen=True)
class Drawn:
    """A submission as people see it; nothing in it is what the student wrote, but for harmless HTML of bounded size.

    Attributes:
        lab: The lab.
        outcome: What was found; its `shown` says how the answers are drawn.
        answered: Cells of tasks for which the student wrote something.
        answers: The answers as HTML, by the cell of the task; nothing for a task without one.
        copy: The notebook on which a person marks.
        changed: Cells of tasks whose answer is another than in an earlier copy.
    """

    lab: Lab
    outcome: Outcome
    answered: Collection[str]
    answers: Mapping[str, Markup]
    copy: str
    changed: Collection[str] = ()


def drawn(lab: Lab, outcome: Outcome, content: bytes, before: bytes, seconds: int) -> Drawn:
    """A submission as people see it, within bounds: as plain text where drawing it is too much, else not at all.

    Args:
        lab: The lab.
        outcome: What was found; what was too much for an earlier run is not tried again.
        content: The submission.
        before: An earlier copy, or nothing.
        seconds: Processor time for each try.
    """
    while outcome.shown is not Shown.NOT:
        try:
            return bounded(_read_and_draw, lab, outcome, content, before, seconds=seconds)
        except Exceeded as error:
            less = Shown.PLAIN if outcome.shown is Shown.DRAWN else Shown.NOT
            final = outcome.final and error.final
            outcome = replace(outcome, shown=less, final=final).flagged((f"shown {less}: drawing it {error}",))
    return _unseen(lab, outcome)


def _read_and_draw(lab: Lab, outcome: Outcome, content: bytes, before: bytes) -> Drawn:
    found = work(lab, outcome, read(content).cells)
    if outcome.shown is Shown.DRAWN:
        return draw(found, before)
    with as_plain_text():
        return draw(found, before)


def draw(found: Work, before: bytes = b"") -> Drawn:
    """A submission as people see it.

    Args:
        found: The submission, judged.
        before: An earlier copy, or nothing.
    """
    copy = to_text(marked_copy(found))
    earlier, now = sources(before), sources(copy.encode("utf-8"))
    return Drawn(
        found.lab,
        found.outcome,
        answered=[task.cell for task in found.lab.tasks if found.answered(task)],
        answers={name: Markup("\n").join(map(_answer, parts)) for name, parts in found.given.items() if parts},
        copy=copy,
        changed=[name for name, text in now.items() if text != earlier.get(name)],
    )


def _answer(cell: Cell) -> Markup:
    return code(cell.source) if cell.kind == "code" else markdown(cell.source, cell.attachments)


def _unseen(lab: Lab, outcome: Outcome) -> Drawn:
    """Of what cannot be shown: a person has to look at every answer, unless there was none to be had."""
    nothing = draw(work(lab, outcome, ()))
    if outcome.reason:
        return nothing
    cells = [task.cell for task in lab.tasks]
    return Drawn(lab, outcome, cells, dict.fromkeys(cells, NOT_SHOWN), nothing.copy)
