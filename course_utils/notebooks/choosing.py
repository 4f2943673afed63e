"""Which code of a notebook defines its functions: all that a student wrote, and of the rest what is quickly run."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from course_utils.notebooks.files import name_of, source
from course_utils.notebooks.sections import Lab
from course_utils.notebooks.statements import definitions, only_checks, own_statements, quick_parts

__all__ = ["Piece", "pieces"]

SETUP = "setup"


@dataclass(frozen=True)
class Piece:
    """Code to run.

    Attributes:
        source: The code.
        exercise: Name of the function that it defines, if it is an exercise's.
    """

    source: str
    exercise: str | None = None


def pieces(lab: Lab, cells: Iterable[dict]) -> list[Piece]:
    """What runs, in the order of the notebook: figures and trainings that were handed out do not.

    Args:
        lab: As it was handed out.
        cells: Of the student's notebook.

    Raises:
        ValueError: If none of them is a cell of the lab.
    """
    cells = list(cells)
    if not lab.is_in(cells):
        raise ValueError(f"expected a notebook of {lab.name}, found no cell of its exercises in the file")
    own = {name_of(cell): one.name for one in lab.exercises for cell in one.cells[:-1]}
    given = {name_of(c): source(c) for c in lab.cells if c.get("cell_type") == "code" and name_of(c) not in own}
    released = {text.strip() for name, text in given.items() if name != SETUP}
    found: list[Piece] = []
    for cell in (cell for cell in cells if cell.get("cell_type") == "code" and source(cell).strip()):
        text = source(cell).strip()
        exercise = own.get(name_of(cell)) or _defined(lab, text)
        if text in released:
            found += map(Piece, _handed_out(text))
        elif name_of(cell) in given and name_of(cell) != SETUP and exercise is None:
            found += map(Piece, _changed(text, given[name_of(cell)]))
        else:
            found.append(Piece(text, exercise))
    return found


def _defined(lab: Lab, text: str) -> str | None:
    """The exercise that a cell of the student's own defines."""
    return next((one.name for one in lab.exercises if f"def {one.name}(" in text), None)


def _handed_out(text: str) -> Iterator[str]:
    """Of a cell that is as it was handed out."""
    return filter(None, [] if only_checks(text) else quick_parts(text))


def _changed(text: str, given: str) -> Iterator[str]:
    """Of a cell that was handed out and has other code now: its definitions, and what the student wrote into it."""
    try:
        tree = ast.parse(text)
        return filter(None, [definitions(tree), *own_statements(tree, given)])
    except SyntaxError:  # a magic command, or a slip
        return iter([text])
