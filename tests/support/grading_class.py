"""A small class for the tests of grading: notebooks made from Lab 1's solution, and a judge that only reads them."""

import copy
import json
import os
import time
from pathlib import Path

from course_grading.model import Answer, Outcome, Status

ROOT = Path(__file__).parents[2]
LAB = "lab1_simulation"
SOLUTION = json.loads((ROOT / f"solutions/{LAB}/{LAB}.ipynb").read_text("utf-8"))
RELEASED = json.loads((ROOT / f"labs/{LAB}/{LAB}.ipynb").read_text("utf-8"))
EXERCISES = {  # name: number, title, points; here, so that a worker of a test need not import torch
    "euler": ("1.1", "Euler loop", 2),
    "heun_step": ("1.2", "Heun step", 2),
    "brownian_motion": ("1.3", "Brownian motion from increments", 2),
    "euler_maruyama_step": ("1.4", "Euler–Maruyama step", 2),
    "ornstein_uhlenbeck": ("1.5", "Ornstein–Uhlenbeck process", 2),
    "langevin_drift": ("1.6", "Langevin drift", 2),
    "what_is_wrong": ("1.7", "Bug hunt", 1),
}
FULL = sum(points for *_, points in EXERCISES.values())
WORDS = "Because the drift of the one is the score of the other."


def notebook(answers=None, words=None, extra=()) -> dict:
    """A submission: the released notebook with answers filled in.

    Args:
        answers: Sources by the exercise's function; the solution's by default.
        words: Text for each question in words, by the cell's id; the same sentence by default.
        extra: Cells put at the end, as (type, source).
    """
    solved = {cell["id"]: cell for cell in SOLUTION["cells"]}
    made = copy.deepcopy(RELEASED)
    for cell in made["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if not mark.get("solution"):
            continue
        if cell["cell_type"] == "code":
            cell["source"] = "".join(solved[cell["id"]]["source"])
            for name, source in (answers or {}).items():
                if f"def {name}(" in cell["source"]:
                    cell["source"] = source
        else:
            said = WORDS if words is None else words.get(cell["id"])
            cell["source"] = "".join(cell["source"]).replace("*Your answer here.*", said or "*Your answer here.*")
    for number, (kind, source) in enumerate(extra):
        own = {"outputs": [], "execution_count": None} if kind == "code" else {}
        made["cells"].append({"cell_type": kind, "id": f"extra-{number}", "metadata": {}, "source": source, **own})
    return made


def put(folder: Path, student: str, content, name: str = f"{LAB}.ipynb") -> Path:
    """Hand something in: a notebook, or bytes."""
    path = folder / student / LAB / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def fake_judge(notebook, *, student, lab, seed, limits, crowded=False) -> Outcome:
    """Right, unless the answer says otherwise; runs nothing."""
    log = os.environ.get("FAKE_JUDGE_LOG")
    if log:
        with open(log, "a") as file:
            file.write(student + "\n")
    found = {}
    for cell in notebook.cells:
        for name in EXERCISES:
            if cell.kind == "code" and f"def {name}(" in cell.source:
                found[name] = cell
    if any("crash the judge" in cell.source for cell in notebook.cells):
        raise RuntimeError("a bug")
    answers = tuple(_answer(name, found.get(name)) for name in EXERCISES)
    return Outcome(student, lab, answers, printed={cell.id: "printed <b>" for cell in found.values()})


def _answer(name, cell) -> Answer:
    number, title, most = EXERCISES[name]
    status, message, mistake = Status.RIGHT, "", None
    if cell is None:
        status = Status.MISSING
    elif "NotImplementedError" in cell.source:
        status = Status.NOT_DONE
    elif "'wrong'" in cell.source:
        status, message, mistake = Status.WRONG, "Likely cause: <b>one step</b> is missing.", "one step too few"
    points = float(most) if status == Status.RIGHT else 0.0
    return Answer(name, number, title, points, most, status, message, mistake, cell.id if cell else None)


def unhurried_judge(notebook, **options) -> Outcome:
    """The same, in a quarter of a second."""
    time.sleep(0.25)
    return fake_judge(notebook, **options)
