"""What a lab's file holds before it is handed in, and the copy to hand in: whole, under its name, of few bytes."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_utils.notebooks.files import name_of, read, source, text
from course_utils.notebooks.fresh import fresh_labs
from course_utils.notebooks.sections import Exercise, Lab, lab_of
from course_utils.progress import Result
from course_utils.storage import write_file

__all__ = [
    "FOLDER",
    "MOST_BYTES",
    "Standing",
    "answer_cells",
    "begun",
    "copy_to_hand_in",
    "exercises_report",
    "light",
    "moment",
    "no_copy",
    "questions_report",
    "standing",
]

FOLDER = "hand_in"
MOST_BYTES = 5_000_000
"""Of a copy: while there are more, outputs are left out, the largest first."""

LEFT_OUT = "[an output of {:.1f} MB is left out of this copy]\n"


@dataclass(frozen=True)
class Standing:
    """What a student has written into the file of a lab.

    Attributes:
        exercises: Whether there is anything, by keys such as "lab1.euler".
        questions: The same by names such as "Question 1".
    """

    exercises: dict[str, bool]
    questions: dict[str, bool]


def standing(lab: Lab, notebook: dict) -> Standing:
    """What a student has written.

    Args:
        lab: As it was handed out.
        notebook: The student's.

    Raises:
        ValueError: If the notebook has no cell of the lab.
    """
    given = {name_of(cell): cell for cell in lab.cells}
    cells = notebook["cells"]
    exercises = {one.key: bool(answer_cells(lab, one, notebook)) for one in lab.exercises}
    return Standing(exercises, {name: _answered(cell, cells, given) for name, cell in lab.questions.items()})


def answer_cells(lab: Lab, exercise: Exercise, notebook: dict) -> list[dict]:
    """The cells in which a student answers an exercise, in order; none where nothing is written.

    Args:
        lab: As it was handed out.
        exercise: Of that lab.
        notebook: The student's.

    Raises:
        ValueError: If the notebook has no cell of the lab.
    """
    if not lab.is_in(notebook["cells"]):
        raise ValueError(f"expected a notebook of {lab.name}, found no cell of its exercises in the file")
    given = {name_of(cell): cell for cell in lab.cells}
    return [cell for cell in notebook["cells"] if _is_answer(cell, exercise, given)]


def begun(root: Path) -> list[str]:
    """Names of the labs in whose files something of an exercise is written, in order.

    Args:
        root: Folder of the course.

    Raises:
        ValueError: If one of the files is no notebook of its lab.
    """
    labs = (lab_of(name, notebook) for name, notebook in fresh_labs(root).items())
    files = ((lab, root / "labs" / lab.name / f"{lab.name}.ipynb") for lab in labs)
    return [lab.name for lab, path in files if path.exists() and any(standing(lab, read(path)).exercises.values())]


def _is_answer(cell: dict, exercise: Exercise, given: dict) -> bool:
    """Whether this is a cell of the exercise with something of the student's, or another that defines its function."""
    name = name_of(cell)
    if cell.get("cell_type") != "code":
        return False
    if name in given:
        return name in map(name_of, exercise.cells[:-1]) and _has_more(cell, given[name])
    return f"def {exercise.name}(" in source(cell) or f"{exercise.name} =" in source(cell)


def _answered(question: dict, cells: list[dict], given: dict) -> bool:
    """Whether words stand in the question's cell, or in new cells right below it."""
    names = [name_of(cell) for cell in cells]
    if name_of(question) not in names:
        return False
    at = names.index(name_of(question))
    if _has_more(cells[at], question):
        return True
    end = next((i for i in range(at + 1, len(cells)) if names[i] in given), len(cells))
    return any(_has_more(cell, {}) for cell in cells[at + 1 : end])


def _has_more(cell: dict, given: dict) -> bool:
    """Whether a cell has a line with a letter or digit, or a picture, that it was not given with."""
    known = {line.strip() for line in source(given).splitlines()}
    own = (line.strip() for line in source(cell).splitlines())
    return any(any(map(str.isalnum, line)) for line in own if line not in known) or bool(cell.get("attachments"))


def exercises_report(lab: Lab, found: Standing, results: Mapping[str, Result]) -> list[str]:
    """Which exercises are begun, and how their last checks went, in lines."""
    width = max((len(f"{one.number} {one.title}") for one in lab.exercises), default=0)
    return [
        f"  {f'{one.number} {one.title}':<{width}}   {_in_words(found.exercises[one.key], results.get(one.key))}"
        for one in lab.exercises
    ]


def _in_words(begun: bool, result: Result | None) -> str:
    if not begun:
        return "not begun"
    if result is None:
        return "written, never checked"
    return f"written, {'right' if result.last else 'wrong'} at its last check"


def questions_report(found: Standing) -> list[str]:
    """Which questions in words are answered, in lines; nothing where there are none."""
    lines = [f"  {name}   {'answered' if full else 'empty'}" for name, full in found.questions.items()]
    return ["Questions in words", *lines] if lines else []


def light(notebook: dict) -> tuple[dict, list[float]]:
    """A copy of few bytes, and the megabytes of each output that was left out for it."""
    made = copy.deepcopy(notebook)
    metadata = made.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("widgets", None)  # what sliders showed; a kernel draws it anew
    outputs = [cell for cell in made["cells"] if cell.get("outputs")]
    sizes = {id(cell): len(json.dumps(cell["outputs"], ensure_ascii=False, indent=1).encode()) for cell in outputs}
    total = len(text(made).encode("utf-8", "replace"))
    left_out = []
    for cell in sorted(outputs, key=lambda cell: -sizes[id(cell)]):
        if total <= MOST_BYTES:
            break
        size = sizes[id(cell)]
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": LEFT_OUT.format(size / 1e6)}]
        left_out.append(size / 1e6)
        total -= size
    return made, left_out


def copy_to_hand_in(name: str, notebook: dict, folder: Path) -> str:
    """Write the copy, `hand_in/NAME.ipynb` in that folder, and say so.

    Args:
        name: Of the lab, and so of the file.
        notebook: The student's.
        folder: That of the course.

    Raises:
        OSError: If it cannot be written.
    """
    made, left_out = light(notebook)
    path = write_file(folder / FOLDER / f"{name}.ipynb", text(made))
    cut = f"; outputs of {len(left_out)} cells, {sum(left_out):.1f} MB, are left out" if left_out else ""
    return f"written: {FOLDER}/{path.name} in the folder of the course, {path.stat().st_size / 1e6:.1f} MB{cut}"


def no_copy(name: str, folder: Path) -> str:
    """Say that no copy is written, and of when the one is that was there before.

    Args:
        name: Of the lab.
        folder: That of the course.
    """
    path = folder / FOLDER / f"{name}.ipynb"
    if not path.exists():
        return "no copy is written"
    return f"no copy is written; {FOLDER}/{path.name} of {moment(path)} stays as it was"


def moment(path: Path) -> str:
    """When a file was written, in words.

    Args:
        path: Of the file.
    """
    return f"{datetime.fromtimestamp(path.stat().st_mtime):%H:%M on %d %b}"
