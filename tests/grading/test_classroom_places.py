"""Where a class lies: folders of any name, disks that fill, shares that refuse, places that cannot be written."""

import errno
import json
import os
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_grading import book, classroom, saving
from course_grading.__main__ import main
from course_grading.labs import read_lab
from course_grading.marks import Book, check_version, default_url
from course_utils.storage import write_file
from tests.grading import test_classroom
from tests.grading.test_classroom import WRONG, run, small_class, totals
from tests.grading.test_intake import zipped
from tests.support.grading_class import FULL, LAB, fake_judge, notebook

pytestmark = pytest.mark.slow
cluster = test_classroom.cluster

NAMES = ["My%20Class", "what?", "a#b", "[x]*", "50%", "a b;c&d=e", "Klasse Ä@:7", "~", "%3F", "'q\"", "a+b"]


@pytest.mark.parametrize("name", NAMES)
def test_the_gradebook_of_a_folder_of_any_name_lies_in_it(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    with Book(default_url(folder)) as made:
        made.prepare(read_lab(LAB))
    with Gradebook(default_url(str(folder))) as made:
        assert [assignment.name for assignment in made.assignments] == [LAB]
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.db")] == [Path(name, "gradebook.db")]
    assert sorted(os.listdir(tmp_path)) == [name]
    assert check_version(default_url(tmp_path / f"no {name}")) is None


def test_a_class_in_a_folder_of_an_odd_name(tmp_path, cluster):
    folder = small_class(tmp_path / "a%20b? #[1]*")
    assert totals(run(folder, cluster)) == {"s00": FULL, "s01": FULL - 2, "s02": FULL - 2}
    assert os.listdir(tmp_path) == [folder.name] and (folder / "gradebook.db").stat().st_size > 10_000


@pytest.fixture
def source(tmp_path):
    kinds = {"anna": notebook(), "bo": notebook(WRONG), "cy": notebook(), "di": notebook(WRONG)}
    files = {f"{name}/{LAB}.ipynb": json.dumps(made).encode() for name, made in kinds.items()}
    return zipped(tmp_path / "class.zip", {**files, "ed/x.pdf": b"words"})


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_disk_that_is_full_while_checking_in_costs_nobody(tmp_path, cluster, monkeypatch, source, number, capsys):
    """Whatever was copied, `--resume` alone ends as an undisturbed run does."""
    run(tmp_path / "whole", cluster, source=str(source))
    move = os.replace
    seen = iter(range(99))

    def replace(*names):
        if next(seen) >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        move(*names)

    folder = tmp_path / "class"
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(os, "replace", replace)
        run(folder, cluster, source=str(source))
    capsys.readouterr()
    rows = run(folder, cluster, resume=True)
    assert "5 people in the source, 5 rows, without a notebook: ed\n" in capsys.readouterr().out
    assert totals(rows) == {"anna": FULL, "bo": FULL - 2, "cy": FULL, "di": FULL - 2, "ed": 0}
    for name in ("grades.csv", f"report-{LAB}.html", f"grading/{LAB}/intake.json"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_is_left_of_another_source_is_not_asked_for(tmp_path, cluster, source):
    write_file(tmp_path / "class" / "grading" / LAB / "checking-in", os.fsencode(tmp_path / "gone.zip"))
    with pytest.raises(ValueError, match="gone.zip was interrupted, and it is gone"):
        run(tmp_path / "class", cluster, resume=True)
    assert len(run(tmp_path / "class", cluster, source=str(source))) == 5
    assert len(run(tmp_path / "class", cluster, resume=True)) == 5


def refuse(*args, **options):
    raise PermissionError(1, "Operation not permitted")


def test_a_share_that_refuses_every_chmod_is_graded(tmp_path, cluster, monkeypatch):
    for module, name in ((os, "chmod"), (Path, "chmod"), (os, "fchmod")):
        monkeypatch.setattr(module, name, refuse)
    folder = small_class(tmp_path / "class", 2)
    assert totals(run(folder, cluster)) == {"s00": FULL, "s01": FULL - 2}
    secret = [folder / "grading" / LAB / name for name in ("run.json", "outcomes/s00.json")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in secret)


@pytest.mark.parametrize("name", ["grades.csv", f"report-{LAB}.html", "feedback", "autograded"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, cluster, monkeypatch, capsys, name):
    folder = small_class(tmp_path / "class", 1)
    if "." in name:
        (folder / name).mkdir()
    else:
        (folder / name).write_text("")
    monkeypatch.setattr(classroom, "judge_all", lambda *args, **options: pytest.fail("judged"))
    with pytest.raises(ValueError, match="expected a file that can be written, got"):
        run(folder, cluster, fake_judge)
    assert main(["grade", LAB, "--folder", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("error: expected a file that can be written, got")


def test_solutions_and_book_that_cannot_be_written_are_refused_before_they_run(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    monkeypatch.setattr(saving, "run", lambda *args: pytest.fail("ran"))
    place = tmp_path / "solutions" / LAB / f"{LAB}.ipynb"
    write_file(place, json.dumps(notebook()))
    write_file(tmp_path / "dist" / "book", "a file where the folder should be")
    with pytest.raises(ValueError, match="expected a file that can be written"):
        book.build(tmp_path)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    with pytest.raises(ValueError, match="expected a file that can be written.*Operation not permitted"):
        saving.execute([LAB], tmp_path)
