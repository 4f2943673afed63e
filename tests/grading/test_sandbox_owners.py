"""What a killed grader left is found; what belongs to a living one, to another user or to somebody else stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_grading.sandbox import owners
from course_grading.sandbox.host import _new_folder

MAKE = """
import sys, pathlib
from course_grading.sandbox import owners
pathlib.Path(sys.argv[1], owners.own_name()).mkdir()
"""


def left_by_another(folder: Path) -> Path:
    """What a process made that has ended."""
    before = {*folder.iterdir()}
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, cwd=Path(__file__).parents[2])
    [made] = {*folder.iterdir()} - before
    return made


def test_what_a_process_that_has_ended_left_is_found(tmp_path):
    old = left_by_another(tmp_path)
    (tmp_path / owners.own_name()).mkdir()
    (tmp_path / "course-grader-notes-of-my-own-x").mkdir()
    assert list(owners.abandoned(tmp_path)) == [old]


def test_a_number_that_another_process_has_now_is_not_its_owner(tmp_path):
    mine = tmp_path / owners.own_name()
    space, process, start, word = mine.name.removeprefix("course-grader-").split("-")
    assert process == str(os.getpid())
    old = tmp_path / f"course-grader-{space}-{process}-{int(start) - 1}-{word}"
    for path in (mine, old, tmp_path / f"course-grader-{int(space) + 1}-{process}-{int(start) - 1}-{word}"):
        path.mkdir()
    assert list(owners.abandoned(tmp_path)) == [old]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_another_user_left_stays(tmp_path):
    os.chown(left_by_another(tmp_path), 54321, 54321)
    assert list(owners.abandoned(tmp_path)) == []


def test_a_new_folder_takes_the_place_of_those_that_were_left(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old = left_by_another(tmp_path)
    (old / "guest").mkdir()
    (old / "guest" / "file").write_text("x")
    made = _new_folder()
    assert [*tmp_path.iterdir()] == [made] and oct(made.stat().st_mode & 0o777) == "0o700"
