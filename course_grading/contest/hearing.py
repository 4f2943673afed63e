"""A day of the contest: entries are judged one by one, the board and its page are written after each."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from course_grading.contest.board import Board, Line, add, markdown, places, read_board
from course_grading.contest.boxes import Boxes
from course_grading.contest.judging import BASELINES, Court, baselines, court, judged, retrained
from course_grading.contest.pace import PACES, pace
from course_grading.contest.page import page
from course_grading.rights import keep
from course_utils.contest import RULES

__all__ = ["Day", "hold"]

FIRST = 3
"""Places whose training is run again."""


class Day(NamedTuple):
    """What is to be done.

    Attributes:
        folder: The class's folder.
        files: Entries.
        retrain: Whether the training of these, or of the first three of each league where none are named, runs again.
        pace: Whether they are entries of the second board, time to digits.
        n: Images a seed.
        source: Of the digits that judge, see `data.mnist`.
    """

    folder: Path
    files: Sequence[Path] = ()
    retrain: bool = False
    pace: bool = False
    n: int = 2000
    source: str = "auto"


def hold(day: Day, say: Callable[[str], object] = print) -> Board:
    """Judge entries, with the course's own where they are not on the board yet; returns the board.

    Args:
        day: What is to be done.
        say: Gets each row as soon as it is known, then the whole board.

    Raises:
        FileNotFoundError: If a file is missing; nothing is judged then.
        ValueError: If an entry of the second board is refused.
        SandboxError: If there is no sandbox here.
    """
    for file in day.files:
        if not file.is_file():
            raise FileNotFoundError(f"expected the file of an entry, got {file}, which is not there")
    judges = court(day.folder, day.n, day.source)
    with Boxes() as boxes:
        _first_of_all(day, boxes, judges, say)
        if day.pace:
            for file in day.files:
                _keep(day, add(day.folder, paces=[pace(file, boxes, judges)]), judges)
        else:
            for file in day.files:
                _put(day, judged(file, boxes, judges), judges, say)
        if day.retrain:
            _train_again(day, boxes, judges, say)
    board = read_board(day.folder)
    say(markdown(board))
    return board


def _first_of_all(day: Day, boxes: Boxes, judges: Court, say: Callable[[str], object]) -> None:
    """The course's own entries stand on the board from the start."""
    board = read_board(day.folder)
    if {path.stem for path in BASELINES.glob("*.py")} - {line.name for line in board.lines if line.baseline}:
        print("judging the course's own entries first, one of which trains: some minutes, once", file=sys.stderr)
        for line in baselines(day.folder, boxes, judges):
            _put(day, line, judges, say)
    for path in sorted(PACES.glob("*.py")) if day.pace else ():
        if path.stem not in {one.name for one in board.paces}:
            _keep(day, add(day.folder, paces=[pace(path, boxes, judges)]), judges)


def _put(day: Day, line: Line, judges: Court, say: Callable[[str], object]) -> None:
    say(line.row())
    _keep(day, add(day.folder, [line]), judges)


def _keep(day: Day, board: Board, judges: Court) -> None:
    keep(day.folder, day.folder / "contest.html", page(board, judges.first.n))


def _train_again(day: Day, boxes: Boxes, judges: Court, say: Callable[[str], object]) -> None:
    """Run trainings again: those of the files, or of the first three of each league whose files lie in the folder."""
    board = read_board(day.folder)
    files = day.files or [day.folder / f"{line.name}.py" for line in _leaders(board)]
    for file in files:
        line = next((one for one in board.lines if one.name == file.stem), None)
        if line is None or not file.is_file():
            say(f"not trained again: {file} is not there")
            continue
        _, score, note = retrained(file, boxes, judges)
        say(f"{file.stem}: {note}" + (f"; {score.floors} floors" if score else ""))
        _keep(day, add(day.folder, [replace(line, retrained=score, note=note)]), judges)


def _leaders(board: Board) -> list[Line]:
    found = [line for most in RULES.leagues for place, line in places(board.lines, most) if place <= FIRST]
    return [line for line in found if not line.baseline]
