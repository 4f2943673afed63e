"""The board as a page."""

import statistics

from course_grading.contest.board import Board, Line, places
from course_grading.contest.pace import MARK
from course_grading.pages.page import render
from course_utils.contest import RULES

__all__ = ["page"]


def page(board: Board, n: int) -> str:
    """A page of HTML that loads nothing.

    Args:
        board: The board.
        n: Images that were judged of each seed.
    """
    leagues = [(most, places(board.lines, most)) for most in RULES.leagues]
    again = [line for line in board.lines if line.note]
    return render(
        "contest",
        n=f"{n:,}",
        leagues=[{"most": f"{most:g}", "lines": [_cells(*one) for one in found]} for most, found in leagues if found],
        others=[(line.name, _why(line)) for line in board.lines if line.league is None],
        again=[
            (line.name, _floors(line), line.retrained.floors if line.retrained else "–", line.note) for line in again
        ],
        paces=[
            (pace.name, f"{pace.products:,.0f}", f"{pace.seconds:.1f}", f"{pace.floors:.2f}")
            for pace in sorted(board.paces, key=lambda pace: pace.products)
        ],
        mark=f"{MARK:g}",
    )


def _cells(place: int, line: Line) -> tuple[str, ...]:
    score = line.score
    assert score
    second = f"{statistics.fmean(score.second):.2f}" if score.second else "–"
    work = "–" if score.work is None else f"{score.work:.2f}"
    name = f"{line.name} (the course's)" if line.baseline else line.name
    numbers = (f"{score.evaluations:.2f}", work, f"{score.milliseconds:.2f}", f"{score.nearest:.2f}")
    return str(place), name, score.floors, second, f"{score.accuracy:.1%}", *numbers


def _why(line: Line) -> str:
    return f"refused: {line.refused}" if line.score is None else "; ".join(line.score.faults())


def _floors(line: Line) -> str:
    return line.score.floors if line.score else "refused"
