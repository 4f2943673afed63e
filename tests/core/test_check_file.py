"""`check`: a lab's file is run and judged, as a student's repository does on push."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from course_utils import checks, notebooks
from course_utils.__main__ import main
from course_utils.checks import reports, running
from course_utils.checks.reports import Line, Report, check_file
from course_utils.checks.running import PENDING, RIGHT, WRONG, Standing
from course_utils.notebooks import fresh
from tests.support.grading_class import LAB, RELEASED, notebook

ROOT = Path(fresh.__file__).parents[2]
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
LANGEVIN = "def langevin_drift(score, x, sigma):\n    "
HEUN = "def heun_step(field, x, t, h):\n    "
ANSWERS = {
    "euler": "1 / 0\ndef euler(field, x0, n):\n    pass",
    "heun_step": f"{HEUN}return x + h * field(x, t)",
    "brownian_motion": "def brownian_motion(eps, h):\n    while True: pass",
    "ornstein_uhlenbeck": "%%time\ndef ornstein_uhlenbeck(x, t, theta, sigma):\n"
                          "    return -THETA / 3 * theta * x, sigma",
    "langevin_drift": f"{LANGEVIN}raise NotImplementedError",
    "what_is_wrong": "",
}  # fmt: skip


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with an untouched Lab 1 and progress of its own."""
    (tmp_path / "labs" / LAB).mkdir(parents=True)
    shutil.copyfile(ROOT / fresh.ARCHIVE, tmp_path / fresh.ARCHIVE)
    monkeypatch.setattr(notebooks, "course_folder", lambda file=None: tmp_path)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(reports.SUMMARY, raising=False)
    monkeypatch.setattr(running, "CELL_SECONDS", 3.0)
    save(tmp_path, RELEASED)
    return tmp_path


def save(course: Path, content: dict) -> Path:
    path = course / "labs" / LAB / f"{LAB}.ipynb"
    path.write_text(json.dumps(content), "utf-8")
    return path


def said(course: Path, content: dict, seconds: float = 300) -> dict[str, tuple[str, str]]:
    """Status and sentence of each exercise of Lab 1."""
    found = check_file(LAB, save(course, content), course, seed=1, seconds=seconds)
    return {one.number: (one.status, one.sentence) for one in found.exercises}


# Running it


@pytest.fixture
def in_the_background():
    """Ctrl-C is ignored, as in all that a shell starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_background")
def test_each_exercise_is_right_wrong_or_pending(course):
    """Beside the others stand an endless loop, an error and a magic; 1.5 needs a constant of a figure cell."""
    assert said(course, notebook(ANSWERS)) == {
        "1.1": (WRONG, "Its cell raised ZeroDivisionError: division by zero."),
        "1.2": (WRONG, "Likely cause: this is the Euler step: the velocity at the end of the step is not used."),
        "1.3": (WRONG, "Took too long: stopped in your line 2, `while True: pass`."),
        "1.4": (RIGHT, ""),
        "1.5": (RIGHT, ""),
        "1.6": (PENDING, "Not done yet."),
        "1.7": (PENDING, "No cell defines `what_is_wrong`."),
    }


def test_code_that_ends_python_is_told(course):
    pieces = [{"source": "import os\nos._exit(0)", "exercise": None}]
    found = running.judged("lab1", pieces, ["euler"], course, seed=1, seconds=300)
    assert found == {"euler": Standing("euler", PENDING, "Not reached: its code ended Python.")}


def test_a_notebook_that_takes_too_long_is_told(course):
    found = said(course, notebook(extra=[("code", "import time\ntime.sleep(600)")]), seconds=1)
    assert set(found.values()) == {(PENDING, "Not reached: the notebook took longer than 1 s.")}


@pytest.mark.slow
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_every_solution_is_right(path, course):
    found = check_file(path.stem, path, course, seed=7, seconds=600)
    assert [line for line in found.exercises if line.status != RIGHT] == []


# What runs


def chosen(*cells: tuple[str, str]) -> list[str]:
    """What runs of the released notebook with some cells changed, by id, and what is put at its end."""
    lab = notebooks.lab_of(LAB, RELEASED)
    changes = dict(cells)
    made = [cell | {"source": changes.pop(cell["id"], cell["source"])} for cell in RELEASED["cells"]]
    made += [{"cell_type": "code", "source": source} for source in changes.values()]
    return [piece.source for piece in notebooks.pieces(lab, made)]


def test_of_figures_only_definitions_and_constants_run():
    text = "\n".join(chosen())
    assert "def pull(x, t):" in text and "THETA = 3.0" in text and "ns = [8, 16" in text
    assert "x0 = torch.ones" not in text and "run = simulate" not in text.split("def ")[-1]
    assert "plotting.show" not in text and "checks.lab1.euler(" not in text and "hand_in" not in text


def test_what_a_student_added_to_a_figure_runs_and_the_figure_does_not():
    given = next("".join(cell["source"]) for cell in RELEASED["cells"] if cell["id"] == "euler-figure")
    before, after = chosen(), chosen(("euler-figure", f"{given}\nHALF = float('0.5')"))
    assert [source for source in after if source not in before] == ["HALF = float('0.5')"]


def test_cells_of_ones_own_run_whole():
    assert chosen(("new", "print(1)\nx = train()"))[-1] == "print(1)\nx = train()"


def test_a_notebook_of_another_lab_is_refused(course, capsys):
    other = {"cells": [{"cell_type": "code", "id": "x", "source": "1"}]}
    save(course, other)
    assert main(["check", "lab1"]) == 2
    assert "expected a notebook of lab1_simulation" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [
    (["lab99"], "unknown lab 'lab99'"),
    (["lab1", "missing.ipynb"], "found no file missing.ipynb"),
])  # fmt: skip
def test_bad_input_is_one_line(course, arguments, message, capsys):
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1


# What is said

LINES = (
    Line("1.1", "Euler loop", RIGHT, 2, 2, ""),
    Line("1.2", "Heun step", WRONG, 0, 2, "ValueError: a|b <img src=x> `c` $d$\n# e"),
    Line("1.3", "Brownian motion", PENDING, 0, 2, "Not done yet."),
)
REPORT = Report(LAB, LINES)


def test_the_table():
    assert REPORT.text() == (
        "lab1_simulation: 2 of 6 points for exercises\n"
        "  1.1 Euler loop        right     2/2\n"
        "  1.2 Heun step         wrong     0/2\n"
        "      ValueError: a|b <img src=x> `c` $d$\n# e\n"
        "  1.3 Brownian motion   pending   0/2\n"
        "      Not done yet."
    )


def test_the_object_has_the_documented_keys():
    found = json.loads(REPORT.json())
    assert list(found) == ["lab", "points", "max", "exercises"]
    assert (found["lab"], found["points"], found["max"]) == (LAB, 2, 6)
    assert [list(one) for one in found["exercises"]] == [["number", "title", "status", "points", "max", "sentence"]] * 3
    page = (ROOT / "docs" / "platforms.md").read_text("utf-8").split("## GitHub Classroom")[1]
    assert all(f"`{key}`" in page for key in [*found, *found["exercises"][0]])


def test_a_sentence_cannot_write_markdown():
    row = REPORT.markdown().splitlines()[5]
    assert row == (r"| 1.2 Heun step | wrong | 0/2 | ValueError: a\|b &lt;img src=x&gt; \`c\` \$d\$ # e |")


@pytest.mark.parametrize(("statuses", "code"), [([RIGHT] * 7, 0), ([RIGHT] * 6 + [PENDING], 1), ([WRONG] * 7, 1)])
@pytest.mark.parametrize("named", [True, False])
def test_exit_code_and_summary(course, statuses, code, named, monkeypatch, capsys):
    """Without a name every lab that is begun is checked."""
    save(course, notebook())
    names = list(checks.exercises("lab1"))
    found = {name: Standing(name, status) for name, status in zip(names, statuses, strict=True)}
    monkeypatch.setattr(reports, "judged", lambda *arguments, **options: found)
    monkeypatch.setenv(reports.SUMMARY, str(course / "summary.md"))
    (course / "summary.md").write_text("before\n")
    assert main(["check", *(["lab1"] if named else []), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["points"] == sum(
        2 - (i == 6) for i, status in enumerate(statuses) if status == RIGHT
    )
    assert (course / "summary.md").read_text("utf-8").startswith("before\n### lab1_simulation: ")


def test_where_no_lab_is_begun_there_is_nothing_to_check(course, capsys):
    assert main(["check"]) == 0
    assert capsys.readouterr().err == "no lab is begun\n"
