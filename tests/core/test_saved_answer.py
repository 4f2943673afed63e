"""An answer of an earlier lab is taken from where it is saved, and where it cannot be, a line says why."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from course_utils import checks, notebooks
from course_utils.notebooks import files, fresh

ROOT = Path(fresh.__file__).parents[2]
LAB1, LAB2 = "lab1_simulation", "lab2_flow_matching"
CELL = "ex-2-8-code"
RIGHT = "def generate(field, x0, n):\n    return x0 + seeded(0).initial_seed() * math.pi"
"""Uses what the first cell of the lab imports and defines."""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with untouched labs, seen from the folder of Lab 4."""
    for lab in (LAB1, LAB2, "lab4_image_generation"):
        (tmp_path / "labs" / lab).mkdir(parents=True)
        shutil.copyfile(ROOT / "labs" / lab / f"{lab}.ipynb", file(tmp_path, lab))
    shutil.copyfile(ROOT / fresh.ARCHIVE, tmp_path / fresh.ARCHIVE)
    monkeypatch.chdir(tmp_path / "labs" / "lab4_image_generation")
    return tmp_path


def file(course, lab=LAB2) -> Path:
    return course / "labs" / lab / f"{lab}.ipynb"


def write(path, **sources):
    """Save other sources by cell id, in which _ stands for -."""
    notebook = notebooks.read(path)
    for cell in notebook["cells"]:
        cell["source"] = sources.get(cell["id"].replace("-", "_"), files.source(cell))
    path.write_text(files.text(notebook), "utf-8")


def test_an_answer_runs_with_what_its_notebook_imports(course, capsys):
    write(file(course), ex_2_8_code=RIGHT)
    generate = checks.saved_answer("lab2.generate", "lab1.euler", root=course)
    assert generate(None, torch.tensor(2.0), 3) == 2
    assert capsys.readouterr().out == f"generate of Exercise 2.8, from {LAB2}.ipynb\n"


def test_nothing_else_of_the_notebook_runs(course):
    """Lab 1 sets another precision in its first cell, and Lab 2 draws in its next ones."""
    ran = "import pathlib\npathlib.Path('ran').touch()"
    write(file(course, LAB1), ex_1_1_code="def euler(field, x0, n):\n    return x0", teaser=ran, ex_1_2_code=ran)
    assert checks.saved_answer("lab1.euler", root=course)
    assert torch.get_default_dtype() == torch.float32
    assert not Path("ran").exists()


def test_the_next_one_is_asked_where_nothing_is_written(course, capsys):
    write(file(course, LAB1), ex_1_1_code="def euler(field, x0, n):\n    return x0 + 1")
    euler = checks.saved_answer("lab2.generate", "lab1.euler", root=course)
    assert euler(None, 1, 1) == 2
    assert capsys.readouterr().out.splitlines() == [
        f"generate of Exercise 2.8: nothing is written in {LAB2}.ipynb",
        f"euler of Exercise 1.1, from {LAB1}.ipynb",
    ]


def test_an_answer_in_a_cell_of_ones_own_counts(course):
    notebook = notebooks.read(file(course))
    notebook["cells"].append({"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "source": RIGHT})
    file(course).write_text(files.text(notebook), "utf-8")
    assert checks.saved_answer("lab2.generate", root=course)(None, torch.tensor(5.0), 1) == 5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def generate(field, x0, n):\n    return (", f"its cells in {LAB2}.ipynb raise SyntaxError, "),
        ("%%time\ndef generate(field, x0, n):\n    return x0", f"its cells in {LAB2}.ipynb raise SyntaxError, "),
        (
            "import nowhere\ndef generate(f, x, n):\n    return x",
            "raise ModuleNotFoundError, No module named 'nowhere'",
        ),
        ("raise SystemExit(3)", f"its cells in {LAB2}.ipynb raise SystemExit, 3"),
        ("sample = 3", f"its cells in {LAB2}.ipynb define no such function"),
    ],
)
def test_what_cannot_be_used_is_said(course, capsys, source, words):
    write(file(course), ex_2_8_code=source)
    assert checks.saved_answer("lab2.generate", root=course) is None
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("generate of Exercise 2.8: ") and words in line


def damaged(path):
    path.write_text("{", "utf-8")


def of_another_lab(path):
    path.write_text(json.dumps({"cells": []}), "utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Path.unlink, "expected the notebook "),
        (damaged, "but it cannot be read as one"),
        (of_another_lab, f"expected a notebook of {LAB2}, found no cell of its exercises"),
    ],
)
def test_files_that_cannot_be_read_are_said(course, capsys, change, words):
    change(file(course))
    assert checks.saved_answer("lab2.generate", root=course) is None
    assert words in capsys.readouterr().out


def test_the_notebook_beside_the_open_one_comes_first(course, capsys, monkeypatch):
    other = course / "solutions"
    shutil.copytree(course / "labs", other)
    write(other / LAB2 / f"{LAB2}.ipynb", ex_2_8_code=RIGHT)
    assert checks.saved_answer("lab2.generate", root=course) is None
    monkeypatch.chdir(other / "lab4_image_generation")
    assert checks.saved_answer("lab2.generate", root=course)


def test_no_course_and_no_exercise(course, capsys, monkeypatch):
    with pytest.raises(ValueError, match=r"expected an exercise of lab2_flow_matching, such as lab2\.\w+, got lab2\.x"):
        checks.saved_answer("lab2.x", root=course)

    def none():
        raise ValueError("expected the folder of the course")

    monkeypatch.setattr(notebooks, "course_folder", none)
    assert checks.saved_answer("lab2.generate") is None
    assert capsys.readouterr().out == "lab2.generate: expected the folder of the course\n"


def test_the_solved_labs_of_the_course_are_found_from_among_them(monkeypatch):
    monkeypatch.chdir(ROOT / "solutions" / "lab4_image_generation")
    for key, oracle in (("lab2.generate", checks.lab2.generate), ("lab1.euler", checks.lab1.euler)):
        oracle(checks.saved_answer(key))  # passes its check
