"""A class's sheet gives points, weights and deadlines; what is not as it should be is refused with file and key."""

import shutil
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from nbgrader.api import Gradebook

from course_grading.drawing import draw
from course_grading.labs import released
from course_grading.late import Late
from course_grading.marked import work
from course_grading.marks import Book, default_url
from course_grading.pages.feedback import feedback
from course_grading.pages.spreadsheet import read as read_table
from course_grading.pages.table import grades_csv
from course_grading.sheet import LabSheet, Sheet, scaled
from tests.support.grading_class import FULL, LAB
from tests.support.pages import ASKED, WRONG, judged

OTHER = "lab2_flow_matching"
BERLIN = ZoneInfo("Europe/Berlin")
EXAMPLE = """
name = "Generative models, spring 2027"
timezone = "Europe/Berlin"
[late]
grace = "15 min"
per_day = 0.1
at_most = 3
[labs.lab1_simulation]
deadline = 2027-02-12T23:59:00
weight = 2
points = { "1.4" = 3, "Q1" = 0 }
[labs.lab2_flow_matching]
late = { per_day = 0.5 }
"""


def read(folder, text):
    (folder / "class.toml").write_text(text, "utf-8")
    return Sheet.read(folder)


def test_without_a_file_all_is_as_the_labs_have_it(tmp_path):
    sheet = Sheet.read(tmp_path / "nowhere")
    assert list(sheet.labs) == list(released()) and {*map(str, sheet.labs.values())} == {str(LabSheet())}
    assert sheet.labs[LAB].of(ASKED) == ASKED
    assert read(tmp_path, "\ufeffname = 'x'\n") == Sheet("x", sheet.labs)


def test_the_example(tmp_path):
    sheet = read(tmp_path, EXAMPLE)
    first, second = sheet.labs[LAB], sheet.labs[OTHER]
    assert sheet.name == "Generative models, spring 2027"
    assert first.points == {"1.4": 3, "Question 1": 0} and first.weight == 2
    assert first.deadline == datetime(2027, 2, 12, 22, 59, tzinfo=UTC)
    assert first.late == Late(timedelta(minutes=15), 0.1, 3)
    assert (second.late, second.deadline) == (Late(timedelta(minutes=15), 0.5, 3), None)
    assert {name for name, lab in sheet.labs.items() if lab.weight} == {LAB, OTHER}


def test_a_deadline_with_an_offset_needs_no_zone(tmp_path):
    text = "[labs.lab1_simulation]\ndeadline = 2027-02-12T23:59:00-05:00\n"
    assert read(tmp_path, text).labs[LAB].deadline == datetime(2027, 2, 13, 4, 59, tzinfo=UTC)
    moved = read(tmp_path, f'timezone = "Europe/Berlin"\n{text}').labs[LAB].deadline
    assert moved == datetime(2027, 2, 13, 4, 59, tzinfo=UTC) and moved.tzinfo == BERLIN


def test_an_hour_that_comes_twice_ends_with_the_second(tmp_path):
    text = 'timezone = "Europe/Berlin"\n[labs.lab1_simulation]\ndeadline = 2027-10-31T02:30:00\n'
    assert read(tmp_path, text).labs[LAB].deadline.astimezone(UTC) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


L1 = "[labs.lab1_simulation]\n"
WRONG_SHEETS = {
    "no end": ("name = 'x'\nlate =", "expected TOML, got: Invalid value (at the end, line 2)"),
    "no TOML": ("name = 'x'\n\nweight 1\n", "(at line 3, column 8)"),
    "a key twice": ("name = 'x'\nname = 'y'\n", "(at line 2, column 11)"),
    "an unknown key": ("zone = 1", "unknown key 'zone', expected one of: name, timezone, late, labs"),
    "an unknown key of a lab": (f"{L1}dedline = 1", "'dedline' in labs.lab1_simulation, expected one of: deadline, "),
    "an unknown key of the rule": ("[late]\nperday = 1", "'perday' in late, expected one of: grace, per_day, at_most"),
    "an unknown lab": ("[labs.lab1]", "unknown lab 'lab1' in labs, expected one of: lab1_simulation, lab2_"),
    "the lab that was meant": ("[labs.lab1]", "(did you mean lab1_simulation?)"),
    "an unknown task": (f'{L1}points = {{ "1.44" = 1 }}', "unknown task '1.44' in labs.lab1_simulation.points, expe"),
    "a number without quotes": (f"{L1}points = {{ 1.4 = 3 }}", "in quotes, such as \"1.4\" as labs.lab1_simulation.p"),
    "negative points": (f'{L1}points = {{ "1.4" = -1 }}', "a number from 0 to 1000 as labs.lab1_simulation.points.1.4"),
    "points without end": (f'{L1}points = {{ "1.4" = inf }}', "points.1.4, got inf"),
    "points that are no number": (f'{L1}points = {{ "1.4" = true }}', "points.1.4, got True"),
    "a task twice": (f'{L1}points = {{ Q1 = 1, "Question 1" = 2 }}', "one number for Question 1 in labs.lab1_simulat"),
    "no points": (f"{L1}points = {{ {{}} }}".replace("{}", ", ".join(f'"{task.number}" = 0' for task in ASKED.tasks)),
                  "expected points above 0 for one of the tasks as labs.lab1_simulation.points"),
    "a negative weight": (f"{L1}weight = -1", "a number from 0 to 1000 as labs.lab1_simulation.weight, got -1"),
    "no weight": (f"{L1}weight = 0", "expected a weight above 0 for one of the labs, got none"),
    "per_day": ("[late]\nper_day = 1.5", "expected a number from 0 to 1 as late.per_day, got 1.5"),
    "per_day of a lab": (f"{L1}late = {{ per_day = 'x' }}", "as labs.lab1_simulation.late.per_day, got 'x'"),
    "grace": ("[late]\ngrace = 15", "expected a time such as '15 min', '2 h' or '1 day' as late.grace, got 15"),
    "at_most": ("[late]\nat_most = 1.5", "expected a whole number of days as late.at_most, got 1.5"),
    "at_most below 0": ("[late]\nat_most = -1", "as late.at_most, got -1"),
    "no date": (f"{L1}deadline = 'Friday'", "such as 2027-02-12T23:59:00, as labs.lab1_simulation.deadline, got 'Fr"),
    "a date without a time": (f"{L1}deadline = 2027-02-12", "as labs.lab1_simulation.deadline, got 2027-02-12"),
    "no zone": (f"{L1}deadline = 2027-02-12T10:00:00", 'expected a time with its zone (timezone = "Europe/Berlin" ab'),
    "an hour that never was": (f"timezone = 'Europe/Berlin'\n{L1}deadline = 2027-03-28T02:30:00", "that the clocks of"),
    "an unknown zone": ("timezone = 'Berlin'", "such as Europe/Berlin, as timezone, got 'Berlin'"),
    "a zone that is a folder": ("timezone = 'Europe'", "as timezone, got 'Europe'"),
    "no name": ("name = 3", "expected a text as name, got 3"),
    "no table": ("late = 3", "expected a table as late, got 3"),
    "no table of a lab": ("[labs]\nlab1_simulation = 3", "expected a table as labs.lab1_simulation, got 3"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_SHEETS)
def test_a_wrong_sheet_is_refused(what, tmp_path):
    text, words = WRONG_SHEETS[what]
    with pytest.raises(ValueError, match="class.toml: ") as error:
        read(tmp_path, text)
    assert words in str(error.value)


def test_what_is_no_file_of_text_is_refused(tmp_path):
    (tmp_path / "class.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(ValueError, match="class.toml: expected TOML, which is UTF-8"):
        Sheet.read(tmp_path)
    (tmp_path / "class.toml").unlink()
    (tmp_path / "class.toml").mkdir()
    with pytest.raises(ValueError, match="class.toml: expected a file that can be read: Is a directory"):
        Sheet.read(tmp_path)


# The points of a sheet on their way into the gradebook


def enter(url, points, **changes):
    """Grade one student with the points of a sheet: the row, and what was drawn."""
    lab = LabSheet(points).of(ASKED)
    found = judged(**changes)
    found = work(lab, scaled(lab, found.outcome), found.cells)
    shown = draw(found, draw(found).copy.encode())  # the answers are those of an earlier copy
    with Book(url) as book:
        book.prepare(lab)
        return lab, book.enter(shown), shown


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    with Book(default_url(folder)):
        pass
    return folder / "gradebook.db"


@pytest.fixture
def url(tmp_path, empty):
    shutil.copy(empty, tmp_path)
    return default_url(tmp_path)


def by_person(url, cell, points):
    with Gradebook(url) as book:
        grade = book.find_grade(cell, LAB, LAB, "anna")
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def test_points_are_scaled_and_a_task_is_left_out(url):
    lab, row, shown = enter(url, {"1.1": 10, "1.4": 3, "1.2": 0, "Question 1": 0}, answers=WRONG)
    given = {task.number: row.marks[task.cell].points for task in lab.tasks}
    assert given == {"1.1": 0, "1.2": 0, "1.3": 2, "1.4": 3, "1.5": 2, "1.6": 2, "1.7": 1, "Question 1": 0,
                     "Question 2": None, "Question 3": None}  # fmt: skip
    assert (row.total, row.waiting, lab.points) == (10, 2, ASKED.points + 8 + 1 - 2 - ASKED.tasks[7].points)
    [line] = read_table(grades_csv(lab, [row]).encode())
    assert not {"1.2", "Question 1"} & {*line} and (line["1.4"], line["max"]) == ("3", f"{lab.points:g}")
    page = feedback(shown, row)
    assert "1.4 Euler–Maruyama step: 3 of 3 points, right" in page and "0 of 10 points, not right" in page
    assert "1.2 Heun step: 0 of 0 points, right, does not count" in page and "Question 1: 0 of 0 points, does" in page
    with Gradebook(url) as book:
        submission = book.find_submission(LAB, "anna")
        assert (submission.score, submission.max_score) == (row.total, lab.points)


def test_partial_points_scale_alike():
    outcome = judged().outcome
    half = replace(outcome, answers=(replace(outcome.answers[0], points=0.5), *outcome.answers[1:]))
    lab = LabSheet({"1.1": 3}).of(ASKED)
    assert (scaled(lab, half).answers[0].points, scaled(lab, half).answers[0].max_points) == (0.75, 3)
    assert scaled(ASKED, half) == half and scaled(lab, scaled(lab, half)) == scaled(lab, half)


def test_points_of_a_person_stay_the_same_part(url):
    question = "question-sqrt"
    enter(url, {})
    by_person(url, question, 1.5)
    by_person(url, "ex-1-1-code", 1.0)
    _, row, _ = enter(url, {"Question 2": 4, "1.1": 6})
    assert (row.marks[question].points, row.marks["ex-1-1-code"].points) == (3.0, 3.0)
    assert row.total == FULL - 2 + 3 + 3 and not row.marks[question].waiting and not row.marks["ex-1-1-code"].waiting
    _, row, _ = enter(url, {})
    assert (row.marks[question].points, row.marks["ex-1-1-code"].points) == (1.5, 1.0)


def test_what_is_left_out_waits_for_nobody_and_comes_back_to_be_looked_at(url):
    question = "question-sqrt"
    enter(url, {})
    by_person(url, question, 1.5)
    _, row, _ = enter(url, {"Question 2": 0})
    assert (row.marks[question].points, row.marks[question].waiting, row.total) == (0.0, False, FULL)
    _, row, _ = enter(url, {})
    assert (row.marks[question].points, row.marks[question].waiting) == (1.5, True)
