"""The contest's board: places shared within the error, names and reasons that do no harm, seeds that nobody reads."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from course_grading.contest import hearing, judging
from course_grading.contest.board import Board, Line, Pace, add, markdown, places, read_board
from course_grading.contest.boxes import Boxes
from course_grading.contest.hearing import Day, hold
from course_grading.contest.hidden import hidden, place_of
from course_grading.contest.judging import court
from course_grading.contest.pace import pace, product_seconds
from course_grading.contest.page import page
from course_utils.contest import Score
from course_utils.contest.entries import Entry
from course_utils.storage import write_file
from tests.support.contest_cheats import CHEATS, NETWORK

ORDINARY = pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")
EVIL = "<script>alert(1)</script>|\n| 1 | first"


def line(name: str, distance: float, error: float = 0.1, **changed) -> Line:
    """A line whose distance has that standard error over three seeds."""
    step = error * 3**0.5
    score = Score(name, 2.0, 0.98, (distance - step, distance, distance + step), 0.5, 0.97, 0.0, work=2.2)
    return Line(name, name, score=replace(score, **changed))


def placed(*lines: Line, league: float = 2) -> list[tuple[int, str]]:
    return [(place, line.name) for place, line in places(lines, league)]


# Places


def test_a_line_has_the_error_that_the_tests_give_it():
    score = line("a", 5.0, 0.1).score
    assert score and score.error == pytest.approx(0.1)


def test_who_is_within_two_errors_of_the_difference_shares_a_place():
    two = 2 * 2**0.5 * 0.1
    assert placed(line("b", 5 + two - 0.01), line("a", 5.0)) == [(1, "a"), (1, "b")]
    assert placed(line("b", 5 + two + 0.01), line("a", 5.0)) == [(1, "a"), (2, "b")]


def test_a_place_is_shared_with_its_first_one_and_not_by_a_chain():
    lines = [line(name, 5 + 0.2 * k) for k, name in enumerate("abcd")]
    assert placed(*lines) == [(1, "a"), (1, "b"), (3, "c"), (3, "d")]


def test_only_who_qualifies_has_a_place_and_only_in_one_league():
    lines = [line("blind", 5, accuracy=0.9), line("one", 5, evaluations=1.0, work=1.1), line("two", 6)]
    assert placed(*lines, league=1) == [(1, "one")]
    assert placed(*lines, league=2) == [(1, "two")]
    assert placed(Line("refused", "", refused="why"), league=4) == []


# What is written


def test_the_rows_of_a_table_have_the_same_cells_whatever_a_name_or_a_reason_holds():
    board = Board((line(EVIL, 5), Line(EVIL + "2", "", refused=EVIL)), (Pace(EVIL, 100, 5, 7.5),))
    for table in markdown(board).split("\n\n"):
        rows = [row for row in table.strip().split("\n") if row.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1
        assert len(rows) in (0, 3)


def test_the_page_says_names_and_reasons_and_runs_none():
    board = Board((line(EVIL, 5), Line("b", "", refused=EVIL), line("c", 6)), (Pace(EVIL, 100, 5, 7.5),))
    html = page(board, 2000)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 3
    assert "http" not in html.replace("http-equiv", "")


def test_a_line_of_the_same_name_is_replaced(tmp_path: Path):
    add(tmp_path, [line("a", 5.0), line("b", 6.0)])
    board = add(tmp_path, [line("a", 4.0)], [Pace("p", 100, 5, 7.5)])
    assert read_board(tmp_path) == board
    assert placed(*board.lines) == [(1, "a"), (2, "b")]
    assert [one.score.distance for one in board.lines if one.name == "a" and one.score] == [4.0]
    assert board.paces == (Pace("p", 100, 5, 7.5),)


def test_a_board_that_could_not_be_written_is_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    old = add(tmp_path, [line("a", 5.0)])

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        add(tmp_path, [line("b", 5.0)])
    assert read_board(tmp_path) == old


def test_a_damaged_board_is_told(tmp_path: Path):
    add(tmp_path, [line("a", 5.0)])
    (place_of(tmp_path) / "board.json").write_text('{"lines": 3}')
    with pytest.raises(ValueError):
        read_board(tmp_path)


# What is hidden


@ORDINARY
def test_seeds_are_drawn_once_for_a_class_and_read_by_its_owner_alone(tmp_path: Path):
    seeds = hidden(tmp_path / "a")
    assert hidden(tmp_path / "a") == seeds != hidden(tmp_path / "b")
    assert len({*seeds.seeds, seeds.shown, seeds.second}) == 5
    file = place_of(tmp_path / "a") / "hidden.json"
    assert [stat.S_IMODE(one.stat().st_mode) for one in (file, file.parent)] == [0o600, 0o700]


def test_no_seed_stands_on_the_page_or_on_the_board(tmp_path: Path):
    seeds = hidden(tmp_path)
    board = add(tmp_path, [line("a", 5.0)])
    told = markdown(board) + page(board, 2000) + (place_of(tmp_path) / "board.json").read_text()
    assert not any(str(seed) in told for seed in (*seeds.seeds, seeds.shown, seeds.second))


# A day


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the course's own entries, and a second judge that hardly saw a digit."""
    for module in (hearing, judging):
        monkeypatch.setattr(module, "BASELINES", tmp_path / "none")
    monkeypatch.setattr(hearing, "PACES", tmp_path / "none")
    monkeypatch.setattr(judging.second_judge, "__defaults__", (20,))


def day(folder: Path, *entries: Entry, **chosen) -> Day:
    handed_in = folder / "handed in"
    handed_in.mkdir(parents=True, exist_ok=True)
    return Day(folder, [entry.put(handed_in) for entry in entries], n=250, source="offline", **chosen)


TRAINED = """
import functools
from pathlib import Path
import torch
from course_utils import contest, digits

@functools.cache
def model():
    return contest.model(Path(__file__).with_suffix(".safetensors"))

def sample(y, generator):
    return digits.few_steps(model(), y, 2, method="midpoint", generator=generator)

def train(generator):
    again = contest.model(digits.FINISHED_PIXELS)
    with torch.no_grad():
        again(torch.zeros(20, 1, 28, 28), torch.tensor(0.5), torch.zeros(20, dtype=torch.long))
    return {name: value.half() for name, value in again.net.state_dict().items()}
"""
"""An entry whose training gives the finished network, after a look at 20 rows."""


@pytest.mark.slow
def test_a_day_of_the_contest(alone, tmp_path: Path):
    entries = [Entry("honest", TRAINED, NETWORK), CHEATS["imports the judge"].entry("cheat")]
    said: list[str] = []
    board = hold(day(tmp_path, *entries, retrain=True), say=lambda words: said.append(str(words)))
    assert placed(*board.lines) == [(1, "honest")]
    [cheat] = [one for one in board.lines if one.name == "cheat"]
    assert "may not use the judge" in cheat.refused
    assert "not trained again: an entry may not use the judge" in cheat.note
    assert read_board(tmp_path) == board
    assert len(said) == 5 and "refused" in said[1]
    html = (tmp_path / "contest.html").read_text("utf-8")
    assert "honest" in html and "cheat" in html
    [honest] = [one for one in board.lines if one.score]
    assert honest.score and len(honest.score.second) == 3
    assert honest.retrained and honest.retrained.distances == honest.score.distances
    assert honest.note.startswith("20 rows, ")


def test_nothing_is_judged_if_a_file_is_missing(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="expected the file of an entry"):
        hold(Day(tmp_path, [tmp_path / "none.py"]))
    assert not place_of(tmp_path).exists()


NOTHING = """
import torch

def sample(y, generator):
    return torch.rand(len(y), 1, 28, 28, generator=generator)

def train(generator):
    return {"none": torch.zeros(3)}
"""


@pytest.mark.slow
def test_a_training_that_misses_the_mark_has_no_pace(alone, tmp_path: Path):
    path = write_file(tmp_path / "nothing.py", NOTHING)
    judges = court(tmp_path, 250, "offline")
    with Boxes() as boxes, pytest.raises(ValueError, match="expected at most 8 floors within 16 evaluations, got"):
        pace(path, boxes, judges)


def test_the_fixed_product_leaves_the_threads_as_they_were():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert product_seconds(3, 256) > 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
