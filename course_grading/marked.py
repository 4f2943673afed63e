"""The copy of a submission that a person reads: what the student wrote, each answer below its task, made harmless.

nbgrader's formgrader shows it; nothing of a submission's metadata, HTML or outputs is in it.
"""

import json
import re
from collections.abc import Iterator, Sequence

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_grading.clean import inert, plain
from course_grading.model import Answer, Lab, Outcome, Status, Task
from course_grading.notebook import Cell

WORDS = {status: str(status) for status in Status} | {Status.WRONG: "not right"}
"""What a status is called where students read it."""

NOTHING = "Nothing was handed in for this."
MOST_SHOWN = 100_000


def find(task: Task, lab: Lab, cells: Sequence[Cell], answer: Answer | None = None) -> Cell | None:
    """The cell of a submission that answers a task."""
    if answer and answer.cell:
        return next((cell for cell in cells if cell.id == answer.cell), None)
    named = [cell for cell in cells if cell.grade_id == task.cell]
    start = _first_line(lab.cells[task.cell].source)
    return next(iter(named or [c for c in cells if c.kind == "markdown" and _first_line(c.source) == start]), None)


def answered(task: Task, lab: Lab, cell: Cell | None) -> bool:
    """Whether a cell says anything that the released cell does not."""
    return cell is not None and (_words(cell.source) != _words(lab.cells[task.cell].source) or bool(cell.attachments))


def marked_copy(lab: Lab, outcome: Outcome, cells: Sequence[Cell]) -> nbformat.NotebookNode:
    """The notebook in which answers carry nbgrader's marks; every task is there, once.

    Args:
        lab: The lab.
        outcome: What the judge found.
        cells: Cells of the submission.
    """
    answers = {answer.exercise: answer for answer in outcome.answers}
    places = {}
    for task in lab.tasks:
        cell = find(task, lab, cells, answers.get(task.exercise))
        if cell is not None and cell.id not in places:
            places[cell.id] = task
    known = {_words(cell.source) for cell in lab.cells.values()}
    shown = [
        (cell, places.get(cell.id))
        for cell, following in zip(cells, [*cells[1:], None], strict=False)
        if cell.id in places or _introduces(cell, following, places) or _own(cell, lab, known)
    ]
    few = list(_bounded(shown))
    made = [_summary(outcome), *(_copied(cell, task, outcome, answers) for cell, task in few)]
    if len(few) < len(shown):
        made.append(new_markdown_cell(inert(f"{len(shown) - len(few)} cells more were handed in.")))
    made += [_absent(task, answers) for task in lab.tasks if task not in places.values()]
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"
    return new_notebook(cells=made)


def _summary(outcome: Outcome) -> nbformat.NotebookNode:
    lines = [f"Could not be graded: {outcome.reason}"] if outcome.reason else []
    lines += [f"To look at: {flag}" for flag in outcome.flags]
    text = "\n".join(lines) or "Nothing is out of the ordinary."
    return new_markdown_cell(inert(f"**{_escaped(outcome.student)}**\n\n" + _escaped(text).replace("\n", "\n\n")))


def _copied(cell: Cell, task: Task | None, outcome: Outcome, answers: dict[str, Answer]) -> nbformat.NotebookNode:
    if cell.kind == "code":
        copy = new_code_cell(plain(cell.source))
        said = plain(outcome.printed.get(cell.id, ""))
        copy.outputs = [new_output("stream", name="stdout", text=said)] if said else []
        if task and task.exercise:
            copy.outputs.append(new_output("stream", name="stderr", text=verdict(answers[task.exercise])))
    else:
        copy = new_markdown_cell(inert(cell.source, cell.attachments))
    if task:
        copy.metadata["nbgrader"] = _mark(task, cell.kind)
    return copy


def _absent(task: Task, answers: dict[str, Answer]) -> nbformat.NotebookNode:
    cell = new_markdown_cell(inert(f"**{task.label}**: {NOTHING}"))
    if task.exercise:
        cell = new_code_cell(f"# {task.label}: {NOTHING}")
        cell.outputs = [new_output("stream", name="stderr", text=verdict(answers[task.exercise]))]
    cell.metadata["nbgrader"] = _mark(task, cell.cell_type)
    return cell


def verdict(answer: Answer) -> str:
    """What the judge says about an exercise, in a line or more."""
    text = f"{answer.number} {answer.title}: {WORDS[answer.status]}, {answer.points:g} of {answer.max_points} points"
    return f"{text}\n{plain(answer.message)}".strip()


def _mark(task: Task, kind: str) -> dict:
    return {
        "schema_version": 3, "grade": True, "solution": True, "locked": False, "task": False,
        "grade_id": task.cell, "points": task.points, "cell_type": kind,
    }  # fmt: skip


def _introduces(cell: Cell, following: Cell | None, places: dict[str, Task]) -> bool:
    return following is not None and following.id in places and cell.kind == "markdown"


def _bounded(shown: list[tuple[Cell, Task | None]]) -> Iterator[tuple[Cell, Task | None]]:
    """The answers, and of what stands beside them `MOST_SHOWN` characters: drawing them takes time."""
    left = MOST_SHOWN
    for cell, task in shown:
        left -= 0 if task else len(cell.source)
        if task or left >= 0:
            yield cell, task


def _own(cell: Cell, lab: Lab, known: set[str]) -> bool:
    """Whether a cell was added or changed by the student; `known` are the words of the released cells."""
    words, released = _words(cell.source), lab.cells.get(cell.id)
    return bool(words) and (words not in known if released is None else words != _words(released.source))


def _words(source: str) -> str:
    return " ".join(source.split())


def _first_line(source: str) -> str:
    return _words(next((line for line in source.splitlines() if line.strip()), ""))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#+.!|<>~:-])", r"\\\1", plain(text))


def text(notebook: nbformat.NotebookNode) -> str:
    """The notebook as the content of a file."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
