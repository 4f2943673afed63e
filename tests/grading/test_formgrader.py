"""The formgrader's server can run nothing that students wrote."""

import json
import os
import sys

import pytest
from traitlets.config import PyFileConfigLoader

from course_grading import formgrader
from course_grading.marks import Book, default_url

pytestmark = pytest.mark.slow


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
