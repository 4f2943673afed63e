"""What a person looks at to mark: which cell answers which task, and a copy of the submission, made harmless.

nbgrader's formgrader shows the copy; nothing of a submission's metadata, HTML or outputs is in it.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_grading.model import Answer, Lab, Outcome, Status, Task
from course_grading.notebook import Cell, read
from course_grading.pages.text import inert, plain

WORDS = {status: status.value for status in Status} | {Status.WRONG: "not right"}
"""What people read for the status of an exercise."""

NOTHING = "Nothing was handed in for this."
MOST_SHOWN = 100_000


@dataclass(frozen=True)
class Work:
    """A submission that was judged.

    Attributes:
        lab: The lab.
        outcome: What the judge found.
        cells: Cells of the submission.
        given: The cell that answers a task, by the name of the task's cell; nothing for a task without one.
    """

    lab: Lab
    outcome: Outcome
    cells: Sequence[Cell]
    given: Mapping[str, Cell]

    def answered(self, task: Task) -> bool:
        """Whether the cell of a task says anything that the released one does not."""
        cell = self.given.get(task.cell)
        return cell is not None and (bool(cell.attachments) or _words(cell) != _words(self.lab.cells[task.cell]))


def work(lab: Lab, outcome: Outcome, cells: Sequence[Cell]) -> Work:
    """Find the answers in a submission.

    Args:
        lab: The lab.
        outcome: What the judge found.
        cells: Cells of the submission.
    """
    found = {task.cell: _find(task, lab, outcome, cells) for task in lab.tasks}
    return Work(lab, outcome, cells, {name: cell for name, cell in found.items() if cell is not None})


def _find(task: Task, lab: Lab, outcome: Outcome, cells: Sequence[Cell]) -> Cell | None:
    """Where the judge found it, else the cell of that name, else the text that begins like the released one."""
    answer = outcome.answer(task)
    if answer and answer.cell:
        return next((cell for cell in cells if cell.id == answer.cell), None)
    start = _first_line(lab.cells[task.cell].source)
    named = [cell for cell in cells if cell.grade_id == task.cell]
    alike = [cell for cell in cells if cell.kind == "markdown" and _first_line(cell.source) == start]
    return next(iter(named or alike), None)


def marked_copy(work: Work) -> NotebookNode:
    """The notebook in which answers carry nbgrader's marks; every task is there, once."""
    tasks: dict[str, Task] = {}
    for task in work.lab.tasks:
        if task.cell in work.given:
            tasks.setdefault(work.given[task.cell].id, task)
    shown = _shown(work, tasks)
    few = list(_bounded(shown, tasks))
    made = [_summary(work.outcome)]
    made += [_copied(cell, tasks.get(cell.id), work.outcome) for cell in few]
    if len(few) < len(shown):
        made.append(new_markdown_cell(inert(f"{len(shown) - len(few)} cells more were handed in.")))
    made += [_absent(task, work.outcome) for task in work.lab.tasks if task not in tasks.values()]
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
    """Answers, the texts right before them, and what the student added or changed."""
    known = {_words(cell) for cell in work.lab.cells.values()} | {""}
    after = [*(cell.id for cell in work.cells[1:]), None]
    return [
        cell
        for cell, next_id in zip(work.cells, after, strict=False)
        if cell.id in tasks or (cell.kind == "markdown" and next_id in tasks) or _is_own(cell, work.lab, known)
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
    if answer:
        cell = new_code_cell(f"# {task.label}: {NOTHING}", outputs=[_said(answer)])
    else:
        cell = new_markdown_cell(inert(f"**{task.label}**: {NOTHING}"))
    cell.metadata["nbgrader"] = _mark(task, cell.cell_type)
    return cell


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
