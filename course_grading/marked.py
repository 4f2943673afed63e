"""What a person looks at to mark: which cell answers which task, and a copy of the submission, made harmless.

nbgrader's formgrader shows the copy; nothing of a submission's metadata, HTML or outputs is in it.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_grading.model import WORDS, Answer, Lab, Outcome, Task
from course_grading.notebook import Cell, read
from course_grading.pages.text import inert, inert_html, markdown, plain
from course_grading.questions import answers
from course_grading.release import TEXT_STUB

NOTHING = "Nothing was handed in for this."
MOST_SHOWN = 100_000


@dataclass(frozen=True)
class Work:
    """A submission that was judged.

    Attributes:
        lab: The lab.
        outcome: What the judge found.
        cells: Cells of the submission.
        given: What answers a task, by the name of the task's cell: nothing, the cell that was judged, or the parts of
            cells with what the student wrote for a question.
    """

    lab: Lab
    outcome: Outcome
    cells: Sequence[Cell]
    given: Mapping[str, tuple[Cell, ...]]

    def answered(self, task: Task) -> bool:
        """Whether anything was written for a question."""
        return bool(self.given[task.cell])


def work(lab: Lab, outcome: Outcome, cells: Sequence[Cell]) -> Work:
    """Find the answers in a submission.

    Args:
        lab: The lab.
        outcome: What the judge found.
        cells: Cells of the submission.
    """
    found = {task.cell: tuple(_judged(task, lab, outcome, cells)) for task in lab.tasks if task.exercise}
    written = answers(lab, cells, {cell.id for some in found.values() for cell in some})
    labels = [task.label for task in lab.tasks if task.cell in written and written[task.cell].outside]
    flagged = outcome.flagged(tuple(f"{label}: answer outside its cell" for label in labels))
    return Work(lab, flagged, cells, found | {name: one.parts for name, one in written.items()})


def _judged(task: Task, lab: Lab, outcome: Outcome, cells: Sequence[Cell]) -> list[Cell]:
    """Where the judge found the answer, else the cell of that name, else the text that begins like the released one."""
    answer = outcome.answer(task)
    if answer and answer.cell:
        return [cell for cell in cells if cell.id == answer.cell]
    start = _first_line(lab.cells[task.cell].source)
    named = [cell for cell in cells if cell.grade_id == task.cell]
    alike = [cell for cell in cells if cell.kind == "markdown" and _first_line(cell.source) == start]
    return (named or alike)[:1]


def marked_copy(work: Work) -> NotebookNode:
    """The notebook in which answers carry nbgrader's marks: exercises with what stands beside them, then questions."""
    tasks: dict[str, Task] = {}
    for task in (task for task in work.lab.tasks if task.exercise):
        for judged in work.given[task.cell]:
            tasks.setdefault(judged.id, task)
    shown = _shown(work, tasks)
    few = list(_bounded(shown, tasks))
    made = [_summary(work.outcome)]
    made += [_copied(cell, tasks.get(cell.id), work.outcome) for cell in few]
    if len(few) < len(shown):
        made.append(new_markdown_cell(inert(f"{len(shown) - len(few)} cells more were handed in.")))
    made += [_absent(task, work.outcome) for task in work.lab.tasks if task.exercise and task not in tasks.values()]
    made += [cell for task in work.lab.tasks if not task.exercise for cell in _question(task, work)]
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"
    return new_notebook(cells=made)


def to_text(copy: NotebookNode) -> str:
    """The copy as the content of a file."""
    return json.dumps(copy, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def sources(copy: bytes) -> dict[str, str]:
    """What stands in a copy for each task, by the name of the task's cell."""
    return {cell.grade_id: cell.source for cell in read(copy).cells if cell.grade_id}


def verdict(answer: Answer) -> str:
    """What the judge says about an exercise, in a line or more."""
    earned = f"{answer.points:g} of {answer.max_points:g} points"
    return f"{answer.number} {answer.title}: {WORDS[answer.status]}, {earned}\n{plain(answer.message)}".strip()


def _shown(work: Work, tasks: Mapping[str, Task]) -> list[Cell]:
    """Answers, the texts right before them, and what the student added or changed that is in no answer in words."""
    known = {_words(cell) for cell in work.lab.cells.values()} | {""}
    used = {cell.id for name in work.given if work.lab.cells[name].kind != "code" for cell in work.given[name]}
    after = [*(cell.id for cell in work.cells[1:]), None]
    return [
        cell
        for cell, next_id in zip(work.cells, after, strict=False)
        if cell.id in tasks
        or (cell.kind == "markdown" and next_id in tasks)
        or (cell.id not in used and _is_own(cell, work.lab, known))
    ]


def _is_own(cell: Cell, lab: Lab, known: Collection[str]) -> bool:
    """Whether the student added or changed a cell; `known` are the words of the released cells."""
    words = _words(cell)
    if cell.id in lab.cells:
        return words not in ("", _words(lab.cells[cell.id]))
    return words not in known


def _bounded(shown: Sequence[Cell], tasks: Mapping[str, Task]) -> Iterator[Cell]:
    """The answers, and of what stands beside them `MOST_SHOWN` characters: drawing them takes time."""
    left = MOST_SHOWN
    for cell in shown:
        left -= 0 if cell.id in tasks else len(cell.source)
        if cell.id in tasks or left >= 0:
            yield cell


def _summary(outcome: Outcome) -> NotebookNode:
    lines = [f"Could not be graded: {outcome.reason}"] if outcome.reason else []
    lines += [f"To look at: {flag}" for flag in outcome.flags]
    said = "\n".join(lines) or "Nothing is out of the ordinary."
    return new_markdown_cell(inert(f"**{_escaped(outcome.student)}**\n\n" + _escaped(said).replace("\n", "\n\n")))


def _copied(cell: Cell, task: Task | None, outcome: Outcome) -> NotebookNode:
    if cell.kind == "code":
        copy = _copied_code(cell, task, outcome)
    else:
        copy = new_markdown_cell(inert(cell.source, cell.attachments))
    if task:
        copy.metadata["nbgrader"] = _mark(task, cell.kind)
    return copy


def _copied_code(cell: Cell, task: Task | None, outcome: Outcome) -> NotebookNode:
    copy = new_code_cell(plain(cell.source))
    printed = plain(outcome.printed.get(cell.id, ""))
    if printed:
        copy.outputs.append(new_output("stream", name="stdout", text=printed))
    answer = outcome.answer(task) if task else None
    if answer:
        copy.outputs.append(_said(answer))
    return copy


def _absent(task: Task, outcome: Outcome) -> NotebookNode:
    answer = outcome.answer(task)
    cell = new_code_cell(f"# {task.label}: {NOTHING}", outputs=[_said(answer)] if answer else [])
    cell.metadata["nbgrader"] = _mark(task, "code")
    return cell


def _question(task: Task, work: Work) -> tuple[NotebookNode, NotebookNode]:
    """A question as it was asked, and what was written for it."""
    asked = work.lab.cells[task.cell].source.replace(TEXT_STUB, "")
    parts = [_html(cell) for cell in work.given[task.cell]] or [Markup(f"<p>{NOTHING}</p>")]
    answer = new_markdown_cell(inert_html(Markup("<hr>").join(parts)))
    answer.metadata["nbgrader"] = _mark(task, "markdown")
    return new_markdown_cell(inert(asked)), answer


def _html(cell: Cell) -> Markup:
    if cell.kind == "code":
        return Markup("<pre>{}</pre>").format(plain(cell.source))
    return markdown(cell.source, cell.attachments)


def _said(answer: Answer) -> NotebookNode:
    return new_output("stream", name="stderr", text=verdict(answer))


def _mark(task: Task, kind: str) -> dict[str, object]:
    return {
        "schema_version": 3,
        "grade": True,
        "solution": True,
        "locked": False,
        "task": False,
        "grade_id": task.cell,
        "points": task.points,
        "cell_type": kind,
    }


def _words(cell: Cell) -> str:
    return " ".join(cell.source.split())


def _first_line(source: str) -> str:
    line = next((line for line in source.splitlines() if line.strip()), "")
    return " ".join(line.split())


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#+.!|<>~:-])", r"\\\1", plain(text))
