"""Starting over: a lab or one of its exercises as it was handed out; what stood there is kept beside it."""

from dataclasses import dataclass
from pathlib import Path

from course_utils.notebooks.files import name_of, read, same, text
from course_utils.notebooks.fresh import find, fresh_lab, lab_file, unpack
from course_utils.notebooks.sections import Exercise, Lab, lab_of
from course_utils.storage import check_writable, write_file

__all__ = ["Reset", "put_back", "reset"]


@dataclass(frozen=True)
class Reset:
    """What was done.

    Attributes:
        notebook: The lab's file.
        kept: Where the file that stood there is kept; None if there was none, or nothing had to be put back.
        written: Whether the file was written.
        others: Other notebooks in its folder, which were left alone.
    """

    notebook: Path
    kept: Path | None
    written: bool
    others: tuple[str, ...]


def reset(lab: str, exercise: str | None, root: Path) -> Reset:
    """Put back a lab, or the cells of one of its exercises. The file that was there is kept under a new name.

    Args:
        lab: Such as "lab1_simulation", or "lab1".
        exercise: Such as "1.4"; by default the whole lab.
        root: Folder of the course.

    Raises:
        ValueError: If there is no such lab or exercise, its file is no notebook or cannot be written, or holds no
            cell of the lab; nothing is changed then.
    """
    name = find(lab, root)
    path = root / "labs" / name / f"{name}.ipynb"
    others = tuple(sorted(other.name for other in path.parent.glob("*.ipynb") if other != path))
    check_writable(path)
    after: bytes | None
    if exercise is None:
        after = unpack(root)[name]
    else:
        given = lab_of(name, fresh_lab(name, root))
        asked = _asked(given, exercise)
        cells = put_back(read(lab_file(name, root))["cells"], asked, given)
        after = text(read(path) | {"cells": cells}).encode("utf-8") if cells else None
    before = path.read_bytes() if path.exists() else None
    if after in (None, before):
        return Reset(path, None, False, others)
    kept = _keep(path, before)
    write_file(path, after)
    return Reset(path, kept, True, others)


def put_back(cells: list[dict], exercise: Exercise, lab: Lab) -> list[dict] | None:
    """A student's cells with those of an exercise as they were; None if they are so already.

    A cell is known by its id and put back where it is. One that is missing comes after the cell that it followed; what
    the student added stays.

    Args:
        cells: Of the student's notebook.
        exercise: The exercise, as it was handed out.
        lab: Its lab, as it was handed out.

    Raises:
        ValueError: If they are no cells of the lab.
    """
    known = [name_of(cell) for cell in lab.cells]
    cells = list(cells)
    if not lab.is_in(cells):
        raise ValueError(f"expected a notebook of {lab.name}, found no cell of its exercises: reset all of it")
    changed = False
    for cell in exercise.cells:
        places = {name_of(own): i for i, own in reversed(list(enumerate(cells)))}
        name = name_of(cell)
        if name in places:
            changed |= not same(cells[places[name]], cell)
            cells[places[name]] = cell
            continue
        before = reversed(known[: known.index(name)])
        cells.insert(next((places[one] + 1 for one in before if one in places), 0), cell)
        changed = True
    return cells if changed else None


def _asked(lab: Lab, number: str) -> Exercise:
    exercises = {one.number: one for one in lab.exercises}
    if number not in exercises:
        raise ValueError(f"expected one of the exercises {', '.join(exercises)} of {lab.name}, got {number!r}")
    return exercises[number]


def _keep(path: Path, content: bytes | None) -> Path | None:
    """Write what stood in a file beside it, under a name that is free."""
    if content is None:
        return None
    number = 1
    while True:
        kept = path.with_name(f"{path.stem}-kept-{number}.ipynb")
        try:
            with kept.open("xb") as file:
                file.write(content)
            return kept
        except FileExistsError:
            number += 1
