"""A lab as the grader sees it: its tasks, in order, from the released notebook and the checks."""

import json

import pytest

from course_grading.labs import exercises, read_lab, released
from course_grading.plan import SETUP
from course_grading.plan import released as known_cells
from course_utils.storage import write_file
from tests.support.attacks import code
from tests.support.grading_class import LAB, RELEASED

LABS = list(released())


@pytest.mark.parametrize("name", LABS)
def test_every_exercise_and_every_question_is_a_task(name):
    lab = read_lab(name)
    judged = {task.exercise: task for task in lab.tasks if task.exercise}
    assert {n: (t.number, t.title, t.points) for n, t in judged.items()} == {
        e.name: (e.number, e.title, e.points) for e in exercises(name).values()
    }
    questions = [task for task in lab.tasks if not task.exercise]
    assert [task.label for task in questions] == [f"Question {i + 1}" for i in range(len(questions))]
    assert len({task.number for task in lab.tasks}) == len({task.cell for task in lab.tasks}) == len(lab.tasks)
    assert lab.points == 21 or name != LAB
    assert all(lab.cells[task.cell].kind == "markdown" for task in questions)


@pytest.mark.parametrize("name", LABS)
def test_what_runs_of_a_released_lab_is_set_up_and_exercises(name):
    lab = read_lab(name)
    known = known_cells(lab)
    assert [cell.id for cell in known.setup] == [SETUP]
    assert sorted(known.exercises.values()) == sorted(exercises(name))
    assert all(f"def {function}(" in lab.cells[cell].source for cell, function in known.exercises.items())
    assert not {SETUP, *known.exercises} & set(known.others)
    code_cells = {cell.id for cell in lab.cells.values() if cell.kind == "code" and cell.text}
    assert {SETUP, *known.exercises, *known.others} == code_cells
    assert known.others["hand-in"] not in known.checks and known.parts[known.others["hand-in"]] == ("",)


def test_labs_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("lab10_x", "lab2_x", "lab1_x"):
        write_file(tmp_path / "labs" / name / f"{name}.ipynb", "{}")
    write_file(tmp_path / "labs" / "lab3_x" / "copy.ipynb", "{}")
    assert list(released(tmp_path)) == ["lab1_x", "lab2_x", "lab10_x"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        (json.dumps({"cells": []}), "no code cells"),
        (json.dumps({"cells": [code("def euler(): pass")]}), "found none for: euler, heun_step, .*what_is_wrong$"),
    ],
)
def test_a_notebook_that_does_not_hold_the_lab_is_refused(tmp_path, content, words):
    write_file(tmp_path / "labs" / LAB / f"{LAB}.ipynb", content)
    with pytest.raises(ValueError, match=words):
        read_lab(LAB, tmp_path)


def test_an_exercise_that_is_missing_is_named(tmp_path):
    cells = [cell for cell in RELEASED["cells"] if cell["id"] != "ex-1-2-code"]
    write_file(tmp_path / "labs" / LAB / f"{LAB}.ipynb", json.dumps(RELEASED | {"cells": cells}))
    with pytest.raises(ValueError, match="found none for: heun_step$"):
        read_lab(LAB, tmp_path)


@pytest.mark.parametrize("points", ["2", None])
def test_a_question_without_points_is_named(tmp_path, points):
    cells = json.loads(json.dumps(RELEASED["cells"]))
    question = next(cell for cell in cells if cell["cell_type"] == "markdown" and "nbgrader" in cell["metadata"])
    question["metadata"]["nbgrader"]["points"] = points
    write_file(tmp_path / "labs" / LAB / f"{LAB}.ipynb", json.dumps(RELEASED | {"cells": cells}))
    with pytest.raises(ValueError, match=f"expected points for the released cell {question['id']}, got {points!r}$"):
        read_lab(LAB, tmp_path)


@pytest.mark.parametrize("name", ["lab9_none", "lab1", "", "../labs/lab1_simulation", "exercise"])
def test_an_unknown_lab_is_refused(name):
    with pytest.raises(ValueError, match=f"unknown lab {name!r}, expected one of: {LAB}, lab2_"):
        read_lab(name)
