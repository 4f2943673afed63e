"""Time to digits: how long a training takes to a mark, in a unit that is the same on every machine."""

import statistics
import time
from pathlib import Path

import torch

from course_grading.contest.board import Pace
from course_grading.contest.boxes import TRAINING, Boxes
from course_grading.contest.judging import Court
from course_utils.contest import read_entry
from course_utils.contest.trial import judge_entry

__all__ = ["EVALUATIONS", "MARK", "PACES", "pace", "product_seconds"]

MARK = 8.0
"""Floors that a training has to reach, without guidance."""
EVALUATIONS = 16
"""Evaluations that sampling may take: eight midpoint steps without guidance; who guides has half as many."""
SIZE = 1024
"""Rows and columns of the two matrices of the fixed product, in single precision."""
PACES = Path(__file__).parent / "paces"
"""The course's own entries."""


def product_seconds(repeats: int = 9, size: int = SIZE) -> float:
    """Processor time of the fixed matrix product on this machine, in one thread: the median of several.

    Args:
        repeats: How many.
        size: Rows and columns.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    a, b = torch.randn(2, size, size, generator=torch.Generator().manual_seed(0))
    taken = []
    try:
        for _ in range(repeats + 1):
            began = time.process_time()
            a @ b
            taken.append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(taken[1:])  # the first one warms up


def pace(path: Path, boxes: Boxes, judges: Court) -> Pace:
    """The training of an entry, timed and judged.

    It runs in a box with the digits that come with the course and the mixtures that the contest gives, but without a
    finished network; what the kernel says it took is what counts.

    Args:
        path: The Python file, with `train(generator)` and `sample(y, generator)`.
        boxes: Where it draws.
        judges: What judges it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the entry is refused, or misses the mark.
    """
    entry = read_entry(path)
    before = product_seconds()
    with Boxes(TRAINING, digits=True, finished=False) as training:
        trained, _, seconds = training.train(entry, judges.hidden.shown, counted=False)
    product = statistics.fmean([before, product_seconds()])
    score = judge_entry(trained, judges.first, judges.hidden.seeds, place=boxes, shown=judges.hidden.shown)
    if score.distance > MARK or score.evaluations > EVALUATIONS:
        raise ValueError(
            f"expected at most {MARK:g} floors within {EVALUATIONS} evaluations, got {score.floors} within "
            f"{score.evaluations:.2f}, after {seconds:.1f} CPU-s of training"
        )
    return Pace(entry.name, seconds / product, seconds, score.distance)
