"""Which cells of a submission run: set-up cells, those that define or check an exercise, and those that were added.

Figure and training cells of the released notebook do not run; of one that the student changed, definitions do. Nothing
that a submission says is believed: its sources are parsed inside the sandbox (see `syntax`).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from course_grading.model import Lab
from course_grading.notebook import Cell
from course_grading.sandbox.guest.messages import Described
from course_utils.notebooks.statements import only_checks, quick_parts

SETUP = "setup"
MOST_VERSIONS = 4
"""Of several versions of a function, how many are tried where the one that was checked last is not right."""

CATCHES = ("except", "suppress")
"""Words without which no code goes on when a check has failed."""


@dataclass(frozen=True)
class Step:
    """A cell to run.

    Attributes:
        cell: The cell.
        names: The exercises that it defines.
        shown: Whether it is the student's, and what it prints is kept.
    """

    cell: Cell
    names: tuple[str, ...] = ()
    shown: bool = True


@dataclass(frozen=True)
class Version:
    """A way to one of several versions of a function.

    Attributes:
        cells: What runs.
        passing: Which check of the exercise alone does not fail, counted from 1; None if none fails.
        cell: Id of the cell that defines it; None where only running tells.
    """

    cells: tuple[Cell, ...]
    passing: int | None = None
    cell: str | None = None


@dataclass(frozen=True)
class Plan:
    """What runs, and what the instructor should know about the cells.

    Attributes:
        steps: What runs first, in order.
        everything: What runs where an answer is not right without it: the definitions and constants of all released
            cells, too, and each statement that the student wrote into one of them.
        flags: What to look at.
    """

    steps: tuple[Step, ...] = ()
    everything: tuple[Cell, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether any exercise is there; else it is the notebook of another lab, or of none."""
        return any(step.names for step in self.steps)


@dataclass(frozen=True)
class Released:
    """The code cells that students got.

    Attributes:
        setup: The set-up.
        exercises: By cell, the exercise that it defines.
        others: By cell, the text of all others.
        parts: By the text of these, what of it is quickly run: definitions and constants.
        checks: The texts of those that only check answers.
    """

    setup: tuple[Cell, ...]
    exercises: Mapping[str, str]
    others: Mapping[str, str]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checks: frozenset[str] = frozenset()


def released(lab: Lab) -> Released:
    """The code cells of a lab."""
    code = [cell for cell in lab.cells.values() if cell.kind == "code" and cell.text]
    exercises = {task.cell: task.exercise for task in lab.tasks if task.exercise}
    setup = tuple(cell for cell in code if cell.id == SETUP)
    others = {cell.id: cell.text for cell in code if cell.id not in exercises and cell.id != SETUP}
    parts = {text: tuple(quick_parts(text)) for text in others.values()}
    checks = frozenset(text for text in others.values() if only_checks(text))
    return Released(setup, exercises, others, parts, checks)


def worth_reading(cells: Sequence[Cell], known: Released) -> list[Cell]:
    """Cells that differ from what was released and does not run; a second copy of the set-up runs again."""
    done = [setup.text for setup in known.setup]
    found = []
    for cell in cells:
        if cell.text in done:
            done.remove(cell.text)
        elif cell.text not in known.others.values():
            found.append(cell)
    return found


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
    steps: list[Step] = []
    everything: list[Cell] = []
    setups = [setup.text for setup in known.setup]
    changed = False
    for cell in cells:
        if cell.id not in said:
            steps += [Step(cell, shown=False)] * (cell.text in known.checks)
            everything += _parts(cell, known.parts.get(cell.text, ()))
            continue
        described = said[cell.id] or Described()
        meant = known.exercises.get(cell.released_as or "")
        names = tuple(name for name in exercises if name in described.defines or name == meant)
        changed = changed or (cell.released_as == SETUP and not names and cell.text not in setups)
        if cell.released_as in known.others and not names:
            everything += _parts(cell, [described.definitions, *described.own])
            cell = replace(cell, source=described.definitions)
        else:
            everything.append(cell)
        if cell.source:
            steps.append(Step(cell, names))
    flags = (*["the set-up cell was changed"] * changed, *_flags(steps, known))
    return Plan(tuple(steps), tuple(everything), flags)


def versions(
    known: Released, steps: Sequence[Step], everything: Sequence[Cell], exercise: str, checked: Collection[str]
) -> Iterator[Version]:
    """Versions of a function: each cell that defines it without the others, the exercise's own first, then the last.

    In a notebook a check fails where the answer is wrong, and code that catches this goes on with another answer: so it
    is run with all checks failing but one.

    Args:
        known: The released notebook.
        steps: What ran first.
        everything: All that can run.
        exercise: Name of the function.
        checked: Ids of the cells that called its check.
    """
    own = {step.cell.id: step.cell for step in steps if exercise in step.names}
    ordered = sorted(reversed(own.values()), key=lambda cell: known.exercises.get(cell.released_as or "") != exercise)
    for chosen in ordered[:MOST_VERSIONS] if len(own) > 1 else ():
        yield Version(tuple(c for c in everything if c.id == chosen.id or c.id not in own), cell=chosen.id)
    if any(word in cell.source for cell in everything if cell.id in checked for word in CATCHES):
        yield from (Version(tuple(everything), passing=number) for number in range(1, MOST_VERSIONS + 1))


def _parts(cell: Cell, sources: Sequence[str]) -> list[Cell]:
    """Parts of a cell as cells that run one after the other, whatever becomes of the one before."""
    return [replace(cell, source=source) for source in sources if source]


def _flags(steps: Sequence[Step], known: Released) -> tuple[str, ...]:
    count = Counter(name for step in steps for name in step.names)
    flags = [
        f"{name} is defined in {n} cells: the one that was checked last counts" for name, n in count.items() if n > 1
    ]
    if any(step.names and step.cell.released_as not in known.exercises for step in steps):
        flags.append("an exercise stands in a cell that is not the released one")
    return tuple(flags)
