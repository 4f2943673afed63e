"""Entries judged: in boxes, on hidden seeds, by both judges; the training of an entry run once more."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from course_grading.contest.board import Line
from course_grading.contest.boxes import TRAINING, Boxes
from course_grading.contest.hidden import Hidden, hidden, place_of, second_judge
from course_utils import data
from course_utils.contest import RULES, Score, Yardstick, read_entry
from course_utils.contest.entries import Entry
from course_utils.contest.trial import judge_entry
from course_utils.digits import FINISHED_PIXELS
from course_utils.storage import write_file

__all__ = ["BASELINES", "Court", "baselines", "court", "judged", "retrained"]

BASELINES = Path(__file__).parent / "baselines"
"""The course's own entries; all but those that train have the weights of the finished model."""


class Court(NamedTuple):
    """All that judges: the seeds, both yardsticks."""

    hidden: Hidden
    first: Yardstick
    second: Yardstick


def court(folder: Path, n: int = 2000, source: str = "auto") -> Court:
    """What a class's contest is judged by; seeds and second judge are made when they are first asked for.

    Args:
        folder: The class's folder.
        n: Images a seed; fewer where there are fewer digits, a multiple of 250.
        source: Of the digits, see `data.mnist`.
    """
    secret = hidden(folder)
    train, test = data.mnist("train", source), data.mnist("test", source)
    second = second_judge(folder, train, secret.second)
    return Court(secret, Yardstick(train, test, n), Yardstick(train, test, n, second))


def judged(path: Path, boxes: Boxes, judges: Court, weights: Path | None = None, baseline: bool = False) -> Line:
    """The line of an entry on the board; a refusal is one, too.

    Args:
        path: The Python file.
        boxes: Where it runs.
        judges: What judges it.
        weights: Its weights, if they lie not beside it.
        baseline: Whether it is the course's own.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    try:
        entry = read_entry(path, weights)
    except ValueError as error:
        return Line(path.stem, "", refused=str(error), baseline=baseline)
    score = _score(entry, boxes, judges)
    refused = {"refused": score} if isinstance(score, str) else {"score": score}
    return Line(entry.name, _digest(entry), baseline=baseline, **refused)


def _score(entry: Entry, boxes: Boxes, judges: Court) -> Score | str:
    """What an entry is worth, or why it is refused."""
    secret = judges.hidden
    try:
        return judge_entry(entry, judges.first, secret.seeds, place=boxes, shown=secret.shown, second=judges.second)
    except ValueError as error:
        return str(error)


def retrained(path: Path, boxes: Boxes, judges: Court) -> tuple[Entry | None, Score | None, str]:
    """The training of an entry run once more, in a box of its own with real digits but without its weights.

    Returns:
        The entry with its new weights, their score, and what the training took or why there is none.
    """
    try:
        entry = read_entry(path)
        with Boxes(TRAINING, digits=True) as training:
            again, rows, seconds = training.train(entry, judges.hidden.shown)
        if len(again.weights) > RULES.weights_bytes:
            raise ValueError(f"expected at most {RULES.weights_bytes:,} bytes of weights, got {len(again.weights):,}")
    except ValueError as error:
        return None, None, f"not trained again: {error}"
    score = _score(again, boxes, judges)
    took = f"{rows:,} rows, {seconds:.0f} CPU-s"
    return (again, None, f"{took}; refused: {score}") if isinstance(score, str) else (again, score, took)


def baselines(folder: Path, boxes: Boxes, judges: Court) -> Iterator[Line]:
    """Lines of the course's own entries; what has to be trained is trained, and kept in the contest's folder."""
    for path in sorted(BASELINES.glob("*.py")):
        weights = FINISHED_PIXELS
        if "def train(" in path.read_text("utf-8"):
            weights = place_of(folder) / f"{path.stem}.safetensors"
            if not weights.is_file():
                again, _, note = retrained(path, boxes, judges)
                if again is None:
                    yield Line(path.stem, "", refused=note, baseline=True)
                    continue
                write_file(weights, again.weights)
        yield judged(path, boxes, judges, weights, baseline=True)


def _digest(entry: Entry) -> str:
    return hashlib.sha256(entry.source.encode() + entry.weights).hexdigest()[:16]
