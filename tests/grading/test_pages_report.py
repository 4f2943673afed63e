"""The class report counts what happened, and shows nothing that could run."""

import base64
import io
import re

from matplotlib import pyplot
from msgspec.structs import replace
from PIL import Image

from course_grading.marks import Mark
from course_grading.pages.charts import points_chart, shares_chart
from course_grading.pages.report import report
from tests.support.pages import ASKED, HOSTILE, WRONG, Seen, dangers, judged, row


def ungraded(student="bo", reason="no notebook"):
    return row(ASKED.ungraded(student, reason), Mark(0.0))


def test_it_counts():
    three = [judged(answers=WRONG).outcome, judged(answers=WRONG).outcome, judged().outcome]
    page = report(ASKED, [*(row(one.flagged(("<odd>",))) for one in three), ungraded("<b>bo</b>")])
    assert "3 submissions, 3 graded, 0 not; 1 student handed in nothing; 30 answers wait to be marked by hand" in page
    assert "<td>1.1 Euler loop</td><td>1</td><td>2</td><td>0</td>" in page
    assert page.index("<td>1.1 Euler loop</td>") < page.index("<td>1.2 Heun step</td>")
    assert "<td>1.1 Euler loop</td><td>one step too few</td><td>2</td>" in page
    assert page.count("&lt;odd&gt;") == 3
    assert "<td>&lt;b&gt;bo&lt;/b&gt;</td><td>no notebook</td>" in page
    assert all(attributes.get("alt") for tag, attributes in Seen(page).tags if tag == "img")
    assert len([tag for tag, _ in Seen(page).tags if tag == "img"]) == 2


def test_questions_are_counted():
    rows = [row(judged().outcome, Mark(2.0), question_sqrt=mark) for mark in (
        Mark(1.0, by_hand=True), Mark(2.0, by_hand=True), Mark(None, waiting=True), Mark(0.0),
    )]  # fmt: skip
    page = report(ASKED, rows)
    assert "<td>Question 2</td><td>2</td><td>1</td><td>1</td><td>1.5 of 2</td>" in page
    assert "<td>Question 1</td><td>0</td><td>0</td><td>4</td><td>–</td>" in page


def test_hostile_flags_and_reasons():
    odd = replace(judged().outcome, flags=tuple(HOSTILE), warnings=tuple(HOSTILE))
    page = report(ASKED, [row(odd), *(ungraded(text, text) for text in HOSTILE)])
    assert list(dangers(page)) == [] and "<script" not in page


def test_it_loads_nothing():
    page = report(ASKED, [row(judged().outcome)])
    assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';' in page
    assert not [tag for tag, _ in Seen(page).tags if tag in ("script", "link", "iframe")]
    assert "1 submission, 1 graded, 0 not" in page


def test_warnings_are_in_the_report_once():
    unsafe = row(replace(judged().outcome, warnings=("graded without a sandbox",)))
    assert report(ASKED, [unsafe, unsafe]).count("<strong>Warning.</strong> graded without a sandbox") == 1


def test_a_report_of_nobody_graded():
    page = report(ASKED, [ungraded(reason="a damaged file")])
    assert "1 submission, 0 graded, 1 not" in page and "<img" not in page


def test_mistakes_in_natural_order():
    answers = [replace(answer, number=number, mistake="m") for answer, number in zip(
        judged().outcome.answers, ("1.10", "1.2", "1.1", "1.3", "1.9", "1.11", "2.1"), strict=True)]  # fmt: skip
    page = report(ASKED, [row(replace(judged().outcome, answers=tuple(answers)))])
    listed = re.findall(r"<td>(\d\.\d+) [^<]*</td><td>m</td>", page)
    assert listed == ["1.1", "1.2", "1.3", "1.9", "1.10", "1.11", "2.1"]


def test_charts_say_what_is_to_be_seen():
    chart = points_chart([3.0, 12.5, 20.0], 20, 2)
    assert chart.alt == "Histogram of points of 3 students: from 3 to 20, median 12.5 of 20."
    shares = {
        "1.1 a": {"right": 1, "not right": 2, "not done": 0},
        "1.2 b": {"right": 3, "not right": 0, "not done": 0},
    }
    bars = shares_chart(shares)
    assert bars.alt.endswith("hardest exercise first. 1.1 a: 1 right, 2 not right; 1.2 b: 3 right, 0 not right.")
    for one in (chart, bars):
        with Image.open(io.BytesIO(base64.b64decode(one.data))) as image:
            assert image.width == 2 * one.width
    assert pyplot.get_fignums() == []
