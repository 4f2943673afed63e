"""The gradebook holds every student, keeps what a person gave, and is refused where nbgrader could not read it."""

import dataclasses
import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from nbgrader import api
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text

from course_grading.drawing import draw
from course_grading.labs import exercises
from course_grading.marked import sources, work
from course_grading.marks import NO_RESPONSE, Book, Mark, check_version, default_url
from tests.support.grading_class import EXERCISES as EXERCISES_OF_LAB
from tests.support.grading_class import FULL, LAB
from tests.support.pages import ASKED, judged

QUESTIONS = [task.cell for task in ASKED.tasks if not task.exercise]
EXERCISES = [task.cell for task in ASKED.tasks if task.exercise]


def handed_in(student="anna", wrong=(), **changes):
    found = judged(student=student, **changes)
    points = {task.exercise: 0.0 if task.cell in wrong else float(task.points) for task in ASKED.tasks}
    answers = tuple(replace(answer, points=points[answer.exercise]) for answer in found.outcome.answers)
    return work(ASKED, replace(found.outcome, answers=answers), found.cells)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    with Book(default_url(folder)) as book:
        book.prepare(ASKED)
    return folder / "gradebook.db"


@pytest.fixture
def url(tmp_path, prepared):
    shutil.copy(prepared, tmp_path)
    return default_url(tmp_path)


def by_person(url, cell, points=None, comment=None, extra=None, student="anna"):
    """What the formgrader does."""
    with Gradebook(url) as book:
        grade = book.find_grade(cell, LAB, LAB, student)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = points, extra, False
        book.find_comment(cell, LAB, LAB, student).manual_comment = comment
        book.db.commit()


def marks(url, student="anna"):
    with Book(url) as book:
        return book.marks(ASKED, student)


def record(url, found, changed=()):
    with Book(url) as book:
        return book.enter(dataclasses.replace(draw(found), changed=changed))


def test_the_fake_judge_knows_the_lab():
    assert EXERCISES_OF_LAB == {e.name: (e.number, e.title, e.points) for e in exercises(LAB).values()}


def test_exercises_have_points_and_questions_wait(url):
    record(url, handed_in(wrong=EXERCISES[:1]))
    found = marks(url)
    assert [found[cell] for cell in EXERCISES] == [
        Mark(0.0),
        *(Mark(float(task.points)) for task in ASKED.tasks[1 : len(EXERCISES)]),
    ]
    assert [found[cell] for cell in QUESTIONS] == [Mark(None, waiting=True)] * 3
    with Gradebook(url) as book:
        submission = book.find_submission(LAB, "anna")
        assert (submission.score, submission.max_score, submission.needs_manual_grade) == (FULL - 2, ASKED.points, True)


def test_an_unanswered_question_has_no_points_and_waits_for_nobody(url):
    record(url, handed_in(words=dict.fromkeys(QUESTIONS[1:], "mine")))
    assert marks(url)[QUESTIONS[0]] == Mark(0.0)
    with Gradebook(url) as book:
        assert book.find_comment(QUESTIONS[0], LAB, LAB, "anna").comment == NO_RESPONSE
        assert book.find_comment(QUESTIONS[1], LAB, LAB, "anna").comment is None


def test_what_could_not_be_graded_is_in_the_book(url):
    record(url, work(ASKED, ASKED.ungraded("bo", "no notebook"), ()))
    assert set(marks(url, "bo").values()) == {Mark(0.0)}
    with Gradebook(url) as book:
        assert [student.id for student in book.students] == ["bo"]
        assert book.find_submission_notebook(LAB, LAB, "bo").flagged


def test_points_and_comments_of_a_person_stay(url):
    record(url, handed_in(wrong=EXERCISES[:1]))
    by_person(url, QUESTIONS[0], 2.5, "nearly")
    by_person(url, EXERCISES[0], 1.0, "half")
    by_person(url, QUESTIONS[1], 2.0, extra=1.0)
    record(url, handed_in(wrong=EXERCISES[:1]))
    found = marks(url)
    assert found[QUESTIONS[0]] == Mark(2.5, "nearly", by_hand=True)
    assert found[EXERCISES[0]] == Mark(1.0, "half", by_hand=True)
    assert found[QUESTIONS[1]] == Mark(3.0, by_hand=True)


def test_a_person_looks_again_where_the_answer_or_the_verdict_changed(url):
    record(url, handed_in(wrong=EXERCISES[:1]))
    for cell in (QUESTIONS[0], QUESTIONS[1], EXERCISES[0]):
        by_person(url, cell, 1.0)
    record(url, handed_in(), changed={QUESTIONS[0]})
    found = marks(url)
    assert found[QUESTIONS[0]] == Mark(1.0, by_hand=True, waiting=True)
    assert found[QUESTIONS[1]] == Mark(1.0, by_hand=True)
    assert found[EXERCISES[0]] == Mark(1.0, by_hand=True, waiting=True)


def test_recorded_twice_is_one_submission(url):
    for _ in range(2):
        record(url, handed_in())
    with Gradebook(url) as book:
        assert len(book.students) == len(book.assignment_submissions(LAB)) == 1


def test_a_row_has_the_marks_of_exactly_the_lab_and_nothing_printed(url):
    with Book(url) as book:
        book.prepare(replace_task(ASKED))
        row = book.enter(draw(handed_in(wrong=EXERCISES[:1])))
    assert list(row.marks) == EXERCISES + QUESTIONS and row.marks == marks(url)
    assert (row.total, row.waiting, dict(row.outcome.printed)) == (FULL - 2, 3, {})


def replace_task(lab):
    """The lab with one task fewer and another one, as it stood when it was graded last."""
    old = dataclasses.replace(lab.tasks[0], cell="ex-old-code")
    return dataclasses.replace(
        lab, tasks=(old, *lab.tasks[1:]), cells={**lab.cells, old.cell: lab.cells["ex-1-1-code"]}
    )


def test_another_answer_than_in_the_earlier_copy_is_looked_at_again(url):
    first = handed_in(words=dict.fromkeys(QUESTIONS, "mine"))
    copy = b""
    for found, waiting in ((first, False), (first, False), (handed_in(words={QUESTIONS[0]: "new"}), True)):
        shown = draw(found, copy)
        with Book(url) as book:
            row = book.enter(shown)
        assert row.marks[QUESTIONS[0]].waiting is waiting or row.marks[QUESTIONS[0]].points is None
        copy = shown.copy.encode()
        assert ("new" in sources(copy)[QUESTIONS[0]]) is waiting
        if not waiting:
            by_person(url, QUESTIONS[0], 1.5)
    assert row.marks[QUESTIONS[0]] == Mark(1.5, by_hand=True, waiting=True)


@pytest.mark.parametrize("before", [b"", b"\xff\xfe{"])
def test_a_person_looks_again_where_nobody_knows_what_was_marked(url, before):
    with Book(url) as book:
        book.enter(draw(handed_in()))
    by_person(url, QUESTIONS[0], 1.5)
    with Book(url) as book:
        assert book.enter(draw(handed_in(), before)).marks[QUESTIONS[0]] == Mark(1.5, by_hand=True, waiting=True)


def test_another_version_is_refused(url, tmp_path):
    with sqlite3.connect(tmp_path / "gradebook.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '50a4d84c131a'")
    before = (tmp_path / "gradebook.db").read_bytes()
    with pytest.raises(ValueError, match=r"another version of nbgrader \(revision 50a4d84c131a, .*nbgrader db upgrade"):
        Book(url)
    assert (tmp_path / "gradebook.db").read_bytes() == before


def test_what_is_no_gradebook_is_refused(tmp_path):
    (tmp_path / "gradebook.db").write_text("a letter to my grandmother, which is no database at all " * 30)
    with pytest.raises(ValueError, match="is no gradebook"):
        check_version(default_url(tmp_path))
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(ValueError, match="is no gradebook"):
        check_version(f"sqlite:///{tmp_path}/other.db")
    for url in ("nonsense", "nodatabase://x"):
        with pytest.raises(ValueError, match="expected the address of a database"):
            check_version(url)


def test_looking_makes_no_file(tmp_path):
    check_version(default_url(tmp_path))
    assert list(tmp_path.iterdir()) == []


def half_made(file: Path, count: int = 99) -> None:
    """The first tables of a gradebook, as a run that was killed while it made one left them."""
    tables = api.Base.metadata.sorted_tables
    api.Base.metadata.create_all(create_engine(f"sqlite:///{file}"), tables=tables[:count])
    if count > len(tables):
        with closing(sqlite3.connect(file)) as database:
            database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    file.touch()


@pytest.mark.parametrize("count", [0, 1, 5, 99])
def test_a_gradebook_that_was_not_made_to_its_end_is_made_anew_and_it_is_said(tmp_path, capsys, count):
    file = tmp_path / "gradebook.db"
    half_made(file, count)
    check_version(default_url(tmp_path))
    with Book(default_url(tmp_path)) as book:
        book.prepare(ASKED)
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert "held nothing yet: a run was stopped before it was whole. It is made anew." in capsys.readouterr().out


@pytest.mark.parametrize("line", ["INSERT INTO student (id) VALUES ('anna')", "CREATE TABLE recipes (name TEXT)"])
def test_what_holds_anything_is_never_made_anew(tmp_path, line):
    file = tmp_path / "gradebook.db"
    half_made(file)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(line)
    before = file.read_bytes()
    with pytest.raises(ValueError, match="is no gradebook|another version"):
        Book(default_url(tmp_path))
    assert file.read_bytes() == before


def test_a_gradebook_is_written_in_one_move_when_it_is_whole(tmp_path, monkeypatch):
    moved = []
    move = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (moved.append(Path(old).read_bytes()), move(old, new)))
    with Book(default_url(tmp_path)):
        pass
    with closing(sqlite3.connect(":memory:")) as whole:
        whole.deserialize(*moved)
        names = {name for (name,) in whole.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert names == {*api.Base.metadata.tables, "alembic_version"}
        assert len(whole.execute("SELECT * FROM alembic_version").fetchall()) == 1


def test_a_full_disk_leaves_no_gradebook(tmp_path, monkeypatch):
    def full(old, new):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        Book(default_url(tmp_path))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".lock"}


def test_a_gradebook_that_the_machine_cannot_write_says_so_in_a_sentence(url):
    with pytest.raises(ValueError, match=r"the gradebook cannot be written \(database or disk is full\).*--resume"):
        with Book(url) as book:
            pages = book.gradebook.db.execute(text("PRAGMA page_count")).scalar()
            book.gradebook.db.execute(text(f"PRAGMA max_page_count = {pages}"))
            for number in range(1000):
                book.gradebook.update_or_create_student(f"student-{number}" * 100)
