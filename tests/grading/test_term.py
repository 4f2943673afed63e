"""A term is counted from the files of a class: totals, exercises, mistakes, who stopped; its page loads nothing."""

import csv
import io
from pathlib import Path

import pytest

from course_grading.__main__ import main
from course_grading.model import Answer, Outcome, Status, to_json
from course_grading.outcomes import Kept
from course_grading.pages.charts import bars_chart, percent_chart
from course_grading.pages.term import page, write
from course_grading.sheet import LabSheet, Sheet
from course_grading.term import Entry, Exercise, Mistake, Term, middle, table
from course_utils.storage import write_file
from tests.support.pages import HOSTILE, Seen, dangers

ONE, TWO, THREE, TEN = "lab1_simulation", "lab2_flow_matching", "lab3_scores", "lab10_robots"
R, W, N = Status.RIGHT, Status.WRONG, Status.NOT_DONE


def answer(number, status, mistake=None):
    return Answer(f"f{number}", number, "title", 0.0, 1, status, mistake=mistake)


def outcome(student, lab, *answers):
    return Outcome(student, lab, answers, printed={"cell": "much"})


OUTCOMES = {
    ONE: [outcome("anna", ONE, answer("1.1", R), answer("1.2", W, "sign")),
          outcome("bo", ONE, answer("1.1", R), answer("1.2", N)),
          outcome("cy", ONE, answer("1.1", Status.ERROR), answer("1.2", W, "sign"))],
    TWO: [outcome("anna", TWO, answer("2.1", W, "sign"), answer("2.10", W, "half"), answer("2.2", R))],
    TEN: [],
}  # fmt: skip
ENTRIES = [
    Entry("anna", ONE, 0.5), Entry("bo", ONE, 1.0, late=True), Entry("cy", ONE, 0.0), Entry("di", ONE, 0.25),
    Entry("anna", TWO, 1.0), Entry("bo", TWO, 0.0, handed_in=False), Entry("di", TWO, 0.5, graded=False, waiting=2),
    Entry("anna", TEN, 0.9), Entry("bo", TEN, 0.0, handed_in=False), Entry("ed", TEN, 0.0, handed_in=False),
]  # fmt: skip
TERM = Term(Sheet("", {ONE: LabSheet(weight=3.0), TWO: LabSheet(), TEN: LabSheet(weight=0.0)}), ENTRIES, OUTCOMES)


def test_totals_are_means_by_weight_and_nothing_is_zero():
    assert TERM.labs == [ONE, TWO, TEN]
    assert TERM.totals() == pytest.approx({"anna": 62.5, "bo": 75, "cy": 0, "di": 31.25, "ed": 0})
    assert Term(Sheet(), [Entry("anna", ONE, 0.5), Entry("anna", TWO, 1.0)], OUTCOMES).totals() == {"anna": 75}
    uncounted = Term(Sheet("", {ONE: LabSheet(weight=0.0)}), [Entry("anna", ONE, 0.5)], OUTCOMES)
    assert uncounted.totals() == {"anna": 0}


def test_who_handed_in_before_and_nothing_for_the_last_two_labs_has_stopped():
    assert TERM.stopped() == {"bo": ONE, "cy": ONE}
    assert Term(Sheet(), [entry for entry in ENTRIES if entry.lab != TEN], OUTCOMES).stopped() == {}


def test_exercises_are_sorted_by_the_share_of_the_judged():
    assert TERM.exercises() == [
        Exercise(ONE, "1.2 title", 0, 2, 1), Exercise(TWO, "2.1 title", 0, 1, 0), Exercise(TWO, "2.10 title", 0, 1, 0),
        Exercise(ONE, "1.1 title", 2, 1, 0), Exercise(TWO, "2.2 title", 1, 0, 0),
    ]  # fmt: skip


def test_mistakes_are_counted_lab_by_lab():
    assert TERM.mistakes() == [
        Mistake(ONE, "1.2 title", "sign", 2, 3), Mistake(TWO, "2.1 title", "sign", 1, 1),
        Mistake(TWO, "2.10 title", "half", 1, 1),
    ]  # fmt: skip


def test_the_median_is_of_what_was_handed_in():
    assert middle(TERM.lines(ONE)) == 37.5 and middle(TERM.lines(TWO)) == 75 and middle([]) is None
    assert middle([Entry("bo", ONE, 0.0, handed_in=False)]) is None


def test_the_table():
    lines = list(csv.reader(io.StringIO(table(TERM))))
    assert lines[:3] == [["student", "total", ONE, TWO, TEN], ["anna", "62.5", "50.0", "100.0", "90.0"],
                         ["bo", "75.0", "100.0", "0.0", "0.0"]]  # fmt: skip
    assert lines[3:] == [["cy", "0.0", "0.0", "", ""], ["di", "31.2", "25.0", "50.0", ""], ["ed", "0.0", "", "", "0.0"]]


# The page


def test_the_page_counts():
    text = page(TERM)
    assert "5 students, 3 labs graded; 2 answers wait to be marked by hand" in text
    assert f"<td>{ONE}</td><td>–</td><td>3</td><td>4</td><td>1</td><td>0</td><td>1</td><td>38%</td><td>0</td>" in text
    assert f"<td>{TWO}</td><td>–</td><td>1</td><td>2</td><td>3</td><td>1</td><td>0</td><td>75%</td><td>2</td>" in text
    assert f"<td>{ONE}</td><td>1.2 title</td><td>0%</td><td>0</td><td>2</td><td>1</td>" in text
    assert f"<td>{ONE}</td><td>–</td><td>1.2 title</td><td>sign</td><td>2</td><td>67%</td>" in text
    assert f"<td>bo</td><td>{ONE}</td>" in text and "Too high" not in text


def test_the_page_loads_nothing_and_its_structure_can_be_heard():
    text = page(TERM)
    tags = Seen(text).tags
    assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';' in text
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe")]
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 3 and all(attributes["alt"].endswith(".") for attributes in pictures)
    assert all(attributes.get("scope") == "col" for tag, attributes in tags if tag == "th")
    names = [tag for tag, _ in tags]
    assert names.count("table") == names.count("caption") == 4 and names.count("h1") == names.count("main") == 1
    assert ("html", {"lang": "en"}) in tags


def test_hostile_names_are_text():
    entries = [Entry(text, ONE, 1.0) for text in HOSTILE] + [Entry("anna", lab, 1.0) for lab in (TWO, TEN)]
    odd = [outcome("anna", ONE, answer("1.1", W, text)) for text in HOSTILE]
    text = page(Term(Sheet(HOSTILE[0]), entries, {ONE: odd, TWO: [], TEN: []}))
    assert "<script" not in text and not [
        one for one in dangers(text) if one not in ("main", "caption", "thead", "tbody")
    ]


def test_a_term_of_one_lab_of_which_nothing_could_be_graded():
    text = page(Term(Sheet(), [Entry("anna", ONE, 0.0, handed_in=False)], {ONE: []}))
    assert "1 student, 1 lab graded" in text and "None was judged." in text and "None was recognised." in text
    assert "To be told once three labs are graded." in text
    steady = page(Term(Sheet(), [Entry("anna", lab, 1.0) for lab in (ONE, TWO, TEN)], OUTCOMES))
    assert "Nobody: whoever handed in anything did so for one of the last two labs." in steady


def test_charts_say_what_is_to_be_seen():
    assert (
        percent_chart([0.0, 50.0, 103.0]).alt
        == "Histogram of the totals of 3 students: from 0 to 103, median 50 percent."
    )
    assert bars_chart({"a": 1.0, "b": 0.126}, "things").alt == "Bars of things. a: 1.00; b: 0.13."


# The files of a class


def class_of(folder: Path) -> Path:
    write_file(folder / "class.toml", f'name = "Spring"\ntimezone = "Europe/Berlin"\n[labs.{TWO}]\n'
               f"deadline = 2027-02-12T23:59:00\n[labs.{ONE}]\ndeadline = 2027-02-26T23:59:00\n")  # fmt: skip
    write_file(folder / "grades.csv", "student,lab,total,max,1.1,late,counted,status,flags,reason\n"
               f'anna,{ONE},"10,5",21,2,0,"10,5",complete,,\nbo,{ONE},0,21,0,0,0,not graded,,no notebook\n'
               f"anna,{TWO},20,25,2,?,,2 to mark by hand,late,\n")  # fmt: skip
    for lab, found in OUTCOMES.items():
        for one in found:
            kept = Kept("digest", "rules", 1, one)
            write_file(folder / "grading" / lab / "outcomes" / f"{one.student}.json", to_json(kept))
    return folder


def test_a_term_is_read_from_the_files_of_a_class(tmp_path, capsys):
    term = Term.read(class_of(tmp_path))
    assert term.labs == [TWO, ONE]  # by their deadlines
    assert term.entries == [
        Entry("anna", ONE, 0.5), Entry("bo", ONE, 0.0, handed_in=False, graded=False),
        Entry("anna", TWO, 0.8, late=True, unknown=True, waiting=2),
    ]  # fmt: skip
    assert [one.count for one in term.mistakes()] == [1, 1, 2] and not term.outcomes[ONE][0].printed
    assert main(["term", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"written: {tmp_path / 'term.html'}\nwritten: {tmp_path / 'term.csv'}\n"
    text = (tmp_path / "term.html").read_text("utf-8")
    assert "Spring: all labs" in text and "2027-02-12 23:59 (week 6)" in text and "1 submission is late, and" in text
    assert (tmp_path / "term.html").stat().st_mode & 0o077 == 0
    assert (tmp_path / "term.csv").read_text() == f"student,total,{TWO},{ONE}\nanna,65.0,80.0,50.0\nbo,0.0,,0.0\n"


@pytest.mark.parametrize(("change", "words"), [
    (lambda folder: (folder / "grades.csv").unlink(), "expected .*grades.csv, which is missing: grade a lab first"),
    (lambda folder: (folder / "grades.csv").write_text("student,lab\n"), "expected lines of students in"),
    (lambda folder: (folder / "grades.csv").write_text("a,b\n"), "grades.csv: expected columns named student and lab"),
    (lambda folder: (folder / "grades.csv").write_text(f"student,lab,total,max\n\nbo,{ONE},x,21\n"),
     "grades.csv, line 3, column total: expected a number, got 'x'"),
    (lambda folder: (folder / "grades.csv").write_text(f"student,lab,total,max,counted\nbo,{ONE},3,21,x\n"),
     "grades.csv, line 2, column counted: expected a number, got 'x'"),
    (lambda folder: (folder / "grades.csv").write_text(f"student,lab,total\nbo,{ONE},3\n"), "line 2, column max"),
    (lambda folder: (folder / "class.toml").write_text("nam = 1"), "class.toml: unknown key 'nam'"),
    (lambda folder: (folder / "grading" / ONE / "outcomes" / "bo.json").write_text("{"), "bo.json was changed by hand"),
])  # fmt: skip
def test_what_is_not_as_it_should_be_is_refused_and_nothing_is_written(tmp_path, change, words):
    change(class_of(tmp_path))
    with pytest.raises(ValueError, match=words):
        write(tmp_path)
    assert not [*tmp_path.glob("term.*")]
