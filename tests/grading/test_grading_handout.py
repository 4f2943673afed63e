"""What students get holds no solution and no seed; the formgrader's server can run nothing that they wrote."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from traitlets.config import PyFileConfigLoader

from course_grading import formgrader
from course_grading.handout import FILES, FOLDERS, student_zip, write_student_zip
from course_grading.marks import Book, default_url
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


@pytest.fixture
def prepared(tmp_path):
    (tmp_path / "class" / "autograded").mkdir(parents=True)
    with Book(default_url(tmp_path / "class")):
        pass
    line, variables = formgrader.prepare(tmp_path / "class")
    place = tmp_path / "class" / "grading" / "formgrader"
    return line, variables, place, PyFileConfigLoader("nbgrader_config.py", str(place)).load_config()


def test_the_formgrader_cannot_run_what_students_wrote(prepared):
    line, variables, place, config = prepared
    assert line[:3] == [sys.executable, "-m", "jupyterlab"] and variables["JUPYTER_CONFIG_DIR"] == str(place)
    folder = place.parents[1]
    assert config.CourseDirectory.root == str(folder)
    assert config.CourseDirectory.db_url == default_url(folder)
    assert not (folder / config.CourseDirectory.submitted_directory).exists()
    assert config.KernelSpecManager.allowed_kernelspecs == ["none"]
    assert config.ServerApp.terminals_enabled is False
    policy = config.ServerApp.tornado_settings["headers"]["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "http" not in policy


def test_its_own_autograde_finds_nothing(prepared):
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    _, _, place, config = prepared
    secret = place.parents[1] / "submitted" / "anna" / "lab1_simulation" / "lab1_simulation.ipynb"
    secret.parent.mkdir(parents=True)
    secret.write_text(json.dumps({"cells": []}))
    result = NbGraderAPI(CourseDirectory(config=config), config=config).autograde("lab1_simulation", "anna")
    assert result["success"] is False and "No notebooks were matched" in result["log"]


def test_the_formgrader_refuses_an_ungraded_class(tmp_path):
    with pytest.raises(ValueError, match="found none: run grade first"):
        formgrader.prepare(tmp_path)


def test_starting_becomes_jupyterlab(prepared, monkeypatch):
    folder = prepared[2].parents[1]
    started = []
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    formgrader.start(folder, None, ["--port=1"])
    assert started[0][1][-1] == "--port=1" and os.getcwd() == str(folder)
