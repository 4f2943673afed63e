"""What students get holds no solution, no grader and no seed."""

import io
import shutil
import subprocess
import sys
import zipfile

import pytest

from course_grading.handout import FILES, FOLDERS, student_zip, write_student_zip
from tests.support.grading_class import ROOT


@pytest.fixture(scope="module")
def handed_out():
    with zipfile.ZipFile(io.BytesIO(student_zip())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_archive_is_the_same_twice(tmp_path):
    assert student_zip() == student_zip()
    for path in ("labs", "solutions", *FOLDERS):
        shutil.copytree(ROOT / path, tmp_path / path, copy_function=shutil.copyfile)
    for path in FILES:
        shutil.copyfile(ROOT / path, tmp_path / path)
    assert write_student_zip(tmp_path).read_bytes() == student_zip()


def test_it_holds_what_students_need(handed_out):
    needed = ["README.md", "course.py", "pyproject.toml", "constraints.txt", "environment.yml"]
    package = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    needed += [path.relative_to(ROOT).as_posix() for path in package if "__pycache__" not in path.parts]
    needed += [path.relative_to(ROOT).as_posix() for path in (ROOT / "labs").glob("*/*.ipynb")]
    assert {f"course/{name}" for name in needed} <= set(handed_out)


def test_it_holds_no_solution_and_nothing_of_a_class(handed_out):
    parts = {part for name in handed_out for part in name.split("/")}
    absent = {"solutions", "tests", "course_grading", "benchmarks", "submitted", "autograded", "gradebook.db"}
    assert not parts & {*absent, "run.json", "dist", ".git"}
    notebooks = [data for name, data in handed_out.items() if name.endswith(".ipynb")]
    assert notebooks and not any(b"BEGIN SOLUTION" in data for data in notebooks)


def test_it_runs_where_it_is_unpacked(handed_out, tmp_path):
    for name, data in handed_out.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    for line, said in {
        ("course.py", "--help"): "python course.py lab",
        ("-c", "import course_utils; print(course_utils.__file__)"): str(tmp_path),
    }.items():
        options = {"cwd": tmp_path / "course", "capture_output": True, "text": True, "check": True}
        assert said in subprocess.run([sys.executable, *line], **options).stdout


def test_without_labs_nothing_is_handed_out(tmp_path):
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions", copy_function=shutil.copyfile)
    with pytest.raises(ValueError, match="found none: run release"):
        student_zip(tmp_path)
