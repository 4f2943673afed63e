"""Runs a submission in the sandbox: its sources are read, a plan is made, its cells run, and its functions are asked.

A cell that ends the process is left out when the others run again. The warm process in the sandbox forks one for each
of these runs: that saves some 2 CPU-seconds of imports a submission.
"""

import time
from collections.abc import Mapping, Sequence

from course_grading.asking import Asking
from course_grading.budget import CELLS, WITHOUT
from course_grading.canaries import tampered
from course_grading.cases import Question
from course_grading.cells import Cells, Process
from course_grading.model import Limits
from course_grading.notebook import Cell, Notebook
from course_grading.plan import Released, plan, versions, worth_reading
from course_grading.sandbox.guest.messages import Described
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import GRACE, Broken
from course_grading.seen import Seen


def run(
    sandbox: Sandbox, known: Released, notebook: Notebook, questions: Mapping[str, Question], limits: Limits
) -> Seen:
    """Run one submission.

    Args:
        sandbox: A warm sandbox.
        known: The released notebook.
        notebook: The submission.
        questions: By exercise.
        limits: Times and the number of restarts.

    Raises:
        SetupFailed: If the set-up cell does not run.
        Broken: If the sandbox itself is gone.
    """
    code = notebook.code
    began = time.monotonic()
    first, second, last = (began + share * limits.notebook_seconds for share in (CELLS, WITHOUT, 1))
    process = Process(sandbox)
    try:
        read = [*worth_reading(code, known), *_as_cells(notebook.modules)]
        said = read_sources(process, known, read, limits.restarts, first)
        seen = Seen(said, plan(known, code, said, list(questions)))
        if seen.plan.answers:
            cells = Cells(process, known.setup, list(questions), limits, notebook.modules)
            cells.run(seen.plan.steps, first, second)
            seen.cells = cells.seen
            process.session.deadline = last + GRACE
            seen.tampered = tampered(process.session, questions)
            unharmed = [cell for cell in seen.plan.everything if not _ended(cells, cell)]
            others = {n: versions(known, seen.plan.steps, unharmed, n, cells.checked.get(n, ())) for n in questions}
            seen.functions = Asking(process, cells, questions, limits.cell_seconds, last).ask(unharmed, others)
    finally:
        process.end()
    seen.cpu_seconds = process.cpu_seconds
    return seen


def read_sources(
    process: Process, known: Released, cells: Sequence[Cell], restarts: int, deadline: float
) -> dict[str, Described | None]:
    """Have sources parsed in a process that no student's code has touched; a parser can crash, too."""
    said: dict[str, Described | None] = {cell.id: None for cell in cells}
    left = restarts
    for cell in cells:
        if left < 0 or time.monotonic() > deadline:
            break
        process.session.deadline = deadline + GRACE
        try:
            said[cell.id] = process.session.read(cell.source, known.others.get(cell.released_as or "", ""))
        except Broken:
            left -= 1
            process.restart()
    return said


def _as_cells(modules: Mapping[str, bytes]) -> list[Cell]:
    """Python files as cells, under names that no cell has, to be read: they never run as such."""
    return [Cell(f"\0{name}", "code", data.decode(errors="replace")) for name, data in modules.items()]


def _ended(cells: Cells, cell: Cell) -> bool:
    """Whether a cell ended the process, or was not reached before others had done so too often."""
    seen = cells.seen.get(cell.id)
    return seen is not None and (seen.ending is not None or not seen.reached)
