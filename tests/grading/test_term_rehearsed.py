"""A term rehearsed: a small class through its labs, with the commands that an instructor types."""

import ast
import csv
import io
import json
import random
import re
import tomllib
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from course_grading.labs import read_lab, released
from course_grading.release import solutions
from course_utils.notebooks.files import name_of, source
from tests.support.term import BEGIN, HandIn, archive, class_of, columns, hand_in, play, sheet, slip
from tests.support.term_check import days_late, wrongs

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


@pytest.mark.parametrize("lab", released())
def test_a_slip_changes_every_answer(lab):
    made = json.loads(solutions()[lab].read_text("utf-8"))
    answers = {name_of(cell): source(cell) for cell in made["cells"]}
    for task in (task for task in read_lab(lab).tasks if task.exercise):
        right, wrong = (ast.dump(ast.parse(text)) for text in (answers[task.cell], slip(answers[task.cell])))
        assert right != wrong, task.label


def test_an_answer_that_calls_another_is_right_with_it_alone():
    """In Lab 6, exercises 6.2 and 6.3 call `kl_to_normal`, 6.1."""
    rng = random.Random(3)
    some = [hand_in(one, "lab6_latent", 0, rng) for one in class_of(40, 11, rng)]
    for given in ("right", "done"):
        first, second = (
            {one.student for one in some if getattr(one, given)[name]} for name in ("kl_to_normal", "vae_loss")
        )
        assert second < first and second


def test_days_begin_a_quarter_of_an_hour_after_the_deadline():
    after = [timedelta(minutes=15), timedelta(minutes=15, seconds=1), timedelta(days=1), timedelta(days=1, seconds=1)]
    assert [days_late(BEGIN + late, BEGIN) for late in (timedelta(-1), *after)] == [0, 0, 1, 1, 2]


@pytest.mark.slow
def test_everybody_has_the_points_of_what_is_right(tmp_path, monkeypatch, capsys):
    """Eight students, two labs, one stops: points, days, exports, totals and statistics are as deserved."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "CLASS"
    handed_in = play(Path("CLASS"), LABS, 8)
    assert [len(some) for some in handed_in.values()] == [8, 7]
    assert list(wrongs(folder, LABS, handed_in)) == []
    said = capsys.readouterr().out
    typed = re.findall(r"^\$ python course.py (\S+) (lab\S+)", said, re.MULTILINE)
    week = ("grade", "grade", "copies", "grade", "export")
    assert typed == [(verb, lab) for lab in LABS for verb in week]
    assert all((folder / f"copies-{lab}.html").is_file() for lab in LABS)
    for file, before, after in FAULTS:
        found(folder, handed_in, file, before, after)


FAULTS = [
    ("grades.csv", r",2,", ",0,"), ("grades.csv", r",[\d.]+,complete", ",99,complete"), ("grades.csv", "ada", "adam"),
    ("grades.csv", "no notebook", "a file that cannot be read"), ("term.csv", r"\nada,[\d.]+", "\nada,0.3"),
    (f"export/blackboard-{LABS[0]}.csv", r'"[\d.]+"\n', '"99"\n'), ("term.html", "<td>8</td>", "<td>7</td>"),
    (f"export/blackboard-{LABS[1]}.csv", '""\n', '"0"\n'),
]  # fmt: skip
"""A file of the class, something in it, and what it is changed to."""


def found(folder: Path, handed_in: dict[str, list[HandIn]], file: str, before: str, after: str) -> None:
    """The check can fail: it finds what is changed in a file of the class."""
    was = (folder / file).read_text("utf-8")
    changed, count = re.subn(before, after, was, count=1)
    (folder / file).write_text(changed, "utf-8")
    assert count and list(wrongs(folder, LABS, handed_in)), (file, before)
    (folder / file).write_text(was, "utf-8")
