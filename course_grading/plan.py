"""Which cells of a submission run: set-up cells, cells that define an exercise, and cells that the student added.

Figure, training and check cells of the released notebook do not run. Nothing that a submission says is believed: its
sources are parsed inside the sandbox (see `syntax`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from course_grading.model import Lab
from course_grading.notebook import Cell
from course_grading.sandbox.guest.messages import Described

SETUP = "setup"


@dataclass(frozen=True)
class Step:
    """A cell to run, and the exercises that it defines."""

    cell: Cell
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What runs, in order, and what the instructor should know about the cells."""

    steps: tuple[Step, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether any exercise is there; else it is the notebook of another lab, or of none."""
        return any(step.names for step in self.steps)


@dataclass(frozen=True)
class Released:
    """The code cells that students got: the set-up, exercises by the cell, and the text of others: these do not run."""

    setup: tuple[Cell, ...]
    exercises: Mapping[str, str]
    others: Mapping[str, str]


def released(lab: Lab) -> Released:
    """The code cells of a lab."""
    code = [cell for cell in lab.cells.values() if cell.kind == "code" and cell.text]
    exercises = {task.cell: task.exercise for task in lab.tasks if task.exercise}
    setup = tuple(cell for cell in code if cell.id == SETUP)
    others = {cell.id: cell.text for cell in code if cell.id not in exercises and cell.id != SETUP}
    return Released(setup, exercises, others)


def worth_reading(cell: Cell, known: Released) -> bool:
    """Whether a cell differs from all released cells that do not run."""
    return cell.text not in known.others.values() and cell.text not in [setup.text for setup in known.setup]


def plan(
    known: Released, cells: Sequence[Cell], said: Mapping[str, Described | None], exercises: Sequence[str]
) -> Plan:
    """What runs, in the order of the submission.

    Args:
        known: The released notebook.
        cells: Code cells of the submission.
        said: By cell id, what `syntax.describe` says of each cell worth reading; None where it is no Python.
        exercises: Names of the functions of the lab.
    """
    steps = []
    changed = False
    for cell in (cell for cell in cells if cell.id in said):
        described = said[cell.id] or Described()
        meant = known.exercises.get(cell.released_as or "")
        names = tuple(name for name in exercises if name in described.defines or name == meant)
        if cell.released_as == SETUP and not names:
            changed = True
        if cell.released_as in known.others and not names:
            cell = replace(cell, source=described.definitions)
        if cell.source:
            steps.append(Step(cell, names))
    return Plan(tuple(steps), (*["the set-up cell was changed"] * changed, *_flags(steps, known)))


def _flags(steps: Sequence[Step], known: Released) -> tuple[str, ...]:
    count = Counter(name for step in steps for name in step.names)
    flags = [f"{name} is defined in {n} cells: the last one counts" for name, n in count.items() if n > 1]
    if any(step.names and step.cell.released_as not in known.exercises for step in steps):
        flags.append("an exercise stands in a cell that is not the released one")
    return tuple(flags)
