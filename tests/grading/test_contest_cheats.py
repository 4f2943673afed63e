"""Entries of the contest that cheat: each is refused in the sandbox, with its reason; the honest one qualifies."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_grading.contest.boxes import Boxes
from course_utils import data
from course_utils.contest import RULES, Yardstick, read_entry
from course_utils.contest.entries import Entry
from course_utils.contest.trial import judge_entry
from tests.support.contest_cheats import CHEATS, HONEST, NETWORK, Cheat

SEEDS = (11, 12)
READ = {name: cheat for name, cheat in CHEATS.items() if cheat.read}


@pytest.fixture(scope="module")
def boxes() -> Iterator[Boxes]:
    with Boxes() as boxes:
        yield boxes


@pytest.fixture(scope="module")
def yardstick() -> Yardstick:
    return Yardstick(data.mnist("train", "offline"), data.mnist("test", "offline"), n=250)


def why(entry: Entry, yardstick: Yardstick, boxes: Boxes) -> str:
    """Why an entry is refused or does not qualify; nothing if it does."""
    try:
        return "; ".join(judge_entry(entry, yardstick, SEEDS, place=boxes, shown=5).faults())
    except ValueError as error:
        return str(error)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_refused_when_it_has_run(name: str, yardstick: Yardstick, boxes: Boxes):
    """Also what would have been refused unread: who hides a word from the reader gains nothing."""
    said = why(CHEATS[name].entry(), yardstick, boxes)
    assert re.search(CHEATS[name].judged, said), said


@pytest.mark.slow
def test_the_honest_entry_qualifies(yardstick: Yardstick, boxes: Boxes):
    score = judge_entry(Entry("honest", HONEST, NETWORK), yardstick, SEEDS, place=boxes)
    assert score.faults() == []
    assert (score.league(), score.evaluations) == (2, 2)


@pytest.mark.parametrize("name", READ)
def test_a_cheat_that_says_so_is_refused_before_it_runs(name: str, tmp_path: Path):
    with pytest.raises(ValueError, match=READ[name].read):
        read_entry(READ[name].entry().put(tmp_path))


def test_too_large_a_file_of_weights_is_refused(tmp_path: Path):
    entry = Cheat(HONEST, "", weights=bytes(RULES.weights_bytes + 1)).entry()
    with pytest.raises(ValueError, match="expected at most 2,000,000 bytes of weights, got 2,000,001 in cheat.safe"):
        read_entry(entry.put(tmp_path))


def test_the_honest_file_is_read(tmp_path: Path):
    entry = Entry("honest", HONEST, NETWORK)
    assert read_entry(entry.put(tmp_path)) == entry
