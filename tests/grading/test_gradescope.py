"""What is uploaded to Gradescope, and what their page gets: their format, the intake's rules, nobody blamed for us."""

import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from course_grading.gradescope import autograde
from course_grading.gradescope.archive import archive, requirements, write_archive
from course_grading.gradescope.results import FAILED, as_json, failed, results
from course_grading.labs import read_lab
from course_grading.model import Answer, Limits, Status
from course_grading.sandbox import host
from course_grading.sandbox.box import SandboxError
from course_grading.sandbox.guest.messages import Walls
from tests.support.grading_class import FULL, LAB, ROOT, fake_judge, notebook

WHOLE = {"score", "output", "execution_time", "stdout_visibility", "tests"}
TEST = {"number", "name", "score", "max_score", "status", "output", "visibility"}
"""Keys of their documentation that are used here; of the second, those of every test."""

BAD = {
    "nothing": ({}, "no notebook"),
    "a PDF": ({"report.pdf": b"%PDF-1.4"}, "no notebook, only report.pdf"),
    "two notebooks": ({"a.ipynb": b"{}", "b.ipynb": b"{}"}, "several notebooks: a.ipynb, b.ipynb"),
    "a huge one": ({"a.ipynb": bytes(21 << 20)}, "a.ipynb has more than 20 MB: clear its outputs"),
    "a damaged one": ({"a.ipynb": b'{"cells": ['}, "the file is not a notebook: it cannot be read as JSON"),
    "an empty one": ({"a.ipynb": b""}, "the file is empty"),
    "too many parts": ({"a.ipynb": b"[" * 600_000}, "the file has too many parts for a notebook"),
    "a damaged zip": ({"a.zip": b"PK\x03\x04"}, "a.zip cannot be read as a zip (File is not a zip file)"),
}


@pytest.fixture(scope="module")
def packed() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive(LAB))) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Their folders, and a repository with one lab; nothing runs."""
    for name in ("submission", "results"):
        (tmp_path / name).mkdir()
    released = tmp_path / "root" / "labs" / LAB / f"{LAB}.ipynb"
    released.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / "labs" / LAB / f"{LAB}.ipynb", released)
    monkeypatch.setattr(autograde, "judge", fake_judge)
    monkeypatch.setattr(autograde, "warm_sandbox", lambda limits: None)
    return tmp_path


def graded(place: Path, files: dict[str, bytes]) -> dict:
    """What `results.json` holds in the end."""
    for name, content in files.items():
        (place / "submission" / name).write_bytes(content)
    autograde.autograde(place, place / "root")
    file = place / "results" / "results.json"
    assert file.stat().st_mode & 0o777 == 0o600
    return json.loads(file.read_text("utf-8"))


def test_the_archive_holds_one_lab_and_no_solution_seed_or_student(packed: dict[str, bytes]):
    assert {"setup.sh", "run_autograder", "requirements.txt", "constraints.txt", "failed.json"} <= set(packed)
    assert [name for name in packed if name.endswith(".ipynb")] == [f"labs/{LAB}/{LAB}.ipynb"]
    parts = {part for name in packed for part in name.split("/")}
    assert not parts & {"solutions", "tests", "grading", "submitted", "gradebook.db", "run.json", "dist", "__pycache__"}
    assert not any(b"BEGIN SOLUTION" in data for name, data in packed.items() if name.endswith(".ipynb"))
    assert json.loads(packed["failed.json"]) == failed()


def test_the_archive_is_the_same_twice_and_its_programs_can_be_run(tmp_path: Path):
    written = write_archive(LAB, tmp_path / "a.zip")
    assert written.read_bytes() == archive(LAB)
    with zipfile.ZipFile(written) as opened:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in opened.infolist()}
    assert {name for name, mode in modes.items() if mode == 0o755} == {"setup.sh", "run_autograder"}


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_programs_are_bash(packed: dict[str, bytes], name: str):
    assert packed[name].startswith(b"#!/bin/bash\n") and b"\r" not in packed[name]
    subprocess.run(["bash", "-n"], input=packed[name], check=True)


def test_an_unknown_lab_has_no_archive(tmp_path: Path):
    with pytest.raises(ValueError, match="unknown lab 'lab99'"):
        write_archive("lab99", tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())


def test_packages_have_the_ranges_of_the_course():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    lines = requirements(project)
    assert all(f'"{line}"' in project for line in lines)
    names = {re.split("[^a-z-]", line)[0] for line in lines}
    assert {"torch", "ipython", "msgspec", "pyseccomp"} <= names
    assert not names & {"jupyterlab", "nbgrader", "dask", "sphinx", "pytest"}


def test_a_right_submission_in_their_form(place: Path):
    found = graded(place, {f"{LAB}.ipynb": json.dumps(notebook()).encode()})
    assert set(found) == WHOLE and found["score"] == FULL and found["stdout_visibility"] == "hidden"
    *tests, hidden = found["tests"]
    assert [test["number"] for test in tests] == [f"1.{i}" for i in range(1, 8)]
    assert all(set(test) == TEST and test["visibility"] == "visible" for test in tests)
    assert {(test["score"], test["max_score"], test["status"]) for test in tests} == {
        (2, 2, "passed"),
        (1, 1, "passed"),
    }
    assert hidden["visibility"] == "hidden" and "score" not in hidden
    assert found["output"] == "3 questions in words, 8 points, are marked by hand."


def test_a_wrong_answer_has_the_sentence_of_its_mistake(place: Path):
    wrong = notebook({"heun_step": "def heun_step(field, x, t, h):\n    return 'wrong'"})
    found = graded(place, {"mine.ipynb": json.dumps(wrong).encode()})
    test = found["tests"][1]
    assert (test["score"], test["status"], found["score"]) == (0, "failed", FULL - 2)
    assert test["output"] == "Not right. Likely cause: <b>one step</b> is missing."
    assert "wrong file name: mine.ipynb" in found["tests"][-1]["output"]


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_graded_gets_a_sentence_and_no_points(place: Path, what: str):
    files, sentence = BAD[what]
    found = graded(place, files)
    assert found["output"] == f"Nothing could be graded: {sentence}."
    assert found["score"] == 0 and {test.get("score", 0) for test in found["tests"]} == {0}


def test_a_link_is_not_followed(place: Path):
    (place / "submission" / "a.ipynb").symlink_to(ROOT / "labs" / LAB / f"{LAB}.ipynb")
    assert "a.ipynb is a symbolic link" in graded(place, {})["output"]


def test_who_is_judged_twice_has_other_inputs_and_the_seed_is_told_nowhere(place: Path, monkeypatch, capsys):
    seeds = []

    def judge(*arguments, seed, **options):
        seeds.append(seed)
        return fake_judge(*arguments, seed=seed, **options)

    monkeypatch.setattr(autograde, "judge", judge)
    files = {f"{LAB}.ipynb": json.dumps(notebook()).encode()}
    told = [json.dumps(graded(place, files)) for _ in range(2)]
    assert len({*seeds}) == 2 and min(seeds) >= 0
    assert not any(str(seed) in capsys.readouterr().out + "".join(told) for seed in seeds)


@pytest.mark.parametrize("how", ["raises", "has no sandbox", "is in doubt"])
def test_where_the_grader_fails_there_are_no_points_not_even_none(place: Path, monkeypatch, how: str):
    """Without a score and without tests, Gradescope reports an error: a zero would count."""
    tried = []

    def broken(*arguments, student, lab, **options):
        tried.append(student)
        if how == "raises":
            raise RuntimeError("a bug")
        return read_lab(lab).ungraded(student, "not graded, through no fault of the student", final=False)

    def none(limits):
        raise SandboxError("nothing runs here")

    monkeypatch.setattr(autograde, "judge", broken)
    if how == "has no sandbox":
        monkeypatch.setattr(autograde, "warm_sandbox", none)
    found = graded(place, {f"{LAB}.ipynb": json.dumps(notebook()).encode()})
    assert found == {"output": FAILED, "stdout_visibility": "hidden"}
    assert len(tried) == {"raises": 1, "has no sandbox": 0, "is in doubt": autograde.TRIES}[how]


def test_namespaces_are_tried_first(place: Path, monkeypatch):
    tried = []

    def warm(limits: Limits):
        tried.append(limits.apart)
        if not limits.apart:
            raise SandboxError("No permissions to create new namespace")

    monkeypatch.setattr(autograde, "warm_sandbox", warm)
    found = graded(place, {f"{LAB}.ipynb": json.dumps(notebook()).encode()})
    assert tried == [False, True] and found["score"] == FULL


def test_output_of_other_alphabets_is_one_json_file():
    lab = read_lab(LAB)
    outcome = lab.ungraded("x", "no notebook, only отчёт “1”.pdf")
    assert json.loads(as_json(results(lab, outcome, 1.25)))["output"].endswith("отчёт “1”.pdf.")
    answer = Answer("f", "1.1", "Title", 0.0, 2.0, Status.WRONG, "A sentence.")
    told = results(lab, lab.ungraded("x", "y").__class__("x", LAB, (answer,)), 0.0)["tests"][0]["output"]
    assert told == "Not right. A sentence."


def test_two_containers_of_one_machine_hardly_share_a_user(monkeypatch):
    monkeypatch.setattr(host.os, "geteuid", lambda: 0)
    users = []
    for _ in range(5):
        host._user_apart.cache_clear()
        users.append(host.user(Walls.USER))
    assert len({*users}) == 5 and all(user % 2 == 0 and user != 65_534 for user in users)
    assert all(0x60000000 <= user < host.FIRST_USER - 1 or 40_000 <= user < 60_000 for user in users)
    assert host.user(Walls.USER) == users[-1]  # what an earlier sandbox of this process left is its own
    host._user_apart.cache_clear()


def test_an_ordinary_user_cannot_run_code_as_another(monkeypatch):
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxError, match="Only root"):
        host.user(Walls.USER)
    assert host.user(Walls.NAMESPACES) is None


def test_the_time_of_two_runs_is_less_than_gradescope_gives():
    [bound] = re.findall(
        r"timeout --kill-after=(\d+) (\d+)", (ROOT / "course_grading/gradescope/run_autograder").read_text()
    )
    assert sum(map(int, bound)) < 600
    assert autograde.TRIES * autograde.LIMITS.notebook_seconds < int(bound[1])
