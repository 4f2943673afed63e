"""What the course writes into a class's folder is for its owner, unless the owner opened the folder."""

import os
from pathlib import Path

import pytest

from course_grading import rights
from course_grading.drawing import draw
from course_grading.marks import Book, default_url
from course_grading.rights import keep, own_folder
from tests.support.grading_class import LAB
from tests.support.pages import ASKED, judged


def mode(path):
    return oct(path.stat().st_mode & 0o7777)


def made(path, rights_of_it):
    path.mkdir(parents=True)
    path.chmod(rights_of_it)
    return path


@pytest.fixture(autouse=True, params=[0o022, 0o002, 0o000, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_a_new_class_is_for_its_owner(tmp_path):
    top = tmp_path / "class"
    file = keep(top, top / "feedback" / "anna" / "lab.html", "text")
    assert [mode(path) for path in (top, top / "feedback", file.parent)] == ["0o700"] * 3
    assert mode(file) == mode(keep(top, top / "grades.csv", "text")) == "0o600"


@pytest.mark.parametrize("open_to", [0o700, 0o755, 0o750, 0o1777])
def test_a_folder_that_others_may_only_read_gives_them_nothing(tmp_path, open_to):
    top = made(tmp_path / "class", open_to)
    file = keep(top, top / "feedback" / "lab.html", "text")
    assert (mode(top), mode(file.parent), mode(file)) == (oct(open_to), "0o700", "0o600")
    assert mode(keep(top, top / "grades.csv", "text")) == "0o600"


@pytest.mark.parametrize(
    ("open_to", "folder", "file"), [(0o770, 0o770, 0o660), (0o775, 0o770, 0o660), (0o777, 0o777, 0o666)]
)
def test_who_may_write_in_the_class_shares_it(tmp_path, open_to, folder, file):
    top = made(tmp_path / "class", open_to)
    written = keep(top, top / "feedback" / "anna" / "lab.html", "text")
    assert [mode(path) for path in (written.parent.parent, written.parent, written)] == [
        oct(folder),
        oct(folder),
        oct(file),
    ]
    assert mode(top) == oct(open_to) and mode(keep(top, top / "grades.csv", "text")) == oct(file)


@pytest.mark.parametrize(("open_to", "file"), [(0o750, 0o640), (0o755, 0o644), (0o710, 0o600)])
def test_a_folder_that_the_owner_opened_stays_open(tmp_path, open_to, file):
    top = tmp_path / "class"
    old = keep(top, top / "feedback" / "old.html", "text")
    (top / "feedback").chmod(open_to)
    new = keep(top, top / "feedback" / "anna" / "lab.html", "text")
    assert [mode(path) for path in (top / "feedback", new.parent, new)] == [oct(open_to), oct(open_to), oct(file)]
    assert mode(old) == "0o600" and mode(keep(top, old, "again")) == oct(file)


def test_a_share_that_refuses_rights_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*given, **more):
        raise PermissionError("no")

    for name in ("chmod", "lchmod"):
        monkeypatch.setattr(Path, name, refuse, raising=False)
        monkeypatch.setattr(os, name, refuse, raising=False)
    top = tmp_path / "class"
    assert keep(top, top / "feedback" / "anna" / "lab.html", "text").read_text() == "text"
    assert mode(top / "feedback" / "anna" / "lab.html") == "0o600"


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    there = made(tmp_path / "class" / "grading", 0o711)
    assert own_folder(tmp_path / "class", there) == there and mode(there) == "0o711"


def test_gradebook_and_copies(tmp_path):
    top = tmp_path / "class"
    own_folder(top, top)
    with Book(default_url(top)) as book:
        book.prepare(ASKED)
        shown = draw(judged())
        book.enter(shown)
    copy = keep(top, top / "autograded" / "anna" / LAB / f"{LAB}.ipynb", shown.copy)
    assert mode(top / "gradebook.db") == "0o600"
    assert mode(top / "autograded" / "anna") == "0o700"
    assert mode(copy) == "0o600"
    assert rights.rights_of_file(top, top) == 0o600
