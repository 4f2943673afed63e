"""The real judge on the class of 40: everybody gets the points that are deserved, whatever the others do."""

import json
import shutil
from collections import Counter

import pytest

from course_grading.classroom import Options, grade
from course_grading.model import Limits
from tests.support.class_of_40 import FULL, class_of_40
from tests.support.grading_class import LAB

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Deserved points, rows by student, and the class's folder."""
    assert shutil.which("bwrap"), "install bubblewrap: sudo apt install bubblewrap"
    folder = tmp_path_factory.mktemp("class")
    deserved = class_of_40(folder / "handed in")
    limits = Limits(cell_seconds=4, notebook_seconds=240)
    rows = grade(LAB, Options(str(folder / "handed in"), folder / "class", workers=2, seed=3, limits=limits))
    return deserved, {row.outcome.student: row for row in rows}, folder / "class"


def test_everybody_gets_what_is_deserved(graded):
    deserved, rows, _ = graded
    assert {name: row.total for name, row in rows.items()} == deserved
    assert Counter(deserved.values())[FULL] > 10


def test_mistakes_are_recognised(graded):
    _, rows, _ = graded
    found = Counter(a.mistake for row in rows.values() for a in row.outcome.answers if a.mistake)
    assert {"one step too few", "euler", "h for the root of h", "increment only", "pushed away", "no half"} <= set(
        found
    )


def test_what_should_be_flagged_is(graded):
    _, rows, _ = graded
    for name, words in {
        "h01 exits early": "ended the process", "h02 exits late": "ended the process",
        "b6 wrong name": "wrong file name", "h11 calls the package": "simulators.heun_step",
        "b7 from Colab": "not the released one",
    }.items():  # fmt: skip
        assert any(words in flag for flag in rows[name].outcome.flags), name
    assert all(row.outcome.flags == () for name, row in rows.items() if name.startswith("a"))
    reasons = {name: row.outcome.reason for name, row in rows.items() if row.outcome.reason}
    assert sorted(reasons) == ["b1 empty", "b2 malformed", "b3 large", "b4 link", "b5 pipe"]


def test_pages_say_nothing_that_is_hidden(graded):
    _, rows, folder = graded
    seed = str(json.loads((folder / "grading" / LAB / "run.json").read_text("utf-8"))["seed"])
    assert seed == "3"
    for name in rows:
        page = (folder / "feedback" / name / f"{LAB}.html").read_text("utf-8")
        assert "expected shape" not in page and "The call:" not in page and "<script" not in page
    report = (folder / f"report-{LAB}.html").read_text("utf-8")
    assert "39 submissions, 35 graded, 4 not; 1 student handed in nothing; " in report
    assert "<script" not in report.lower().replace("&lt;script", "")
