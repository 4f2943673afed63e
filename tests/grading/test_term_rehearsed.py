"""A term rehearsed: a small class through its labs, with the commands that an instructor types."""

import csv
import io
import random
import re
import tomllib
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from course_grading.labs import exercises
from course_grading.pages.spreadsheet import read
from tests.support.term import BEGIN, archive, class_of, columns, hand_in, play, sheet

LABS = ["lab1_simulation", "lab5_family"]


def test_one_in_eight_stops_before_the_end():
    people = class_of(40, 11, random.Random(1))
    assert len({one.name for one in people}) == 40
    assert sum(one.labs < 11 for one in people) == 5 and all(1 <= one.labs <= 11 for one in people)


def test_file_names_tell_who_and_when(tmp_path):
    rng = random.Random(2)
    people = class_of(40, 11, rng)
    found = [hand_in(one, LABS[0], 1, rng) for one in people]
    names = zipfile.ZipFile(archive(LABS[0], found, tmp_path / "a.zip")).namelist()
    assert len(names) == 40 and all(
        re.fullmatch(rf"{LABS[0]}_\w+_attempt_[\d-]{{19}}_{LABS[0]}.ipynb", n) for n in names
    )
    deadline = BEGIN + timedelta(days=7)
    late = sum(one.at > deadline for one in found)
    assert 0 < late < 15 and all(abs(one.at - deadline) < timedelta(hours=91) for one in found)


def test_the_sheet_is_one_deadline_a_lab():
    made = tomllib.loads(sheet(LABS))
    assert list(made["labs"]) == LABS
    assert made["labs"][LABS[1]]["deadline"] - made["labs"][LABS[0]]["deadline"] == timedelta(days=7)


def test_the_platforms_table_has_a_line_a_student(tmp_path):
    path = columns(tmp_path / "t.csv", LABS[0], ["ada", "bo"])
    assert [line[2] for line in csv.reader(io.StringIO(path.read_text("utf-8-sig")))] == ["Username", "ada", "bo"]


def exported(lab: str) -> dict[str, float]:
    """Points by user name in the table that goes back to the platform."""
    lines = csv.reader(io.StringIO(Path(f"CLASS/export/blackboard-{lab}.csv").read_text("utf-8-sig")))
    return {line[2]: float(line[3]) for line in [*lines][1:]}


@pytest.mark.slow
def test_everybody_has_the_points_of_what_is_right(tmp_path, monkeypatch, capsys):
    """Six students, two labs: whoever handed in has a line, and a right answer its points, a slip none."""
    monkeypatch.chdir(tmp_path)
    handed_in = play(Path("CLASS"), LABS, 6)
    lines = {(line["student"], line["lab"]): line for line in read((tmp_path / "CLASS" / "grades.csv").read_bytes())}
    assert set(lines) == {(one.student, lab) for lab, some in handed_in.items() for one in some}
    for lab, some in handed_in.items():
        asked = exercises(lab)
        for one in some:
            line = lines[one.student, lab]
            points = {name: float(line[asked[name].number]) for name in asked}
            assert points == {name: asked[name].points * right for name, right in one.right.items()}
            assert line["status"] == "complete"
            days = max(0, -(-(one.at - BEGIN - timedelta(days=7 * LABS.index(lab))) // timedelta(days=1)))
            share = 1 - 0.1 * days if days <= 3 else 0
            assert line["late"] == str(days) and float(line["counted"]) == pytest.approx(share * float(line["total"]))
            assert exported(lab)[one.student] == pytest.approx(float(line["counted"]))
            assert (tmp_path / "CLASS" / "feedback" / one.student / f"{lab}.html").is_file()
    said = capsys.readouterr().out
    typed = re.findall(r"^\$ python course.py (\S+) (lab\S+)", said, re.MULTILINE)
    week = ("grade", "grade", "copies", "grade", "export")
    assert typed == [(verb, lab) for lab in LABS for verb in week]
    assert all((tmp_path / "CLASS" / f"copies-{lab}.html").is_file() for lab in LABS)
    totals = csv.DictReader(io.StringIO((tmp_path / "CLASS" / "term.csv").read_text("utf-8-sig")))
    assert {line["student"] for line in totals} == {student for student, _ in lines}
