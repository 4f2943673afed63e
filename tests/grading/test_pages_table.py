"""The table holds every student and lab once, in natural order, and nothing that a spreadsheet would compute."""

import csv
import io
from dataclasses import replace

import pytest

from course_grading.labs import read_lab
from course_grading.marks import Mark, Row
from course_grading.pages import spreadsheet
from course_grading.pages.table import cell, grades_csv
from tests.support.grading_class import LAB
from tests.support.pages import ASKED, WRONG, judged, row


def lines(table):
    return list(csv.DictReader(io.StringIO(table)))


def again(table):
    return spreadsheet.read(table.encode())


def everybody(lab, points, student="anna"):
    return [Row(lab.ungraded(student, "x"), {task.cell: Mark(points) for task in lab.tasks})]


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\n=1", "＝cmd()", "＋1", "＠x"])
def test_a_spreadsheet_finds_no_formula(text):
    assert cell(text)[0] == "'"
    assert cell("a;=cmd()") == "a,=cmd()"


def test_the_table():
    full = {task.cell.replace("-", "_"): Mark(task.points) for task in ASKED.tasks}
    given = {"ex_1_1_code": Mark(0.0), "question_sqrt": Mark(None, waiting=True)}
    given["question_mixing"] = Mark(2.5, by_hand=True)
    late = ASKED.ungraded("=bo", "no notebook,\nonly x").flagged(("late", "b"))
    bo, anna = lines(grades_csv(ASKED, [row(judged(answers=WRONG).outcome, **(full | given)), row(late, Mark(0.0))]))
    assert (anna["student"], anna["lab"], anna["total"], anna["max"]) == ("anna", LAB, "16.5", "21")
    assert (anna["1.1"], anna["1.2"], anna["Question 2"], anna["Question 3"]) == ("0", "2", "", "2.5")
    assert (anna["status"], anna["flags"], anna["reason"]) == ("1 to mark by hand", "", "")
    assert (bo["student"], bo["status"], bo["flags"]) == ("'=bo", "not graded", "late | b")
    assert bo["reason"] == "no notebook, only x"
    assert lines(grades_csv(ASKED, [row(judged().outcome, **full)]))[0]["status"] == "complete"


def test_the_table_keeps_other_labs():
    other = read_lab("lab5_family")
    mine, theirs = everybody(ASKED, 1.0), everybody(other, 2.0)
    both = grades_csv(other, theirs, again(grades_csv(ASKED, mine)))
    assert [(line["lab"], line["1.1"], line["5.1"]) for line in lines(both)] == [(LAB, "1", ""), (other.name, "", "2")]
    assert grades_csv(ASKED, mine, again(both)) == both


def test_columns_and_labs_are_in_natural_order():
    numbers = ("1.10", "1.2", "10.1", "2.1", "Question 10", "Question 2", "1.1", "1.9", "1.11", "1.12")
    tasks = tuple(replace(task, number=number) for task, number in zip(ASKED.tasks, numbers, strict=True))
    long = replace(ASKED, tasks=tasks)
    table = grades_csv(long, everybody(long, 1.0))
    for lab in ("lab10_late", "lab2_early"):
        table = grades_csv(replace(long, name=lab), everybody(replace(long, name=lab), 1.0), again(table))
    ordered = "1.1,1.2,1.9,1.10,1.11,1.12,2.1,10.1,Question 2,Question 10"
    assert table.startswith(f"student,lab,total,max,{ordered},status,flags,reason\n")
    assert [line["lab"] for line in lines(table)] == [LAB, "lab2_early", "lab10_late"]


def test_an_edited_table_keeps_what_a_person_added():
    theirs = 'Student,lab,remark,1.1,9.9\nbo,lab5_family,=late(),"1,5",\nanna,lab1_simulation,ill,2,7\n'
    anna, bo = lines(grades_csv(ASKED, everybody(ASKED, 1.0), again(theirs)))
    assert (bo["student"], bo["lab"], bo["remark"], bo["1.1"]) == ("bo", "lab5_family", "'=late()", "1.5")
    assert (anna["remark"], anna["1.1"], anna["9.9"]) == ("ill", "1", "")


def test_a_name_that_lost_its_apostrophe_is_harmless_again():
    table = grades_csv(read_lab("lab5_family"), everybody(read_lab("lab5_family"), 1.0, "=cmd()"))
    assert "'=cmd()" in table
    for before in (table, table.replace("'=cmd()", "=cmd()")):
        assert [line["student"] for line in lines(grades_csv(ASKED, everybody(ASKED, 1.0), again(before)))] == [
            "anna", "'=cmd()",
        ]  # fmt: skip


ALIKE = ["a;b", "a,b", "a  b", "a b", "=x", "'=x", "a;b (2)"]


def test_no_two_students_have_one_name():
    rows = [one for name in ALIKE for one in everybody(ASKED, 1.0, name)]
    shown = [line["student"] for line in lines(grades_csv(ASKED, rows))]
    assert len({*shown}) == len(ALIKE) and {"a,b", "a b", "'=x"} < {*shown} and ";" not in "".join(shown)
    assert {*shown} == {
        line["student"] for line in lines(grades_csv(ASKED, rows[::-1], again(grades_csv(ASKED, rows))))
    }
