"""The formgrader's server shows and takes marks; it runs nothing, serves no file, and writes nothing else."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader import apihandlers
from tornado.web import RequestHandler

from course_grading import formgrader
from course_grading.drawing import draw
from course_grading.marks import Book, default_url
from course_grading.rights import keep
from tests.support.grading_class import LAB, ROOT
from tests.support.pages import ASKED, judged

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-the-test"
WRITING = ("POST", "PUT", "PATCH", "DELETE")
ABSENT = [
    ("POST", "/api/kernels"), ("GET", "/api/kernels"), ("GET", "/api/kernels/x/channels"), ("GET", "/api/kernelspecs"),
    ("POST", "/api/sessions"), ("GET", "/api/sessions"), ("POST", "/api/terminals"), ("GET", "/api/terminals"),
    ("GET", "/terminals/websocket/1"), ("GET", "/api/contents"), ("PUT", "/api/contents/a.py"),
    ("POST", "/api/contents"), ("GET", "/files/gradebook.db"), ("GET", "/lab"), ("GET", "/tree"),
    ("GET", "/nbconvert/html/a.ipynb"),
    ("PUT", "/api/config/nbgrader"), ("POST", "/api/shutdown"), ("POST", "/api/events"), ("GET", "/lsp/status"),
    ("PUT", "/lab/api/settings/x"), ("POST", "/lab/api/workspaces/x"), ("POST", "/lab/api/extensions"),
    ("POST", "/api/security/csp-report"), ("GET", "/formgrader/?path=/tmp"),
    ("GET", "/formgrader/submissions/x/a.html"),
    *(("POST", f"/formgrader/api/assignment/{LAB}/{verb}") for verb in
      ("assign", "unrelease", "release", "collect", "generate_feedback", "release_feedback")),
    ("POST", f"/formgrader/api/submission/{LAB}/anna/autograde"), ("GET", "/assignments"), ("POST", "/formgrader/x"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("class")
    with Book(default_url(made)) as book:
        book.prepare(ASKED)
        shown = draw(judged(words={"question-sqrt": "<div class='comment' id='question-sqrt-comment'>no</div>"}))
        book.enter(shown)
    keep(made, made / "autograded" / shown.outcome.student / LAB / f"{LAB}.ipynb", shown.copy)
    return made


@pytest.fixture(scope="module")
def server(folder):
    """Address of a real one, started as an instructor does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [
        sys.executable,
        "-m",
        "course_grading",
        "formgrader",
        "--folder",
        folder,
        "--port",
        str(port),
        "--no-browser",
    ]
    variables = {**os.environ, "JUPYTER_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(line, env=variables, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        assert process.poll() is None
        try:
            ask(address, "/api")
            break
        except OSError:
            time.sleep(0.1)
    yield address
    process.kill()
    process.wait()


def ask(server, path, method="GET", body=None, token=TOKEN):
    """Status and text of an answer."""
    request = urllib.request.Request(server + path, body and json.dumps(body).encode(), method=method)
    request.add_header("Authorization", f"token {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


@pytest.mark.parametrize(("method", "path"), ABSENT)
def test_what_starts_or_writes_something_is_not_there(server, method, path):
    assert ask(server, path, method, {} if method in WRITING else None)[0] == 404


@pytest.mark.parametrize("path", [f"/formgrader/api/assignment/{LAB}", "/formgrader/api/student/anna"])
def test_what_is_shown_cannot_be_written(server, path):
    assert ask(server, path)[0] == 200
    assert ask(server, path, "PUT", {"last_name": "x", "duedate_notimezone": None})[0] == 405


def test_points_and_comments_are_taken(server, folder):
    _, text = ask(server, "/formgrader/api/students")
    assert [student["id"] for student in json.loads(text)] == ["anna"]
    with Gradebook(default_url(folder)) as book:
        submission = book.find_submission_notebook(LAB, LAB, "anna").id
        grade, comment = (find("question-sqrt", LAB, LAB, "anna").id for find in (book.find_grade, book.find_comment))
    assert ask(server, f"/formgrader/api/grade/{grade}", "PUT", {"manual_score": 1.5})[0] == 200
    assert ask(server, f"/formgrader/api/comment/{comment}", "PUT", {"manual_comment": "The sign."})[0] == 200
    assert ask(server, f"/formgrader/api/submitted_notebook/{submission}/flag", "POST")[0] == 200
    with Book(default_url(folder)) as book:
        mark = book.marks(ASKED, "anna")["question-sqrt"]
    assert (mark.points, mark.comment, mark.waiting) == (1.5, "The sign.", False)


def test_the_pages_for_marking_are_there(server, folder):
    with Gradebook(default_url(folder)) as book:
        submission = book.find_submission_notebook(LAB, LAB, "anna").id
    for path in (
        "gradebook",
        f"gradebook/{LAB}",
        f"gradebook/{LAB}/{LAB}",
        "manage_students",
        "static/css/nbgrader.css",
    ):
        assert ask(server, f"/formgrader/{path}")[0] == 200
    status, page = ask(server, f"/formgrader/submissions/{submission}/?index=0")
    assert status == 200 and page.count('id="question-sqrt-comment"') == 1
    assert page.count('class="comment') == len(ASKED.tasks)


def test_nobody_comes_in_without_the_token(server):
    status, page = ask(server, "/formgrader/api/students", token="wrong")
    assert (status, "anna" in page, "/login" in page) == (200, False, True)
    assert ask(server, "/formgrader/api/grade/x", "PUT", {"manual_score": 3}, token="wrong")[0] == 403


def targets(router):
    for rule in router.rules:
        yield from [rule.target] if isinstance(rule.target, type) else targets(rule.target)


def test_no_handler_writes_but_those_for_marks_and_the_door(folder, monkeypatch):
    """Whatever this version of Jupyter adds."""
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    made = formgrader.Server(config=formgrader.prepare(folder))
    made.initialize([], new_httpserver=False)
    found = [*targets(made.web_app.default_router)]
    able = {
        one.__name__
        for one in found
        if any(getattr(one, verb.lower()) is not getattr(RequestHandler, verb.lower()) for verb in WRITING)
        and set(one.SUPPORTED_METHODS) & {*WRITING}
    }
    assert len(found) > 30 and apihandlers.GradeHandler in found
    door = {"LoginFormHandler", "TrailingSlashHandler"}  # the second one only takes a slash away
    assert able == {one.__name__ for one in formgrader.MARKING} | door


def test_its_own_autograde_finds_nothing(folder):
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    secret = folder / "submitted" / "anna" / "lab1_simulation" / "lab1_simulation.ipynb"
    secret.parent.mkdir(parents=True)
    secret.write_text(json.dumps({"cells": []}))
    config = formgrader.prepare(folder)
    result = NbGraderAPI(CourseDirectory(config=config), config=config).autograde("lab1_simulation", "anna")
    assert result["success"] is False and "No notebooks were matched" in result["log"]


def test_the_policy_loads_nothing_from_elsewhere(folder):
    policy = formgrader.prepare(folder).ServerApp.tornado_settings["headers"]["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "http" not in policy


def test_the_formgrader_refuses_an_ungraded_class(tmp_path):
    with pytest.raises(ValueError, match="found none: run grade first"):
        formgrader.prepare(tmp_path)
