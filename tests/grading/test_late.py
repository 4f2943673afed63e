"""What is late is late by the class's clock; `late.csv` says when, else the platform; nobody guesses."""

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from course_grading.arrivals import Arrivals
from course_grading.drawing import draw
from course_grading.intake.checkin import check_in, submissions
from course_grading.intake.submission import Submission
from course_grading.late import UNKNOWN, Delay, Late
from course_grading.marks import Mark, Row
from course_grading.pages.feedback import feedback
from course_grading.pages.spreadsheet import read as read_table
from course_grading.pages.table import grades_csv
from course_grading.sheet import LabSheet, Sheet
from tests.grading.test_intake import laid_out
from tests.support.grading_class import LAB
from tests.support.pages import ASKED, judged

OTHER = "lab2_flow_matching"
BERLIN = ZoneInfo("Europe/Berlin")
DEADLINE = datetime(2027, 2, 12, 23, 59, tzinfo=BERLIN)
RULE = Late(timedelta(minutes=15), 0.1, 3)
SHEET = Sheet("", {LAB: LabSheet(deadline=DEADLINE, late=RULE), OTHER: LabSheet()})


# The rule


@pytest.mark.parametrize(("after", "days"), [
    ("-1:0:0", 0), ("0:0:0", 0), ("0:15:0", 0), ("0:15:1", 1), ("23:59:59", 1), ("24:0:0", 1), ("24:0:1", 2),
    ("71:59:0", 3), ("72:0:1", 4), ("2400:0:0", 100),
])  # fmt: skip
def test_days_that_have_begun(after, days):
    hours, minutes, seconds = (int(part) for part in after.split(":"))
    handed_in = DEADLINE + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert RULE.days(DEADLINE, handed_in) == RULE.days(DEADLINE, handed_in.replace(tzinfo=None)) == days
    assert RULE.days(DEADLINE, handed_in.astimezone(UTC)) == days


def test_without_grace_a_second_is_a_day():
    assert Late().days(DEADLINE, DEADLINE + timedelta(seconds=1)) == 1


@pytest.mark.parametrize(("deadline", "hours"), [("2027-03-27T23:59:00", 23), ("2027-10-30T23:59:00", 25)])
def test_a_day_is_one_on_the_wall_and_the_grace_is_by_the_watch(deadline, hours):
    begins = datetime.fromisoformat(deadline).replace(tzinfo=BERLIN)
    ends = (begins.astimezone(UTC) + timedelta(hours=hours)).astimezone(BERLIN)
    assert ends.hour == 23 and RULE.days(begins, ends) == 1
    assert RULE.days(begins, ends + timedelta(minutes=1)) == 2
    night = Late(grace=timedelta(hours=hours))
    assert night.days(begins, ends) == 0 and night.days(begins, ends + timedelta(seconds=1)) == 2


@pytest.mark.parametrize(("rule", "days", "share"), [
    (RULE, 0, 1.0), (RULE, 1, 0.9), (RULE, 3, 0.7), (RULE, 4, 0.0), (Late(), 9, 1.0), (Late(per_day=0.5), 2, 0.0),
    (Late(per_day=0.5), 3, 0.0), (Late(at_most=0), 1, 0.0), (Late(per_day=1.0), 0, 1.0),
])  # fmt: skip
def test_what_days_cost(rule, days, share):
    assert rule.delay(days).share == pytest.approx(share, abs=1e-12)
    assert rule.delay(days).counted(20) == pytest.approx(20 * share, abs=1e-12)


# late.csv


def arrivals(folder, text, sheet=SHEET, lab=LAB):
    (folder / "late.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return Arrivals.read(folder, lab, sheet)


def days(found, *students):
    return [found.delay(Submission(student, b"{}")).days for student in students]


TABLE = f"student,lab,time,days\nanna,{LAB},2027-02-13 08:00,\nbo,{LAB},2027-02-20T08:00:00+01:00,0\n'=c,{LAB},,2\n"


@pytest.mark.parametrize("form", ["as written", "Excel", "another order"])
def test_times_days_and_excuses(tmp_path, form):
    text = TABLE.encode()
    if form == "Excel":
        text = b"\xef\xbb\xbf" + TABLE.replace(",", ";").replace("student", "Student").replace("days", "DAYS").encode()
    elif form == "another order":
        lines = list(csv.DictReader(io.StringIO(TABLE)))
        text = "".join(f'"{a}","x",{b},{c},{d}\n' for a, b, c, d in (
            ("time", "lab", "days", "student"), *((v["time"], v["lab"], v["days"], v["student"]) for v in lines)
        )).encode()  # fmt: skip
    found = arrivals(tmp_path, text)
    assert days(found, "anna", "Anna", "bo", "=c", "nobody") == [1, 1, 0, 2, 0]
    found.check(["anna", "bo", "=c"])
    assert arrivals(tmp_path, text, lab=OTHER).delay(Submission("anna", b"{}")) is None
    assert Arrivals.read(tmp_path / "nowhere", LAB, SHEET).told == {}


START = "student,lab,time,days\n\n"
WRONG_LINES = {
    "no student": (f",{LAB},,1", "line 3, column student: expected the name of a student, got ''"),
    "an unknown lab": ("bo,lab1,,1", f"line 3, column lab: expected one of {LAB}, {OTHER}, got 'lab1'"),
    "neither": (f"bo,{LAB},,", "line 3, column time: expected a time or a number of days, got ''"),
    "a German date": (f"bo,{LAB},13.02.2027 08:00,", "line 3, column time: expected a time such as 2027-02-13 08:00"),
    "a date alone": (f"bo,{LAB},2027-02-13,", "line 3, column time: expected a time such as"),
    "no hour of a day": (f"bo,{LAB},2027-02-13 25:00,", "line 3, column time: expected a time such as"),
    "half a day": (f"bo,{LAB},,0.5", "line 3, column days: expected a whole number of days from 0 to 1000, got '0.5'"),
    "days below 0": (f"bo,{LAB},,-1", "column days: expected a whole number of days from 0 to 1000, got '-1'"),
    "days in words": (f"bo,{LAB},,two", "column days: expected a whole number of days from 0 to 1000, got 'two'"),
    "no deadline": (f"bo,{OTHER},,1", f"line 3, column days: expected none for {OTHER}, which has no deadline"),
    "twice": (f'"bo",{LAB},,1\nanna,{LAB},,1\nBo,{LAB},,2', "line 5, column student: expected each student once a lab"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_LINES)
def test_a_wrong_line_is_refused(what, tmp_path):
    text, words = WRONG_LINES[what]
    for lab in (LAB, OTHER):
        with pytest.raises(ValueError, match="late.csv, line ") as error:
            arrivals(tmp_path, START + text, lab=lab)
        assert words in str(error.value)


def test_a_table_without_its_columns_is_refused(tmp_path):
    for text, words in [
        ("name,lab,days\nbo,x,1\n", "late.csv: expected columns named student and lab, found none"),
        (f"student,lab,when\nbo,{LAB},1\n", "late.csv: expected a column time or days, found only: lab, student, when"),
        (bytes(range(128, 256)), "late.csv: expected"),
    ]:
        with pytest.raises(ValueError, match=words):
            arrivals(tmp_path, text)
    assert arrivals(tmp_path, "").told == arrivals(tmp_path, "student,lab,days\n").told == {}


def test_a_student_who_is_not_in_the_class_is_refused(tmp_path):
    found = arrivals(tmp_path, f"{START}anna,{LAB},,1\nbo,{LAB},,1\n")
    with pytest.raises(ValueError, match="line 4, column student: .* in submitted/ such as 'bob', got 'bo'"):
        found.check(["anna", "bob"])
    with pytest.raises(
        ValueError, match="line 3, column student: expected a student of the class, a folder in submitted/, "
    ):
        found.check([])


# What platforms say


@pytest.mark.parametrize(("name", "delay"), [
    ("anna_12_99_x.ipynb", RULE.delay(0)), ("anna_LATE_12_99_x.ipynb", UNKNOWN),
    ("HW 1_anna_attempt_2027-02-12-23-58-00_x.ipynb", RULE.delay(0)),
    ("HW 1_anna_attempt_2027-02-14-08-00-00_x.ipynb", RULE.delay(2)),
    ("HW 1_anna_attempt_2027-02-14_x.ipynb", UNKNOWN), ("anna_1_assignsubmission_file_x.ipynb", RULE.delay(0)),
])  # fmt: skip
def test_what_names_tell(tmp_path, name, delay):
    check_in(laid_out(tmp_path / "in", {name: b"{}"}), tmp_path, LAB)
    [one] = submissions(tmp_path, LAB)
    assert Arrivals(tmp_path, SHEET.labs[LAB]).delay(one) == delay
    assert arrivals(tmp_path, f"student,lab,days\n{one.student},{LAB},0\n").delay(one) == RULE.delay(0)


def test_the_attempt_that_is_taken_counts(tmp_path):
    early, late, later = (f"HW_anna_attempt_2027-02-{day}-08-00-00" for day in (12, 13, 14))
    source = laid_out(tmp_path / "in", {f"{early}_x.ipynb": b"{}", f"{late}_x.ipynb": b"{ }", f"{later}.txt": b"bye"})
    check_in(source, tmp_path, LAB)
    [one] = submissions(tmp_path, LAB)
    assert (one.content, one.attempt) == (b"{ }", "2027-02-13-08-00-00")
    check_in(laid_out(tmp_path / "again", {f"{later}_x.pdf": b"pdf"}), tmp_path, LAB)
    [one] = submissions(tmp_path, LAB)
    assert (one.content, one.attempt) == (b"{ }", "2027-02-13-08-00-00")


# What people read


def late_row(delay, points=2.0):
    marks = {task.cell: Mark(points) for task in ASKED.tasks}
    return Row(judged().outcome, marks, delay)


@pytest.mark.parametrize(("delay", "sentence"), [
    (RULE.delay(1), "Handed in 1 day late: 90% of the points count, 18."),
    (RULE.delay(3), "Handed in 3 days late: 70% of the points count, 14."),
    (RULE.delay(4), "Handed in 4 days late, and nothing counts after 3."),
    (Delay(2, 1.0), "Handed in 2 days late: all points count."),
    (UNKNOWN, "Handed in late. By how much is not known yet: your teacher will say what counts."),
    (RULE.delay(0), None), (None, None),
])  # fmt: skip
def test_the_feedback_says_it_in_a_sentence(delay, sentence):
    page = feedback(draw(judged()), late_row(delay), RULE)
    assert (sentence or "Handed in") in page if sentence else "Handed in" not in page
    assert "20 of 21 points" in page


def test_the_table_has_two_columns_more():
    lines = read_table(grades_csv(ASKED, [late_row(RULE.delay(1))]).encode())
    assert [(line["total"], line["late"], line["counted"]) for line in lines] == [("20", "1", "18")]
    table = grades_csv(ASKED, [late_row(UNKNOWN)])
    assert table.splitlines()[0].endswith(",Question 3,late,counted,status,flags,reason")
    assert [(line["late"], line["counted"]) for line in read_table(table.encode())] == [("?", "")]
    assert "late" not in grades_csv(ASKED, [late_row(None)]).splitlines()[0]


def test_the_columns_stay_with_other_labs_and_go_with_the_deadline():
    before = read_table(
        f"student,lab,total,max,late,counted,note\nanna,{LAB},3,21,2,2.4,x\nbo,{OTHER},9,25,1,8,y\n".encode()
    )
    for delay, own in ((RULE.delay(0), ("0", "20")), (None, ("", ""))):
        anna, bo = read_table(grades_csv(ASKED, [late_row(delay)], before).encode())
        assert (anna["late"], anna["counted"], anna["note"]) == (*own, "x")
        assert (bo["late"], bo["counted"], bo["note"]) == ("1", "8", "y")


def test_a_column_of_ones_own_that_has_the_name_stays():
    before = read_table(f"student,lab,total,max,late\nanna,{LAB},3,21,by bus\n".encode())
    [anna] = read_table(grades_csv(ASKED, [late_row(None)], before).encode())
    assert anna["late"] == "by bus"
