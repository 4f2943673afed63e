"""Which cells of a submission run: set-up cells, cells that define an exercise, and cells that the student added.

Figure, training and check cells of the released notebook do not run. Nothing that a submission says is believed: its
notebook is bounded before it is parsed, and its sources are parsed inside the sandbox (see `syntax`).
"""

import functools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_grading.results import MB, Limits
from course_grading.sandbox.guest import syntax
from course_grading.sandbox.guest.messages import Described

ROOT = Path(__file__).resolve().parents[1]
BRACKETS = 500_000
"""Opening brackets in the text of a notebook: what bounds the memory that its parsed form takes."""

LONGEST_SOURCE = 200_000
SETUP = "setup"
HELPERS = "course_utils.shapes"
"""The module of the package that answers may use without being flagged."""


class Unreadable(ValueError):
    """The submission is no notebook that can be graded; the text says why."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its id in the submission, its source, and the id under which the course released it."""

    id: str
    source: str
    released_as: str | None = None

    @property
    def text(self) -> str:
        """The source without blanks that nobody sees."""
        return "\n".join(line.rstrip() for line in self.source.strip().splitlines())


@dataclass(frozen=True)
class Step:
    """A cell to run, and the exercises that it defines."""

    cell: Cell
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Released:
    """The notebook that students got: set-up, exercise cells by id, and all the others, which do not run."""

    setup: tuple[Cell, ...]
    exercises: dict[str, str]
    others: dict[str, str]


@dataclass
class Plan:
    """What runs, and what the instructor should know about the cells."""

    steps: list[Step] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


def read(notebook: bytes, limits: Limits) -> list[Cell]:
    """Code cells of a submission.

    Raises:
        Unreadable: If there are none, or the text is no notebook, or too large.
    """
    raw = _raw_cells(notebook, limits)
    code = [
        Cell(name, _joined(cell.get("source")), _released_as(cell))
        for name, cell in zip(cell_ids(raw), raw, strict=True)
        if cell.get("cell_type") == "code"
    ]
    code = [cell for cell in code if cell.text]
    if not code:
        raise Unreadable("the notebook has no code cells")
    if any(len(cell.source) > LONGEST_SOURCE for cell in code):
        raise Unreadable(f"a cell is longer than {LONGEST_SOURCE:,} characters")
    return code


def _raw_cells(notebook: bytes, limits: Limits) -> list[dict]:
    if not notebook.strip():
        raise Unreadable("the file is empty")
    if len(notebook) > limits.notebook_bytes:
        raise Unreadable(f"the file has {len(notebook) / MB:.0f} MB, more than {limits.notebook_bytes / MB:.0f}")
    if notebook.count(b"{") + notebook.count(b"[") > BRACKETS:
        raise Unreadable("the file has too many parts for a notebook")
    try:
        data = json.loads(notebook.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable("the file is not a notebook: it cannot be read as JSON") from None
    found = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise Unreadable("the file is not a notebook of format 4: it has no list of cells")
    if len(found) > limits.cells:
        raise Unreadable(f"the notebook has {len(found):,} cells, more than {limits.cells:,}")
    return [cell for cell in found if isinstance(cell, dict)]


def cell_ids(raw: Sequence[dict]) -> list[str]:
    """An id for each cell of a notebook: its own, or "cell-3" for the fourth cell without one; a copy gets "~2"."""
    found, seen = [], Counter()
    for i, cell in enumerate(raw):
        name = cell.get("id")
        name = name if isinstance(name, str) and 0 < len(name) <= 64 and name.isprintable() else f"cell-{i}"
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return found


def _joined(source: object) -> str:
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _released_as(cell: dict) -> str | None:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    name = name if isinstance(name, str) else cell.get("id")
    return name if isinstance(name, str) else None


@functools.cache
def released(lab: str, exercises: tuple[str, ...], root: Path = ROOT) -> Released:
    """The student notebook of a lab, `labs/<lab>/<lab>.ipynb`.

    Raises:
        ValueError: If it is missing, or has no cell for one of the exercises.
    """
    path = Path(root) / "labs" / lab / f"{lab}.ipynb"
    if not path.is_file():
        raise ValueError(f"expected the released notebook {path}; `python course.py release` makes it")
    code = read(path.read_bytes(), Limits())
    defined = {cell.id: [n for n in _defines(cell) if n in exercises] for cell in code}
    missing = set(exercises) - {name for names in defined.values() for name in names}
    if missing:
        raise ValueError(f"expected cells for all exercises in {path}, found none for: {', '.join(sorted(missing))}")
    setup = tuple(cell for cell in code if cell.id == SETUP)
    others = {cell.id: cell.text for cell in code if not defined[cell.id] and cell.id != SETUP}
    return Released(setup, {key: names[0] for key, names in defined.items() if names}, others)


def _defines(cell: Cell) -> list[str]:
    try:
        return syntax.describe(cell.source).defines
    except SyntaxError:  # a magic command
        return []


def worth_reading(cell: Cell, known: Released) -> bool:
    """Whether a cell differs from all released cells that do not run."""
    return cell.text not in known.others.values() and cell.text not in [setup.text for setup in known.setup]


def plan(known: Released, cells: Sequence[Cell], said: dict[str, Described | None], exercises: Sequence[str]) -> Plan:
    """What runs, in the order of the submission.

    Args:
        known: The released notebook.
        cells: Code cells of the submission.
        said: By cell id, what `syntax.describe` says of each cell worth reading; None where it is no Python.
        exercises: Names of the functions of the lab.
    """
    made = Plan()
    for cell in (cell for cell in cells if cell.id in said):
        defines = (said[cell.id] or Described()).defines
        meant = known.exercises.get(cell.released_as)
        names = tuple(name for name in exercises if name in defines or name == meant)
        if cell.released_as == SETUP and not names:
            made.flags.append("the set-up cell was changed")
        if cell.released_as in known.others and not names:
            cell = Cell(cell.id, (said[cell.id] or Described()).definitions, cell.released_as)
        if cell.source:
            made.steps.append(Step(cell, names))
    made.flags += _flags(made.steps, known)
    return made


def _flags(steps: list[Step], known: Released) -> list[str]:
    count = Counter(name for step in steps for name in step.names)
    flags = [f"{name} is defined in {n} cells: the last one counts" for name, n in count.items() if n > 1]
    if any(step.names and step.cell.released_as not in known.exercises for step in steps):
        flags.append("an exercise stands in a cell that is not the released one")
    return flags


def uses_of_package(known: Released, said: dict[str, Described | None], exercise: str, cell: str) -> list[str]:
    """What an answer takes from the package, such as ["simulators.euler_step"]; helpers for shapes do not count."""
    described = [d for d in said.values() if d]
    aliases = {k: v for setup in known.setup for k, v in syntax.describe(setup.source).aliases.items()}
    for one in described:
        aliases |= {k: v for k, v in one.aliases.items() if k != v.split(".")[0]}
    full = sorted({syntax.resolve(name, aliases) for name in _used(described, said.get(cell) or Described(), exercise)})
    inner = [name for name in full if name.startswith("course_utils.") and not name.startswith(HELPERS)]
    longest = [name for name in inner if not any(other.startswith(f"{name}.") for other in inner)]
    return [name.removeprefix("course_utils.") for name in longest]


def _used(described: list[Described], own: Described, exercise: str) -> set[str]:
    """Names that an answer uses, its own helpers' included; of one that is defined nowhere, what a star imported."""
    everywhere = {name: used for one in described for name, used in one.uses.items()}
    todo = list(own.uses.get(exercise, everywhere.get("*", [])))
    found = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += everywhere.get(name.split(".")[0], [])
    return found
