"""How exercises stand is remembered, whoever writes at the same time and whatever stands in the file."""

import json
import subprocess
import sys

import pytest

from course_utils import checks, progress
from course_utils.checks import CheckFailed
from course_utils.progress import Result

EULER = checks.lab1.euler


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(progress, "_said", set())
    return tmp_path / "home"


def entries():
    return [json.loads(line) for line in progress.file().read_text("utf-8").splitlines()]


def test_what_a_check_said_is_remembered(capsys):
    assert progress.recall() == {}
    with pytest.raises(CheckFailed):
        EULER(lambda field, x0, n: x0)
    assert progress.recall() == {"lab1.euler": Result(right=False, last=False)}
    EULER(EULER.oracle)
    assert progress.recall() == {"lab1.euler": Result(right=True, last=True)}
    with pytest.raises(CheckFailed):
        EULER(lambda field, x0, n: x0)
    assert progress.recall() == {"lab1.euler": Result(right=True, last=False)}
    assert "Progress" not in capsys.readouterr().out


def test_what_changes_nothing_is_not_written():
    for _ in range(3):
        EULER(EULER.oracle)
    assert [entry["exercise"] for entry in entries()] == ["lab1.euler"]


def test_an_answer_that_is_not_done_is_neither_right_nor_wrong():
    def euler(field, x0, n):
        raise NotImplementedError

    EULER(euler)
    assert progress.recall() == {} and not progress.file().exists()


def test_a_check_that_a_tool_makes_is_not_remembered():
    EULER.check(EULER.oracle)
    assert progress.recall() == {}


def test_notebooks_that_are_open_at_once_lose_nothing(home):
    code = "from course_utils import progress\nfor i in range(200): progress.remember(f'lab1.{NAME}{i}', right=True)"
    runs = [subprocess.Popen([sys.executable, "-c", f"NAME = {name!r}\n{code}"]) for name in "ab"]
    assert [run.wait() for run in runs] == [0, 0]
    assert set(progress.recall()) == {f"lab1.{name}{i}" for name in "ab" for i in range(200)}


def test_a_line_that_a_crash_cut_off_costs_that_line_alone(capsys):
    progress.remember("lab1.euler", right=True)
    with progress.file().open("a") as lines:
        lines.write('{"exercise": "lab1.heun')
    assert progress.recall() == {"lab1.euler": Result(True, True)}
    assert "it is kept as progress.broken-1.jsonl, and 1 results of it go on" in capsys.readouterr().out
    assert '"lab1.heun' in progress.file().with_name("progress.broken-1.jsonl").read_text()
    progress.remember("lab1.heun_step", right=True)
    assert set(progress.recall()) == {"lab1.euler", "lab1.heun_step"}
    assert capsys.readouterr().out == ""


FOREIGN = ["[1, 2]\n", "\x00\x01", '{"exercise": "lab1.euler", "right": true}\n', '{"version": 1}\n', "[" * 100_000]


@pytest.mark.parametrize("content", FOREIGN, ids=range(len(FOREIGN)))
def test_a_file_of_something_else_is_set_aside_and_kept(home, content, capsys):
    home.mkdir()
    progress.file().write_text(content)
    for number in (1, 2):
        progress.remember("lab1.euler", right=True)
        assert progress.recall() == {"lab1.euler": Result(True, True)}
        assert progress.file().with_name(f"progress.broken-{number}.jsonl").read_text() == content
        progress.file().write_text(content)


def test_a_file_of_a_newer_version_is_left_alone(home, capsys):
    home.mkdir()
    newer = json.dumps({"version": 2, "exercise": "lab1.euler", "right": "half"}) + "\nanything\n"
    progress.file().write_text(newer)
    EULER(EULER.oracle)
    EULER(EULER.oracle)
    assert progress.recall() == {}
    said = capsys.readouterr().out
    assert said.count("Progress: this result is not remembered: it was written by a newer version of the course") == 1
    assert "right ✓" in said and progress.file().read_text() == newer


def test_where_nothing_can_be_written_the_check_still_says_what_it_says(home, capsys):
    home.write_text("a file where the folder should be")
    for _ in range(2):
        EULER(EULER.oracle)
    said = capsys.readouterr().out
    assert said.count("1.1 Euler loop: right ✓") == 2
    assert said.count("Progress: this result is not remembered: ") == 1


def test_the_report_lists_every_exercise_of_every_lab(capsys):
    EULER(EULER.oracle)
    with pytest.raises(CheckFailed):
        checks.lab1.heun_step(lambda field, x, t, h: x)
    with pytest.raises(CheckFailed):
        EULER(lambda field, x0, n: x0)
    capsys.readouterr()
    checks.progress()
    lines = capsys.readouterr().out.splitlines()
    count = sum(len(checks.exercises(lab)) for lab in checks.LABS)
    assert len(lines) == len(checks.LABS) + count
    assert lines[0].startswith("Lab 1: simulating ODEs and SDEs ") and lines[0].endswith(
        f"1 of {len(checks.exercises('lab1'))}"
    )
    assert lines[1].split("  ")[-1].strip() == "right before, wrong at the last try"
    assert lines[2].split("  ")[-1].strip() == "wrong at the last try"
    assert sum(line.endswith("not tried") for line in lines) == count - 2


def test_other_inputs_are_drawn_from_another_seed(capsys):
    seen = []

    def euler(field, x0, n):
        seen.append(x0)
        return EULER.oracle(field, x0, n)

    EULER(euler)
    usual, seen = seen, []
    EULER(euler, seed=7)
    assert not any(a.shape == b.shape and (a == b).all() for a in usual for b in seen)
    assert capsys.readouterr().out.splitlines() == [
        "1.1 Euler loop: right ✓",
        "1.1 Euler loop, inputs of seed 7: right ✓",
    ]


@pytest.mark.parametrize("seed", [0, -1])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="expected a whole number from 1 on as seed, got"):
        EULER(EULER.oracle, seed=seed)
