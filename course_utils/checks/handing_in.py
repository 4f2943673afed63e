"""The last cell of a lab: every check on inputs drawn anew, what is missing, and the copy to hand in."""

import contextlib
import inspect
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import fill

from course_utils import notebooks
from course_utils.checks.exercise import CHECK_SEEDS, CheckFailed, Exercise
from course_utils.notebooks import Lab
from course_utils.notebooks.files import source

__all__ = ["hand_in"]

UNKNOWN = """The file of this notebook is not known here. Save the notebook, then name its file, in a new cell:
  checks.{lab}.hand_in(file="{name}.ipynb")
or run `python course.py hand-in {name}` in the folder of the course."""

OLDER = """The file does not hold what you ran of {names}. Save it (Ctrl + S); where you changed a cell after it ran,
run it again; then run this cell once more. `python course.py hand-in {name}` takes the file as it is."""


def hand_in(lab: str, exercises: Iterable[Exercise], *, file: str | Path | None = None) -> None:
    """Check all exercises on inputs drawn anew, say what is missing, and write the copy to hand in.

    No copy is written of a file that lacks a function that was run: it is older than what is on the screen.

    Args:
        lab: Such as "lab1".
        exercises: Of the lab.
        file: The notebook, saved. By default the one that is open, where JupyterLab or VS Code tell which.

    Raises:
        ValueError: If this is no notebook, or `file` is none.
    """
    names = _namespace()
    asked = list(exercises)
    print(f"Lab {lab.removeprefix('lab')}, every check on inputs drawn anew")
    width = max(len(f"{one.number} {one.title}") for one in asked)
    for one in asked:
        print(f"  {f'{one.number} {one.title}':<{width}}   {_judged(one, names)}", flush=True)
    path = _told(names) if file is None else Path(file)
    if path is None:
        print(UNKNOWN.format(lab=lab, name=_full_name(lab)))
        return
    if file is None and not path.exists():
        raise ValueError(f"expected the notebook {path.name}, found no such file: was it renamed? Restart its kernel")
    _look_at_file(lab, path.absolute(), _unsaved(asked, names))


def _namespace() -> dict:
    """What the cells of the notebook have defined.

    Raises:
        ValueError: If this is no notebook.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise ValueError(
            "expected to be called in a notebook; outside of one, python course.py hand-in looks at a file"
        )
    return shell.user_ns


def _judged(exercise: Exercise, names: Mapping) -> str:
    """How an answer does on inputs drawn anew, in words; that is remembered as for a check."""
    if exercise.name not in names:
        return "not run: run its cell, then this one again"
    seed = CHECK_SEEDS[-1] + 1 + secrets.randbelow(100_000)
    try:
        done = exercise.tried(names[exercise.name], seed)
    except CheckFailed:
        return f"wrong: checks.{exercise.key}({exercise.name}, seed={seed}) says how"
    return "right ✓" if done else "not done yet"


def _told(names: Mapping) -> Path | None:
    """The file of the notebook, as the program that shows it tells; it is never guessed: another could be handed in."""
    told = os.environ.get("JPY_SESSION_NAME") or names.get("__vsc_ipynb_file__")
    path = Path(told) if isinstance(told, str) else None
    return path if path and path.suffix == ".ipynb" else None


def _full_name(lab: str) -> str:
    try:
        return notebooks.find(lab, notebooks.course_folder())
    except ValueError:
        return lab


def _unsaved(exercises: Iterable[Exercise], names: Mapping) -> dict[str, str]:
    """By the name of an exercise, what was run of it, where a cell of the notebook defines it."""
    found = {}
    for one in exercises:
        answer = names.get(one.name)
        code = getattr(answer, "__code__", None)
        if code is not None and not Path(code.co_filename).is_file():  # else it comes from elsewhere
            with contextlib.suppress(OSError, TypeError):
                found[one.name] = inspect.getsource(code).strip()
    return found


def _look_at_file(lab: str, path: Path, ran: Mapping[str, str]) -> None:
    """Say what the saved file holds, and write the copy; none where the file lacks something that was run.

    Args:
        lab: Such as "lab1".
        path: Of the notebook.
        ran: By the name of an exercise, the source that was run.
    """
    notebook = notebooks.read(path)
    root = notebooks.course_folder(path)
    known: Lab = notebooks.lab_of(name := notebooks.find(lab, root), notebooks.fresh_lab(lab, root))
    print(*notebooks.questions_report(notebooks.standing(known, notebook)), sep="\n")
    print(f"The file {path.name}, as it was saved at {notebooks.moment(path)}; what came later is not in it")
    if path.name != f"{name}.ipynb":
        print(f"  its name is not {name}.ipynb; the copy has the right one")
    texts = [source(cell) for cell in notebook["cells"]]
    if missing := [one for one, text in ran.items() if not any(text in cell for cell in texts)]:
        print(fill(OLDER.format(names=", ".join(missing), name=name), 100, break_on_hyphens=False))
        print(notebooks.no_copy(name, root))
        return
    print(notebooks.copy_to_hand_in(name, notebook, root))
