"""What a lab lacks is said before it is handed in, by its last cell and by the command; the copy is whole and small."""

import json
import os
import shutil
import subprocess
import symtable
import sys
import time
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_grading import notebook as grader
from course_grading.release import read_notebook
from course_utils import checks, notebooks, progress
from course_utils.__main__ import main
from course_utils.notebooks import files, fresh
from course_utils.notebooks.handing_in import MOST_BYTES

ROOT = Path(fresh.__file__).parents[2]
LAB = "lab1_simulation"
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
IMPORTS = "import math\nimport torch\nfrom torch import Tensor\nfrom course_utils import checks\n"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with an untouched Lab 1, and progress of its own."""
    (tmp_path / "labs" / LAB).mkdir(parents=True)
    shutil.copyfile(ROOT / fresh.ARCHIVE, tmp_path / fresh.ARCHIVE)
    shutil.copyfile(ROOT / "labs" / LAB / f"{LAB}.ipynb", own(tmp_path))
    find = fresh.course_folder
    monkeypatch.setattr(notebooks, "course_folder", lambda file=None: find(file) if file else tmp_path)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def own(course) -> Path:
    return course / "labs" / LAB / f"{LAB}.ipynb"


def edit(course, **sources) -> dict:
    """Save the lab with other sources by cell id, in which _ stands for -; what is in the file then."""
    notebook = notebooks.read(own(course))
    for cell in notebook["cells"]:
        cell["source"] = sources.get(cell["id"].replace("-", "_"), files.source(cell))
    own(course).write_text(files.text(notebook), "utf-8")
    return notebook


def solved(**changes) -> dict[str, str]:
    """Right answers of all exercises of Lab 1, by cell id."""
    cells = read_notebook(ROOT / "solutions" / LAB / f"{LAB}.ipynb").cells
    found = {c.id.replace("-", "_"): c.source for c in cells if c.id.startswith("ex-") and "BEGIN SOLUTION" in c.source}
    return found | changes


@pytest.fixture
def cell(monkeypatch):
    """Run the sources of cells in a kernel of their own, as a notebook does."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()

    def run(*sources):
        for source in (IMPORTS, *sources):
            shell.run_cell(source, store_history=True).raise_error()

    yield run
    InteractiveShell.clear_instance()


WRONG = "def heun_step(field, x, t, h):\n    return x"
PENDING = "def langevin_drift(score, x, sigma):\n    raise NotImplementedError"


# The last cell


def test_every_exercise_of_the_lab_is_judged_and_remembered(course, cell, capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(own(course)))
    answers = solved(ex_1_2_code=WRONG, ex_1_6_code=PENDING)
    answers.pop("ex_1_4_code")
    edit(course, **answers, question_sqrt="**Question 2 (2 points).** why\n\nBecause the variances add up.")
    cell(*answers.values())
    capsys.readouterr()
    cell("checks.lab1.hand_in()")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Lab 1, every check on inputs drawn anew"
    states = {line.split("  ")[1].split()[0]: line.split("   ")[-1].strip() for line in said[1:8]}
    seed = states["1.2"].split("seed=")[1].split(")")[0]
    assert states == {
        "1.1": "right ✓",
        "1.2": f"wrong: checks.lab1.heun_step(heun_step, seed={seed}) says how",
        "1.3": "right ✓",
        "1.4": "not run: run its cell, then this one again",
        "1.5": "right ✓",
        "1.6": "not done yet",
        "1.7": "right ✓",
    }
    assert said[8:12] == [
        "Questions in words",
        "  Question 1   empty",
        "  Question 2   answered",
        "  Question 3   empty",
    ]
    assert said[12].startswith(f"The file {LAB}.ipynb, as it was saved at ")
    assert said[13] == f"written: hand_in/{LAB}.ipynb in the folder of the course, 0.1 MB" and len(said) == 14
    assert {name: result.last for name, result in progress.recall().items()} == {
        "lab1.euler": True,
        "lab1.heun_step": False,
        "lab1.brownian_motion": True,
        "lab1.ornstein_uhlenbeck": True,
        "lab1.what_is_wrong": True,
    }
    with pytest.raises(checks.CheckFailed, match="not right yet"):
        cell(f"checks.lab1.heun_step(heun_step, seed={seed})")


def test_the_inputs_are_others_each_time(course, cell, monkeypatch):
    drawn = []
    draw = checks.lab1.euler.draw
    monkeypatch.setattr(checks.lab1.euler, "draw", lambda seed: drawn.append(seed) or draw(seed))
    cell(solved()["ex_1_1_code"], "checks.lab1.hand_in()", "checks.lab1.hand_in()")
    assert len(set(drawn)) > 8 and not set(drawn) & {1, 2, 3, 4, 5, 6}


def test_of_a_file_without_what_was_run_no_copy_is_written(course, cell, capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(own(course)))
    copy = course / "hand_in" / f"{LAB}.ipynb"
    answers = solved()
    edit(course, **(answers | {"ex_1_3_code": "def brownian_motion(eps, h):\n    return eps"}))
    cell(*answers.values(), "checks.lab1.hand_in()")
    said = capsys.readouterr().out
    assert "The file does not hold what you ran of brownian_motion. Save it (Ctrl + S); where you changed" in said
    assert f"`python course.py hand-in {LAB}` takes the file as it is." in " ".join(said.split())
    assert said.endswith("\nno copy is written\n") and not copy.exists()
    edit(course, **answers)
    cell("checks.lab1.hand_in()")
    said = capsys.readouterr().out
    assert "does not hold" not in said and f"written: hand_in/{LAB}.ipynb" in said and copy.exists()


def test_a_copy_that_is_there_stays_where_none_is_written(course, cell, capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(own(course)))
    cell(solved()["ex_1_1_code"], "checks.lab1.hand_in()")
    assert not (course / "hand_in").exists()  # the file is as it was handed out
    assert main(["hand-in", LAB]) == 0
    copy = course / "hand_in" / f"{LAB}.ipynb"
    os.utime(copy, (0, 1.7e9))
    before = copy.read_bytes(), copy.stat().st_mtime
    capsys.readouterr()
    cell("checks.lab1.hand_in()")
    when = time.strftime("%H:%M on %d %b", time.localtime(1.7e9))
    assert capsys.readouterr().out.endswith(f"no copy is written; hand_in/{LAB}.ipynb of {when} stays as it was\n")
    assert before == (copy.read_bytes(), copy.stat().st_mtime)


def test_an_answer_from_a_file_of_ones_own_is_not_taken_for_unsaved(course, cell, capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(own(course)))
    (course / "my_answers_1.py").write_text("def euler(field, x0, n):\n    raise NotImplementedError\n")
    monkeypatch.syspath_prepend(str(course))
    cell("from my_answers_1 import euler", "checks.lab1.hand_in()")
    assert "does not hold" not in capsys.readouterr().out


def test_where_the_file_is_not_known_it_is_asked_for_and_nothing_is_guessed(course, cell, capsys, monkeypatch):
    monkeypatch.chdir(own(course).parent)
    cell("checks.lab1.hand_in()")
    said = capsys.readouterr().out
    assert f'checks.lab1.hand_in(file="{LAB}.ipynb")' in said and f"python course.py hand-in {LAB}" in said
    assert not (course / "hand_in").exists()
    cell(f'checks.lab1.hand_in(file="{LAB}.ipynb")')
    assert notebooks.read(course / "hand_in" / f"{LAB}.ipynb") == notebooks.read(own(course))


def test_vs_code_tells_the_file(course, cell, capsys):
    cell(f"__vsc_ipynb_file__ = {str(own(course))!r}", "checks.lab1.hand_in()")
    assert (course / "hand_in" / f"{LAB}.ipynb").is_file()


def test_a_notebook_under_another_name_is_copied_under_the_right_one(course, cell, capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(own(course).rename(own(course).with_name("mine.ipynb"))))
    cell("checks.lab1.hand_in()")
    assert f"  its name is not {LAB}.ipynb; the copy has the right one" in capsys.readouterr().out
    assert [path.name for path in (course / "hand_in").iterdir()] == [f"{LAB}.ipynb"]


def test_a_notebook_that_was_renamed_since_says_what_to_do(course, cell, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(own(course).with_name("earlier.ipynb")))
    with pytest.raises(ValueError, match="notebook earlier.ipynb, found no such file: was it renamed"):
        cell("checks.lab1.hand_in()")


def test_a_file_of_another_lab_is_not_handed_in(course, cell, monkeypatch):
    with pytest.raises(ValueError, match=f"expected a notebook of {LAB}, found no cell of its exercises"):
        cell(f'checks.lab1.hand_in(file="{ROOT}/labs/lab2_flow_matching/lab2_flow_matching.ipynb")')
    assert not (course / "hand_in").exists()


def test_outside_of_a_notebook_it_says_so():
    InteractiveShell.clear_instance()
    with pytest.raises(
        ValueError, match="expected to be called in a notebook; outside of one, python course.py hand-in"
    ):
        checks.lab1.hand_in()


@pytest.mark.parametrize("lab", checks.LABS)
def test_every_lab_has_it_and_takes_it_for_no_exercise(lab):
    assert callable(getattr(checks, lab).hand_in)
    assert "hand_in" not in checks.exercises(lab)


@pytest.mark.parametrize(
    "line",
    [
        "from course_utils.checks.lab2.train import train; from course_utils import checks",
        "import course_utils.checks.lab2; checks = course_utils.checks",
        "from course_utils import checks; checks.exercises('lab2')",
    ],
)
def test_a_lab_has_it_in_whatever_way_it_was_imported_first(line):
    code = f"{line}; from course_utils.checks import lab2; assert checks.lab2.hand_in is lab2.hand_in"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_no_later_cell_takes_the_name_of_an_answer(path):
    """Or the last cell would judge something else."""
    names = set(checks.exercises(path.stem.split("_")[0]))
    codes = [c for c in read_notebook(path).cells if c.cell_type == "code" and "BEGIN SOLUTION" not in c.source]
    tables = {c.id: symtable.symtable(c.source, c.id, "exec").get_symbols() for c in codes}
    assigned = {cell: {one.get_name() for one in found if one.is_assigned()} for cell, found in tables.items()}
    assert [cell for cell, found in assigned.items() if names & found] == []
    said = "".join(output.text for output in codes[-1].outputs)
    assert said.count("right ✓") == len(names) and "wrong" not in said


# The command


def test_the_command_looks_at_the_file_and_runs_nothing(course, capsys):
    trap = "raise SystemExit('this was run')"
    edit(course, ex_1_1_code="def euler(field, x0, n):\n    return 1", ex_1_2_code=trap, setup=trap)
    progress.remember("lab1.euler", right=False)
    assert main(["hand-in", "lab1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"labs/{LAB}/{LAB}.ipynb: nothing is run here; ")
    states = [line.split("   ")[-1].strip() for line in said[1:7]]
    assert states == ["written, wrong at its last check", "written, never checked", *["not begun"] * 4]
    assert said[-1] == f"written: hand_in/{LAB}.ipynb in the folder of the course, 0.1 MB"


def test_the_copy_is_what_the_grader_reads(course):
    edit(course, **solved())
    assert main(["hand-in", LAB]) == 0
    copied = (course / "hand_in" / f"{LAB}.ipynb").read_bytes()
    assert json.loads(copied) == notebooks.read(own(course))
    assert grader.read(copied) == grader.read(own(course).read_bytes()) and grader.read(copied).reason is None


def test_outputs_are_left_out_until_the_copy_is_small(course, capsys):
    notebook = edit(course)
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for megabytes, cell in zip((4.4, 0.3, 3.0, 0.2), codes, strict=False):
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "é" * int(megabytes * 5e5)}]
    notebook["metadata"]["widgets"] = {"state": "x" * 9_000_000}
    own(course).write_text(files.text(notebook), "utf-8")
    assert main(["hand-in", LAB]) == 0
    path = course / "hand_in" / f"{LAB}.ipynb"
    left = [cell["outputs"] for cell in notebooks.read(path)["cells"] if cell["cell_type"] == "code"]
    assert left[0][0]["text"] == "[an output of 4.4 MB is left out of this copy]\n"
    assert left[1:4] == [cell["outputs"] for cell in codes[1:4]]
    assert path.stat().st_size <= MOST_BYTES
    assert capsys.readouterr().out.endswith("MB; outputs of 1 cells, 4.4 MB, are left out\n")
    assert notebooks.read(own(course)) == notebook


@pytest.mark.parametrize(
    ("added", "expected"), [("", "empty"), ("...", "empty"), ("It grows.", "answered"), ("因为方差相加", "answered")]
)
def test_words_below_a_question_answer_it(course, added, expected, capsys):
    notebook = edit(course)
    at = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "question-sqrt")
    notebook["cells"].insert(at + 1, {"cell_type": "markdown", "id": "own", "metadata": {}, "source": added})
    own(course).write_text(files.text(notebook), "utf-8")
    main(["hand-in", LAB])
    assert f"  Question 2   {expected}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("*Your answer here.*", ""), "empty"),
        (lambda text: text.replace("*Your answer here.*", "*Your answer here.*\n\nIt grows."), "answered"),
        (lambda text: text + " ", "empty"),
    ],
)
def test_a_question_is_answered_by_words_of_ones_own(course, change, expected, capsys):
    text = next(files.source(cell) for cell in edit(course)["cells"] if cell["id"] == "question-sqrt")
    edit(course, question_sqrt=change(text))
    main(["hand-in", LAB])
    assert f"  Question 2   {expected}\n" in capsys.readouterr().out


def test_an_answer_in_a_cell_of_ones_own_is_begun(course, capsys):
    notebook = edit(course)
    new = {
        "cell_type": "code",
        "id": "x",
        "metadata": {},
        "outputs": [],
        "source": "def euler(field, x0, n):\n    pass",
    }
    notebook["cells"].append(new)
    own(course).write_text(files.text(notebook), "utf-8")
    main(["hand-in", LAB])
    assert "  1.1 Euler loop                        written, never checked\n" in capsys.readouterr().out


def test_a_lab_under_another_name_can_be_named(course, capsys):
    mine = own(course).rename(own(course).with_name("mine.ipynb"))
    assert main(["hand-in", LAB]) == 2
    assert "that folder holds mine.ipynb: give one its name again" in capsys.readouterr().err
    assert main(["hand-in", LAB, "--file", str(mine)]) == 0
    assert (course / "hand_in" / f"{LAB}.ipynb").is_file()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"cells": []}', b'{"cells": [{"source": 3, "metadata": 4}]}'])
def test_what_is_no_notebook_of_the_lab_is_not_handed_in(course, content, capsys):
    own(course).write_bytes(content)
    assert main(["hand-in", LAB]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: expected a notebook") and said.count("\n") == 1
    assert not (course / "hand_in").exists()


def test_where_the_copy_cannot_be_written_a_sentence_says_so(course, capsys):
    (course / "hand_in").write_text("a file where the folder should be")
    assert main(["hand-in", LAB]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (course / "hand_in").read_text() == "a file where the folder should be"
