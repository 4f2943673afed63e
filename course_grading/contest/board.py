"""The board: every entry with what it is worth or why it is refused, in places that are shared within the error."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from course_grading.contest.hidden import place_of
from course_grading.model import from_json, to_json
from course_grading.rights import keep
from course_grading.turns import in_turn
from course_utils.contest import RULES, Score
from course_utils.contest.judging import HEADER, cell

__all__ = ["Board", "Line", "Pace", "add", "markdown", "places", "read_board"]

ERRORS = 2
"""Standard errors of a difference within which a place is shared."""


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry on the board.

    Attributes:
        name: Of the entry.
        digest: Of its two files.
        score: What it is worth; None where it is refused.
        refused: Why.
        baseline: Whether it is one of the course's own.
        retrained: The score of weights that its `train` made in the sandbox.
        note: What the training took, or why it failed.
    """

    name: str
    digest: str
    score: Score | None = None
    refused: str = ""
    baseline: bool = False
    retrained: Score | None = None
    note: str = ""

    @property
    def league(self) -> float | None:
        """Evaluations of the league in which it stands, None if in none."""
        return self.score.league() if self.score and not self.score.faults() else None

    def row(self) -> str:
        """A row of Markdown, as `judging.HEADER` heads it."""
        if self.score is None:
            return f"| {cell(self.name)} | – | – | – | – | – | – | refused: {cell(self.refused)} |"
        return self.score.row()


class Pace(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the second board, time to digits.

    Attributes:
        name: Of the entry.
        products: CPU-seconds of training to the mark over those of the fixed matrix product on the same machine.
        seconds: CPU-seconds of training.
        floors: What was reached.
    """

    name: str
    products: float
    seconds: float
    floors: float


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """Both boards: lines by name, the newest of each; in no order."""

    lines: tuple[Line, ...] = ()
    paces: tuple[Pace, ...] = ()


def read_board(folder: Path) -> Board:
    """The board of a class's contest; an empty one if nothing was judged yet.

    Raises:
        ValueError: If the file is damaged.
    """
    file = place_of(folder) / "board.json"
    return from_json(file.read_bytes(), Board) if file.is_file() else Board()


def add(folder: Path, lines: Sequence[Line] = (), paces: Sequence[Pace] = ()) -> Board:
    """Put lines on the board, in place of older ones of the same names; the file is whole at any moment.

    Args:
        folder: The class's folder.
        lines, paces: Of either board.
    """
    file = place_of(folder) / "board.json"
    with in_turn(file):
        old = read_board(folder)
        board = Board(_newest(old.lines, lines), _newest(old.paces, paces))
        keep(folder, file, to_json(board))
    return board


def _newest(old: Iterable, new: Iterable) -> tuple:
    return tuple({line.name: line for line in [*old, *new]}.values())


def places(lines: Iterable[Line], league: float) -> list[tuple[int, Line]]:
    """The lines of a league, best first, with their places.

    Who is no more than two standard errors of the difference behind the first one of a place shares it.
    """
    ranked = sorted(
        (line for line in lines if line.league == league), key=lambda line: line.score.distance if line.score else 0
    )
    found: list[tuple[int, Line]] = []
    for number, line in enumerate(ranked, 1):
        first = next((one for place, one in found if place == found[-1][0]), None)
        shared = first is not None and _close(first.score, line.score)
        found.append((found[-1][0] if shared else number, line))
    return found


def _close(one: Score | None, other: Score | None) -> bool:
    assert one and other
    return other.distance - one.distance <= ERRORS * math.hypot(one.error, other.error)


def markdown(board: Board) -> str:
    """The board as Markdown: a table a league, those that do not qualify, and time to digits."""
    parts = []
    for league in RULES.leagues:
        rows = [f"| {place} {line.row()}" for place, line in places(board.lines, league)]
        if rows:
            head, rule = HEADER.split("\n")
            title = f"**At most {league:g} {'evaluation' if league == 1 else 'evaluations'}**"
            parts.append("\n".join([title, "", f"| place {head}", f"|---{rule}", *rows]))
    others = [line.row() for line in board.lines if line.league is None]
    if others:
        parts.append("\n".join(["**Not in a league**", "", HEADER, *others]))
    if board.paces:
        parts.append("\n".join(["**Time to digits**", "", *_pace_rows(board.paces)]))
    return "\n\n".join(parts) + "\n"


def _pace_rows(paces: Iterable[Pace]) -> list[str]:
    ranked = sorted(paces, key=lambda pace: pace.products)
    head = ["| entry | products | CPU-s | floors |", "|---|---|---|---|"]
    return head + [f"| {cell(p.name)} | {p.products:.0f} | {p.seconds:.1f} | {p.floors:.2f} |" for p in ranked]
