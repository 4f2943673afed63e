"""What a lab says of itself: title, time, what one should know, its exercises and its questions in words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from course_utils.notebooks.files import name_of, source

__all__ = ["Exercise", "Lab", "lab_of"]

HEADING = re.compile(r"^### Exercise (\d+\.\d+) · (.*?) · [★☆]+ · (\d+) min$", re.M)
CHECK = re.compile(r"^checks\.(lab\d+\.(?P<name>\w+))\((?P=name)\b", re.M)
PARAGRAPH = r"^\*\*{}\.\*\* (.*?)(?=\n\s*\n|\Z)"
QUESTION = re.compile(r"\*\*(Question \d+)\b")


@dataclass(frozen=True)
class Exercise:
    """An exercise as it stands in the notebook.

    Attributes:
        number: Such as "1.4".
        title: Such as "Euler–Maruyama step".
        minutes: How long it takes.
        key: Such as "lab1.euler_maruyama_step".
        cells: From its heading to its check.
    """

    number: str
    title: str
    minutes: int
    key: str
    cells: tuple[dict, ...]

    @property
    def name(self) -> str:
        """Name of the function that students write."""
        return self.key.split(".")[1]


@dataclass(frozen=True)
class Lab:
    """A lab as it was handed out.

    Attributes:
        name: Such as "lab1_simulation".
        title: Such as "Lab 1 · Simulating ODEs and SDEs".
        time: How long it takes, in words.
        needs: What one should know, in words.
        exercises: Its exercises, in order.
        questions: Cells of its questions in words, by "Question 1".
        cells: All its cells.
    """

    name: str
    title: str
    time: str
    needs: str
    exercises: tuple[Exercise, ...]
    questions: dict[str, dict]
    cells: tuple[dict, ...]

    def is_in(self, cells: Iterable[dict]) -> bool:
        """Whether these are cells of this lab: one is a cell of its exercises; other names are those of all labs."""
        own = {name_of(cell) for one in self.exercises for cell in one.cells if cell.get("cell_type") == "code"}
        return any(name_of(cell) in own for cell in cells)


def lab_of(name: str, notebook: dict) -> Lab:
    """Read a lab.

    Args:
        name: Such as "lab1_simulation".
        notebook: As it was handed out.
    """
    cells = tuple(notebook["cells"])
    first = source(cells[0]) if cells else ""
    title = first.split("\n")[0].removeprefix("#").strip() or name
    questions = {found[1]: cell for cell in cells if _by_hand(cell) and (found := QUESTION.search(source(cell)))}
    time, needs = _paragraph(first, "Time"), _paragraph(first, "What you should know")
    return Lab(name, title, time, needs, tuple(_exercises(cells)), questions, cells)


def _paragraph(text: str, head: str) -> str:
    """The paragraph that begins with these words in bold, on one line and without them; empty where there is none."""
    found = re.search(PARAGRAPH.format(head), text, re.M | re.S)
    return " ".join(found[1].split()) if found else ""


def _by_hand(cell: dict) -> bool:
    mark = cell.get("metadata", {}).get("nbgrader", {})
    return bool(mark.get("grade") and mark.get("solution"))


def _exercises(cells: tuple[dict, ...]):
    """Each exercise: from its heading to the check that follows."""
    for start, cell in enumerate(cells):
        heading = HEADING.search(source(cell)) if cell.get("cell_type") == "markdown" else None
        if heading is None:
            continue
        checks = (i for i in range(start, len(cells)) if _is_check(cells[i]))
        end = next(checks, None)
        if end is not None:
            check = CHECK.search(source(cells[end]))
            assert check is not None
            yield Exercise(heading[1], heading[2], int(heading[3]), check[1], cells[start : end + 1])


def _is_check(cell: dict) -> bool:
    return cell.get("cell_type") == "code" and bool(CHECK.search(source(cell))) and name_of(cell) is not None
